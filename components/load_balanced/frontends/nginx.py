"""nginx 1.22 and later, open source. https://nginx.org/en/docs/http/ngx_http_upstream_module.html"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from types import ModuleType
from typing import TYPE_CHECKING, Optional

from ...program import FOLDER, Program
from ...rendering import render
from . import requests
from .capacity import (
    NGINX_CLIENT_KIB,
    NGINX_FILES,
    client_connections,
    memory_refusals,
    nginx_connections,
    nginx_memory,
    nginx_slots,
    nginx_workers,
    uploads,
)
from .views import Entry, Server, Tasks, backend_times, entry, servers

if TYPE_CHECKING:
    from ..model import Backend, Service
    from ..site import Route, Site

FILE = "nginx.conf"
MAX_FAILS, FAIL_TIMEOUT = 1, 10
LEAST_SHARE = 256
"""Requests that any client address may have at the same time: those of an office behind one address."""
_INSTEAD = "drop it, or set front_end.kind haproxy"


@dataclass(frozen=True)
class _Peer:
    server: Server
    max_fails: int
    """0: it is never avoided."""
    backup: bool


@dataclass(frozen=True)
class _Upstream:
    peers: list[_Peer]
    algorithm: Optional[str]
    zone: int
    """Shared memory of the upstream, in KiB: workers agree on what is down."""
    fail_timeout: int


@dataclass(frozen=True)
class _Backend:
    name: str
    upstream: Optional[_Upstream]
    tasks: Optional[Tasks]
    """Instead of an upstream: a name in a variable is resolved while it runs, and may not exist yet."""
    tries: int
    connect: int
    deadline: Optional[int]
    """Milliseconds until an answer begins, for requests that ask for no stream of events."""
    server: int
    tunnel: int
    uploads: Optional[int]
    """Requests that may wait for the rest of their bodies; None where nobody knows how many servers there
    are."""
    host_names: list[str]


@dataclass(frozen=True)
class _View:
    entry: Entry
    requests: ModuleType
    workers: int
    connections: int
    files: int
    per_client: Optional[int]
    counters: int
    """Shared memory in which the requests of each client are counted, in KiB."""
    upload_counters: int
    """The same for the uploads of each backend."""
    log: Optional[str]
    backends: list[_Backend]


class Nginx:
    """The front end of those who know nginx; what only HAProxy can do is refused."""

    default_image = "nginx:1.28"
    program = Program(
        file=FILE,
        run=("nginx", "-g", "daemon off;", "-c", f"{FOLDER}/{FILE}"),
        check=("nginx", "-t", "-q", "-c", f"{FOLDER}/{FILE}"),
        reload_signal="SIGHUP",
        stop_signal="SIGQUIT",
        ready=None,
        # A killed worker is started again at once; with too few files, requests would fail later.
        failed=r"\[emerg\]|\[alert\].*(exited on signal|setrlimit)",
        remedies=(
            (
                'invalid parameter "resolve"',
                "this nginx is older than 1.27.3: use a newer image, or set front_end.resolve: false "
                "(then a replica that comes back at another address is found at the next change)",
            ),
            (
                'unknown directive "stream"',
                "this nginx has no stream module: use the official image, or front_end.kind haproxy",
            ),
            requests.NO_IPV6,
        ),
    )

    def refusals(self, service: "Service") -> list[str]:
        """See FrontEndKind."""
        return [
            *_refusals(service),
            *(
                f"backends.{name}.{key}: nginx has no backup servers with algorithm source{why}; {_INSTEAD}"
                for name, backend in sorted(service.backends.items())
                if backend.algorithm == "source"
                for key, why in (
                    ("backup_replicas", ""),
                    ("max_fails", ", which serve when all replicas are avoided"),
                    ("fail_timeout", ", which serve when all replicas are avoided"),
                )
                if getattr(backend, key)
            ),
        ]

    def refusals_for_tasks(self, site: "Site") -> list[str]:
        """See FrontEndKind."""
        found = _refusals(site)
        for name, backend in sorted(site.backends.items()):
            chosen = ["max_fails"] if backend.max_fails is not None else []
            chosen += [
                f"health.{key}"
                for key in ("host", "method", "port", "status")
                if key in backend.health.model_fields_set
            ]
            if backend.algorithm != "roundrobin":
                chosen.insert(0, "algorithm")
            if backend.max_uploads is not None:
                found.append(
                    f"backends.{name}.max_uploads: nginx does not know how many tasks there are; {_INSTEAD}"
                )
            found += [
                f"backends.{name}.{key}: nginx looks the addresses of tasks up again and again and remembers "
                f"nothing about them; {_INSTEAD}"
                for key in chosen
            ]
        return found

    def files(self, site: "Site", servers: int) -> int:
        """See FrontEndKind."""
        return _files(site)

    def render(self, service: "Service", component: str, generations: Mapping[str, int]) -> str:
        """See FrontEndKind."""
        upstreams = {
            name: _upstream(service, backend, servers(name, backend, component, generations[name]))
            for name, backend in service.backends.items()
        }
        return _render(service, upstreams)

    def render_for_tasks(self, site: "Site", tasks: Mapping[str, Tasks]) -> str:
        """See FrontEndKind."""
        return _render(site, tasks)


def _files(site: "Site") -> int:
    """Files that one worker may have open; idle connections to servers are among its connections."""
    return nginx_slots(site.front_end) + NGINX_FILES


def _refusals(site: "Site") -> list[str]:
    found = memory_refusals(site, nginx_connections(site.front_end), nginx_memory(site.front_end))
    if "queue" in site.front_end.timeouts.model_fields_set:
        found.append(f"front_end.timeouts.queue: nginx open source has no queue; {_INSTEAD}")
    for name, backend in sorted(site.backends.items()):
        key = f"backends.{name}"
        if backend.health.active:
            found.append(
                f"{key}.health.active: nginx open source has no active health check; {_INSTEAD} "
                "(nginx avoids a replica after max_fails, for fail_timeout)"
            )
        if ignored := sorted({"interval", "timeout", "fall", "rise"} & backend.health.model_fields_set):
            found.append(
                f"{key}.health.{ignored[0]}: it is about the active health check, which nginx open "
                f"source does not have; {_INSTEAD}"
            )
        if backend.cookie:
            found.append(
                f"{key}.cookie: nginx open source has no cookie affinity; {_INSTEAD}, "
                "or set algorithm: source"
            )
        if backend.timeouts.queue is not None:
            found.append(f"{key}.timeouts.queue: nginx open source has no queue; {_INSTEAD}")
        if backend.max_connections is not None:
            found.append(
                f"{key}.max_connections: nginx open source has no queue, it would answer 502 over "
                f"the limit; {_INSTEAD}"
            )
    return found


def _render(site: "Site", servers: Mapping[str, _Upstream | Tasks]) -> str:
    front_end, log = site.front_end, site.front_end.log
    connections = nginx_connections(front_end)
    view = _View(
        entry=entry(site),
        requests=requests,
        workers=nginx_workers(front_end),
        connections=nginx_slots(front_end),
        files=_files(site),
        per_client=client_connections(site, connections, max(connections // 2, LEAST_SHARE)),
        counters=max(64, ceil(connections * NGINX_CLIENT_KIB)),
        upload_counters=max(64, len(site.backends)),
        log=f"syslog:server={log.address},facility={log.facility}" if log else None,
        backends=[
            _backend(site, name, backend, servers[name]) for name, backend in sorted(site.backends.items())
        ],
    )
    return render("nginx/nginx.conf.j2", view)


def _upstream(service: "Service", backend: "Backend", servers: list[Server]) -> _Upstream:
    peer = "$remote_addr" if service.mode == "tcp" else "$binary_remote_addr"
    algorithms = {"leastconn": "least_conn", "source": f"hash {peer} consistent"}
    return _Upstream(
        peers=_peers(backend, servers),
        algorithm=algorithms.get(backend.algorithm),
        zone=64 + 8 * backend.replicas,
        fail_timeout=backend.fail_timeout or FAIL_TIMEOUT,
    )


def _peers(backend: "Backend", servers: list[Server]) -> list[_Peer]:
    """The servers, and the backups that serve when all of them are avoided.

    A client whose requests fail everywhere has all servers avoided, also for those whose requests would
    succeed. Backups are never avoided: the chosen ones, or else the servers themselves once more.
    """
    if len(servers) == 1 or backend.algorithm == "source":
        return [_Peer(server, 0, backup=False) for server in servers]
    chosen = [server for server in servers if server.backup]
    return [
        *(
            _Peer(server, backend.max_fails or MAX_FAILS, backup=False)
            for server in servers
            if not server.backup
        ),
        *(_Peer(server, 0, backup=True) for server in chosen or servers),
    ]


def _backend(site: "Site", name: str, backend: "Route", servers: _Upstream | Tasks) -> _Backend:
    times = backend_times(site, backend)
    return _Backend(
        name=name,
        upstream=servers if isinstance(servers, _Upstream) else None,
        tasks=servers if isinstance(servers, Tasks) else None,
        tries=backend.retries + 1,
        connect=times.connect,
        deadline=times.deadline,
        server=times.server,
        tunnel=times.tunnel,
        uploads=uploads(backend) * sum(not peer.backup for peer in servers.peers)
        if isinstance(servers, _Upstream)
        else None,
        host_names=sorted(backend.host_names),
    )
