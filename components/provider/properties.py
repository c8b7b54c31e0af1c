"""Properties of our custom resources, as the TypedDicts in `resources` declare them."""

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Literal, NotRequired, Optional, get_args, get_origin, is_typeddict

from ..arguments.marks import SECRET

_Schema = dict[str, object]
_PRIMITIVES = {str: "string", bool: "boolean", int: "integer", float: "number"}
_ANY: _Schema = {"$ref": "pulumi.json#/Any"}


@cache
def secrets(declared: type) -> frozenset[str]:
    """Return the properties that are always secrets."""
    kinds = declared.__annotations__
    return frozenset(key for key, kind in kinds.items() if SECRET in get_args(_given(kind))[1:])


def required(declared: Any) -> list[str]:
    """Return the properties that a program cannot leave out, sorted."""
    return sorted(declared.__required_keys__)


def described(declared: type, docstring: Callable[[type, str], Optional[str]]) -> dict[str, _Schema]:
    """Return the schema of each property; `docstring` finds the text under a key."""

    def description(key: str, kind: Any) -> str:
        text = " ".join((docstring(declared, key) or "").split())
        words = " or ".join(f"`{word}`" for word in get_args(kind))
        return f"{text.removesuffix('.')}: {words}." if get_origin(kind) is Literal else text

    return {
        key: {**_schema(kind), "description": description(key, kind)}
        for key, kind in declared.__annotations__.items()
    }


def _given(kind: Any) -> Any:
    """Return the type of a property that is given."""
    return get_args(kind)[0] if get_origin(kind) is NotRequired else kind


def _schema(kind: Any) -> _Schema:
    """Return the schema of a type. A TypedDict is a mapping to the one type of its values, or to anything."""
    kind = _given(kind)
    if get_origin(kind) is Annotated:
        return {**_schema(get_args(kind)[0]), "secret": True}
    if get_origin(kind) is list:
        return {"type": "array", "items": _schema(get_args(kind)[0])}
    if get_origin(kind) is dict:
        return {"type": "object", "additionalProperties": _schema(get_args(kind)[1])}
    if is_typeddict(kind):
        first, *others = map(_schema, kind.__annotations__.values())
        return {
            "type": "object",
            "additionalProperties": _ANY if any(first != each for each in others) else first,
        }
    if get_origin(kind) is Literal:
        return {"type": "string"}
    return {"type": _PRIMITIVES[kind]} if kind in _PRIMITIVES else _ANY
