"""No kind of front end ignores an argument.

The arguments are the fields of the models, found by walking them, so that a new field is tested as soon as it
is there. Each gets another value than its default. Then the rendered text is another, or the kind refuses the
argument by its name. An argument that a kind need not know stands in `elsewhere` of its form, with the
type of a declared resource that it changes.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal, Optional, get_args, get_origin

import pytest

from components.arguments.parsing import ArgumentError, Frozen, parse
from components.arguments.places import places
from components.arguments.types import Number, Whole
from components.proxies.model import FrontEnd, Service
from components.proxies.registry import KINDS, FrontEndKind, ProxyKind
from tests.cases.front_end_arguments import COMPANY, GATEWAY, SERVICE, TCP, VALUES, Form, Values
from tests.support.mocks import run


def arguments(model: type[Frozen], path: str = "") -> Iterator[str]:
    """Yield the dotted paths of all arguments; of a mapping of names, those below one name."""
    for key in model.model_fields:
        here = f"{path}{key}"
        found = places(model, [key])[-1]
        below = found.below("web") if get_origin(found.annotation) is dict else found
        if here == "host" or not below.keys:
            yield here
        else:
            yield from arguments(below.annotation, f"{here}.web." if below is not found else f"{here}.")


def others(form: Form, path: str) -> list[tuple[Any, ...]]:
    """Return groups of values other than the default: one of each group must make a difference."""
    *above, key = path.split(".")
    field = places(form.model, above)[-1].annotation.model_fields[key]
    kind = places(form.model, path.split("."))[-1].annotation
    default = field.default
    if path in VALUES:
        return [(VALUES[path],)]
    if kind is bool:
        return [(not default,)] if default is not None else [(True, False)]
    if get_origin(kind) is Literal:
        kinds = [name for name in KINDS if serves(form, name)]
        words = kinds if path == "front_end.kind" else get_args(kind)
        return [(word,) for word in words if word != default]
    bounds = next((each for each in _metadata(field) if isinstance(each, Whole | Number)), None)
    assert bounds, f"{path} has no bounds: add a value to VALUES in tests/cases/front_end_arguments.py"
    return [(bounds.low + 1 if default is None else default + 1 if default < bounds.high else bounds.low,)]


def _metadata(field: Any) -> list[Any]:
    """Return the metadata of a field, whose type may be optional."""
    inner = [
        each
        for word in get_args(field.annotation)
        if get_origin(word) is Annotated
        for each in get_args(word)
    ]
    return [*field.metadata, *inner]


def nested(values: Values) -> dict[str, Any]:
    """Return dotted paths as the mappings that a user writes."""
    made: dict[str, Any] = {}
    for path, value in values.items():
        *above, key = path.split(".")
        inner = made
        for part in above:
            inner = inner.setdefault(part, {})
        inner[key] = value
    return made


class Deaf:
    """A kind that refuses nothing and renders the same, whatever it is asked for."""

    default_image, program = KINDS["haproxy"].default_image, KINDS["haproxy"].program

    def refusals(self, service: object) -> list[str]:
        return []

    def refusals_for_tasks(self, site: object) -> list[str]:
        return []

    def files(self, site: object, servers: int) -> int:
        return servers

    def render(self, service: object, component: str, generations: object, certificates: object = ()) -> str:
        return "serve\n"

    def render_for_tasks(self, site: object, tasks: object, certificates: object = ()) -> str:
        return "serve\n"


DEAF = Deaf()


def answer(form: Form, name: str, kind: FrontEndKind, values: Values) -> tuple[list[str], str]:
    """Return the reason why a kind, or the model, refuses the arguments; else the rendered text."""
    given = nested({"front_end.kind": name, **form.least, **values})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(KINDS, name, DEAF)
        try:
            what = parse(form.model, given, form.name)
        except ArgumentError as error:
            return [str(error)], ""
    reasons = form.refusals(kind, what)
    return reasons, "" if reasons else form.text(kind, what)


def serves(form: Form, name: str) -> bool:
    """Return whether a kind accepts the least arguments of a form."""
    return not answer(form, name, KINDS[name], {})[0]


def ignored(form: Form, name: str, kind: FrontEndKind, path: str) -> list[object]:
    """Return the groups of an argument's values that a kind neither refuses nor renders differently.

    Return none where the kind refuses the form, or another argument that it needs.
    """
    company = COMPANY.get(path, {})
    reasons, usual = answer(form, name, kind, company)
    if reasons:
        assert any(names(reasons, beside) for beside in ("front_end.kind", *form.least, *company)), reasons
        return []

    def heard(value: object) -> bool:
        reasons, text = answer(form, name, kind, {**company, path: value})
        return names(reasons, path) if reasons else text != usual

    return [values for values in others(form, path) if not any(map(heard, values))]


def names(reasons: list[str], path: str) -> bool:
    return any(re.search(rf"{re.escape(path)}\b", reason) for reason in reasons)


def declared(form: Form, values: Values) -> dict[str, list[Any]]:
    """Return the inputs of the resources that a program declares with the arguments, by their types."""
    seen = run(lambda: form.declare(nested({**form.least, **values})))
    assert seen.error is None, seen.error
    found: dict[str, list[Any]] = defaultdict(list)
    for each in seen.resources:
        found[re.split("[:/]", each.type)[-1]].append((each.name, each.inputs))
    return found


FORMS = (SERVICE, TCP, GATEWAY)
ARGUMENTS = [(form, path) for form in FORMS for path in arguments(form.model) if path not in form.without]
ELSEWHERE = [(form, path) for form in FORMS for path in form.elsewhere]
KNOWN = [
    (form, path, kind)
    for form, path in ARGUMENTS
    for kind in KINDS
    if path not in form.elsewhere or kind not in form.elsewhere[path].kinds
]


def named(value: object) -> Optional[str]:
    return value.name if isinstance(value, Form) else None


@pytest.mark.parametrize(("form", "path", "kind"), KNOWN, ids=named)
def test_a_kind_ignores_no_argument(form: Form, path: str, kind: str) -> None:
    """The rendered text is another, or the kind refuses the argument by its name."""
    missed = ignored(form, kind, KINDS[kind], path)

    assert missed == [], (
        f"{kind} ignores {path}: render it, refuse it by that path in `refusals` (for a gateway, in "
        f"`refusals_for_tasks`), or name the resource that has it in `elsewhere` of the form {form.name} "
        "(tests/cases/front_end_arguments.py)"
    )


@pytest.mark.parametrize(("form", "path", "kind"), KNOWN, ids=named)
def test_a_kind_that_ignores_an_argument_is_found(form: Form, path: str, kind: str) -> None:
    """All its values are reported that the model accepts: the test above can fail for every argument."""
    company = COMPANY.get(path, {})
    accepted = [
        values
        for values in others(form, path)
        if not all(answer(form, kind, DEAF, {**company, path: value})[0] for value in values)
    ]

    assert ignored(form, kind, DEAF, path) == accepted


Declared = Callable[[Form, Values], dict[str, list[Any]]]


@pytest.fixture(scope="module")
def usual() -> Declared:
    """Provide `declared` for values that many tests have: a program of them runs once."""
    known: dict[str, dict[str, list[Any]]] = {}

    def found(form: Form, values: Values) -> dict[str, list[Any]]:
        key = f"{form.name} {values}"
        if key not in known:
            known[key] = declared(form, values)
        return known[key]

    return found


@pytest.mark.parametrize(("form", "path"), ELSEWHERE, ids=named)
def test_an_argument_that_a_kind_ignores_changes_a_resource(form: Form, path: str, usual: Declared) -> None:
    """One of the type that is named there; and the kinds that are named do ignore it."""
    company, use = COMPANY.get(path, {}), form.elsewhere[path]

    before = usual(form, company)[use.resource]
    same = [
        values
        for values in others(form, path)
        if all(declared(form, {**company, path: value})[use.resource] == before for value in values)
    ]

    assert same == []
    assert all(ignored(form, kind, KINDS[kind], path) for kind in use.kinds if serves(form, kind))


def test_a_new_argument_that_no_template_uses_is_found() -> None:
    """A field that is new in a model is walked, gets a value by its bounds, and is reported."""

    class Wider(FrontEnd):
        pipelines: Annotated[int, Whole(1, 9)] = 1

    class WiderService(Service):
        front_end: Wider = Wider()

    form = replace(SERVICE, model=WiderService)

    assert "front_end.pipelines" in set(arguments(form.model)) - form.elsewhere.keys()
    assert ignored(form, "haproxy", KINDS["haproxy"], "front_end.pipelines") == [(2,)]


def test_type_checkers_know_every_kind() -> None:
    """ProxyKind has the names of the registry, in its order."""
    assert get_args(ProxyKind) == tuple(KINDS)
