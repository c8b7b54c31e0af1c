"""Progress of a resource, shown on its line while `pulumi up` runs: once a second at most."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Optional

EVERY = 1.0
"""Seconds between two texts of one resource."""


class Progress:
    """Texts of one call, reported by its thread, sent by the loop.

    The first text is sent at once. Of those reported within the next second only the last one is sent, when
    the second or the call is over: so the line ends with the last text.
    """

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        self._send, self._loop = send, asyncio.get_running_loop()
        self._waiting: Optional[str] = None
        self._pause: Optional[asyncio.TimerHandle] = None
        self._sending: set[asyncio.Future[None]] = set()

    def take(self, text: str) -> None:
        """Send the text, or keep it for later; from any thread."""
        self._loop.call_soon_threadsafe(self._accept, text)

    async def end(self) -> None:
        """Send the text that waits, and return once all that was sent has arrived."""
        if self._pause:
            self._pause.cancel()
        text, self._waiting, self._pause = self._waiting, None, None
        await asyncio.gather(*self._sending, return_exceptions=True)
        if text is not None:
            await self._send(text)

    def _accept(self, text: str) -> None:
        if self._pause:
            self._waiting = text
            return
        sending = asyncio.ensure_future(self._send(text))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)
        self._pause = self._loop.call_later(EVERY, self._next)

    def _next(self) -> None:
        text, self._waiting, self._pause = self._waiting, None, None
        if text is not None:
            self._accept(text)
