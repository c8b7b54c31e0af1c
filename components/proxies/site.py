"""Model of a proxy and its backends, wherever they run: the part that makes a configuration."""

from collections.abc import Mapping
from typing import Annotated, Optional

from pydantic import BeforeValidator, Field, model_validator

from ..arguments.addresses import Cidr
from ..arguments.messages import listed
from ..arguments.parsing import Frozen, differ
from ..arguments.types import (
    Algorithm,
    CookieName,
    HostHeader,
    HostPattern,
    ImageRef,
    LogAddress,
    LogFacility,
    Name,
    Port,
    ProbeMethod,
    Seconds,
    Statuses,
    UnknownHost,
    UpgradeProtocol,
    UrlPath,
    Whole,
    digits,
)
from . import authorities, paths
from .access import Access, check_clients
from .content import Content, check_content
from .health import GOOD, LOCAL, Question
from .registry import ProxyKind
from .tls import Tls


class Probe(Frozen):
    path: UrlPath = "/"
    host: Optional[HostHeader] = None
    method: ProbeMethod = "GET"
    status: list[Statuses] = Field(default=list(GOOD), min_length=1)
    port: Optional[Port] = None
    active: Optional[bool] = None
    interval: Seconds = 0.4
    timeout: Seconds = 0.3
    fall: Annotated[int, Whole(1, 100)] = 2
    rise: Annotated[int, Whole(1, 100)] = 1

    @property
    def asks(self) -> bool:
        """True if the front end asks a question; otherwise a connection is answer enough."""
        return True


class BackendTimeouts(Frozen):
    """None: as the front end has it."""

    connect: Optional[Seconds] = None
    queue: Optional[Seconds] = None
    server: Optional[Seconds] = None
    tunnel: Optional[Seconds] = None


class Route(Access, Content):
    """Requests of a backend, and how they are shared among its servers of any kind."""

    port: Port = 80
    host_names: list[HostPattern] = []
    routes: list[paths.PathRoute] = []
    health: Probe = Probe()
    algorithm: Algorithm = "roundrobin"
    cookie: Optional[CookieName] = None
    max_connections: Optional[Annotated[int, Whole(1, 100_000)]] = None
    max_uploads: Optional[Annotated[int, Whole(1, 100_000)]] = None
    max_fails: Optional[Annotated[int, Whole(1, 1000)]] = None
    response_deadline: Optional[Seconds] = None
    timeouts: BackendTimeouts = BackendTimeouts()
    retries: Annotated[int, Whole(0, 10)] = 3

    @model_validator(mode="after")
    def _each_host_once(self) -> "Route":
        differ("host_names", self.host_names)
        for number, route in enumerate(self.routes):
            differ(f"routes.{number}.host_names", route.host_names)
        return self

    @property
    def exact_hosts(self) -> list[str]:
        """Host names without the wildcards, sorted; those of routes, where the backend has none itself."""
        hosts = self.host_names or {host for route in self.routes for host in route.host_names}
        return sorted(host for host in hosts if not host.startswith("*"))

    @property
    def question(self) -> Question:
        """Question that a healthy server answers, for the front end and for its own container."""
        health, hosts = self.health, self.exact_hosts
        return Question(
            path=health.path,
            port=health.port or self.port,
            host=health.host or (hosts[0] if hosts else LOCAL),
            method=health.method,
            statuses=tuple(health.status),
        )


class Timeouts(Frozen):
    connect: Seconds = 1
    queue: Seconds = 5
    client: Seconds = 50
    server: Seconds = 60
    request: Seconds = 10
    keep_alive: Seconds = 10
    tunnel: Seconds = 3600


class Log(Frozen):
    address: LogAddress
    facility: LogFacility = "local0"


class Proxy(Frozen):
    """A proxy and what it does for every backend, wherever it runs."""

    kind: ProxyKind = "haproxy"
    image: Optional[ImageRef] = None
    port: Port = 80
    default_backend: Optional[Name] = None
    redirects: list[paths.Redirect] = []
    unknown_host: Annotated[UnknownHost, BeforeValidator(digits)] = "503"
    max_connections: Optional[Annotated[int, Whole(1, 1_000_000)]] = None
    max_connections_per_client: Optional[Annotated[int, Whole(1, 1_000_000)]] = None
    timeouts: Timeouts = Timeouts()
    trusted_proxies: list[Cidr] = []
    proxy_protocol: list[Cidr] = []
    upgrades: list[UpgradeProtocol] = ["websocket"]
    ipv6: bool = True
    request_id: bool = False
    log: Optional[Log] = None
    tls: Optional[Tls] = None
    memory: Annotated[int, Whole(6, 1_048_576)] = 256

    @model_validator(mode="after")
    def _each_protocol_once(self) -> "Proxy":
        differ("upgrades", [protocol.lower() for protocol in self.upgrades])
        return self

    @property
    def ports(self) -> dict[str, int]:
        """Ports for clients by their keys: that for plain HTTP or TCP, and then the one for TLS."""
        return {"port": self.port} | ({"tls.port": self.tls.port} if self.tls else {})

    @property
    def client_ca(self) -> Optional[str]:
        """Certificates of the authorities of clients, as they are delivered; None where clients need none."""
        return authorities.delivered(self.tls.client_ca)[1] if self.tls and self.tls.client_ca else None

    @model_validator(mode="after")
    def _ports_differ(self) -> "Proxy":
        if self.tls and self.tls.port == self.port:
            raise ValueError(
                f"tls.port must differ from port, which is for plain HTTP, got {self.port} twice: change one"
            )
        return self


class Site(Frozen):
    """Backends behind one proxy, chosen by the host that a request names."""

    front_end: Proxy
    backends: Mapping[str, Route]

    @property
    def mode(self) -> str:
        """`http` or `tcp`."""
        return "http"

    @property
    def resolve(self) -> bool:
        """True if names of servers are resolved again while the proxy runs."""
        return True

    @property
    def reloads(self) -> bool:
        """True if new workers hold the port while the old ones drain, so that idle clients lose nothing."""
        return True

    @property
    def knows_clients(self) -> bool:
        """True if the proxy sees the addresses of its clients."""
        return True

    @property
    def drain(self) -> float:
        """Seconds that requests in flight get to finish when a configuration is replaced."""
        raise NotImplementedError

    @property
    def hosts(self) -> dict[str, list[str]]:
        """Host names of each backend, of each route that has its own, and of each redirect."""
        return (
            {name: backend.host_names for name, backend in self.backends.items()}
            | {
                f"{name}.routes.{number}": route.host_names
                for name, backend in self.backends.items()
                for number, route in enumerate(backend.routes)
                if route.host_names
            }
            | {
                f"front_end.redirects.{number}": redirect.host_names
                for number, redirect in enumerate(self.front_end.redirects)
            }
        )

    @property
    def default_backend(self) -> Optional[str]:
        """The backend for any host: the one said, or an only one for which no host has a name."""
        if self.front_end.default_backend:
            return self.front_end.default_backend
        (name, backend), *others = self.backends.items()
        named = backend.host_names or any(route.host_names for route in backend.routes)
        return None if others or named else name

    def check_routes(self) -> None:
        """Raise ValueError when a request could reach two backends, or a backend no request."""
        if self.front_end.default_backend and self.front_end.default_backend not in self.backends:
            raise ValueError(
                f"front_end.default_backend must be one of {listed(sorted(self.backends))}, "
                f"got {self.front_end.default_backend!r}"
            )
        self._check_host_names()
        tcp = self.mode == "tcp"
        if tcp and (len(self.backends) > 1 or any(each.host_names for each in self.backends.values())):
            raise ValueError(
                "front_end.mode tcp has one backend without host_names: a TCP connection names no "
                "host; use one component for each backend"
            )
        about_requests = sorted({"keep_alive", "request"} & self.front_end.timeouts.model_fields_set)
        if tcp and about_requests:
            raise ValueError(
                f"front_end.timeouts.{about_requests[0]} is for front_end.mode http: a TCP connection has no "
                "requests; drop it"
            )
        if tcp and self.front_end.request_id:
            raise ValueError(
                "front_end.request_id is for front_end.mode http: a TCP connection has no headers; drop it"
            )
        if self.default_backend and "unknown_host" in self.front_end.model_fields_set:
            raise ValueError(
                f"front_end.unknown_host: no host is unknown, backend {self.default_backend!r} gets "
                "them all; drop it, or the default backend"
            )
        for name, backend in sorted(self.backends.items()):
            if not backend.host_names and not backend.routes and name != self.default_backend:
                raise ValueError(
                    f"backends.{name} has no host_names and is not front_end.default_backend: no "
                    "request could reach it; give it host_names, or make it the default"
                )
            check_content(name, backend, self)
            if tcp:
                _check_tcp(name, backend)
        check_clients(self.backends, self.mode, self.knows_clients)
        paths.check(self)

    def _check_host_names(self) -> None:
        """Raise ValueError when a host name belongs to two backends."""
        owner: dict[str, str] = {}
        for name, backend in sorted(self.backends.items()):
            for host in backend.host_names:
                if host in owner:
                    raise ValueError(
                        f"backends.{name}.host_names: {host!r} belongs to backend {owner[host]!r}; "
                        "a host name chooses one backend"
                    )
                owner[host] = name


def _check_tcp(name: str, backend: Route) -> None:
    """Raise ValueError when a backend in mode tcp has an argument that is about requests."""
    if backend.routes:
        raise ValueError(
            f"backends.{name}.routes is for front_end.mode http: a TCP connection names no path; drop it"
        )
    if backend.max_uploads:
        raise ValueError(
            f"backends.{name}.max_uploads is for front_end.mode http: a TCP connection has no "
            "requests with bodies; drop it"
        )
    about_http = sorted({"host", "method", "path", "status"} & backend.health.model_fields_set)
    if about_http:
        raise ValueError(
            f"backends.{name}.health.{about_http[0]} is for front_end.mode http: in mode tcp the "
            "port only has to accept a connection; drop it"
        )
    if backend.response_deadline:
        raise ValueError(
            f"backends.{name}.response_deadline is for front_end.mode http: nobody knows "
            "where an answer begins on a TCP connection; drop it"
        )
