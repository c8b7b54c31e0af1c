"""The question that a container asks itself: the same with every tool that an image may have."""

import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from components.engine.containers import write_file
from components.load_balanced.replicas import health_test
from components.load_balanced.validation import service
from components.proxies.health import Question, ask, connect
from components.proxies.registry import kind_of
from tests.bench.hosts import Host
from tests.bench.images import BASE
from tests.bench.process import until
from tests.support.program import Inline
from tests.support.program import service as web_service
from tests.support.traffic.stage import REPLICA

TOOLS = {
    "curl": {"curl": "/usr/bin/curl"},
    "bash": {"bash": "/usr/bin/bash"},
    "nc": {"nc": "/usr/bin/busybox"},
    "busybox": {"busybox": "/usr/bin/busybox", "wget": "/usr/bin/busybox"},
    "wget": {"wget": "/usr/bin/busybox"},
}
"""Tools that an image may have, by the path of each in ours."""
QUESTIONS: dict[str, tuple[dict[str, Any], int]] = {
    "plain": ({}, 0),
    "its own host": ({"path": "/?do=host+shop.example", "host": "shop.example"}, 0),
    "another host": ({"path": "/?do=host+shop.example"}, 1),
    "a redirect to https": ({"path": "/?do=status+302+%7C+set+Location:+https://a.example/"}, 0),
    "an error": ({"path": "/?do=status+500"}, 1),
    "a status that is wanted": ({"path": "/?do=status+404", "statuses": ["200", "403-404"]}, 0),
    "a good status that is not": ({"path": "/?do=status+302", "statuses": ["200"]}, 1),
    "HEAD": ({"path": "/?do=method+HEAD", "method": "HEAD"}, 0),
    "OPTIONS": ({"path": "/?do=method+OPTIONS", "method": "OPTIONS"}, 0),
    "nobody there": ({"port": 81}, 1),
}


@pytest.fixture(scope="module")
def replica(host: Host) -> Iterator[Container]:
    """Provide a replica of the table of traffic, with folders for PATH that hold one tool each."""
    made = host.engine().containers.create(BASE, ["perl", "/replica.pl", "web-0", "80"])
    write_file(made, "/", "replica.pl", REPLICA.read_text())
    made.start()
    for name, links in TOOLS.items():
        made.exec_run(["mkdir", "-p", f"/only/{name}"])
        for link, program in links.items():
            made.exec_run(["ln", "-s", program, f"/only/{name}/{link}"])
    until(lambda: b"listens" in made.logs(), "the replica listens")
    yield made
    made.remove(force=True)


@pytest.mark.engine
@pytest.mark.every_engine
@pytest.mark.parametrize("shell", [["/bin/sh"], ["/usr/bin/busybox", "sh"]], ids=["dash", "ash"])
@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_asks_the_same(replica: Container, tool: str, question: str, shell: list[str]) -> None:
    """Method, path, Host and statuses; no redirect is followed, and no proxy of the environment asked."""
    keys, code = QUESTIONS[question]
    text = ask(Question(**{"path": "/", "port": 80, **keys}))[1]
    code = 1 if tool == "wget" and "method" in keys else code  # busybox's has GET only

    done: Any = replica.exec_run(
        [*shell, "-c", text], environment={"PATH": f"/only/{tool}", "http_proxy": "http://192.0.2.1:1"}
    )

    assert (done.exit_code, "Usage" in done.output.decode()) == (code, False), done.output.decode()


class Asked(http.server.BaseHTTPRequestHandler):
    """Writes down what it is asked and redirects to itself."""

    def do_GET(self) -> None:
        self.server.asked.append((self.command, self.path, self.headers["Host"]))  # type: ignore[attr-defined]
        self.send_response(302)
        self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815
    do_OPTIONS = do_GET  # noqa: N815

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def server() -> Iterator[Any]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asked) as made:
        made.asked = []  # type: ignore[attr-defined]
        threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield made
        made.shutdown()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("tool", ["curl", "bash", "wget"])
@pytest.mark.parametrize("path", ["/", "/healthz", "/a?b=1&c=2", "/~x", "/a%20b", "/x:~/y=~"])
def test_the_same_question_is_asked_once(tool: str, method: str, path: str, tmp_path: Path) -> None:
    """Nothing in a path is a word of the shell's. Here wget is GNU's."""
    (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    with server() as it:
        question = Question(path, it.server_port, "shop.example:81", method)
        done = subprocess.run(
            ["/bin/sh", "-c", ask(question)[1]], env={"PATH": str(tmp_path)}, capture_output=True, timeout=15
        )

    assert done.returncode == 0, done.stderr
    assert it.asked == [(method, path, "shop.example:81")]


@pytest.mark.parametrize("test", [ask(Question("/", 80)), connect(80)], ids=["http", "tcp"])
def test_without_a_tool_the_health_check_says_so(test: list[str], tmp_path: Path) -> None:
    """An image without any of the tools needs a command of its own; the message names the key."""
    done = subprocess.run(
        ["/bin/sh", "-c", test[1]], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "give health.command" in done.stderr


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        ({}, "GET uri / ver HTTP/1.1 hdr Host localhost"),
        (
            {"host_names": ["b.example", "*.a.example", "a.example"]},
            "GET uri / ver HTTP/1.1 hdr Host a.example",
        ),
        (
            {"host_names": ["a.example"], "health": {"host": "b.example", "method": "HEAD", "path": "/h"}},
            "HEAD uri /h ver HTTP/1.1 hdr Host b.example",
        ),
    ],
)
def test_front_end_and_container_ask_the_same(keys: dict[str, Any], asked: str) -> None:
    """One model is behind both."""
    what = service("site", {"image": "httpd:2.4", **keys})
    method, _, path, *_, host = asked.split()

    text = kind_of("haproxy").render(what, "site", {"web": 1})
    test = health_test(what.backends["web"], "http")

    assert f"http-check send meth {asked}\n" in text
    assert f"export path='{path}' host='{host}'" in test[1]
    assert f'printf "{method} %s HTTP/1.1' in test[1]


@pytest.mark.engine
@pytest.mark.pulumi
def test_another_host_name_replaces_no_replica(tmp_path: Path, host: Host) -> None:
    """Replicas ask by the first host name of when they were made; the next ones by that of then."""

    def web(**keys: Any) -> dict[str, Any]:
        return {"services": {"web": web_service(replicas=1, **keys)}}

    def replica() -> Container:
        (found,) = (
            each for each in host.engine().containers.list() if str(each.name).startswith("web-web-0")
        )
        return found

    program = Inline(tmp_path, host, web(host_names=["b.example"]))
    try:
        program.up()
        first = replica()
        assert "host='b.example'" in first.attrs["Config"]["Healthcheck"]["Test"][1]

        program.configure(web(host_names=["a.example", "b.example"]))
        program.up()
        assert replica().id == first.id
        assert program.preview().changes == []

        program.configure(web(host_names=["a.example", "b.example"], environment={"A": "b"}))
        program.up()
        assert replica().id != first.id
        assert "host='a.example'" in replica().attrs["Config"]["Healthcheck"]["Test"][1]
        assert program.preview().changes == []
    finally:
        program.destroy()
