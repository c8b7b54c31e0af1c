"""View of both kinds: servers in order, times in milliseconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from ..naming import replica_alias
from . import authorities
from .program import FOLDER
from .served import CIPHERS, HTTPS, Entrance, Served, entrances
from .ways import Ways, ways

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
class Secure:
    """Entry for clients that speak TLS."""

    port: int
    files: list[str]
    """Paths of the certificates, each with its key."""
    version: str
    """Oldest version."""
    ciphers: str
    redirects: Optional[str]
    """End of the host in the address that plain HTTP is redirected to; None where it is served."""
    hsts: Optional[str]
    entrances: list[Entrance]
    client_ca: Optional[str]
    """Path of the certificates of authorities of clients."""
    client_verify: str
    folder: str = FOLDER


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
    tls: Optional[Secure]
    ways: Ways
    given: "Proxy"
    """Arguments of the proxy: a template prints a value from here that no kind has to compute."""


def entry(site: "Site", certificates: Sequence[Served] = ()) -> Entry:
    """Return the front end of `site`, with its certificates."""
    front_end, timeouts, found = site.front_end, site.front_end.timeouts, ways(site)
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
        tls=_secure(site, found, certificates),
        ways=found,
        given=front_end,
    )


def _secure(site: "Site", found: Ways, certificates: Sequence[Served]) -> Optional[Secure]:
    tls = site.front_end.tls
    if tls is None:
        return None
    return Secure(
        port=tls.port,
        files=[f"{FOLDER}/{each.file}" for each in certificates],
        version=tls.min_version,
        ciphers=CIPHERS,
        redirects=("" if tls.port == HTTPS else f":{tls.port}") if tls.redirect_http else None,
        hsts=tls.hsts.header if tls.hsts else None,
        entrances=entrances(certificates, found.hosts, found.default),
        client_ca=f"{FOLDER}/{authorities.delivered(tls.client_ca)[0]}" if tls.client_ca else None,
        client_verify=tls.client_verify,
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
