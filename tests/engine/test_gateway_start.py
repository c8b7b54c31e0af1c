"""A gateway that has just started: the real program, whose names are answered by a slow DNS of our own."""

import http.server
import shutil
import socket
import struct
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.arguments.parsing import parse
from components.swarm.gateway.model import Gateway
from tests.bench.process import until
from tests.support.traffic.cases import SERVED

pytestmark = pytest.mark.engine

DNS = ("127.0.0.11", 53)
"""Address of the engine's name server in a container."""
TASK = "127.0.0.21"
A = 1


class Task(http.server.BaseHTTPRequestHandler):
    """A task of the service."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: object) -> None:
        pass


def answer(question: bytes) -> bytes:
    """Answer that the name has one IPv4 address, and none of another kind."""
    end = question.index(b"\0", 12) + 5
    asked_for_a = struct.unpack(">H", question[end - 4 : end - 2])[0] == A
    header = question[:2] + struct.pack(">HHHHH", 0x8180, 1, asked_for_a, 0, 0)
    record = struct.pack(">HHHIH4s", 0xC00C, A, 1, 600, 4, socket.inet_aton(TASK)) if asked_for_a else b""
    return header + question[12:end] + record


@contextmanager
def slow_names(seconds: float) -> Iterator[None]:
    """Run a DNS server that takes `seconds` to answer."""
    replies: list[threading.Timer] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(DNS)

        def serve() -> None:
            while True:
                question, to = server.recvfrom(2048)
                if not question:
                    return
                replies.append(threading.Timer(seconds, server.sendto, (answer(question), to)))
                replies[-1].start()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            server.sendto(b"", DNS)
            thread.join()
            for reply in replies:
                reply.join()


@contextmanager
def task() -> Iterator[int]:
    """Run a task that serves; yield its port."""
    with http.server.ThreadingHTTPServer((TASK, 0), Task) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


@contextmanager
def running(kind: str, text: str, folder: Path) -> Iterator[None]:
    """Run the program with the configuration `text`."""
    program = shutil.which(kind) or f"/usr/sbin/{kind}"
    file = folder / "configuration"
    file.write_text(text.replace("/tmp/", f"{folder}/"))
    options = ["-W", "-db", "-f"] if kind == "haproxy" else ["-g", "daemon off;", "-c"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([program, *options, file], stdout=log, stderr=log) as it,
    ):
        try:
            yield
        finally:
            it.terminate()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("kind", SERVED)
def test_the_first_request_waits_for_the_names(kind: str, tmp_path: Path) -> None:
    """It comes before the DNS has said where the tasks are, and is served all the same."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        entry = free.getsockname()[1]
    with slow_names(0.5), task() as port:
        args = {
            "front_end": {"kind": kind, "port": entry},
            "networks": ["apps"],
            "backends": {"web": {"port": port}},
        }
        with running(kind, parse(Gateway, args, "gate").text, tmp_path):
            until(lambda: listens(entry), "it listens")

            with urllib.request.urlopen(f"http://127.0.0.1:{entry}/", timeout=10) as served:
                assert served.read() == b"ok"
