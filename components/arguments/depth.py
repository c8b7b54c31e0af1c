"""Depth of nested values, measured without recursion."""

from collections.abc import Iterable, Mapping
from types import NoneType

DEEPEST = 32
"""Levels of mappings and lists that a value may have; no argument has more than ten."""
WITHOUT_PARTS = (str, int, float, NoneType)
"""Types that most values have; to ask whether they are mappings would take longer."""


def is_deep(value: object, most: int = DEEPEST) -> bool:
    """Return whether a value has more than `most` levels, or is a part of itself."""
    level = [value]
    for _ in range(most):
        inner = [part for each in level for part in _parts(each)]
        if not inner:
            return False
        level = list({id(part): part for part in inner if not isinstance(part, WITHOUT_PARTS)}.values())
    return True


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, (dict, Mapping)):  # a dict is known at once
        return value.values()
    return value if isinstance(value, list | tuple) else ()
