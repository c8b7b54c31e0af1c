"""Configurations that a good engineer writes by hand for the same duty.

The duty: access log, health checks, kept connections, and the same headers for the replicas. One more
header is 3 % of the work of HAProxy for a small request.
"""

from collections.abc import Sequence
from pathlib import Path

from components.proxies.registry import kind_of

SERVER = {
    "haproxy": "    server {name} {name}:80",
    "nginx": "        server {name}:80 max_fails=1 fail_timeout=10s;",
}


def configuration(kind: str, servers: Sequence[str], port: int) -> str:
    """Return the configuration of that kind for servers on port 80, by network name."""
    text = Path(__file__).with_name(kind_of(kind).program.file).read_text()
    lines = "\n".join(SERVER[kind].format(name=name) for name in servers)
    return text.replace("@PORT@", str(port)).replace("@SERVERS@", lines)
