"""Networks of a swarm: `AddressPlan`, `OverlayNetwork`."""

from typing import TypedDict

import pulumi

from ..arguments.connections import Connection
from .common import InSwarm, Labelled
from .resource import NoOutputs, Resource


class AddressPlanInputs(Labelled):
    """Inputs of AddressPlan."""

    hosts: dict[str, Connection]
    """Hosts of the swarm by the names of their nodes."""
    plan: dict[str, str]
    """Planned subnets, by the argument that names them."""
    networks: list[str]
    """Names of the swarm's own networks, with which no subnet is compared."""


class AddressPlan(Resource[AddressPlanInputs, NoOutputs]):
    """Planned subnets, which overlap no network of the hosts."""


class OverlayNetworkInputs(InSwarm, Labelled):
    """Inputs of OverlayNetwork."""

    name: str
    """Name of the network in the swarm."""
    subnet: str
    """IPv4 subnet; empty: Swarm takes one of the address pools."""
    mtu: int
    """Largest packet in bytes; 0: Docker's default."""
    encrypted: bool
    """True if traffic between hosts is encrypted."""
    attachable: bool
    """True if plain containers, not only tasks, may join the network."""
    internal: bool
    """True if no traffic leaves the network."""


class OverlayNetworkOutputs(TypedDict):
    """Outputs of OverlayNetwork."""

    networkId: str
    """Id of the network."""


class OverlayNetworkState(OverlayNetworkInputs, OverlayNetworkOutputs):
    """State of OverlayNetwork."""


class OverlayNetwork(Resource[OverlayNetworkInputs, OverlayNetworkOutputs]):
    """A network over all nodes of a swarm."""

    networkId: pulumi.Output[str]
