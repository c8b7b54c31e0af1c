"""Connections that a proxy may have, and the memory and open files that it needs for them.

Measured with HAProxy 2.6 and nginx 1.22: a connection whose buffers are full took 36 and 48 KiB, one without
a body 5 and 14 KiB. TLS took 21 and 36 KiB more. HAProxy with 64 threads took 25 MiB without connections,
nginx 4 MiB.
"""

from math import ceil
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from .site import Proxy, Route, Site

KIB_IN_MIB = 1024
COMMON_FILES = 4096
"""Open files that an engine of any host lets a container have."""

HAPROXY_MIB, HAPROXY_CONNECTION_KIB = 32, 40
HAPROXY_FILES = 256
"""Files of HAProxy that are no connections: three a thread, listeners, logs."""
NGINX_MIB, NGINX_CONNECTION_KIB = 16, 48
HAPROXY_TLS_KIB, NGINX_TLS_KIB = 24, 40
"""Memory that TLS adds to a connection."""
NGINX_WORKER_MIB, NGINX_SLOT_KIB = 1, 0.43
"""nginx gives each worker all its connections' slots at its start, whether they are used or not."""
NGINX_SPARE_SLOTS, NGINX_FILES = 32, 64
"""Slots of a worker, and files beyond them, that no client takes."""
NGINX_CLIENT_KIB = 0.25
"""A client's entry in the shared memory that counts its requests, twice the 128 bytes that it takes."""
MIB_FOR_EACH_WORKER = 64

MOST_CONNECTIONS = 4000
"""Connections without a `max_connections`, where the memory holds them: those of 2,000 idle clients and of
1,000 that never finish a request cost the others nothing."""
SERVER_SLOTS = 32
"""Requests that a server gets at the same time, where nobody sets another limit and the proxy has a queue."""
SPARES = 256
"""Servers of a backend that stand once more as backups, at most: for the moments in which all are avoided."""
UPLOAD_SHARE = 0.75
"""Part of a server's requests that may wait for the rest of their bodies."""


def haproxy_connections(front_end: "Proxy") -> int:
    """Return the client connections of HAProxy: as many as wanted, or as the memory holds."""
    held = (front_end.memory - HAPROXY_MIB) * KIB_IN_MIB // _haproxy_kib(front_end)
    return front_end.max_connections or min(MOST_CONNECTIONS, max(1, held))


def nginx_connections(front_end: "Proxy") -> int:
    """Return the client connections of nginx: as many as wanted, or as the memory holds with all workers."""
    workers = _most_workers(front_end)
    fixed = NGINX_MIB + 2 * workers * (NGINX_WORKER_MIB + NGINX_SPARE_SLOTS * NGINX_SLOT_KIB / KIB_IN_MIB)
    each = _nginx_kib(front_end) + 2 * workers * 2 * NGINX_SLOT_KIB
    held = int((front_end.memory - fixed) * KIB_IN_MIB / each)
    return front_end.max_connections or min(MOST_CONNECTIONS, max(1, held))


def client_connections(site: "Site", connections: int, share: int) -> Optional[int]:
    """Return the connections for one client address, by default the part `share`; None without a limit."""
    if not site.knows_clients:
        return None
    limit = site.front_end.max_connections_per_client or share
    return limit if limit < connections else None


def uploads(backend: "Route") -> int:
    """Return the number of requests of a server that may wait for the rest of their bodies."""
    return backend.max_uploads or max(1, int((backend.max_connections or SERVER_SLOTS) * UPLOAD_SHARE))


def haproxy_memory(front_end: "Proxy") -> int:
    """Return the MiB that HAProxy needs."""
    return ceil(HAPROXY_MIB + haproxy_connections(front_end) * _haproxy_kib(front_end) / KIB_IN_MIB)


def nginx_slots(front_end: "Proxy") -> int:
    """Return the connections of one nginx worker: a request holds two, and one worker may get them all."""
    return 2 * nginx_connections(front_end) + NGINX_SPARE_SLOTS


def nginx_memory(front_end: "Proxy", workers: int = 1) -> int:
    """Return the MiB that nginx needs with so many workers; during a reload there are twice as many."""
    worker = NGINX_WORKER_MIB + nginx_slots(front_end) * NGINX_SLOT_KIB / KIB_IN_MIB
    connections = nginx_connections(front_end) * _nginx_kib(front_end) / KIB_IN_MIB
    return ceil(NGINX_MIB + connections + 2 * workers * worker)


def nginx_workers(front_end: "Proxy") -> int:
    """Return the number of workers: one for each 64 MiB, and no more than the memory holds."""
    most = _most_workers(front_end)
    return next((n for n in range(most, 1, -1) if nginx_memory(front_end, n) <= front_end.memory), 1)


def _haproxy_kib(front_end: "Proxy") -> int:
    return HAPROXY_CONNECTION_KIB + (HAPROXY_TLS_KIB if front_end.tls else 0)


def _nginx_kib(front_end: "Proxy") -> float:
    return NGINX_CONNECTION_KIB + NGINX_CLIENT_KIB + (NGINX_TLS_KIB if front_end.tls else 0)


def _most_workers(front_end: "Proxy") -> int:
    return max(1, front_end.memory // MIB_FOR_EACH_WORKER)


def memory_refusals(site: "Site", connections: int, needed: int) -> list[str]:
    """Return why the memory of the proxy cannot hold its connections; empty when it can."""
    front_end = site.front_end
    if front_end.memory >= needed:
        return []
    return [
        (
            f"front_end.memory must be at least {needed} MiB for front_end.max_connections "
            f"{connections} with {front_end.kind}, got {front_end.memory}: raise memory, or lower "
            "max_connections"
        )
    ]
