"""The places that a model has for values: what is known of each before there is a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from .marks import SECRET


@dataclass(frozen=True)
class Place:
    """The model of a key, or of an item below one."""

    annotation: Any
    """Its type, without Optional and Annotated; None where the model says nothing."""
    is_secret: bool
    """True where the value may be a secret, or is a part of one."""

    @property
    def holds_secret(self) -> bool:
        """True if the value here may be a secret, or have one in it."""
        return self.is_secret or _has_secret(self.annotation)

    @property
    def keys(self) -> list[str]:
        """The known keys here; none where no model is."""
        return list(self.annotation.model_fields) if _is_model(self.annotation) else []

    def below(self, part: object) -> "Place":
        """Return the place of the key or item `part` of what is here."""
        if get_origin(self.annotation) in (dict, list):
            return _place(get_args(self.annotation)[-1], self.is_secret)
        if _is_model(self.annotation) and part in self.annotation.model_fields:
            field = self.annotation.model_fields[part]
            return _place(field.annotation, self.is_secret or SECRET in field.metadata)
        return Place(None, self.is_secret)


def places(model: type[BaseModel], location: Sequence[object]) -> list[Place]:
    """Return the place of `model`, and those of each part of `location` (keys and indices) below it."""
    found = [Place(model, False)]
    for part in location:
        found.append(found[-1].below(part))
    return found


def _place(annotation: Any, is_secret: bool) -> Place:
    """Return the place of an annotation as it is written: `Optional[Annotated[str, …]]`."""
    while get_origin(annotation) in (Annotated, Union):
        if get_origin(annotation) is Annotated:
            annotation, *marks = get_args(annotation)
            is_secret = is_secret or SECRET in marks
        else:
            annotation = next(each for each in get_args(annotation) if each is not type(None))
    return Place(annotation, is_secret)


@cache
def _has_secret(annotation: Any) -> bool:
    """Return whether a place with this type, or one below it, is for a secret."""
    inner: list[Place] = []
    if _is_model(annotation):
        inner = [Place(annotation, False).below(key) for key in annotation.model_fields]
    elif get_origin(annotation) in (dict, list):
        inner = [_place(each, False) for each in get_args(annotation)]
    return any(each.holds_secret for each in inner)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
