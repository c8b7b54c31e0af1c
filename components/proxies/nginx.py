"""nginx 1.22 and later, open source. https://nginx.org/en/docs/http/ngx_http_upstream_module.html"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from types import ModuleType
from typing import TYPE_CHECKING, Optional

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
from .program import FOLDER, Program
from .rendering import render
from .served import Given
from .shares import WHOLE, shares
from .upstreams import Upstream, upstreams_of
from .views import Entry, Tasks, Times, backend_times, entry, milliseconds, servers
from .ways import Ways

if TYPE_CHECKING:
    from .model import Service
    from .site import Route, Site

FILE = "nginx.conf"
LEAST_SHARE = 256
"""Requests that any client address may have at the same time: those of an office behind one address."""
_INSTEAD = "drop it, or set front_end.kind haproxy"


@dataclass(frozen=True)
class _Backend:
    name: str
    variable: str
    """End of the names of its variables."""
    upstreams: list[Upstream]
    shares: list[tuple[str, str]]
    """Parts of all clients in percent, each with the upstream that it gets; none where there is only one.
    nginx hashes the names of servers, and those change with each generation."""
    target: str
    """Name or variable of the upstream of a request."""
    tasks: Optional[Tasks]
    """Instead of upstreams: a name in a variable is resolved while it runs, and may not exist yet."""
    times: Times
    given: "Route"
    """Arguments of the backend: the template prints a value from here that needs no computing."""
    uploads: Optional[int]
    """Requests that may wait for the rest of their bodies; None where nobody knows how many servers there
    are."""
    host_names: list[str]
    """Host names that choose it whatever the path is."""


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
    """Shared memory in which the uploads of each backend are counted, in KiB."""
    log: Optional[str]
    kept: Optional[int]
    """Milliseconds for which a reload keeps an idle client; None for an nginx that may be too old."""
    backends: dict[str, _Backend]

    @property
    def limited(self) -> list[_Backend]:
        """Backends with a `rate_limit`."""
        return [each for each in self.backends.values() if each.given.rate_limit]


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
                (
                    "this nginx is older than 1.27.4: use a newer image, or set front_end.resolve: false "
                    "(then a replica that comes back at another address is found at the next change)"
                ),
            ),
            (
                'unknown directive "keepalive_min_timeout"',
                (
                    "this nginx is older than 1.27.4: use a newer image, or set front_end.resolve: false "
                    "(then a reload closes connections of idle clients, and a replica that comes back at "
                    "another address is found at the next change)"
                ),
            ),
            (
                'unknown directive "sticky"',
                (
                    "this nginx is older than 1.29.6 and has no cookie affinity: use a newer image "
                    "(nginx:1.30), or set front_end.kind haproxy, or algorithm: source instead of cookie"
                ),
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
            chosen = [key for key in ("cookie", "max_fails") if getattr(backend, key) is not None]
            chosen += [
                f"health.{key}"
                for key in ("host", "method", "path", "port", "status")
                if key in backend.health.model_fields_set
            ]
            if backend.algorithm != "roundrobin":
                chosen.insert(0, "algorithm")
            found += [
                f"backends.{name}.{key}: nginx does not know how many tasks there are; {_INSTEAD}"
                for key in ("max_tasks", "max_uploads")
                if key in backend.model_fields_set
            ]
            found += [
                f"backends.{name}.{key}: nginx looks the addresses of tasks up again and again and remembers "
                f"nothing about them; {_INSTEAD}"
                for key in chosen
            ]
        return found

    def files(self, site: "Site", servers: int) -> int:
        """See FrontEndKind."""
        return _files(site)

    def render(
        self, service: "Service", component: str, generations: Mapping[str, int], certificates: Given = ()
    ) -> str:
        """See FrontEndKind."""
        upstreams = {
            name: upstreams_of(name, service, backend, servers(name, backend, component, generations[name]))
            for name, backend in service.backends.items()
        }
        return _render(service, upstreams, certificates)

    def render_for_tasks(self, site: "Site", tasks: Mapping[str, Tasks], certificates: Given = ()) -> str:
        """See FrontEndKind."""
        return _render(site, tasks, certificates)


def _files(site: "Site") -> int:
    """Return the files that one worker may have open, with its idle connections to servers."""
    return nginx_slots(site.front_end) + NGINX_FILES


def _refusals(site: "Site") -> list[str]:
    found = memory_refusals(site, nginx_connections(site.front_end), nginx_memory(site.front_end))
    if "queue" in site.front_end.timeouts.model_fields_set:
        found.append(f"front_end.timeouts.queue: nginx open source has no queue; {_INSTEAD}")
    if site.mode == "tcp":
        found += _refused_times(site)
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
        if backend.cookie and site.mode == "tcp":
            found.append(
                f"{key}.cookie: a TCP connection has no cookie; set algorithm: source, or front_end.mode http"
            )
        if place := backend.response_headers.place("server"):
            found.append(
                f"{key}.response_headers.{place}: nginx names itself in the header Server; {_INSTEAD}"
            )
        if backend.timeouts.queue is not None:
            found.append(f"{key}.timeouts.queue: nginx open source has no queue; {_INSTEAD}")
        if backend.max_connections is not None:
            found.append(
                f"{key}.max_connections: nginx open source has no queue, it would answer 502 over "
                f"the limit; {_INSTEAD}"
            )
    return found


def _refused_times(site: "Site") -> list[str]:
    """Refuse the time-outs that nginx does not have for a TCP connection."""
    keys = [
        f"front_end.timeouts.{key}"
        for key in ("client", "server")
        if key in site.front_end.timeouts.model_fields_set
    ]
    keys += [
        f"backends.{name}.timeouts.server"
        for name, backend in sorted(site.backends.items())
        if backend.timeouts.server is not None
    ]
    return [
        f"{key}: nginx has one time-out for both sides of a TCP connection, front_end.timeouts.tunnel: "
        "set that one, or set front_end.kind haproxy"
        for key in keys
    ]


def _render(site: "Site", servers: Mapping[str, list[Upstream] | Tasks], certificates: Given = ()) -> str:
    front_end, log = site.front_end, site.front_end.log
    connections, clients = nginx_connections(front_end), entry(site, certificates)
    found = clients.ways
    view = _View(
        entry=clients,
        requests=requests,
        workers=nginx_workers(front_end),
        connections=nginx_slots(front_end),
        files=_files(site),
        per_client=client_connections(site, connections, max(connections // 2, LEAST_SHARE)),
        counters=max(64, ceil(connections * NGINX_CLIENT_KIB)),
        upload_counters=max(64, len(site.backends)),
        log=f"syslog:server={log.address},facility={log.facility}" if log else None,
        kept=min(milliseconds(front_end.timeouts.keep_alive), milliseconds(site.drain))
        if site.reloads and site.resolve
        else None,
        backends={
            name: _backend(site, found, name, backend, servers[name])
            for name, backend in sorted(site.backends.items())
        },
    )
    return render("nginx/nginx.conf.j2", view)


def _backend(
    site: "Site", found: Ways, name: str, backend: "Route", servers: list[Upstream] | Tasks
) -> _Backend:
    upstreams = servers if isinstance(servers, list) else []
    parts = shares([each.peers[0].server.weight for each in upstreams]) if len(upstreams) > 1 else []
    variable = name.replace("-", "_")
    target = f"$own_{variable}" if parts else name
    return _Backend(
        name=name,
        variable=variable,
        upstreams=upstreams,
        shares=[(f"{size / WHOLE:.1%}", upstreams[index].name) for size, index in parts],
        target=target if upstreams else "$tasks",
        tasks=servers if isinstance(servers, Tasks) else None,
        times=backend_times(site, backend),
        given=backend,
        uploads=uploads(backend) * sum(not peer.backup for each in upstreams for peer in each.peers)
        if upstreams
        else None,
        host_names=list(found.plain[name]),
    )
