"""SwarmServiceArgs, validated: what the rest of the component works with."""

from typing import Annotated, Literal, Optional

from pydantic import Field, model_validator

from ...arguments.messages import named
from ...arguments.parsing import Frozen, differ
from ...arguments.types import (
    Argument,
    Capability,
    EndpointMode,
    EnvironmentName,
    FailureAction,
    HostHeader,
    InputImage,
    InputText,
    Number,
    PidsLimit,
    Port,
    ProbeMethod,
    Protocol,
    PublishMode,
    RestartCondition,
    Seconds,
    ServiceMode,
    Statuses,
    UpdateOrder,
    UrlPath,
    User,
    Whole,
)
from ...engine.swarm import templates
from ...naming import LABEL
from ...proxies.health import GOOD, LOCAL
from ...proxies.program import PIDS_LIMIT
from ..managers import Managers
from .fields import (
    Constraint,
    Content,
    Cores,
    FileMode,
    FileName,
    FilePath,
    HostNameTemplate,
    Id,
    InputOverlay,
    LabelName,
    Memory,
    Pause,
    ServiceName,
    Signal,
)


class Policy(Frozen):
    parallelism: Annotated[int, Whole(0, 1000)] = 1
    delay: Pause = 0
    order: Optional[UpdateOrder] = None
    monitor: Seconds = 5
    max_failure_ratio: Annotated[float, Number(0, 1)] = 0


class Update(Policy):
    failure_action: FailureAction = "rollback"


class Rollback(Policy):
    failure_action: Literal["pause", "continue"] = "pause"


class Restart(Frozen):
    condition: RestartCondition = "any"
    delay: Pause = 5
    max_attempts: Annotated[int, Whole(0, 1000)] = 0
    window: Pause = 0

    @model_validator(mode="after")
    def _attempts_are_made(self) -> "Restart":
        if self.condition == "none" and self.max_attempts:
            raise ValueError("max_attempts is for condition any or on-failure, got condition 'none'")
        if self.window and not self.max_attempts:
            raise ValueError("window is the time in which max_attempts are counted, got none: give it, too")
        return self


_ABOUT_PATH = {"host", "method", "status"}


class Health(Frozen):
    command: Optional[list[Argument]] = Field(default=None, min_length=1)
    path: Optional[UrlPath] = None
    host: HostHeader = LOCAL
    method: ProbeMethod = "GET"
    status: list[Statuses] = Field(default=list(GOOD), min_length=1)
    port: Port = 80
    interval: Seconds = 2
    timeout: Seconds = 3
    retries: Annotated[int, Whole(1, 100)] = 3
    start_period: Pause = 30

    @model_validator(mode="after")
    def _one_question(self) -> "Health":
        given = sorted({"path", "port", *_ABOUT_PATH} & self.model_fields_set)
        if self.command and given:
            raise ValueError(
                f"command stands instead of a question to the port, got {given[0]} as well: drop one"
            )
        if not self.path and (about := sorted(_ABOUT_PATH & self.model_fields_set)):
            raise ValueError(f"{about[0]} is about the question for a path: give path, or drop {about[0]}")
        return self


class PublishedPort(Frozen):
    port: Port
    published: Optional[Port] = None
    mode: PublishMode = "ingress"
    protocol: Protocol = "tcp"

    @property
    def number(self) -> int:
        """The port on the nodes."""
        return self.published or self.port


class File(Frozen):
    content: Content
    path: Optional[FilePath] = None
    mode: FileMode = "0444"
    user: Id = 0
    group: Id = 0


class Service(Frozen):
    """A service, whichever swarm runs it."""

    image: InputImage
    name: Optional[ServiceName] = None
    entrypoint: Optional[list[Argument]] = Field(default=None, min_length=1)
    command: Optional[list[Argument]] = Field(default=None, min_length=1)
    environment: dict[EnvironmentName, InputText] = {}
    templates: bool = False
    mode: ServiceMode = "replicated"
    replicas: Annotated[int, Whole(0, 1000)] = 1
    constraints: list[Constraint] = []
    max_replicas_per_node: Optional[Annotated[int, Whole(1, 1000)]] = None
    networks: list[InputOverlay] = []
    endpoint_mode: EndpointMode = "vip"
    ports: list[PublishedPort] = []
    configs: dict[FileName, File] = {}
    secrets: dict[FileName, File] = {}
    update: Update = Update()
    rollback: Rollback = Rollback()
    restart: Restart = Restart()
    health: Optional[Health] = None
    start_timeout: Annotated[float, Number(1, 3600)] = 60
    stop_grace_period: Annotated[float, Number(0, 3600)] = 10
    stop_signal: Optional[Signal] = None
    memory: Memory = 512
    cpus: Optional[Cores] = None
    pids_limit: PidsLimit = PIDS_LIMIT
    reserved_memory: Optional[Memory] = None
    reserved_cpus: Optional[Cores] = None
    user: Optional[User] = None
    read_only: bool = False
    capabilities: list[Capability] = ["CHOWN", "KILL", "SETGID", "SETUID"]
    hostname: Optional[HostNameTemplate] = None
    init: Optional[bool] = None
    labels: dict[LabelName, Argument] = {}
    force_update: Annotated[int, Whole(0, 1_000_000)] = 0

    @model_validator(mode="after")
    def _lists_and_limits(self) -> "Service":
        differ("constraints", self.constraints)
        differ("networks", [name for name in self.networks if isinstance(name, str)])
        differ("capabilities", self.capabilities)
        if self.reserved_memory and self.reserved_memory > self.memory:
            raise ValueError(
                f"reserved_memory {self.reserved_memory} is more than memory {self.memory}, the limit"
            )
        if self.reserved_cpus and self.cpus and self.reserved_cpus > self.cpus:
            raise ValueError(
                f"reserved_cpus {self.reserved_cpus:g} is more than cpus {self.cpus:g}, the limit"
            )
        for label in self.labels:
            if label.startswith(f"{LABEL}."):
                raise ValueError(f"labels: {named(label)} is one of ours ({LABEL}.*): choose another name")
        places: dict[str, str] = {}
        for name, path in sorted([*self.config_paths.items(), *self.secret_paths.items()]):
            if path in places:
                raise ValueError(f"configs and secrets: {places[path]!r} and {name!r} both have path {path}")
            places[path] = name
        return self

    @model_validator(mode="after")
    def _templates_are_known(self) -> "Service":
        given = {"hostname": self.hostname or ""}
        if self.templates:
            given |= {f"environment.{name}": value for name, value in sorted(self.environment.items())}
        for key, value in given.items():
            # A value may be a secret, so it is not shown.
            if isinstance(value, str) and (said := templates.problem(value, self.labels)):
                raise ValueError(f"{key} {said}")
        return self

    @model_validator(mode="after")
    def _can_work(self) -> "Service":
        if self.mode == "global":
            for key in ("replicas", "max_replicas_per_node"):
                if key in self.model_fields_set:
                    raise ValueError(
                        f"{key} is for mode replicated: with global each node has one task; drop it"
                    )
        differ("ports", [f"{port.number}/{port.protocol}" for port in self.ports])
        if self.endpoint_mode == "dnsrr" and any(port.mode == "ingress" for port in self.ports):
            raise ValueError(
                "endpoint_mode dnsrr has no address that ingress ports could lead to: set mode host for "
                "the ports, or endpoint_mode vip"
            )
        if not self.host_ports:
            return self
        held = f"port {self.host_ports[0]} in mode host"
        for key, policy in (("update", self.update), ("rollback", self.rollback)):
            if policy.order == "start-first":
                raise ValueError(
                    f"{key}.order start-first cannot work with {held}: the new task waits for the port, and "
                    "the old one for the new task; set stop-first, or mode ingress"
                )
        if (self.max_replicas_per_node or 1) > 1:
            raise ValueError(
                f"max_replicas_per_node must be 1 with {held}: one task at a time can have the port of a "
                f"node, got {self.max_replicas_per_node}"
            )
        return self

    @property
    def host_ports(self) -> list[int]:
        """Ports that only one task of a node can have."""
        return [port.number for port in self.ports if port.mode == "host"]

    def order(self, policy: Policy) -> str:
        """Return the order in which a policy replaces a task."""
        return policy.order or ("stop-first" if self.host_ports else "start-first")

    @property
    def config_paths(self) -> dict[str, str]:
        """Paths of the configs in the tasks."""
        return {name: file.path or f"/{name}" for name, file in self.configs.items()}

    @property
    def secret_paths(self) -> dict[str, str]:
        """Paths of the secrets in the tasks."""
        return {name: file.path or f"/run/secrets/{name}" for name, file in self.secrets.items()}


class PlacedService(Managers, Service):
    """A service and the swarm that runs it."""
