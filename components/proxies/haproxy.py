"""HAProxy 2.6 and later, as a master with workers. https://docs.haproxy.org/2.6/configuration.html"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from math import ceil
from types import ModuleType
from typing import TYPE_CHECKING, Optional

from . import requests
from .capacity import (
    HAPROXY_FILES,
    SERVER_SLOTS,
    SPARES,
    client_connections,
    haproxy_connections,
    haproxy_memory,
    memory_refusals,
    uploads,
)
from .families import by_family
from .health import GOOD, Question
from .program import FOLDER, Program
from .rendering import render
from .served import Given
from .views import Entry, Server, Tasks, Times, backend_times, entry, milliseconds, servers
from .ways import Branch, Place, Ways

if TYPE_CHECKING:
    from .model import Service
    from .site import Route, Site

FILE = "haproxy.cfg"
TUNNELS = "_tunnels"
RATES = 8192
"""Clients of a backend whose requests are counted; then the one that was silent for longest is forgotten."""
CROWDED = 0.75
"""Part of all connections; with more, idle ones are worth less than new ones."""
RESERVE, SHARE, LEAST_SHARE = 8, 64, 64
"""The last eighth of all connections is for client addresses that have no more than a sixty-fourth, and no
more than so many."""


@dataclass(frozen=True)
class _Backend:
    name: str
    section: str
    suffix: str
    """End of its servers' names."""
    tracks: bool
    """True if the health of its servers is that of the backend's first section, whose servers are checked."""
    servers: list[Server]
    tasks: Optional[Tasks]
    """Instead of servers."""
    backups: int
    spares: bool
    """True if names stand twice among the servers."""
    algorithm: str
    cookie: Optional[str]
    check: Optional[str]
    """Options of every server for its health check, or None without one."""
    question: Optional[Question]
    """The health check's question; None when a connection is answer enough."""
    expected: Optional[str]
    """Statuses of a healthy server, where they are not what HAProxy expects by itself."""
    check_timeout: int
    passive: str
    """Options of every server that is no backup: with failed requests it is avoided."""
    max_connections: Optional[int]
    uploads: int
    """Requests of each server that may wait for the rest of their bodies."""
    retry_on: str
    times: Times
    given: "Route"
    """Arguments of the backend: the template prints a value from here that needs no computing."""
    hosts: list[str]
    """Host names that choose it whatever the path is, without wildcards."""
    strips: list[tuple[Place, Branch]]
    """Routes that lead to it, one of which takes its prefix off."""


@dataclass(frozen=True)
class _View:
    entry: Entry
    requests: ModuleType
    frontend: str
    """Name of the section for clients."""
    resolvers: str
    """Name of the section for the engine's DNS."""
    max_connections: int
    crowded: int
    """Connections from which on none is kept after its answer."""
    per_client: Optional[int]
    """Connections of a client address, and no more than these with `reserved` or more connections in all."""
    reserved: int
    log: Optional[str]
    trusted: dict[str, list[str]]
    """Networks of trusted proxies by their family."""
    balancers: dict[str, list[str]]
    """Networks of balancers that name the client, by their family."""
    spread: int
    """Milliseconds over which first checks are spread. Unset, the longest interval of a backend delays
    those of all others after every reload."""
    suffixes: list[tuple[str, str]]
    """End of a host name and the backend it chooses; the longest first, as nginx has it."""
    backends: list[_Backend]
    tunnels: Optional[str]
    """End of the name of a backend's section for connections that are upgraded."""
    rates: int
    sections: list[_Backend]
    """Those for requests, and those for connections that are upgraded."""


class HAProxy:
    """The front end that can do everything; the default."""

    default_image = "haproxy:3.2"
    program = Program(
        file=FILE,
        run=("haproxy", "-W", "-db", "-f", f"{FOLDER}/{FILE}"),
        check=("haproxy", "-c", "-f", f"{FOLDER}/{FILE}"),
        reload_signal="SIGUSR2",
        stop_signal="SIGUSR1",
        ready="Loading success",
        # Those left out are about replicas, and about workers that have drained.
        failed=r"\[ALERT\](?!.*(has no server available|Former worker))",
        remedies=(requests.NO_IPV6,),
    )

    def refusals(self, service: "Service") -> list[str]:
        """See FrontEndKind."""
        found = [
            f"backends.{name}.fail_timeout: haproxy uses a replica again after health.rise good "
            "answers, not after a time; drop it, or set front_end.kind nginx"
            for name, backend in sorted(service.backends.items())
            if backend.fail_timeout is not None
        ]
        return found + self.refusals_for_tasks(service)

    def refusals_for_tasks(self, site: "Site") -> list[str]:
        """See FrontEndKind."""
        found = memory_refusals(site, haproxy_connections(site.front_end), haproxy_memory(site.front_end))
        for name, backend in sorted(site.backends.items()):
            if backend.max_fails is not None and backend.health.active is False:
                found.append(
                    f"backends.{name}.max_fails: haproxy needs its active check to find a replica healthy "
                    "again; drop health.active: false, or set front_end.kind nginx"
                )
            if backend.cookie and site.mode == "tcp":
                found.append(
                    f"backends.{name}.cookie: a TCP connection has no cookie; "
                    "set algorithm: source, or front_end.mode http"
                )
        return found

    def files(self, site: "Site", servers: int) -> int:
        """See FrontEndKind."""
        return 2 * haproxy_connections(site.front_end) + servers + HAPROXY_FILES

    def render(
        self, service: "Service", component: str, generations: Mapping[str, int], certificates: Given = ()
    ) -> str:
        """See FrontEndKind."""
        return _render(
            service,
            {
                name: servers(name, backend, component, generations[name])
                for name, backend in service.backends.items()
            },
            certificates,
        )

    def render_for_tasks(self, site: "Site", tasks: Mapping[str, Tasks], certificates: Given = ()) -> str:
        """See FrontEndKind."""
        return _render(site, tasks, certificates)


def _render(site: "Site", servers: Mapping[str, list[Server] | Tasks], certificates: Given = ()) -> str:
    front_end = site.front_end
    connections, clients = haproxy_connections(front_end), entry(site, certificates)
    found = clients.ways
    backends = [
        _backend(site, found, name, backend, servers[name]) for name, backend in sorted(site.backends.items())
    ]
    upgrades = site.mode == "http" and front_end.upgrades
    tunnels = [_tunnels(backend) for backend in backends] if upgrades else []
    view = _View(
        entry=clients,
        requests=requests,
        frontend=_free("entry", site.backends),
        resolvers=_free("engine", site.backends),
        max_connections=connections,
        crowded=ceil(connections * CROWDED),
        per_client=client_connections(site, connections, max(connections // SHARE, LEAST_SHARE)),
        reserved=0 if front_end.max_connections_per_client else connections - connections // RESERVE,
        log=f"{front_end.log.address} {front_end.log.facility}" if front_end.log else None,
        trusted=by_family(front_end.trusted_proxies),
        balancers=by_family(front_end.proxy_protocol),
        spread=milliseconds(min(b.health.interval for b in site.backends.values())),
        suffixes=_suffixes(found),
        tunnels=TUNNELS if tunnels else None,
        backends=backends,
        rates=RATES,
        sections=[*backends, *tunnels],
    )
    return render("haproxy/haproxy.cfg.j2", view)


def _free(name: str, backends: Collection[str]) -> str:
    """Return the name of a section of ours. No backend has such a name, as HAProxy 3.3 demands."""
    return f"_{name}" if name in backends else name


def _backend(
    site: "Site", found: Ways, name: str, backend: "Route", servers: list[Server] | Tasks
) -> _Backend:
    health, http = backend.health, site.mode == "http"
    interval = milliseconds(health.interval)
    # Sent twice to the same replica, a request must mean the same: RFC 9110 9.2.2.
    late = " response-timeout" if backend.response_deadline else ""
    passive = backend.max_fails is not None
    given = servers if isinstance(servers, list) else []
    spares = _spares(given) if passive else []
    listed = [*given, *spares]
    return _Backend(
        name=name,
        section=name,
        suffix="",
        tracks=False,
        servers=listed,
        backups=sum(server.backup for server in listed),
        spares=bool(spares),
        tasks=servers if isinstance(servers, Tasks) else None,
        algorithm=backend.algorithm,
        cookie=backend.cookie,
        check=None
        if health.active is False
        # After a first failure it asks twice as often: bad within 1.5 s with the defaults.
        else f"check inter {interval}ms fastinter {max(1, interval // 2)}ms "
        f"fall {health.fall} rise {health.rise}{f' port {health.port}' if health.port else ''}",
        question=backend.question if health.asks else None,
        expected=None if tuple(health.status) == GOOD else ",".join(health.status),
        check_timeout=milliseconds(health.timeout),
        passive=f" observe layer{7 if http else 4} error-limit {backend.max_fails} on-error mark-down"
        if passive
        else "",
        max_connections=backend.max_connections or SERVER_SLOTS,
        uploads=uploads(backend),
        retry_on=f"conn-failure empty-response{late}",
        times=backend_times(site, backend),
        given=backend,
        hosts=[host for host in found.plain[name] if not host.startswith("*")],
        strips=found.strips(name),
    )


def _spares(servers: list[Server]) -> list[Server]:
    """Return the backups for when one client's failing requests have all servers avoided.

    It is the first of the servers, unless there are chosen ones.
    """
    if any(server.backup for server in servers):
        return []
    return [replace(server, name=f"{server.name}-spare", backup=True) for server in servers[:SPARES]]


def _tunnels(backend: _Backend) -> _Backend:
    """Return the section of upgraded connections, without a limit.

    Its servers follow the health of the backend's servers; those of tasks cannot.
    """
    tracks = bool(backend.check and not backend.tasks)
    return replace(
        backend,
        section=f"{backend.name}{TUNNELS}",
        suffix="-tunnel",
        tracks=tracks,
        check=None if tracks else backend.check,
        passive="",
        max_connections=None,
    )


def _suffixes(found: Ways) -> list[tuple[str, str]]:
    suffixes = [
        (host[1:], name) for name, hosts in found.plain.items() for host in hosts if host.startswith("*")
    ]
    return sorted(suffixes, key=lambda pair: (-len(pair[0]), pair[0]))
