"""Depth of nested values, measured without recursion."""

from collections.abc import Iterable, Mapping

DEEPEST = 32
"""Levels of mappings and lists that a value may have; no argument has more than ten."""


def is_deep(value: object, most: int = DEEPEST) -> bool:
    """Return whether a value has more than `most` levels, or is a part of itself."""
    level = [value]
    for _ in range(most):
        inner = {id(part): part for each in level for part in _parts(each)}
        if not inner:
            return False
        level = list(inner.values())
    return True


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
