"""Upstreams of nginx: the servers of a backend, and those that stand in for them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from .capacity import SPARES
from .views import Server

if TYPE_CHECKING:
    from .model import Backend, Service

MAX_FAILS, FAIL_TIMEOUT = 1, 10
KEPT = 64


@dataclass(frozen=True)
class Peer:
    """A server in an upstream."""

    server: Server
    max_fails: int
    """0: it is never avoided."""
    backup: bool


@dataclass(frozen=True)
class Upstream:
    """Servers among which nginx chooses."""

    name: str
    peers: list[Peer]
    algorithm: Optional[str]
    cookie: Optional[str]
    zone: int
    """Shared memory of the upstream, in KiB: workers agree on what is down."""
    keepalive: int
    """Idle connections to its servers that a worker keeps."""
    fail_timeout: int


def upstreams_of(name: str, service: "Service", backend: "Backend", servers: list[Server]) -> list[Upstream]:
    """Return one upstream, or one for each server and its own clients; the next servers stand in."""

    def upstream(name: str, peers: list[Peer], algorithm: Optional[str], keepalive: int) -> Upstream:
        return Upstream(
            name=name,
            peers=peers,
            algorithm=algorithm,
            cookie=backend.cookie,
            zone=64 + 8 * (len(peers) if own else len(servers)),
            keepalive=keepalive,
            fail_timeout=backend.fail_timeout or FAIL_TIMEOUT,
        )

    own = backend.algorithm == "source" and backend.cookie is None and len(servers) > 1
    if not own:
        peer = "$remote_addr" if service.mode == "tcp" else "$binary_remote_addr"
        algorithms = {"leastconn": "least_conn", "source": f"hash {peer} consistent"}
        return [upstream(name, _peers(backend, servers), algorithms.get(backend.algorithm), KEPT)]
    found = []
    for index, server in enumerate(servers):
        others = [*servers[index + 1 :], *servers[:index]][: max(1, backend.retries)]
        peers = [Peer(server, backend.max_fails or MAX_FAILS, backup=False)]
        peers += [Peer(other, 0, backup=True) for other in others]
        found.append(upstream(f"{name}_{index}", peers, None, max(2, KEPT // len(servers))))
    return found


def _peers(backend: "Backend", servers: list[Server]) -> list[Peer]:
    """Return the servers, and the backups that serve when all of them are avoided.

    A client whose requests fail everywhere has all servers avoided, also for those whose requests would
    succeed. Backups are never avoided: the chosen ones, or else the first of the servers themselves.
    """
    if len(servers) == 1 or backend.algorithm == "source":
        return [Peer(server, 0, backup=False) for server in servers]
    chosen = [server for server in servers if server.backup]
    return [
        *(
            Peer(server, backend.max_fails or MAX_FAILS, backup=False)
            for server in servers
            if not server.backup
        ),
        *(Peer(server, 0, backup=True) for server in chosen or servers[:SPARES]),
    ]
