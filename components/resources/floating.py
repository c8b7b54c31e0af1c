"""A floating address: `FloatingAddressNode`, `FloatingAddressGroup`."""

from typing import TypedDict

import pulumi

from ..arguments.connections import Connection
from .common import Labelled, OnHost, Pulling, Running
from .resource import NoOutputs, Resource


class FloatingAddressNodeInputs(OnHost, Pulling, Labelled):
    """Inputs of FloatingAddressNode."""

    name: str
    """Name of keepalived's container."""
    image: str
    """Image with keepalived."""
    memory: int
    """Memory limit of keepalived's container in MiB."""
    capabilities: list[str]
    """Linux capabilities of the container; all others are dropped."""
    config: str
    """Text of keepalived's configuration; a secret when it contains a password."""


class FloatingAddressNodeOutputs(Running):
    """Outputs of FloatingAddressNode."""

    containerId: str
    """Id of keepalived's container."""


class FloatingAddressNodeState(FloatingAddressNodeInputs, FloatingAddressNodeOutputs):
    """State of FloatingAddressNode."""


class FloatingAddressNode(Resource[FloatingAddressNodeInputs, FloatingAddressNodeOutputs]):
    """keepalived on one node of a floating address."""

    config: pulumi.Output[str]
    containerId: pulumi.Output[str]


class FloatingAddressGroupInputs(TypedDict):
    """Inputs of FloatingAddressGroup."""

    hosts: list[Connection]
    """Hosts of the nodes, the one with the highest priority first."""
    containers: list[str]
    """Ids of keepalived's containers, in the order of `hosts`."""
    agreed: dict[str, str]
    """Settings that must be the same on all nodes, or the nodes do not accept each other's adverts; by
    name."""
    timeout: float
    """Seconds within which a node must have the addresses; 0: no node has to."""


class FloatingAddressGroup(Resource[FloatingAddressGroupInputs, NoOutputs]):
    """All nodes of a floating address: each takes part, and one of them has the addresses."""
