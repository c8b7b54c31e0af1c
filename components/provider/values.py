"""Between Pulumi's property values and plain Python values."""

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

UNKNOWN: Any = rpc.UNKNOWN
"""The text that the engine sends for a value of any type that is not known yet."""
Properties = Mapping[str, PropertyValue]
Values = dict[str, Any]
"""Plain values of any resource, by property."""


def plain(value: PropertyValue) -> Any:
    """Return a property value as Python: secrets opened, whole numbers as int.

    A value that is not known yet is UNKNOWN.
    """
    inner = value.value
    if isinstance(inner, Mapping):
        return {key: plain(item) for key, item in inner.items()}
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [plain(item) for item in inner]
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    return inner


def plain_map(values: Optional[Properties]) -> Values:
    """Return all of `values`, plain."""
    return {key: plain(value) for key, value in (values or {}).items()}


def wrap(value: Any) -> PropertyValue:
    """Return a Python value as a property value; a property value stays as it is."""
    if isinstance(value, PropertyValue):
        return value
    if isinstance(value, Mapping):
        return PropertyValue({key: wrap(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return PropertyValue([wrap(item) for item in value])
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value))
    return PropertyValue(value)


def wrap_like(value: Any, model: Any) -> PropertyValue:
    """Return the value, secret where the property value `model` is or holds a secret: in a mapping by key."""
    if not has_secret(model):
        return wrap(value)
    if isinstance(value, Mapping) and isinstance(model.value, Mapping) and not model.is_secret:
        return PropertyValue({key: wrap_like(item, model.value.get(key)) for key, item in value.items()})
    return wrap(value).with_secret(True)


def has_secret(value: Any) -> bool:
    """Return whether a property value is secret or holds a secret."""
    if isinstance(value, PropertyValue):
        return value.is_secret or has_secret(value.value)
    if isinstance(value, Mapping):
        return any(has_secret(item) for item in value.values())
    return isinstance(value, Sequence) and not isinstance(value, str) and any(map(has_secret, value))


def has_unknown(value: Any) -> bool:
    """Return whether a plain value is UNKNOWN or holds it."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return bool(value == UNKNOWN)
