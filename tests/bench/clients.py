"""Clients that do what they like: slow, late, broken, greedy, pipelined and aborted ones, by chance.

with Clients(url, ["shop.example"], count=50, seed=7) as clients:
    ...
clients.done, clients.instances
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from .background import Background
from .load import target

LONGEST = 8.0
"""Seconds after which a client gives up what it does."""
Action = Callable[["Client"], Awaitable[None]]


class Client:
    """One client: a connection after the other, each used in a manner of ACTIONS."""

    def __init__(
        self, place: tuple[str, int], hosts: Sequence[str], chance: Random, seen: Counter[tuple[str, str]]
    ) -> None:
        self.place = place
        self.chance = chance
        self.host = ""
        self._hosts = hosts
        self._seen = seen

    async def act(self) -> str:
        """Do something; its name."""
        self.host = self.chance.choice(self._hosts)
        action = self.chance.choice(ACTIONS)
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(LONGEST):
                await action(self)
        return action.__name__

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.place)

    async def send(self, *pieces: bytes, pause: float = 0.0, wait: bool = True) -> None:
        """Send the pieces over a connection of its own, read what comes, and close."""
        reader, writer = await self.open()
        answers = asyncio.ensure_future(self.read(reader))
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
            if wait:
                await answers
        finally:
            answers.cancel()
            writer.transport.abort()

    async def read(self, reader: asyncio.StreamReader) -> None:
        """Read to the end, and note which container has answered to which host name."""
        text = b""
        while piece := await reader.read(65536):
            text += piece
        for instance in re.findall(rb"\r\nx-instance: ([^\r]+)", text, re.IGNORECASE):
            self._seen[self.host, instance.decode()] += 1

    def head(self, start: str = "GET /", *lines: str) -> bytes:
        return "\r\n".join([f"{start} HTTP/1.1", f"Host: {self.host}", *lines, "", ""]).encode()


async def slow_head(client: Client) -> None:
    whole = client.head("GET /", "X-Slow: yes", "Connection: close")
    await client.send(*(whole[n : n + 4] for n in range(0, len(whole), 4)), pause=client.chance.random() / 4)


async def slow_body(client: Client) -> None:
    size = client.chance.choice([10, 1000, 60_000])
    pieces = [b"x" * (size // 10)] * 10
    head = client.head("POST /", f"Content-Length: {size}", "Connection: close")
    await client.send(head, *pieces, pause=client.chance.random() / 2)


async def slow_chunks(client: Client) -> None:
    head = client.head("POST /", "Transfer-Encoding: chunked", "Connection: close")
    await client.send(head, *[b"5\r\nhello\r\n"] * 10, b"0\r\n\r\n", pause=client.chance.random() / 2)


async def idle(client: Client) -> None:
    await client.send(*client.chance.choice([(), (client.head(),)]))


async def late_reader(client: Client) -> None:
    """Ask a hundred times and read nothing until all has been sent."""
    _, writer = await client.open()
    try:
        writer.write(client.head() * 100)
        await asyncio.sleep(client.chance.random() * 4)
    finally:
        writer.transport.abort()


async def broken(client: Client) -> None:
    head, host = client.head, client.host
    await client.send(
        client.chance.choice(
            [
                client.chance.randbytes(300) + b"\r\n\r\n",
                b"GET /\r\n\r\n",
                b"GET / HTTP/1.1\r\n\r\n",
                b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
                head("G@T /"),
                head("GET /", "X-Long: " + "x" * 100_000),
                head("GET /", "Broken header"),
                head("GET /", f"Host: {host}"),
                head("POST /", "Content-Length: -1"),
                head("POST /", "Content-Length: 1", "Content-Length: 2"),
                head("POST /", "Transfer-Encoding: chunked") + b"zz\r\n",
                head("POST /", "Transfer-Encoding: chunked") + b"fffffffff\r\nx",
                head("GET /ws", "Connection: Upgrade", "Upgrade: h2c"),
                head("TRACE /"),
                b"CONNECT 10.0.0.1:22 HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n",
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            ]
        )
    )


async def aborted(client: Client) -> None:
    started = client.chance.choice(
        [
            client.head("GET /slow?ms=500"),
            client.head("POST /", "Content-Length: 100000") + b"x" * 50_000,
            client.head("POST /", "Transfer-Encoding: chunked") + b"5\r\nhel",
            client.head()[:-6],
        ]
    )
    await client.send(started, pause=client.chance.random() / 3, wait=False)


async def greedy(client: Client) -> None:
    """Open many connections at once, with a request each."""
    last = client.head("GET /slow?ms=100", "Connection: close")
    await asyncio.gather(*(client.send(last) for _ in range(client.chance.randrange(5, 25))))


async def pipelined(client: Client) -> None:
    count = client.chance.randrange(2, 20)
    await client.send(client.head() * count + client.head("GET /", "Connection: close"))


async def tunnel(client: Client) -> None:
    """Open a WebSocket that is silent, then gone."""
    lines = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    await client.send(client.head("GET /ws", *lines), pause=client.chance.random() * 4, wait=False)


ACTIONS: tuple[Action, ...] = (
    slow_head,
    slow_body,
    slow_chunks,
    idle,
    late_reader,
    broken,
    aborted,
    greedy,
    pipelined,
    tunnel,
)


class Clients(Background):
    """So many clients, each with chances of its own that the seed decides, as a context manager."""

    def __init__(self, url: str, hosts: Sequence[str], count: int, seed: int) -> None:
        super().__init__()
        address, port, _ = target(url)
        self.done: Counter[str] = Counter()
        """Number of times that the clients did each thing."""
        self.instances: Counter[tuple[str, str]] = Counter()
        """Answers by the host name that was asked for and the container that answered."""
        self._clients = [
            Client((address, port), hosts, Random(f"{seed}-{number}"), self.instances)  # noqa: S311
            for number in range(count)
        ]

    def work(self) -> Iterable[Coroutine[Any, Any, None]]:
        return map(self._each, self._clients)

    def ended(self, error: BaseException) -> None:
        self.done[f"client ended: {error!r}"] += 1

    async def _each(self, client: Client) -> None:
        while True:
            self.done[await client.act()] += 1
            await asyncio.sleep(client.chance.random())
