"""From what a user wrote to a model, or to one error that says what is wrong with it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

import pulumi
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from .depth import DEEPEST, WITHOUT_PARTS, is_deep
from .messages import Wrong, begun, kind, listed, named, shown
from .places import Place, places
from .types import Name

_FIRST = 5


class ArgumentError(pulumi.RunError, ValueError):
    """A wrong argument: names the place and the key, what was received, and what is allowed.

    The place is a component or the settings.
    A RunError ends the program with its message alone, without a traceback.
    """


class Frozen(BaseModel):
    """Base of every model: immutable, and an unknown key is an error, not a silent default."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        arbitrary_types_allowed=True,
        defer_build=True,  # a program with one kind of component does not wait for those of all others
    )

    @model_validator(mode="before")
    @classmethod
    def _none_is_the_default(cls, values: Any) -> Any:
        """Drop optional keys that are None; an unknown key may not be None."""
        if not isinstance(values, Mapping):
            return values
        return {k: v for k, v in values.items() if v is not None or k not in cls.model_fields}


M = TypeVar("M", bound=Frozen)


def parse(model: type[M], values: object, where: str) -> M:
    """Return `values` as `model`. Raises one ArgumentError with the first wrong keys under `where`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong: list[Any] = error.errors(include_url=False)
        raise refused([_describe(model, each, where) for each in wrong[:_FIRST]], where, len(wrong)) from None


def refused(lines: Sequence[str], where: str, count: int = 0) -> ArgumentError:
    """Return the error for mistakes under `where`: the first of `lines`, and how many more there are.

    Without a `count` of the mistakes there is a line for each.
    """
    more = (count or len(lines)) - _FIRST
    rest = [f"{where}: and {more:,} more"] if more > 0 else []
    return ArgumentError("\n".join([*lines[:_FIRST], *rest]))


class _Named(Frozen):
    name: Name


def check_name(name: object, where: str) -> None:
    """Raise ArgumentError when `name` cannot be that of a component or of a part of it."""
    parse(_Named, {"name": name}, where)


def differ(key: str, values: list[str]) -> None:
    """Raise ValueError when a value stands in the list twice."""
    twice = sorted(value for value, count in Counter(values).items() if count > 1)
    if twice:
        raise ValueError(f"{key} must differ, got {listed(twice)} more than once")


def dicts(value: Any) -> Any:
    """Return mappings of any kind, such as another language's, as dicts."""
    if isinstance(value, WITHOUT_PARTS) or not isinstance(value, Mapping):
        return value
    return {k: dicts(v) for k, v in value.items()}


def mapping(args: object, where: str) -> dict[Any, Any]:
    """Return a component's arguments as a dict. ArgumentError when they are no mapping or too deep."""
    if not isinstance(args, Mapping):
        raise ArgumentError(f"{where}: args must be a mapping of keys, got {kind(args)}")
    for key, value in args.items():
        if is_deep(value):
            raise ArgumentError(
                f"{where}: {named(key)} must have at most {DEEPEST} levels of mappings and lists, got more"
            )
    return {key: dicts(value) for key, value in args.items()}


def arguments(model: type[M], component: str, name: object, args: object) -> M:
    """Return the arguments `args` of a component (`component`: its class) called `name`, as `model`.

    Raises ArgumentError, before anything is registered.
    """
    where = f"{component} {shown(name)}"
    check_name(name, where)
    return parse(model, mapping(args, where), where)


def _describe(model: type[BaseModel], error: dict[str, Any], where: str) -> str:
    location = tuple(part for part in error["loc"] if part != "[key]")
    outermost, *below = places(model, location)
    above, found = [outermost, outermost, *below][-2:]
    key = ".".join(
        begun(part) if at.is_secret else named(part) for part, at in zip(location, below, strict=True)
    )
    is_key = len(location) < len(error["loc"])
    said = _said(error, location, above, found.is_secret if is_key else found.holds_secret)
    if not key:
        return f"{where}: {said}"
    if said.split()[0].rstrip(":") in found.keys:
        return f"{where}: {key}.{said}"  # about one of the keys of a whole
    return f"{where}: {key} {said}"


def _said(error: dict[str, Any], location: tuple[Any, ...], above: Place, secret: bool) -> str:
    """Return the text of an error, without its key; of a `secret` value it names the kind only."""
    reason: object = error.get("ctx", {}).get("error")
    value, remedy = error["input"], ""
    match error["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden" | "invalid_key":
            return unknown_key(location[-1], above.keys)
        case "too_short":
            return "must not be empty"
        case "literal_error":
            rule = f"must be {error['ctx']['expected']}"
        case "value_error" if isinstance(reason, Wrong):
            rule, value, remedy = reason.rule, reason.received, reason.remedy
        case "value_error":
            return str(reason)
        case other:
            expected = {"bool_type": "true or false", "list_type": "a list", "string_type": "text"}
            rule = f"must be {expected.get(other, 'a mapping of keys')}"
    return f"{rule}, got {kind(value) if secret else shown(value)}{remedy}"


def unknown_key(key: object, known: Iterable[str]) -> str:
    """Return the error for a key that is not among the `known` ones."""
    known = sorted(known)
    meant = "".join(f"did you mean {each}? " for each in get_close_matches(str(key)[:64], known, 1))
    return f"is not a known key; {meant}known here: {', '.join(known)}"
