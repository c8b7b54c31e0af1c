"""Many clients that are slow or idle, beside a load: each holds a connection for as long as it may.

with Crowd(url, SLOW_BODY, 100, sources(2)):
    ...
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any, Self

from .background import Background
from .hosts import BRIDGE, NETWORK
from .load import target
from .process import run, until

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence

PAUSE = 1.0
"""Seconds between two pieces of a slow client."""
FIRST_SOURCE, MOST_SOURCES = 20, 80
"""Number of the first address; those below are hosts', and those from 100 on are floating ones."""


@dataclass(frozen=True)
class Manner:
    """The bytes that a client sends at once, and the piece that it repeats without end."""

    name: str
    first: bytes
    piece: bytes


def _post(headers: str, body: bytes) -> bytes:
    return f"POST / HTTP/1.1\r\nHost: crowd.example\r\n{headers}\r\n\r\n".encode() + body


IDLE = Manner("idle connections", b"", b"")
KEPT = Manner("idle connections after an answer", b"GET / HTTP/1.1\r\nHost: crowd.example\r\n\r\n", b"")
UNFINISHED_HEAD = Manner("unfinished heads", b"GET / HTTP/1.1\r\nHost: crowd.example\r\n", b"X-More: 1\r\n")
SLOW_BODY = Manner("slow bodies", _post("Content-Length: 12000", b"x"), b"x")
SLOW_UPLOAD = Manner("slow uploads", _post("Content-Length: 9000000", b"x" * 30_000), b"x")
SLOW_CHUNKS = Manner("slow chunked bodies", _post("Transfer-Encoding: chunked", b"1\r\nx\r\n"), b"1\r\nx\r\n")


def sources(count: int) -> list[str]:
    """Return addresses of this machine on the bench's network, beside the one that other clients have."""
    if not 1 <= count <= MOST_SOURCES:
        raise ValueError(f"{count} addresses; 1 to {MOST_SOURCES} are possible")
    addresses = [str(NETWORK[FIRST_SOURCE + number]) for number in range(count)]
    known = run(["ip", "-o", "-4", "address", "show", "dev", BRIDGE])
    for address in addresses:
        if f" {address}/" not in known:
            run(["ip", "address", "add", f"{address}/{NETWORK.prefixlen}", "dev", BRIDGE])
    return addresses


class Crowd(Background):
    """So many clients of one manner, as a context manager; one that is cut off comes back after a pause."""

    def __init__(self, url: str, manner: Manner, count: int, sources: Sequence[str]) -> None:
        super().__init__()
        self._address, self._port, _ = target(url)
        self._manner = manner
        self._sources = list(islice(cycle(sources), count))
        self.tried = 0
        """Connections opened or refused."""

    def __enter__(self) -> Self:
        super().__enter__()
        until(lambda: self.tried >= len(self._sources), f"{len(self._sources)} {self._manner.name}", 60.0)
        return self

    def work(self) -> Iterable[Coroutine[Any, Any, None]]:
        return map(self._client, self._sources)

    async def _client(self, source: str) -> None:
        while True:
            with suppress(OSError):
                await self._connection(source)
            await asyncio.sleep(PAUSE)

    async def _connection(self, source: str) -> None:
        try:
            place = (self._address, self._port)
            reader, writer = await asyncio.open_connection(*place, local_addr=(source, 0))
        finally:
            self.tried += 1
        ended = asyncio.ensure_future(_read(reader))
        try:
            writer.write(self._manner.first)
            while self._manner.piece and not ended.done():
                await asyncio.wait([ended], timeout=PAUSE)
                writer.write(self._manner.piece)
            await ended
        finally:
            ended.cancel()
            writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> None:
    """Await the end of a connection."""
    with suppress(OSError):
        while await reader.read(65536):
            pass
