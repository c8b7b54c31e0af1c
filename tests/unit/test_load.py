"""A load does not ask more of a busy machine than it can answer."""

import asyncio
import contextlib
import time

from tests.bench.load import Report, Sender, Settings

UNANSWERED = 5


def test_a_slow_server_gets_a_lower_rate() -> None:
    """Never more requests than stated wait for an answer, none fails, and the pause is told."""
    waiting, most = 0, 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal waiting, most
        with contextlib.suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                waiting += 1
                most = max(most, waiting)
                await asyncio.sleep(0.01)
                waiting -= 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def load() -> Report:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            return await Sender(
                Settings(f"http://127.0.0.1:{port}/", rate=10_000, unanswered=UNANSWERED, max_requests=60)
            ).run()

    report = asyncio.run(load())

    assert most == UNANSWERED
    assert report.ok == 60
    assert report.failed == 0
    assert report.paused_seconds > 0


def test_a_load_that_is_late_itself_blames_no_answer() -> None:
    """A machine that lets no request begin for longer than the time-out fails none; the pause is told."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def load() -> Report:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            settings = Settings(
                f"http://127.0.0.1:{port}/",
                rate=200,
                keepalive_share=0,
                late=0.1,
                timeout=1,
                max_requests=60,
            )
            sender = Sender(settings)
            sending = asyncio.create_task(sender.run())
            while sender.report.ok < 5 and not sending.done():
                await asyncio.sleep(0.001)
            time.sleep(1.2)
            return await sending

    report = asyncio.run(load())

    assert report.ok + report.failed == report.sent == 60
    assert report.failed <= 1  # the next one has its time already
    assert report.paused_seconds > 0.1
