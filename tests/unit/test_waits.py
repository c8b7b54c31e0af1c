"""Calls to an engine that does not end its answer: each has a deadline and a reason."""

import json
import re
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from components.engine import config_check, raw, replicas
from components.engine.connection import EngineRefused, HostUnreachable, connect
from components.engine.containers import EngineError, read_file
from components.engine.images import pull_missing
from components.proxies.registry import kind_of

PATIENCE = 0.3
"""Seconds that a call may take here."""
PAUSE, CUT = b"pause", b"cut"
"""In place of a part of an answer: nothing more comes, or the engine ends."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An engine that answers the question of its version, and every POST and download with `parts`."""

    daemon_threads = True

    def __init__(self, address: str, parts: list[bytes]) -> None:
        super().__init__(address, Handler)
        self.parts, self.over = parts, threading.Event()


class Handler(BaseHTTPRequestHandler):
    """One connection to it."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.endswith("/version"):
            self._whole(200, {"ApiVersion": "1.41", "Components": []})
        elif "/images/" in self.path:
            self._whole(404, {"message": "No such image: web:1"})
        elif "/archive" in self.path or "/logs" in self.path:
            self._in_parts()
        else:
            self._whole(200, {"Id": "c1", "State": {"Status": "running"}})

    def do_POST(self) -> None:
        self._take()
        if re.search(r"/containers/(create|c1/start)\b", self.path):
            self._whole(201, {"Id": "c1"})
        else:
            self._in_parts()

    def do_PUT(self) -> None:
        self._take()
        self._whole(200, {})

    def do_DELETE(self) -> None:
        self._whole(200, {})

    def _take(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _whole(self, status: int, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _in_parts(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in self.server.parts:
            if part == PAUSE:
                self.server.over.wait()
            if part in (PAUSE, CUT):
                return
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")


@contextmanager
def engine_that_answers(parts: list[bytes], folder: Path) -> Iterator[str]:
    """Run such an engine; yield its address."""
    with Server(str(folder / "engine.sock"), parts) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"unix://{folder}/engine.sock"
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


def pulled(engine: Any) -> None:
    pull_missing(engine, "web:1", [])


def downloaded(engine: Any) -> object:
    return read_file(engine.containers.get("c1"), "/etc/proxy.cfg")


def task_log(engine: Any) -> object:
    return raw.log(engine, "t1", 10)


def command_output(engine: Any) -> object:
    return raw.output(engine, "e1", PATIENCE)


def an_image_that_is_missing(engine: Any) -> object:
    return engine.images.get("web:1")


@pytest.mark.parametrize("call", [pulled, downloaded, task_log, command_output])
@pytest.mark.parametrize("parts", [[PAUSE], [b'{"status":"Pulling"}\r\n', PAUSE], [b"{", CUT]])
def test_an_answer_that_does_not_end(call: Any, parts: list[bytes], tmp_path: Path) -> None:
    """The SDK lifts the time-out of such calls, or ends in an error of a library: `up` waited for ever."""
    with (
        engine_that_answers(parts, tmp_path) as address,
        pytest.raises(HostUnreachable, match=f"cannot reach the Docker engine at {address}"),
        connect({"address": address}, timeout=PATIENCE) as engine,
    ):
        call(engine)


def test_a_pull_that_fails_in_the_middle_says_why(tmp_path: Path) -> None:
    """The engine has begun its answer by then, and says it there."""
    said = {"errorDetail": {"message": "no space left on device"}, "error": "no space left on device"}
    parts = [b'{"status":"Pulling"}\r\n', json.dumps(said).encode() + b"\r\n"]

    with (
        engine_that_answers(parts, tmp_path) as address,
        pytest.raises(EngineError, match=r"web:1 is not on its host and cannot be pulled \(no space left on"),
        connect({"address": address}) as engine,
    ):
        pull_missing(engine, "web:1", [])


def test_a_pull_that_comes_to_its_end(tmp_path: Path) -> None:
    parts = [b'{"status":"Pulling"}\r\n', b'{"status":"Downloaded"}\r\n']

    with engine_that_answers(parts, tmp_path) as address, connect({"address": address}) as engine:
        pull_missing(engine, "web:1", [])


def test_a_check_that_does_not_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The engine answers, the program in the container does not end."""
    monkeypatch.setattr(config_check, "CHECK_SECONDS", PATIENCE)
    program = kind_of("nginx").program

    with engine_that_answers([PAUSE], tmp_path) as address, connect({"address": address}) as engine:
        said = config_check.problem(engine, program, "web:1", config_check.Configuration(""), {}, 64)

    assert said == f"nginx did not end its check within {PATIENCE:g} s"


def test_a_host_that_is_lost_is_asked_about_no_further_replicas() -> None:
    """Each question takes the whole time-out then: a hundred replicas took minutes to fail."""
    asked = []

    def inspect(container: str) -> Any:
        asked.append(container)
        time.sleep(0.05)
        raise OSError("timed out")

    engine: Any = SimpleNamespace(api=SimpleNamespace(inspect_container=inspect))

    with pytest.raises(OSError, match="timed out"):
        replicas.problems(engine, {f"web-{index}": f"c{index}" for index in range(100)}, 30)

    assert len(asked) <= 2 * replicas.AT_ONCE


@pytest.mark.parametrize(
    ("call", "error"), [(command_output, HostUnreachable), (an_image_that_is_missing, EngineRefused)]
)
def test_the_engine_that_fails_is_named(call: Any, error: type[Exception], tmp_path: Path) -> None:
    """Nodes of a floating address are asked while all are connected: not the last of them is to blame."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()

    with (
        engine_that_answers([CUT], tmp_path / "first") as first,
        engine_that_answers([], tmp_path / "second") as second,
        pytest.raises(error, match=f"the Docker engine at {first} "),
        connect({"address": first}) as engine,
        connect({"address": second}),
    ):
        call(engine)


@pytest.mark.parametrize(
    "said",
    [
        "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few …",
        "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
    ],
)
def test_a_swarm_without_a_leader_is_told_with_the_remedy(said: str) -> None:
    """Engines say it in two ways, one of which names neither swarm nor manager."""
    assert "start managers that are down" in str(EngineRefused("unix:///docker.sock", said))
    assert "a port is taken" in str(EngineRefused("unix:///docker.sock", "a port is taken"))
