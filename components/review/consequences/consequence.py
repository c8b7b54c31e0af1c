"""A consequence, and the words that several kinds share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...preview.reading import Step, mapping

ENDLESS = float("inf")
_LONGEST = 60
"""Most characters of a value that a difference shows."""


@dataclass(frozen=True)
class Consequence:
    """Consequence of a change, and the time for which clients are refused."""

    text: str
    gap: float = 0.0
    """The most seconds in which new connections may be refused; ENDLESS where it stays so."""
    known: bool = True
    """True if the gap is known; if false, there may be one."""
    warned: str = ""
    """Prefix of the provider's warning with the same content, if any."""
    protection: bool = False
    """True if the change drops a protection."""


def differences(old: Any, new: Any, path: str = "") -> str:
    """Describe the keys whose value changed, as `key: old → new`; of long values only the keys."""
    old, new = ({} if each is None else each for each in (old, new))
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return f"{path}: {old or 'none'} → {new or 'none'}" if _short(old) and _short(new) else path
    return ", ".join(
        differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    )


def _short(value: Any) -> bool:
    return value == {} or (isinstance(value, str | int | float | bool) and len(str(value)) <= _LONGEST)


def pair(step: Step | None, key: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the input `key` before and after, each empty where it cannot be read."""
    return (mapping(step.old.get(key)), mapping(step.new.get(key))) if step else ({}, {})


def keys(steps: Iterable[Step]) -> str:
    """Return the properties that change, as words."""
    return ", ".join(sorted({key for step in steps for key in step.changed}))


def duration(value: Any) -> str:
    """Return seconds as words."""
    return f"{value:g} s" if isinstance(value, int | float) else "a time that is not known"


def count(number: int, what: str) -> str:
    """Return a number of things as words."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def started(backend: str, number: Any, *, served: bool = True) -> Consequence:
    """Return the consequence of replicas that are new; `served` is true where others serve already."""
    requests = ", and are sent requests once they are healthy" if served else ""
    return Consequence(f"{_some(number)} of {backend} start{requests}.")


def removed(backend: str, number: Any) -> Consequence:
    """Return the consequence of replicas that go, while others serve."""
    return Consequence(f"{_some(number)} of {backend} removed, after the front end no longer sends to them.")


def _some(number: Any) -> str:
    """Return a number of replicas in words; without it where it is not known."""
    return count(number, "replica") if isinstance(number, int) else "replicas"
