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
    """Subnets by the argument that says them."""
    networks: list[str]
    """Names of the swarm's own networks, which clash with nothing."""


class AddressPlan(Resource[AddressPlanInputs, NoOutputs]):
    """Subnets that are to be, and overlap nothing that the hosts have."""


class OverlayNetworkInputs(InSwarm, Labelled):
    """Inputs of OverlayNetwork."""

    name: str
    """Its name in the swarm."""
    subnet: str
    """IPv4 subnet; empty: one of the address pools."""
    mtu: int
    """Largest packet in bytes; 0: Docker's default."""
    encrypted: bool
    """True if traffic between hosts is encrypted."""
    attachable: bool
    """True if containers that are no tasks may join it."""
    internal: bool
    """True if no traffic leaves it."""


class OverlayNetworkOutputs(TypedDict):
    """Outputs of OverlayNetwork."""

    networkId: str
    """Its id in the swarm."""


class OverlayNetworkState(OverlayNetworkInputs, OverlayNetworkOutputs):
    """State of OverlayNetwork."""


class OverlayNetwork(Resource[OverlayNetworkInputs, OverlayNetworkOutputs]):
    """A network over all nodes of a swarm."""

    networkId: pulumi.Output[str]
