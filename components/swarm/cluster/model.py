"""SwarmClusterArgs, validated: what the rest of the component works with."""

from functools import cached_property
from ipaddress import IPv4Network, ip_network
from typing import Annotated, Optional

from pydantic import Field, model_validator

from ...arguments.addresses import HostAddress, ListenAddress, Subnet
from ...arguments.hosts import Host
from ...arguments.messages import shown
from ...arguments.parsing import Frozen
from ...arguments.types import Availability, Name, NodeRole, Number, Text, Whole
from ..floating.model import Floating
from ..gateway.model import Gateway
from ..service.model import Service
from .addresses import INGRESS, crowded, overlap

DEFAULT_POOL = "10.0.0.0/8"
SMALLEST = 29
"""Longest prefix of an overlay network that has an address for a task."""
LEAST_MTU = 164
"""88 bytes, less than which Linux sends no TCP in, the 50 of VXLAN and the 26 of encryption."""

LabelName = Annotated[
    str,
    Text(
        r"[a-zA-Z0-9]([a-zA-Z0-9._/-]{0,61}[a-zA-Z0-9])?",
        "1 to 63 letters, digits and ._/-, beginning and ending with a letter or digit",
    ),
]
LabelValue = Annotated[
    str, Text(r"[a-zA-Z0-9]([a-zA-Z0-9._:/@-]{0,127})", "1 to 128 letters, digits and ._:/@-")
]
NetworkName = Annotated[
    str, Text(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}", "1 to 63 letters, digits and _.-, beginning with no mark")
]


class Node(Frozen):
    host: Host
    role: NodeRole = "worker"
    availability: Availability = "active"
    labels: dict[LabelName, LabelValue] = {}
    advertise_address: Optional[HostAddress] = None
    listen_address: ListenAddress = "0.0.0.0:2377"
    data_path_address: Optional[HostAddress] = None
    drain_timeout: Annotated[float, Number(1, 3600)] = 60


class Overlay(Frozen):
    subnet: Optional[Subnet] = None
    mtu: Optional[Annotated[int, Whole(LEAST_MTU, 65535)]] = None
    encrypted: bool = False
    attachable: bool = False
    internal: bool = False

    @model_validator(mode="after")
    def _has_room(self) -> "Overlay":
        if self.subnet and ip_network(self.subnet).prefixlen > SMALLEST:
            raise ValueError(
                f"subnet must be a /{SMALLEST} or larger, got {self.subnet!r}: gateway, service and node "
                "have an address each, and a task for which none is left never starts"
            )
        return self


class Cluster(Frozen):
    """Everything a SwarmCluster needs to know."""

    nodes: dict[Name, Node] = Field(min_length=1)
    even_managers: bool = False
    address_pools: list[Subnet] = []
    pool_mask: Annotated[int, Whole(16, SMALLEST)] = 24
    autolock: bool = False
    token_generation: Annotated[int, Whole(1, 1_000_000)] = 1
    networks: dict[NetworkName, Overlay] = {}
    services: dict[Name, Service] = {}
    gateway: Optional[Gateway] = None
    floating_addresses: dict[Name, Floating] = {}

    @model_validator(mode="after")
    def _hosts_and_managers(self) -> "Cluster":
        managers = len(self.managers)
        if not managers:
            raise ValueError("nodes must have a manager: give one of them role manager")
        if managers % 2 == 0 and not self.even_managers:
            raise ValueError(
                f"nodes must have an odd number of managers, got {managers}: the loss of one is the loss of "
                f"the quorum with {managers - 1} or {managers} alike; make one more a manager, or one "
                "less, or set even_managers: true"
            )
        owner: dict[str, str] = {}
        for name, node in sorted(self.nodes.items()):
            for key, value in (("host.address", node.host.address), ("address", node.advertise_address)):
                if value is None:
                    continue
                if value in owner:
                    raise ValueError(
                        f"nodes.{name}.{key}: {shown(value)} is that of node {owner[value]!r}, too: an "
                        "engine is one node"
                    )
                owner[value] = name
        return self

    @model_validator(mode="after")
    def _addresses_do_not_clash(self) -> "Cluster":
        for pool in self.address_pools:
            if ip_network(pool).prefixlen > self.pool_mask:
                raise ValueError(
                    f"address_pools: {pool} must be a network that holds networks of /{self.pool_mask} "
                    "(pool_mask)"
                )
        if said := overlap(self.subnets, self.addresses) or crowded(self):
            raise ValueError(said)
        return self

    @cached_property
    def managers(self) -> list[str]:
        """Names of the managers: the first one makes the swarm."""
        return sorted(name for name, node in self.nodes.items() if node.role == "manager")

    @cached_property
    def workers(self) -> list[str]:
        """Names of the others."""
        return sorted(name for name, node in self.nodes.items() if node.role == "worker")

    @property
    def subnets(self) -> dict[str, str]:
        """Subnets that are to be, by what they are for: the overlays', the pools', the ingress's."""
        found = {
            f"networks.{name}.subnet": network.subnet
            for name, network in self.networks.items()
            if network.subnet
        }
        found |= {f"address_pools.{index}": pool for index, pool in enumerate(self.address_pools)}
        if not self.address_pools:  # it is the first network of the pool
            ingress = next(IPv4Network(DEFAULT_POOL).subnets(new_prefix=self.pool_mask))
            found[INGRESS] = str(ingress)
        return found

    @property
    def addresses(self) -> dict[str, str]:
        """Addresses of the nodes and floating ones as networks of one, by the key that says them."""
        own = {
            f"nodes.{name}.{key}": str(ip_network(address))
            for name, node in self.nodes.items()
            for key in ("advertise_address", "data_path_address")
            if (address := getattr(node, key))
        }
        floating = {
            f"floating_addresses.{name}.addresses.{index}": str(ip_network(address))
            for name, group in self.floating_addresses.items()
            for index, address in enumerate(group.plain_addresses)
        }
        return own | floating
