"""Parts of a whole for servers in order: another one, or one fewer, moves as little as can be."""

from collections import Counter
from collections.abc import Sequence

WHOLE = 1000


def shares(weights: Sequence[int]) -> list[tuple[int, int]]:
    """Return parts of WHOLE in order, each with the index of its server; a server may have several.

    They depend on the weights alone. The last server has what all before it gave up, each in proportion: so
    without it, they have what they had.
    """
    parts = [(WHOLE, 0)]
    for index in range(1, len(weights)):
        parts = _joined(parts, index, _targets(weights[: index + 1]))
    return parts


def _targets(weights: Sequence[int]) -> list[int]:
    """Divide WHOLE in proportion to the weights, in whole numbers."""
    total, before, found = sum(weights), 0, []
    for weight in weights:
        found.append((before + weight) * WHOLE // total - before * WHOLE // total)
        before += weight
    return found


def _joined(parts: Sequence[tuple[int, int]], new: int, targets: Sequence[int]) -> list[tuple[int, int]]:
    """Return the parts after each server has given its surplus, the last of what it has, to a new one."""
    surplus = Counter[int]()
    for size, owner in parts:
        surplus[owner] += size
    for owner in surplus:
        surplus[owner] = max(0, surplus[owner] - targets[owner])
    found: list[tuple[int, int]] = []
    for size, owner in reversed(parts):
        given = min(size, surplus[owner])
        surplus[owner] -= given
        found += [(part, whose) for part, whose in ((given, new), (size - given, owner)) if part]
    merged: list[tuple[int, int]] = []
    for size, owner in reversed(found):
        if merged and merged[-1][1] == owner:
            merged[-1] = (merged[-1][0] + size, owner)
        else:
            merged.append((size, owner))
    return merged
