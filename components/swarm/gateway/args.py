"""Arguments of a SwarmGateway. Validated by `model`; the docstrings are the reference.

All of it is plain, but for names of networks, so that a preview shows and checks the configuration. All
durations are in seconds.
"""

from typing import Optional, Required, TypedDict

import pulumi

from ...arguments.types import PublishMode
from ...load_balanced.args import ProbeArgs, ProxyArgs, RouteArgs
from ..managers import ManagersArgs


class GatewayBackendArgs(RouteArgs, total=False):
    """A service of the swarm, and the requests that it gets. The service need not exist yet."""

    service: Optional[str]
    """Name of the service: its tasks are found at `tasks.<service>`, on a network of the gateway.
    Default: the backend's name."""
    health: Optional[ProbeArgs]
    """Health check of the tasks by the gateway. Default: see ProbeArgs."""
    max_tasks: Optional[int]
    """Tasks that get requests at most, those of both definitions during a change. HAProxy only: nginx has no
    limit. Default: 32."""


class GatewayFrontEndArgs(ProxyArgs, total=False):
    """The proxy of a gateway."""

    drain: Optional[float]
    """Seconds that requests in flight get to finish when a task of the gateway is stopped. Default: 10."""


class GatewayArgs(TypedDict, total=False):
    """A proxy in a swarm that routes requests to its services by host name."""

    networks: Required[list[pulumi.Input[str]]]
    """Names of the overlay networks on which the gateway finds the services. Required."""
    publish: Optional[PublishMode]
    """`host`: one task on each node that meets the constraints, each with the port of its node: they see the
    clients' addresses. `ingress`: `replicas` tasks behind a port of every node, which see the nodes'
    addresses instead; their image needs `grep`, for the health check. Default: host."""
    replicas: Optional[int]
    """Tasks with publish ingress. Default: 2."""
    constraints: Optional[list[str]]
    """Conditions that a node must meet to run it, all of them: `node.labels.zone==dmz`, … Default: none."""
    front_end: Optional[GatewayFrontEndArgs]
    """The proxy. Default: HAProxy on port 80."""
    backends: Required[dict[str, GatewayBackendArgs]]
    """Services by name. Required."""
    start_timeout: Optional[float]
    """Seconds a new task has to run, its image's transfer included. Default: 60."""
    force_update: Optional[int]
    """Another number replaces all tasks though nothing else has changed. Default: 0."""


class SwarmGatewayArgs(ManagersArgs, GatewayArgs, total=False):
    """A gateway of a swarm, by its managers."""
