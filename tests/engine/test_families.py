"""Networks of one family of addresses hold no client of the other, which only HAProxy could confuse."""

import http.server
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from components.load_balanced.validation import service
from components.proxies.registry import kind_of
from components.proxies.views import server_addresses
from tests.bench.process import run, until
from tests.engine.test_gateway_start import running

pytestmark = pytest.mark.engine

NETWORKS = ["127.0.0.0/8", "fd00:77::/64"]
WITHIN = ["127.0.0.1", "fd00:77::1"]
OUTSIDE = ["2002:7f00:1::1", "fd00:78::1"]
"""The first holds the bytes of an address within 127.0.0.0/8."""


class Echo(http.server.BaseHTTPRequestHandler):
    """A replica that answers with the header X-Forwarded-For."""

    def do_GET(self) -> None:
        text = str(self.headers["X-Forwarded-For"]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: object) -> None:
        pass


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def entry(tmp_path: Path) -> Iterator[int]:
    """Provide the port of a HAProxy in front of a replica; this machine has the addresses of its clients."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as replica:
        threading.Thread(target=replica.serve_forever).start()
        port = free_port()
        args = {
            "host": {"address": "unix:///run/docker.sock"},
            "front_end": {"port": port, "resolve": False, "trusted_proxies": NETWORKS},
            "backends": {
                "open": {"image": "app:1", "port": replica.server_address[1], "host_names": ["a.example"]},
                "closed": {
                    "image": "app:1",
                    "port": replica.server_address[1],
                    "host_names": ["b.example"],
                    "allow_from": NETWORKS,
                },
            },
        }
        what = service("site", args)
        generations = dict.fromkeys(what.backends, 1)
        text = kind_of("haproxy").render(what, "site", generations)
        for address in server_addresses(what, "site", generations):
            text = text.replace(f" {address}:", " 127.0.0.1:")
        own = [each for each in (*WITHIN, *OUTSIDE) if ":" in each]
        try:
            for each in own:
                run(["ip", "addr", "add", f"{each}/128", "dev", "lo"])
            with running("haproxy", text, tmp_path):
                until(lambda: asked(port, "127.0.0.1", "a.example")[0] == 200, "it serves")
                yield port
        finally:
            for each in own:
                subprocess.run(["ip", "addr", "del", f"{each}/128", "dev", "lo"], check=False)
            replica.shutdown()


def asked(port: int, client: str, host: str) -> tuple[int, str]:
    """Return status and text of the answer that a client gets, which calls itself 198.51.100.9."""
    request = f"GET / HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: 198.51.100.9\r\nConnection: close\r\n\r\n"
    to = "::1" if ":" in client else "127.0.0.1"
    try:
        with socket.create_connection((to, port), 5, (client, 0)) as connection:
            connection.sendall(request.encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    except OSError:
        return 0, ""
    return int((answer.split() or ["", "0"])[1]), answer.partition("\r\n\r\n")[2]


def test_a_network_has_no_client_of_the_other_family(entry: int) -> None:
    """Only clients within are believed, and get in."""
    for client in WITHIN:
        assert asked(entry, client, "a.example") == (200, f"198.51.100.9, {client}")
        assert asked(entry, client, "b.example")[0] == 200
    for client in OUTSIDE:
        assert asked(entry, client, "a.example") == (200, client)
        assert asked(entry, client, "b.example")[0] == 403
