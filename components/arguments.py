"""From what a user wrote to a model, or to one error that says all that is wrong with it."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Optional, TypeVar, get_args, get_origin

import pulumi
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from .types import Name, named, shown


class ArgumentError(pulumi.RunError, ValueError):
    """A wrong argument: names the component or settings and the key, what was received, and what
    is allowed.

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
        """An optional key may be given as None; an unknown one may not."""
        if not isinstance(values, Mapping):
            return values
        return {k: v for k, v in values.items() if v is not None or k not in cls.model_fields}


M = TypeVar("M", bound=Frozen)


def parse(model: type[M], values: object, where: str) -> M:
    """`values` as `model`, or one ArgumentError that lists every wrong key under `where`."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = [_describe(model, dict(e), where) for e in error.errors(include_url=False)]
        raise ArgumentError("\n".join(lines)) from None


class _Named(Frozen):
    name: Name


def check_name(name: object, where: str) -> None:
    """ArgumentError when `name` cannot be that of a component or of a part of it."""
    parse(_Named, {"name": name}, where)


def dicts(value: Any) -> Any:
    """Mappings of any kind, such as another language's, as dicts."""
    return {k: dicts(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def arguments(model: type[M], component: str, name: object, args: object) -> M:
    """The arguments `args` of a component (`component`: its class) called `name`, as `model`.

    Raises ArgumentError, before anything is registered.
    """
    where = f"{component} {shown(name)}"
    check_name(name, where)
    if not isinstance(args, Mapping):
        raise ArgumentError(f"{where}: args must be a mapping of keys, got {shown(args)}")
    return parse(model, dicts(args), where)


def _describe(model: type[BaseModel], error: dict[str, Any], where: str) -> str:
    location = tuple(part for part in error["loc"] if part != "[key]")
    key = ".".join(map(named, location))
    kind, received = error["type"], shown(error["input"])
    match kind:
        case "missing":
            said = "is required"
        case "extra_forbidden" | "invalid_key":
            said = unknown_key(location[-1], _fields(model, location[:-1]))
        case "literal_error":
            said = f"must be {error['ctx']['expected']}, got {received}"
        case "value_error":
            said = str(error["ctx"]["error"])
        case "too_short":
            said = "must not be empty"
        case _:
            expected = {"bool_type": "true or false", "list_type": "a list", "string_type": "text"}
            said = f"must be {expected.get(kind, 'a mapping of keys')}, got {received}"
    if not key:
        return f"{where}: {said}"
    if said.split()[0].rstrip(":") in _fields(model, location):
        return f"{where}: {key}.{said}"  # about one of the keys of a whole
    return f"{where}: {key} {said}"


def unknown_key(key: object, known: Iterable[str]) -> str:
    """What is said of a key that is not among the `known` ones."""
    known = sorted(known)
    meant = "".join(f"did you mean {each}? " for each in get_close_matches(str(key)[:64], known, 1))
    return f"is not a known key; {meant}known here: {', '.join(known)}"


def _fields(model: Optional[type[BaseModel]], location: tuple[Any, ...]) -> list[str]:
    """The known keys of the model at `location` below `model`; none where no model is."""
    annotation: Any = model
    for part in location:
        inner = _model_in(annotation)
        if get_origin(annotation) in (dict, list):
            annotation = get_args(annotation)[-1]  # the key or index leads to an item
        elif inner is not None and part in inner.model_fields:
            annotation = inner.model_fields[part].annotation
        else:
            return []
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
    if get_origin(annotation) in (dict, list):
        return []
    found = _model_in(annotation)
    return list(found.model_fields) if found else []


def _model_in(annotation: Any) -> Optional[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        if found := _model_in(inner):
            return found
    return None
