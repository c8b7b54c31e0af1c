"""LoadBalancedServiceArgs, validated: what the rest of the component works with."""

from ipaddress import ip_network
from typing import Annotated, Optional

from pydantic import Field, model_validator

from ..arguments.addresses import IpAddress, Subnet
from ..arguments.hosts import Host
from ..arguments.messages import shown
from ..arguments.parsing import Frozen, differ
from ..arguments.types import (
    Argument,
    InputImage,
    InputNetworkName,
    Name,
    NetworkName,
    ProxyMode,
    Whole,
)
from .container import (
    MOST_REPLICAS,
    Canary,
    Container,
    Drain,
    Rollback,
    StartTimeout,
    Update,
    check_canary,
)
from .site import Probe, Proxy, Route, Site


class Health(Probe):
    command: Optional[list[Argument]] = Field(default=None, min_length=1)

    @property
    def asks(self) -> bool:
        """See Probe. A service with a command may have no page at `/`."""
        return self.command is None or bool({"path", "host", "method", "status"} & self.model_fields_set)


class Backend(Container, Route):
    image: InputImage
    replicas: Annotated[int, Whole(1, MOST_REPLICAS)] = 3
    health: Health = Health()
    weights: Optional[list[Annotated[int, Whole(1, 256)]]] = None
    fail_timeout: Optional[Annotated[int, Whole(1, 86400)]] = None
    backup_replicas: Annotated[int, Whole(0, 999)] = 0
    drain: Drain = 10
    start_timeout: StartTimeout = 60
    update: Optional[Update] = None
    rollback: Optional[Rollback] = None
    canary: Optional[Canary] = None

    @model_validator(mode="after")
    def _rollback_has_an_update(self) -> "Backend":
        if self.rollback is not None and self.update is None:
            raise ValueError("rollback is for a backend with update, which is rolled back: give update, too")
        return self

    @model_validator(mode="after")
    def _canary_has_a_share(self) -> "Backend":
        check_canary(self.canary, self.update, self.replicas)
        if self.canary is not None and self.algorithm == "source":
            raise ValueError(
                "canary is for algorithm roundrobin or leastconn: with source, a share of the requests would "
                "be some clients, whose server changes; choose another algorithm, or drop canary"
            )
        return self

    @model_validator(mode="after")
    def _counts_agree(self) -> "Backend":
        if self.weights is not None and len(self.weights) != self.replicas:
            raise ValueError(
                f"weights must hold one weight per replica ({self.replicas}), got {len(self.weights)}"
            )
        if self.backup_replicas >= self.replicas:
            raise ValueError(
                f"backup_replicas must leave a replica that is not a backup: at most "
                f"{self.replicas - 1}, got {self.backup_replicas}"
            )
        return self


class FrontEnd(Proxy):
    name: Name = "lb"
    mode: ProxyMode = "http"
    publish: bool = True
    address: IpAddress = "0.0.0.0"  # noqa: S104 — publishing is what a front end is for
    networks: list[NetworkName] = []
    resolve: bool = True

    @model_validator(mode="after")
    def _reachable(self) -> "FrontEnd":
        if not self.publish and not self.networks:
            raise ValueError(
                "publish false without networks leaves no way to reach the front end: give "
                "networks, or publish true"
            )
        differ("networks", self.networks)
        for key in ("trusted_proxies", "upgrades"):
            if self.mode == "tcp" and key in self.model_fields_set and getattr(self, key):
                raise ValueError(f"{key} is for mode http: a TCP connection has no headers; drop it")
        if self.mode == "tcp" and self.proxy_protocol:
            raise ValueError(
                "proxy_protocol is for mode http: in mode tcp the bytes of the balancer reach the replica as "
                "they come; drop it, and have the replica read the header"
            )
        if self.mode == "tcp" and self.redirects:
            raise ValueError("redirects is for mode http: a TCP connection names no host; drop it")
        if self.mode == "tcp" and self.tls:
            raise ValueError(
                "tls is for mode http: in mode tcp the bytes of a client reach the replica as they come; "
                "drop it, and give the replicas the certificate"
            )
        return self


class Network(Frozen):
    name: Optional[InputNetworkName] = None
    subnet: Optional[Subnet] = None
    isolated: Optional[bool] = None

    @model_validator(mode="after")
    def _given_or_owned(self) -> "Network":
        if self.name is not None and self.subnet is not None:
            raise ValueError(
                "subnet is for a network of its own, a network given by name has one: drop one of "
                f"the two, got name {shown(self.name)} and subnet {self.subnet}"
            )
        return self

    @property
    def room(self) -> int:
        """Containers that the subnet, when there is one, has addresses for."""
        # One address each for the network, its gateway and broadcasts.
        return max(0, ip_network(self.subnet).num_addresses - 3) if self.subnet else 0


class Service(Site):
    """Everything a component needs to know, in one form: the short form is one backend."""

    host: Host
    network: Network = Network()
    front_end: FrontEnd = FrontEnd()
    backends: dict[Name, Backend] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_and_routes(self) -> "Service":
        front_end, backends = self.front_end, self.backends
        if front_end.name in backends:
            raise ValueError(
                f"front_end.name {front_end.name!r} is the name of a backend, too: choose another"
            )
        for name, backend in sorted(backends.items()):
            if front_end.name in {f"{name}-{index}" for index in range(backend.replicas)}:
                raise ValueError(
                    f"front_end.name {front_end.name!r} is the name of a replica of backend "
                    f"{name!r}, too: choose another"
                )
        if (total := sum(b.replicas for b in backends.values())) > MOST_REPLICAS:
            raise ValueError(
                f"replicas of all backends together must be at most {MOST_REPLICAS}, got {total}"
            )
        self._check_network(total)
        self.check_routes()
        for name, backend in sorted(backends.items()):
            if self.mode == "tcp" and backend.canary is not None:
                raise ValueError(
                    f"backends.{name}.canary is for front_end.mode http: a TCP connection has no answer by "
                    "which the canary could be judged; drop it"
                )
        return self

    def _check_network(self, replicas: int) -> None:
        network = self.network
        if network.name in self.front_end.networks:
            raise ValueError(
                f"front_end.networks: {network.name!r} is network.name, which the front end joins "
                "anyway; drop it"
            )
        # While a change runs, new replicas stand beside the old ones.
        if network.subnet and network.room < (needed := 2 * replicas + 1):
            raise ValueError(
                f"network.subnet {network.subnet} has room for {network.room} containers, but "
                f"{replicas} replicas, their successors during a change and the front end are "
                f"{needed}: choose a larger one"
            )

    @property
    def mode(self) -> str:
        """See Site."""
        return self.front_end.mode

    @property
    def resolve(self) -> bool:
        """See Site."""
        return self.front_end.resolve

    @property
    def isolated(self) -> bool:
        """True if each backend has a network of its own, on which only its replicas and the front end are."""
        if self.network.isolated is not None:
            return self.network.isolated
        return self.network.name is not None or len(self.backends) > 1

    @property
    def drain(self) -> float:
        """The longest drain time of all backends: how long an old configuration may live on."""
        # To both programs, 0 would mean "for ever".
        return max(0.001, *(backend.drain for backend in self.backends.values()))

    @property
    def start_timeout(self) -> float:
        """The longest start time-out of all backends."""
        return max(backend.start_timeout for backend in self.backends.values())
