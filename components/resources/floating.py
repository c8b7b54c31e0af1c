"""A floating address: `FloatingAddressNode`, `FloatingAddressGroup`."""

from typing import TypedDict

import pulumi

from ..arguments.connections import Connection
from .common import Labelled, OnHost, Pulling, Running
from .resource import NoOutputs, Resource


class FloatingAddressNodeInputs(OnHost, Pulling, Labelled):
    """Inputs of FloatingAddressNode."""

    name: str
    """Name of its container."""
    image: str
    """Image with keepalived."""
    memory: int
    """Memory limit of its container in MiB."""
    capabilities: list[str]
    """Linux capabilities that it keeps; all others are dropped."""
    config: str
    """Text of keepalived's configuration; a secret where it has a password."""


class FloatingAddressNodeOutputs(Running):
    """Outputs of FloatingAddressNode."""

    containerId: str
    """Id of its container."""


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
    """Ids of keepalived's containers, in the same order."""
    agreed: dict[str, str]
    """Settings in which nodes must agree to hear each other, by name."""
    timeout: float
    """Seconds in which a node must have the addresses; 0: nobody has to."""


class FloatingAddressGroup(Resource[FloatingAddressGroupInputs, NoOutputs]):
    """The nodes of a floating address together: all take part, one has the addresses."""
