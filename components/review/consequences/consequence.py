"""A consequence, and the words that several kinds share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...preview.reading import Step, mapping

ENDLESS = float("inf")


@dataclass(frozen=True)
class Consequence:
    """What will happen, and for how long somebody is refused."""

    text: str
    gap: float = 0.0
    """The most seconds in which new connections may be refused; ENDLESS where it stays so."""
    known: bool = True
    """Whether the gap is known: where not, there may be one."""
    warned: str = ""
    """What the provider's warning that says the same begins with, where there is one."""


def differences(old: Any, new: Any, path: str = "") -> str:
    """What differs between two values, as `key: old → new`; only the keys of what is long."""
    old, new = ({} if each is None else each for each in (old, new))
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return f"{path}: {old or 'none'} → {new or 'none'}" if _short(old) and _short(new) else path
    return ", ".join(
        differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    )


def _short(value: Any) -> bool:
    return value == {} or (isinstance(value, str | int | float | bool) and len(str(value)) <= 60)


def pair(step: Step | None, key: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The input `key` before and after, each empty where it cannot be read."""
    return (mapping(step.old.get(key)), mapping(step.new.get(key))) if step else ({}, {})


def keys(steps: Iterable[Step]) -> str:
    """The properties that change, as words."""
    return ", ".join(sorted({key for step in steps for key in step.changed}))


def duration(value: Any) -> str:
    """Seconds as words."""
    return f"{value:g} s" if isinstance(value, int | float) else "a time that is not known"


def count(number: int, what: str) -> str:
    """A number of things as words."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
