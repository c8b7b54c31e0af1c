"""Allowed values of an argument, in the words with which its model refuses everything else.

A range or pattern is written down once, in the model. Here each argument is given senseless values; the error
names the values that are allowed.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from components.arguments.parsing import ArgumentError, Frozen, parse

_TEXTS = ("\x00", "")
_NUMBER = -1_000_000_000


def allowed(model: type[Frozen], key: str) -> str:
    """Describe the allowed values of a model's key; empty where its type is enough."""
    annotation = plain(model.model_fields[key].annotation)
    kind, inner = get_origin(annotation), [plain(each) for each in get_args(annotation)]
    if annotation is bool or (model_in(annotation) and kind is None):
        return ""
    if kind is dict:
        names = _said(model, key, {"\x00": None})[:1]  # then comes what is wrong with the value
        values = _said(model, key, *({"a": value} for value in _senseless(inner[1])))
        whole = _said(model, key, {})
        return "; ".join(_titled(("", whole), ("each name: ", names), ("each value: ", values)))
    if kind is list:
        each = _said(model, key, *([value] for value in _senseless(inner[0])))
        return "; ".join(_titled(("", _said(model, key, [])), ("each: ", each)))
    return "; ".join(_said(model, key, *_senseless(annotation)))


def plain(annotation: Any) -> Any:
    """Return the type itself, without Optional and Annotated."""
    if get_origin(annotation) is Annotated:
        return plain(get_args(annotation)[0])
    kinds = [each for each in get_args(annotation) if each is not type(None)]
    optional = type(None) in get_args(annotation)
    return plain(kinds[0]) if optional else annotation


def model_in(annotation: Any) -> type[Frozen] | None:
    """Return the model that an annotation leads to, if any."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        assert issubclass(annotation, Frozen)  # noqa: S101 — all of ours are
        return annotation
    return next((found for each in get_args(annotation) if (found := model_in(each))), None)


def _senseless(kind: Any) -> tuple[Any, ...]:
    """Return values that nobody can mean for this type; none for a model, which has a section."""
    if model_in(kind) or kind is bool:
        return ()
    return (_NUMBER,) if kind in (int, float) else _TEXTS


def _said(model: type[Frozen], key: str, *values: Any) -> list[str]:
    """Return the requirements that the errors name for the key, or for what is in it; each once."""
    found: dict[str, None] = {}
    for value in values:
        try:
            parse(model, {key: value}, "")
        except ArgumentError as error:
            found |= dict.fromkeys(_of(key, str(error)))
    return list(found)


def _of(key: str, error: str) -> Iterator[str]:
    for line in error.splitlines():
        if said := re.match(rf": {key}(\.\S+)? must (?:be )?(.+?)(?:, got .*)?$", line):
            yield said[2].replace("not be empty", "not empty")


def _titled(*parts: tuple[str, list[str]]) -> list[str]:
    return [title + " and ".join(said) for title, said in parts if said]
