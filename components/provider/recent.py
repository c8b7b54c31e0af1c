"""An answer that many resources need at the same time is asked for once."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any, Generic, TypeVar

T = TypeVar("T")
SECONDS = 5.0
"""Seconds for which an answer is valid: about as long as a preview compares resources of one kind."""


class Recent(Generic[T]):
    """`ask`, which is called with the same arguments once in SECONDS; also for what it raises."""

    def __init__(self, ask: Callable[..., T]) -> None:
        self._ask = ask
        self._lock = Lock()
        self._known: dict[str, tuple[float, Callable[[], T]]] = {}

    def __call__(self, *args: Any) -> T:
        """Return or raise what `ask` does, now or a moment ago."""
        key = repr(args)
        with self._lock:
            since, answer = self._known.get(key, (0.0, None))
            if answer is None or time.monotonic() - since > SECONDS:
                answer = self._answer(args)
                self._known[key] = time.monotonic(), answer
        return answer()

    def _answer(self, args: tuple[Any, ...]) -> Callable[[], T]:
        try:
            found = self._ask(*args)
        except Exception as error:  # noqa: BLE001 — raised for each that asks within the time
            return lambda error=error: _raised(error)  # type: ignore[misc]
        return lambda: found


def _raised(error: Exception) -> Any:
    raise error
