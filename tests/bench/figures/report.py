"""Output of the figures: tables, then ratios and their limits."""

import os
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Ratio:
    """Ours divided by another's, and how far it may go."""

    name: str
    value: float
    limit: float
    at_least: bool = False
    """True where the limit is a lower one: more is better."""

    @property
    def kept(self) -> bool:
        """True when the value is within the limit."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def row(self) -> list[str]:
        """Name, value, limit and verdict."""
        limit = f"{'>=' if self.at_least else '<='} {self.limit:.2f}"
        return [self.name, f"{self.value:.2f}", limit, "kept" if self.kept else "MISSED"]


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios of pairs that were measured one after the other: drift cancels out."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def seconds(values: Optional[Sequence[float]]) -> str:
    """Return the median, or a dash where there is nothing."""
    return f"{statistics.median(values):.1f}" if values else "-"


def show(title: str, rows: Iterable[Sequence[str]]) -> None:
    """Print a table: the first row is its head, the first column its names."""
    lines = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(f"\n{title}")
    for name, *cells in lines:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True)]
        print("  ".join(["  " + name.ljust(widths[0]), *padded]).rstrip())


def note(text: str) -> None:
    """Print the progress with the load of the machine: figures of a busy machine are worth less."""
    print(f"  ({text}; load average {os.getloadavg()[0]:.1f})", flush=True)
