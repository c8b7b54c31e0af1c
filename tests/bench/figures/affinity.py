"""`python -m tests.bench.figures.affinity`: which clients another server gets with `algorithm: source`.

400 clients of the loopback network, each with an address of its own, ask a real proxy with the generated
configuration. Servers are addresses of the loopback network, too: another generation has others.
"""

import http.client
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from components.load_balanced.validation import service
from components.naming import replica_alias
from components.proxies.registry import kind_of

CLIENTS = 400
CLOSED = 9
"""Port of a server that is down."""
CASES: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "another image": ({"replicas": 3}, {"replicas": 3, "generation": 2}),
    "one more (3 to 4)": ({"replicas": 3}, {"replicas": 4}),
    "one fewer (4 to 3)": ({"replicas": 4}, {"replicas": 3}),
    "the first of three is down": ({"replicas": 3}, {"replicas": 3, "down": [0]}),
    "another name of the backend": ({"replicas": 3}, {"replicas": 3, "name": "site"}),
    "other weights (1, 1, 1 to 2, 1, 1)": ({"replicas": 3}, {"replicas": 3, "weights": [2, 1, 1]}),
}
"""Changes of a backend: its arguments before and after."""


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: else the proxy waits 40 ms for the second

    def do_GET(self) -> None:
        """Answer with the index of the server, which is the last number of its address."""
        text = str(int(str(self.connection.getsockname()[0]).rpartition(".")[2]) - 1).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of a health check that ends with a reset."""


@contextmanager
def _servers(generation: int, indexes: Sequence[int]) -> Iterator[dict[int, int]]:
    """Provide running servers: the port of each index."""
    running = {index: _Server((f"127.9.{generation}.{index + 1}", 0), _Answers) for index in indexes}
    for each in running.values():
        Thread(target=each.serve_forever, args=[0.02], daemon=True).start()
    try:
        yield {index: each.server_port for index, each in running.items()}
    finally:
        for each in running.values():
            each.shutdown()
            each.server_close()


def _free() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("", 0)) as listener:
        return int(listener.getsockname()[1])


def configuration(
    kind: str, port: int, ports: Mapping[int, int], replicas: int, generation: int, name: str, **keys: Any
) -> str:
    """Return the generated text, with addresses of the loopback network for the names of replicas."""
    front_end = {"kind": kind, "port": port, "resolve": False, "max_connections": 1000}
    args: Any = {"image": "app", "replicas": replicas, "name": name, "front_end": front_end, **keys}
    text = kind_of(kind).render(service("x", {**args, "algorithm": "source"}), "x", {name: generation})
    for index in range(replicas):
        alias = replica_alias("x", name, index, generation)
        text = text.replace(f" {alias}:80", f" 127.9.{generation}.{index + 1}:{ports.get(index, CLOSED)}")
    return text


@contextmanager
def _proxy(kind: str, text: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "configuration"
        file.write_text(text.replace("/tmp/", f"{folder}/"))
        argv = (
            ["haproxy", "-db", "-f", str(file)]
            if kind == "haproxy"
            else ["nginx", "-g", "daemon off;", "-c", str(file)]
        )
        running = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield
        finally:
            running.terminate()
            running.wait(10)


def _ask(port: int, client: int) -> int:
    """Return the server that a client gets."""
    source = (f"127.8.{client // 200}.{client % 200 + 1}", 0)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20, source_address=source)
    connection.request("GET", "/", headers={"Host": "a.example", "Connection": "close"})
    answer = connection.getresponse()
    found = answer.read()
    connection.close()
    return int(found) if answer.status == 200 else -1


def asked(
    kind: str, until: Callable[[Callable[[], bool], str], object], *, clients: int = CLIENTS, **keys: Any
) -> list[int]:
    """Ask for the server of each client. `until` waits for a condition."""
    down, keys = keys.pop("down", []), {"generation": 1, "name": "web", **keys}
    port = _free()

    def ask(client: int) -> int:
        return _ask(port, client)

    def serves() -> bool:
        try:
            return ask(clients + 1) >= 0
        except OSError:
            return False

    up = [index for index in range(keys["replicas"]) if index not in down]
    with (
        _servers(keys["generation"], up) as ports,
        _proxy(kind, configuration(kind, port, ports, **keys)),
    ):
        until(serves, f"{kind} serves")
        for _ in down:  # HAProxy's check finds it out, nginx a request of each worker
            until(lambda: {ask(client) for client in range(40)} <= {*up}, "the server is avoided")
        return [ask(client) for client in range(clients)]


def moved(before: Sequence[int], after: Sequence[int], down: Sequence[int] = ()) -> float:
    """Return the part of clients whose server is another one, of those whose server is not down."""
    pairs = [(one, other) for one, other in zip(before, after, strict=True) if one not in down]
    return sum(one != other for one, other in pairs) / len(before)


def main() -> None:
    """Print the table of docs/front-ends.md."""
    from tests.bench.process import until

    print("| what changes | haproxy | nginx |\n|---|---|---|")
    for what, (before, after) in CASES.items():
        down = after.get("down", [])
        shares = [
            f"{moved(asked(kind, until, **before), asked(kind, until, **after), down):.1%}"
            for kind in ("haproxy", "nginx")
        ]
        print(f"| {what} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
