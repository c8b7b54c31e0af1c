"""Memory and open files that a proxy needs for the connections it may have.

Measured with HAProxy 2.6 and nginx 1.22: a connection whose buffers are full took 36 and 48 KiB, one without
a body 5 and 14 KiB. HAProxy with 64 threads took 25 MiB without connections, nginx 4 MiB.
"""

from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..site import Proxy, Site

KIB_IN_MIB = 1024
COMMON_FILES = 4096
"""Open files that an engine of any host lets a container have."""

HAPROXY_MIB, HAPROXY_CONNECTION_KIB = 32, 40
HAPROXY_FILES = 256
"""Files of HAProxy that are no connections: three a thread, listeners, logs."""
NGINX_MIB, NGINX_CONNECTION_KIB = 16, 48
NGINX_WORKER_MIB, NGINX_SLOT_KIB = 1, 0.43
"""nginx gives each worker all its connections' slots at its start, whether they are used or not."""
NGINX_FILES = 64
MIB_FOR_EACH_WORKER = 64


def haproxy_memory(front_end: "Proxy") -> int:
    """MiB that HAProxy needs."""
    return ceil(HAPROXY_MIB + front_end.max_connections * HAPROXY_CONNECTION_KIB / KIB_IN_MIB)


def nginx_slots(front_end: "Proxy") -> int:
    """Connections of one nginx worker: a proxied request holds two, and one worker may get them all."""
    return 2 * front_end.max_connections + 32


def nginx_memory(front_end: "Proxy", workers: int = 1) -> int:
    """MiB that nginx needs with so many workers; during a reload there are twice as many."""
    worker = NGINX_WORKER_MIB + nginx_slots(front_end) * NGINX_SLOT_KIB / KIB_IN_MIB
    connections = front_end.max_connections * NGINX_CONNECTION_KIB / KIB_IN_MIB
    return ceil(NGINX_MIB + connections + 2 * workers * worker)


def nginx_workers(front_end: "Proxy") -> int:
    """Number of workers: one for each 64 MiB, and no more than the memory holds, on any number of cores."""
    most = max(1, front_end.memory // MIB_FOR_EACH_WORKER)
    return next((n for n in range(most, 1, -1) if nginx_memory(front_end, n) <= front_end.memory), 1)


def memory_refusals(site: "Site", needed: int) -> list[str]:
    """Why the memory of the proxy cannot hold its connections; empty when it can."""
    front_end = site.front_end
    if front_end.memory >= needed:
        return []
    return [
        f"front_end.memory must be at least {needed} MiB for front_end.max_connections "
        f"{front_end.max_connections} with {front_end.kind}, got {front_end.memory}: raise memory, or lower "
        "max_connections"
    ]
