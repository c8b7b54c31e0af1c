"""Arguments of a SwarmGateway. Validated by `model`; the docstrings are the reference.

All of it is plain, but for names of networks and certificates, so that a preview shows and checks the
configuration. All durations are in seconds.
"""

from typing import Optional, Required, TypedDict

import pulumi

from ...arguments.types import PublishMode
from ...load_balanced.args import ProbeArgs, ProxyArgs
from ...load_balanced.route_args import RouteArgs
from ..managers import ManagersArgs


class GatewayBackendArgs(RouteArgs, total=False):
    """A service of the swarm, and the requests that it gets. The gateway may come up before the service."""

    service: Optional[str]
    """Name of the service. The gateway finds its tasks at `tasks.<service>`, on a network of both.
    Default: the backend's name."""
    health: Optional[ProbeArgs]
    """Health check of the tasks by the gateway. Default: see ProbeArgs."""
    max_tasks: Optional[int]
    """Largest number of tasks that get requests; during a change, old and new tasks count. HAProxy only:
    nginx has no limit. Default: 32."""


class GatewayFrontEndArgs(ProxyArgs, total=False):
    """The proxy of a gateway."""

    drain: Optional[float]
    """Seconds that requests in flight get to finish when a task of the gateway is stopped. Default: 10."""


class GatewayArgs(TypedDict, total=False):
    """A proxy in a swarm that routes requests to its services by host name."""

    networks: Required[list[pulumi.Input[str]]]
    """Names of the overlay networks on which the gateway finds the services. Required."""
    publish: Optional[PublishMode]
    """`host`: one task on each node that meets the constraints, at the port of that node; tasks see the
    addresses of clients. `ingress`: `replicas` tasks behind the port of every node; tasks see the addresses
    of nodes, and their image needs `grep` for the health check. Default: host."""
    replicas: Optional[int]
    """Number of tasks with publish ingress. Default: 2."""
    constraints: Optional[list[str]]
    """Conditions that a node must meet to run a task of the gateway: `node.labels.zone==dmz`, … Default:
    none."""
    front_end: Optional[GatewayFrontEndArgs]
    """The proxy. Default: HAProxy on port 80."""
    backends: Required[dict[str, GatewayBackendArgs]]
    """Backends by name, each a service of the swarm. Required."""
    start_timeout: Optional[float]
    """Seconds that a new task has to start, with the pull of its image. Default: 60."""
    force_update: Optional[int]
    """Another number replaces all tasks, even if nothing else has changed. Default: 0."""


class SwarmGatewayArgs(ManagersArgs, GatewayArgs, total=False):
    """A gateway of a swarm, by its managers."""
