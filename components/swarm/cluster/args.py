"""Arguments of a SwarmCluster. Validated by `model`; the docstrings are the reference.

All of it is plain, so that a preview shows it. All durations are in seconds.
"""

from typing import Optional, Required, TypedDict

from ...arguments.hosts import HostArgs
from ...arguments.types import Availability, NodeRole
from ..floating.args import FloatingArgs
from ..gateway.args import GatewayArgs
from ..service.args import ServiceArgs


class NodeArgs(TypedDict, total=False):
    """A host of the swarm."""

    host: Required[HostArgs]
    """The host and the way to its engine. Required."""
    role: Optional[NodeRole]
    """`manager` or `worker`. An odd number of managers survives the loss of less than half of them.
    Default: worker."""
    availability: Optional[Availability]
    """`active`, `pause` (no new tasks) or `drain` (its tasks move elsewhere, which `up` waits for).
    Default: active."""
    labels: Optional[dict[str, str]]
    """Labels for the constraints of services, `node.labels.<name>==<value>`. Default: none."""
    advertise_address: Optional[str]
    """IP address at which the other nodes reach it. Fixed when it joins. Default: the engine chooses,
    which it only does where it has one address."""
    listen_address: Optional[str]
    """Address and port on which a manager listens. Fixed when it joins. Default: 0.0.0.0:2377."""
    data_path_address: Optional[str]
    """IP address for the traffic of overlay networks. Fixed when it joins. Default: the advertised one."""
    drain_timeout: Optional[float]
    """Seconds that its tasks have to end when it is drained or removed. Default: 60."""


class OverlayArgs(TypedDict, total=False):
    """A network over all nodes. None of it can be changed while the network exists."""

    subnet: Optional[str]
    """IPv4 subnet, /29 or larger. It has an address for each task, and for each new task that an
    update starts first. It also has one for each node with a task, each service (endpoint_mode vip) and its
    gateway. Default: Swarm
    takes one of the address pool."""
    mtu: Optional[int]
    """Largest packet of the hosts' own network in bytes, 164 to 65535. VXLAN takes 50 of it, encryption 26
    more; the rest is for the tasks. Default: 1500."""
    encrypted: Optional[bool]
    """Encrypt traffic between hosts (IPsec). Needs engine 20.10.24, 23.0.3 or later: those before sent it in
    clear (CVE-2023-28840). Default: false."""
    attachable: Optional[bool]
    """Allow containers that are no tasks to join the network. Default: false."""
    internal: Optional[bool]
    """Close the network: its tasks reach nothing outside. Default: false."""


class ClusterAddressNodeArgs(TypedDict, total=False):
    """A node that may have a floating address."""

    interface: Required[str]
    """Network interface of the host that gets the addresses, for example `eth0`. Required."""
    address: Optional[str]
    """The host's own IP address there. Default: the node's advertise_address, which is required then."""
    priority: Optional[int]
    """1 to 254; the healthy node with the highest priority has the addresses. For every node or for none.
    Default: 250 for the first in the order of names, 10 less for each further one."""


class ClusterAddressArgs(FloatingArgs, total=False):
    """Addresses that one of several nodes has, and another one takes over when it fails."""

    nodes: Required[dict[str, ClusterAddressNodeArgs]]
    """Nodes by their names in the cluster. Required."""


class SwarmClusterArgs(TypedDict, total=False):
    """Hosts that form one swarm, its networks, services, gateway and floating addresses."""

    nodes: Required[dict[str, NodeArgs]]
    """Hosts by name. Managers join in order of their names, after the one that makes the swarm; workers
    join last. Required."""
    even_managers: Optional[bool]
    """Allow an even number of managers, which survives no more losses than one less. Default: false."""
    address_pools: Optional[list[str]]
    """IPv4 networks that overlay networks without a subnet come from. Fixed. Default: 10.0.0.0/8, as
    the engine's."""
    pool_mask: Optional[int]
    """Prefix length of a network from the pools, 16 to 29. Fixed. Default: 24."""
    autolock: Optional[bool]
    """Require the unlock key from a manager that restarts. Default: false."""
    token_generation: Optional[int]
    """Another number makes new join tokens; the old ones no longer admit anybody. Default: 1."""
    networks: Optional[dict[str, OverlayArgs]]
    """Overlay networks by name. Default: none."""
    services: Optional[dict[str, ServiceArgs]]
    """Services by name, which is also their name in the swarm. Default: none."""
    gateway: Optional[GatewayArgs]
    """A proxy that routes requests to the services by host name. Default: none."""
    floating_addresses: Optional[dict[str, ClusterAddressArgs]]
    """Groups of floating addresses by name. Default: none."""
