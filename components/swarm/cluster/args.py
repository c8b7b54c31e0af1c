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
    """`manager` or `worker`. A swarm survives the loss of less than half of its managers, so their number is
    odd. Default: worker."""
    availability: Optional[Availability]
    """`active`, `pause` (no new tasks) or `drain` (the tasks move to other nodes, and `up` waits for it).
    Default: active."""
    labels: Optional[dict[str, str]]
    """Labels of the node, for constraints of services: `node.labels.<name>==<value>`. Default: none."""
    advertise_address: Optional[str]
    """IP address at which the other nodes reach this node. Fixed once the node has joined. Default: the
    engine's own address, if it has only one."""
    listen_address: Optional[str]
    """Address and port on which a manager listens. Fixed once the node has joined. Default: 0.0.0.0:2377."""
    data_path_address: Optional[str]
    """IP address for the traffic of overlay networks. Fixed once the node has joined. Default: the one of
    `advertise_address`."""
    drain_timeout: Optional[float]
    """Seconds that the tasks have to end when the node is drained or removed. Default: 60."""


class OverlayArgs(TypedDict, total=False):
    """A network over all nodes. No key of it can change while the network exists."""

    subnet: Optional[str]
    """IPv4 subnet, /29 or larger. It needs an address for the network's gateway, for each task, each node
    with a task, and each service with `endpoint_mode: vip`. It also needs one for each task that an update
    starts before it stops another. Default: Swarm takes one of the address pool."""
    mtu: Optional[int]
    """Largest packet of the hosts' own network in bytes, 164 to 65535. VXLAN takes 50 bytes of each packet,
    encryption 26 more; the rest is for the tasks. Default: 1500."""
    encrypted: Optional[bool]
    """Encrypt traffic between hosts (IPsec). Needs engine 20.10.24, or 23.0.3 or later: older engines send it
    in clear text (CVE-2023-28840). Default: false."""
    attachable: Optional[bool]
    """Allow plain containers, not only tasks, to join the network. Default: false."""
    internal: Optional[bool]
    """Isolate the network: its tasks reach nothing outside. Default: false."""


class ClusterAddressNodeArgs(TypedDict, total=False):
    """A node that may have a floating address."""

    interface: Required[str]
    """Network interface of the host that gets the addresses, for example `eth0`. Required."""
    address: Optional[str]
    """The host's own IP address on that interface. Default: the node's `advertise_address`, which must then
    be set."""
    priority: Optional[int]
    """1 to 254: the healthy node with the highest priority has the addresses. Set it for all nodes or for
    none. Default: 250 for the first node in the order of names, 10 less for each further one."""


class ClusterAddressArgs(FloatingArgs, total=False):
    """Floating addresses: one node has them, and when it fails another node takes them over."""

    nodes: Required[dict[str, ClusterAddressNodeArgs]]
    """Nodes by their names in the cluster. Required."""


class SwarmClusterArgs(TypedDict, total=False):
    """Hosts that form one swarm, its networks, services, gateway and floating addresses."""

    nodes: Required[dict[str, NodeArgs]]
    """Hosts by name. Managers join in order of their names, after the one that makes the swarm; workers
    join last. Required."""
    even_managers: Optional[bool]
    """Allow an even number of managers, which survives no more losses than one manager less. Default:
    false."""
    address_pools: Optional[list[str]]
    """IPv4 networks from which Swarm takes the subnets of overlay networks without `subnet`. Fixed once the
    swarm exists. Default: 10.0.0.0/8, as in Docker."""
    pool_mask: Optional[int]
    """Prefix length of a subnet from `address_pools`, 16 to 29. Fixed once the swarm exists. Default: 24."""
    autolock: Optional[bool]
    """Lock a manager when its engine restarts, until somebody enters the unlock key. Default: false."""
    token_generation: Optional[int]
    """Another number makes new join tokens, and the old ones no longer work. Default: 1."""
    networks: Optional[dict[str, OverlayArgs]]
    """Overlay networks by name. Default: none."""
    services: Optional[dict[str, ServiceArgs]]
    """Services by their names in the swarm. Default: none."""
    gateway: Optional[GatewayArgs]
    """A proxy that routes requests to the services by host name. Default: none."""
    floating_addresses: Optional[dict[str, ClusterAddressArgs]]
    """Groups of floating addresses by name. Default: none."""
