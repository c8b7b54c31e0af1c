"""docs/reference: made of the schema, and so of the docstrings, and true to the models."""

import re
import sys
from pathlib import Path

import pytest

import components
from components.provider.schema import schema
from components.proxies.registry import KINDS
from docs.generator.__main__ import FOLDER, PARTS
from docs.generator.components import COMPONENTS
from docs.generator.kinds import table
from docs.generator.pages import Reference, parts, python_name
from tests.bench.generations import NEW, OLD
from tests.support.documents import blocks
from tests.support.mocks import run as run_with_mocks
from tests.support.traffic.cases import SERVED, Case

EXAMPLES = sorted(Path("docs/generator/examples").resolve().glob("*.py"))


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """Provide the pages, made anew."""
    return Reference(schema()).pages()


def test_the_pages_are_those_of_the_schema(made: dict[str, str]) -> None:
    """The committed pages are those that `make reference` writes."""
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.md")}

    stale = sorted(name for name in made.keys() | committed.keys() if made.get(name) != committed.get(name))

    assert stale == [], "run `make reference`"


def test_the_default_image_of_each_kind_is_named() -> None:
    """Of those that serve: `front_end.image` in args.py names them in a docstring."""
    images = " or ".join(KINDS[kind].default_image for kind in SERVED)

    assert f"*text* · default: {images}\n" in (FOLDER / "load-balanced-service.md").read_text()


def test_every_key_says_what_is_allowed(made: dict[str, str]) -> None:
    """Where it is texts or numbers; what else there is, its type says."""
    missing = [
        (name, entry.splitlines()[0])
        for name, text in made.items()
        for entry in text.partition("## Outputs")[0].split("\n### ")[1:]
        if re.match(r"\*(list of |mapping of names to )?(text|number|whole)", entry.splitlines()[2])
        if "Allowed: " not in entry
    ]

    assert missing == []


def test_the_stated_defaults_are_those_of_the_models() -> None:
    """Texts, numbers, true and false; a default that is not there before, or is behaviour, is in words."""
    found = schema()
    described = [(each.models, found["types"][each.token]) for each in Reference(found).sections.values()]
    described += [
        (dict.fromkeys(each.models, ""), {"properties": about["inputProperties"]})
        for each in COMPONENTS
        for about in [found["resources"][f"longshore:index:{each.name}"]]
    ]

    wrong = [
        (model.__name__, key, said)
        for models, about in described
        for camel, value in about["properties"].items()
        for key, said in [(python_name(camel), parts(value.get("description", ""))[1])]
        for model in [each for each in models if key in each.model_fields][:1]
        if said
        if isinstance(default := model.model_fields[key].default, bool | int | float | str)
        if not said.strip('"').lower().startswith(str(default).lower())
    ]

    assert wrong == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_accepted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each program declares its component."""
    monkeypatch.setitem(sys.modules, "longshore", components)
    program = compile(path.read_text(), path.name, "exec")

    seen = run_with_mocks(lambda: exec(program, {}))  # noqa: S102 — of our own

    assert seen.error is None
    assert {each.type for each in seen.resources if not each.parent} == {
        f"longshore:index:{''.join(map(str.capitalize, path.stem.split('_')))}"
    }


def test_every_block_is_an_example() -> None:
    """Each block of the page is one that the test above runs."""
    shown = {each.text.strip() for each in blocks() if each.file.startswith("reference/")}

    assert shown == {path.read_text().strip() for path in EXAMPLES}


@pytest.mark.parametrize("page", PARTS, ids=lambda page: page.stem)
def test_the_generated_parts_of_a_page_are_those_of_now(page: Path) -> None:
    """`make reference` writes the table of the kinds, the rooms, and the way of an argument."""
    committed = page.read_text()

    assert PARTS[page](committed) == committed, "run `make reference`"


def test_a_row_says_what_is_otherwise_for_a_kind_or_a_version() -> None:
    """Cells stand beside the expectations that show them."""
    rows = {
        ("haproxy", OLD): None, ("haproxy", NEW): None, ("nginx", OLD): "no", ("nginx", NEW): "with 1.30"
    }  # fmt: skip
    cases = [
        Case("c", "f", kind, generation, "service", {}, [], row="trailers", cell=cell)
        for (kind, generation), cell in rows.items()
    ]

    assert table(cases).splitlines()[-1] == "| trailers | yes | no; with 1.30 |"
