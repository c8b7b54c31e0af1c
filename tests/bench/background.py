"""Coroutines in a thread of their own, beside a test that waits for something else."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable


class Background:
    """A context manager whose coroutines run until it ends; it cancels them then."""

    def __init__(self) -> None:
        self._stop: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def work(self) -> Iterable[Coroutine[Any, Any, None]]:
        """Return the coroutines."""
        raise NotImplementedError

    def ended(self, error: BaseException) -> None:
        """Take the error with which a coroutine has ended before it was cancelled; the others go on."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._thread.join()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(each) for each in self.work()]
        self._stop = lambda: loop.call_soon_threadsafe(lambda: [each.cancel() for each in tasks])
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                self.ended(result)
