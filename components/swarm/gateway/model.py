"""SwarmGatewayArgs, validated: what the rest of the component works with."""

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Optional

from pydantic import Field, model_validator

from ...arguments.parsing import differ
from ...arguments.types import Name, Number, PublishMode, Whole
from ...proxies.certificates import known, known_mistakes
from ...proxies.health import listens
from ...proxies.program import FOLDER, USER
from ...proxies.registry import kind_of
from ...proxies.served import Served
from ...proxies.site import Proxy, Route, Site
from ...proxies.views import Tasks
from ..managers import Managers
from ..service.fields import Constraint, InputOverlay, ServiceName
from ..service.model import File, Health, PublishedPort, Service

CONFIG = "proxy"
"""Name of the configuration among the configs of the service."""


class GatewayFrontEnd(Proxy):
    drain: Annotated[float, Number(0.05, 3600)] = 10


class GatewayBackend(Route):
    service: Optional[ServiceName] = None
    max_tasks: Annotated[int, Whole(1, 250)] = 32


class Gateway(Site):
    """A gateway, whichever swarm runs it."""

    front_end: GatewayFrontEnd = GatewayFrontEnd()
    backends: dict[Name, GatewayBackend] = Field(min_length=1)
    networks: list[InputOverlay] = Field(min_length=1)
    publish: PublishMode = "host"
    replicas: Annotated[int, Whole(1, 1000)] = 2
    constraints: list[Constraint] = []
    start_timeout: Annotated[float, Number(1, 3600)] = 60
    force_update: Annotated[int, Whole(0, 1_000_000)] = 0

    @model_validator(mode="after")
    def _can_work(self) -> "Gateway":
        if self.publish == "host" and "replicas" in self.model_fields_set:
            raise ValueError(
                "replicas is for publish ingress: with host each node that meets the constraints has one "
                "task; drop it, or set publish ingress"
            )
        if not self.knows_clients and self.front_end.max_connections_per_client is not None:
            raise ValueError(
                "front_end.max_connections_per_client is for publish host: with ingress a client has the "
                "address of a node; drop it, or set publish host"
            )
        if not self.knows_clients and self.front_end.proxy_protocol:
            raise ValueError(
                "front_end.proxy_protocol is for publish host: with ingress a balancer has the address of a "
                "node; drop it, or set publish host"
            )
        differ("constraints", self.constraints)
        differ("networks", [name for name in self.networks if isinstance(name, str)])
        self.check_routes()
        if said := known_mistakes(self):
            raise ValueError("; ".join(said))
        if refusals := kind_of(self.front_end.kind).refusals_for_tasks(self):
            more = f"; and {len(refusals) - 1:,} more" if len(refusals) > 1 else ""
            raise ValueError(f"{refusals[0]}{more}")
        return self

    @property
    def drain(self) -> float:
        """See Site."""
        return self.front_end.drain

    @property
    def reloads(self) -> bool:
        """See Site.

        A swarm's config cannot be changed: the whole task is replaced, and clients that idle would only keep
        its follower from the port.
        """
        return False

    @property
    def knows_clients(self) -> bool:
        """See Site. Behind the mesh, the clients of a node share its address."""
        return self.publish == "host"

    @property
    def image(self) -> str:
        """The image said, or the kind's default."""
        return self.front_end.image or kind_of(self.front_end.kind).default_image

    @property
    def tasks(self) -> dict[str, Tasks]:
        """Servers of each backend."""
        return {
            name: Tasks(f"tasks.{backend.service or name}", backend.port, backend.max_tasks)
            for name, backend in self.backends.items()
        }

    @cached_property
    def text(self) -> str:
        """The configuration, with those certificates that are plain text."""
        return self.text_with(known(self))

    def text_with(self, certificates: Sequence[Served]) -> str:
        """Return the configuration with these certificates."""
        return kind_of(self.front_end.kind).render_for_tasks(self, self.tasks, certificates)

    @cached_property
    def service(self) -> Service:
        """The service that runs it. Least privilege: no capability, not root, nothing writable but memory."""
        front_end, program = self.front_end, kind_of(self.front_end.kind).program
        host = self.publish == "host"
        return Service.model_validate(
            {
                "image": self.image,
                "entrypoint": [program.run[0]],
                "command": list(program.run[1:]),
                **({"mode": "global"} if host else {"replicas": self.replicas}),
                "constraints": self.constraints,
                "networks": self.networks,
                "endpoint_mode": "dnsrr" if host else "vip",
                "ports": [PublishedPort(port=port, mode=self.publish) for port in front_end.ports.values()],
                # Without a check the mesh leads to a task as soon as it runs, before its proxy listens.
                "health": None if host else Health(command=listens(front_end.port)[1:]),
                "configs": {CONFIG: File(content=self.text, path=f"{FOLDER}/{program.file}")},
                "start_timeout": self.start_timeout,
                "stop_grace_period": front_end.drain + 1,
                "stop_signal": program.stop_signal,
                "memory": front_end.memory,
                "user": USER,
                "read_only": True,
                "capabilities": [],
                "force_update": self.force_update,
            }
        )


class PlacedGateway(Managers, Gateway):
    """A gateway and the swarm that runs it."""
