"""Bounded load on a bench: requests at fixed times, whatever the answers do, but see `unanswered` and `late`.

    with Load("http://10.77.0.11:8080/", rate=400) as load:
        load.wait_sent(1_000)
        ...
    assert load.report.failed == 0

It is a process of its own (`python -m tests.bench.load --help`), so that the test's work does not
delay the requests. Addresses other than loopback and the bench's network are refused.
"""

from __future__ import annotations

import argparse
import asyncio
import ipaddress
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter, deque
from contextlib import suppress
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

ALLOWED = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("10.77.0.0/16"))
FAILURES_KEPT = 1000
PROGRESS_SECONDS = 0.05
PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Settings:
    """A load: what is sent where, how often, and the bounds."""

    url: str
    """http://ADDRESS:PORT/PATH; the address is a number, not a name."""
    rate: float = 100.0
    """Requests per second."""
    keepalive_share: float = 0.5
    """Part of the requests that go over the pool of connections kept open."""
    connections: int = 20
    """Size of the pool; connections beyond it are opened when needed and closed after use."""
    unanswered: int = 500
    """Requests without an answer at which the schedule pauses: a busy machine gets a lower rate."""
    late: float = 1.0
    """Seconds that the load itself may be behind its schedule. Then it pauses for as long: while a busy
    machine lets no request begin, no answer is late."""
    max_seconds: float = 120.0
    max_requests: int = 100_000
    host_header: str = ""
    """Value of Host; the url's address and port when empty."""
    timeout: float = 10.0
    """Seconds from the scheduled time of a request to the end of its answer."""
    fail_status: int = 400
    """The lowest status that counts as a failure."""

    def __post_init__(self) -> None:
        target(self.url)
        whole = min(self.connections, self.unanswered)
        if self.rate <= 0 or whole < 1 or not 0 <= self.keepalive_share <= 1:
            raise ValueError(f"no load: {self}")


@dataclass
class Failure:
    """One failed request."""

    offset: float
    """Scheduled time, in seconds since the load began."""
    kind: str
    """connect, timeout, incomplete, reset, protocol or status."""
    detail: str


@dataclass
class Report:
    """Results of a load: every request sent is either ok or failed."""

    sent: int = 0
    ok: int = 0
    failed: int = 0
    retries: int = 0
    """Requests repeated once because a reused connection was closed before any answer."""
    failures: list[Failure] = field(default_factory=list)
    """The first of them."""
    statuses: dict[str, int] = field(default_factory=dict)
    instances: dict[str, int] = field(default_factory=dict)
    """Answers by their X-Instance."""
    instances_by_second: dict[str, dict[str, int]] = field(default_factory=dict)
    """Requests of each instance, by second of the load."""
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    max_ms: float = 0.0
    """Latency from the scheduled time to the end of the answer."""
    max_wait_ms: float = 0.0
    """Longest delay of the start of a request: large when this machine was too busy."""
    paused_seconds: float = 0.0
    """Time for which the schedule paused: too many requests had no answer yet, or the load was late."""
    seconds: float = 0.0
    opened: int = 0
    """Connections opened."""

    @classmethod
    def parse(cls, text: str) -> Report:
        """Return a report from its JSON."""
        data = json.loads(text)
        data["failures"] = [Failure(**each) for each in data["failures"]]
        return cls(**data)


def target(url: str) -> tuple[str, int, str]:
    """Return address, port and path of a url; raise `ValueError` for an address outside the bench."""
    parts = urlsplit(url)
    try:
        address = ipaddress.ip_address(parts.hostname or "")
    except ValueError:
        address = None
    if parts.scheme != "http" or address is None or not any(address in net for net in ALLOWED):
        nets = " or ".join(map(str, ALLOWED))
        raise ValueError(f"load on {url!r} refused; allowed is http:// and an address in {nets}")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return str(address), parts.port or 80, path


class RequestError(Exception):
    """A request without a complete answer."""

    def __init__(self, kind: str, detail: str, *, unanswered: bool = False) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.unanswered = unanswered
        """The connection was closed before the first byte of the answer."""


@dataclass(frozen=True)
class Answer:
    status: int
    instance: str
    keep: bool


class Connection:
    """A connection that carries one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.used = False

    @classmethod
    async def open(cls, address: str, port: int) -> Connection:
        try:
            return cls(*await asyncio.open_connection(address, port))
        except OSError as error:
            raise RequestError("connect", str(error)) from error

    def close(self) -> None:
        self.writer.transport.abort()

    async def send(self, request: bytes) -> Answer:
        try:
            self.writer.write(request)
            first = await self.reader.readline()
        except OSError as error:
            raise RequestError("reset", str(error), unanswered=True) from error
        if not first:
            raise RequestError("reset", "closed before the answer", unanswered=True)
        self.used = True
        try:
            return await self._rest(first)
        except asyncio.IncompleteReadError as error:
            raise RequestError("incomplete", f"{len(error.partial)} bytes of the body") from error
        except OSError as error:
            raise RequestError("incomplete", str(error)) from error
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise RequestError("protocol", str(error)) from error

    async def _rest(self, first: bytes) -> Answer:
        if not first.endswith(b"\r\n"):
            raise RequestError("incomplete", f"status line {first!r}")
        version, code = first.split()[:2]
        status = int(code)
        headers: dict[bytes, bytes] = {}
        while (line := await self.reader.readline()) != b"\r\n":
            if not line.endswith(b"\n"):
                raise RequestError("incomplete", "closed within the headers")
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()

        keep = version == b"HTTP/1.1" and headers.get(b"connection", b"").lower() != b"close"
        if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
            while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
                await self.reader.readexactly(size + 2)
            while await self.reader.readuntil(b"\r\n") != b"\r\n":
                pass
        elif b"content-length" in headers:
            await self.reader.readexactly(int(headers[b"content-length"]))
        elif status not in (204, 304):
            await self.reader.read()
            keep = False
        return Answer(status, headers.get(b"x-instance", b"").decode(), keep)


class Sender:
    """Sends a load and collects what comes back."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.address, self.port, self.path = target(settings.url)
        self.report = Report()
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.instances: dict[int, Counter[str]] = {}
        self.idle: deque[Connection] = deque()
        self.held = 0
        self.stopping = asyncio.Event()
        self.answered = asyncio.Event()
        self.began = 0.0

    async def run(self) -> Report:
        """Send until a bound is met or `stopping` is set, then await the answers."""
        loop = asyncio.get_running_loop()
        settings, report = self.settings, self.report
        kept = 0.0
        self.began = loop.time()
        async with asyncio.TaskGroup() as tasks:
            while report.sent < settings.max_requests:
                await self._until_answered()
                due = self._due()
                if due >= self.began + settings.max_seconds:
                    break
                await self._pause(due - loop.time())
                if self.stopping.is_set():
                    break
                kept += settings.keepalive_share
                keep = kept >= 1.0
                kept -= keep
                report.sent += 1
                task = tasks.create_task(self._request(due, keep))
                task.add_done_callback(lambda _: self.answered.set())
            report.seconds = loop.time() - self.began
        for connection in self.idle:
            connection.close()
        self._finish()
        return report

    def _due(self) -> float:
        """Return the time of the next request, and move the schedule where the load is far behind it."""
        report, now = self.report, asyncio.get_running_loop().time()
        due = self.began + report.paused_seconds + report.sent / self.settings.rate
        if (behind := now - due) <= self.settings.late:
            return due
        report.paused_seconds += behind
        return now

    async def _until_answered(self) -> None:
        """Await an answer where too many requests have none, and move the schedule by that time."""
        report, loop = self.report, asyncio.get_running_loop()
        while report.sent - report.ok - report.failed >= self.settings.unanswered:
            began = loop.time()
            self.answered.clear()
            await self.answered.wait()
            report.paused_seconds += loop.time() - began

    async def _pause(self, seconds: float) -> None:
        """Await a time or `stopping`; behind schedule, give the answers a turn only."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    async def _request(self, due: float, keep: bool) -> None:
        loop = asyncio.get_running_loop()
        report = self.report
        report.max_wait_ms = max(report.max_wait_ms, (loop.time() - due) * 1000)
        try:
            async with asyncio.timeout_at(due + self.settings.timeout):
                answer = await (self._over_pool() if keep else self._over_new())
        except TimeoutError:
            self._failed(due, "timeout", f"no whole answer in {self.settings.timeout:g} s")
            return
        except RequestError as error:
            self._failed(due, error.kind, error.detail)
            return
        now = loop.time()
        self.statuses[str(answer.status)] += 1
        self.instances.setdefault(int(now - self.began), Counter())[answer.instance] += 1
        if answer.status >= self.settings.fail_status:
            self._failed(due, "status", str(answer.status))
            return
        report.ok += 1
        self.latencies.append((now - due) * 1000)

    async def _over_new(self) -> Answer:
        connection = await self._open()
        try:
            return await connection.send(self._bytes("close"))
        finally:
            connection.close()

    async def _over_pool(self) -> Answer:
        connection = await self._take()
        reused = connection.used
        try:
            return await self._exchange(connection)
        except RequestError as error:
            # RFC 9110 9.2.2: a client may repeat an idempotent request on a new connection when
            # one kept open was closed under it.
            if not (reused and error.unanswered):
                raise
        self.report.retries += 1
        return await self._exchange(await self._open_held())

    async def _take(self) -> Connection:
        """Return the connection of the pool that has rested longest, or a new one."""
        while self.idle and self.idle[0].reader.at_eof():
            self.idle.popleft().close()
            self.held -= 1
        if self.idle and self.held >= self.settings.connections:
            return self.idle.popleft()
        return await self._open_held()

    async def _open_held(self) -> Connection:
        self.held += 1
        try:
            return await self._open()
        except BaseException:
            self.held -= 1
            raise

    async def _exchange(self, connection: Connection) -> Answer:
        keep = False
        try:
            answer = await connection.send(self._bytes("keep-alive"))
            keep = answer.keep and self.held <= self.settings.connections
            return answer
        finally:
            if keep:
                self.idle.append(connection)
            else:
                connection.close()
                self.held -= 1

    async def _open(self) -> Connection:
        connection = await Connection.open(self.address, self.port)
        self.report.opened += 1
        return connection

    def _bytes(self, connection: str) -> bytes:
        host = self.settings.host_header or f"{self.address}:{self.port}"
        return (f"GET {self.path} HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n\r\n").encode()

    def _failed(self, due: float, kind: str, detail: str) -> None:
        self.report.failed += 1
        if len(self.report.failures) < FAILURES_KEPT:
            self.report.failures.append(Failure(round(due - self.began, 3), kind, detail))

    def _finish(self) -> None:
        report = self.report
        ordered = sorted(self.latencies)
        if ordered:
            report.p50_ms = round(ordered[len(ordered) // 2], 2)
            report.p99_ms = round(ordered[len(ordered) * 99 // 100], 2)
            report.max_ms = round(ordered[-1], 2)
        report.max_wait_ms = round(report.max_wait_ms, 2)
        report.seconds = round(report.seconds, 3)
        report.paused_seconds = round(report.paused_seconds, 3)
        report.failures.sort(key=lambda failure: failure.offset)
        report.statuses = dict(self.statuses)
        report.instances_by_second = {str(s): dict(c) for s, c in sorted(self.instances.items())}
        report.instances = dict(sum(self.instances.values(), Counter()))


class Load:
    """A load in a process of its own, as a context manager; the report is there afterwards."""

    def __init__(self, url: str, **settings: Any) -> None:
        """Set up a load; `settings` are the fields of `Settings`."""
        self.settings = Settings(url, **settings)
        self._process: subprocess.Popen[str] | None = None
        self._report: Report | None = None
        self._sent = 0
        self._changed = threading.Condition()
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.bench.load", "--progress"]
        for name, value in asdict(self.settings).items():
            command.append(f"--{name.replace('_', '-')}={value}")
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=PROJECT, stdin=pipe, stdout=pipe, text=True)
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.stop()
        elif self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def sent(self) -> int:
        """Number of requests that have been sent, at most 0.05 s ago."""
        return self._sent

    @property
    def report(self) -> Report:
        """The report of a load that has stopped."""
        if self._report is None:
            raise RuntimeError("a load has no report before stop()")
        return self._report

    def wait_sent(self, count: int, timeout: float = 120.0) -> int:
        """Await that `count` requests have been sent; how many have been."""
        with self._changed:
            self._changed.wait_for(lambda: self._sent >= count or self._ended(), timeout)
        if self._sent < count:
            why = "the load has ended" if self._ended() else f"{timeout:g} s have passed"
            raise TimeoutError(f"{why} after {self._sent} of {count} requests")
        return self._sent

    def stop(self) -> Report:
        """Stop sending, await what is in flight and return the report."""
        if self._report is not None:
            return self._report
        if self._process is None or self._reader is None:
            raise RuntimeError("a load is started by `with`")
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write("stop\n")
            self._process.stdin.close()
        self._reader.join(self.settings.timeout + 30.0)
        if self._process.poll() is None and self._reader.is_alive():
            self._process.kill()
        code = self._process.wait()
        if self._report is None:
            raise RuntimeError(f"the load ended without a report, exit status {code}")
        return self._report

    def _ended(self) -> bool:
        return self._report is not None or not (self._reader and self._reader.is_alive())

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                word, _, rest = line.partition(" ")
                with self._changed:
                    if word == "sent":
                        self._sent = int(rest)
                    elif word == "report":
                        self._report = Report.parse(rest)
                        self._sent = self._report.sent
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()


async def _main(settings: Settings, progress: bool) -> Report:
    sender = Sender(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, sender.stopping.set)
    with suppress(PermissionError):  # a file or /dev/null says nothing
        loop.add_reader(sys.stdin.fileno(), _listen, loop, sender.stopping)

    async def show() -> None:
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            print(f"sent {sender.report.sent}", flush=True)

    shown = loop.create_task(show()) if progress else None
    report = await sender.run()
    if shown is not None:
        shown.cancel()
    return report


def _listen(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    """Stop at a line `stop`, and when who started the load is gone."""
    text = os.read(sys.stdin.fileno(), 4096)
    if not text:
        loop.remove_reader(sys.stdin.fileno())
    if not text or b"stop" in text:
        stopping.set()


def main() -> None:
    """Run a load from the command line: `--report FILE`, or the last line of the output."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load", description=__doc__)
    for each in fields(Settings):
        kind = type(each.default) if each.default is not MISSING else str
        option = f"--{each.name.replace('_', '-')}"
        if each.default is MISSING:
            parser.add_argument(option, required=True)
        else:
            parser.add_argument(option, type=kind, default=each.default)
    parser.add_argument("--report", type=Path, help="file to write; without it: standard output")
    parser.add_argument("--progress", action="store_true", help="print `sent N` all the time")
    given = vars(parser.parse_args())
    path, progress = given.pop("report"), given.pop("progress")
    try:
        settings = Settings(**given)
    except ValueError as error:
        parser.error(str(error))

    report = json.dumps(asdict(asyncio.run(_main(settings, progress))))
    if path is None:
        print(f"report {report}", flush=True)
    else:
        path.write_text(report + "\n")


if __name__ == "__main__":
    main()
