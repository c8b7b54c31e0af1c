"""Values that are known later, in places whose types are those of known values."""

from typing import TypeVar

import pulumi

T = TypeVar("T")


def later(value: pulumi.Output[T]) -> T:
    """Return the Output itself, with the type that its value has once it is known.

    For the inputs of our resources only: Pulumi awaits the value before a handler gets them.
    """
    return value  # type: ignore[return-value]
