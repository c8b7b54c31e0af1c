"""View of both kinds: servers in order, times in milliseconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from ..naming import replica_alias

if TYPE_CHECKING:
    from .model import Backend, Service
    from .site import Proxy, Route, Site


@dataclass(frozen=True)
class Server:
    """One replica as the front end addresses it."""

    name: str
    address: str
    port: int
    weight: int
    backup: bool


@dataclass(frozen=True)
class Tasks:
    """The servers of a backend that come and go: whatever addresses a name has."""

    name: str
    port: int
    most: int
    """Largest number of addresses."""


@dataclass(frozen=True)
class Times:
    """Time-outs of a backend, in milliseconds."""

    connect: int
    """Never longer than the deadline of an answer."""
    queue: int
    deadline: Optional[int]
    """Until an answer begins, for requests that ask for no stream of events."""
    server: int
    tunnel: int


@dataclass(frozen=True)
class Entry:
    """Entry for clients, alike for both kinds."""

    mode: str
    port: int
    drain: int
    client: int
    request: int
    keep_alive: int
    resolve: bool
    reloads: bool
    trusted: list[str]
    default_backend: Optional[str]
    upgrades: list[str]
    given: "Proxy"
    """Arguments of the proxy: a template prints a value from here that no kind has to compute."""


def entry(site: "Site") -> Entry:
    """Return the front end of `site`."""
    front_end, timeouts = site.front_end, site.front_end.timeouts
    return Entry(
        mode=site.mode,
        port=front_end.port,
        drain=milliseconds(site.drain),
        client=milliseconds(timeouts.client),
        request=milliseconds(timeouts.request),
        keep_alive=milliseconds(timeouts.keep_alive),
        resolve=site.resolve,
        reloads=site.reloads,
        trusted=sorted(front_end.trusted_proxies),
        default_backend=site.default_backend,
        upgrades=sorted(front_end.upgrades),
        given=front_end,
    )


def servers(name: str, backend: "Backend", component: str, generation: int) -> list[Server]:
    """Return the replicas of a backend, by index; backups are the last ones."""
    weights = backend.weights or [1] * backend.replicas
    return [
        Server(
            name=f"{name}-{index}",
            address=replica_alias(component, name, index, generation),
            port=backend.port,
            weight=weights[index],
            backup=index >= backend.replicas - backend.backup_replicas,
        )
        for index in range(backend.replicas)
    ]


def server_addresses(service: "Service", component: str, generations: Mapping[str, int]) -> list[str]:
    """Return the names that the configuration has resolved: of all replicas, and of the syslog server."""
    log = service.front_end.log
    return [
        *([log.address.rpartition(":")[0]] if log else []),
        *(
            server.address
            for name, backend in sorted(service.backends.items())
            for server in servers(name, backend, component, generations[name])
        ),
    ]


def milliseconds(seconds: float) -> int:
    """Return a time in whole milliseconds, the unit of both programs."""
    return round(seconds * 1000)


def backend_times(site: "Site", backend: "Route") -> Times:
    """Return the time-outs of a backend: its own, or else those of the front end."""
    own, shared, deadline = backend.timeouts, site.front_end.timeouts, backend.response_deadline
    connect = own.connect or shared.connect
    return Times(
        connect=milliseconds(min(connect, deadline) if deadline else connect),
        queue=milliseconds(own.queue or shared.queue),
        deadline=milliseconds(deadline) if deadline else None,
        server=milliseconds(own.server or shared.server),
        tunnel=milliseconds(own.tunnel or shared.tunnel),
    )
