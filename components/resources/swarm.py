"""A swarm and its nodes: `Swarm`, `SwarmNode`."""

from typing import Annotated, TypedDict

import pulumi

from ..arguments.connections import Connection
from ..arguments.marks import SECRET
from .common import InSwarm, Labelled, OnHost
from .resource import Resource


class Addresses(TypedDict):
    """Addresses of a node."""

    advertiseAddress: str
    """IP address at which others reach it; empty: the engine's choice."""
    listenAddress: str
    """Address and port on which a manager listens."""
    dataPathAddress: str
    """IP address for traffic of overlays; empty: the advertised one."""


class SwarmInputs(Labelled, Addresses):
    """Inputs of Swarm."""

    managers: list[Connection]
    """Managers of the swarm, each a host; the first that answers is asked."""
    autolock: bool
    """True if a manager that restarts needs the unlock key."""
    tokenGeneration: int
    """Another number makes new join tokens."""
    addressPools: list[str]
    """IPv4 networks of overlays without a subnet."""
    poolMask: int
    """Prefix length of a network from the pools."""


class SwarmOutputs(TypedDict):
    """Outputs of Swarm."""

    swarmId: str
    """Id of the swarm."""
    workerToken: Annotated[str, SECRET]
    """Admits a worker."""
    managerToken: Annotated[str, SECRET]
    """Admits a manager."""
    unlockKey: Annotated[str, SECRET]
    """Opens a locked manager; empty without autolock."""


class SwarmState(SwarmInputs, SwarmOutputs):
    """State of Swarm."""


class Swarm(Resource[SwarmInputs, SwarmOutputs]):
    """A swarm as a whole."""

    swarmId: pulumi.Output[str]
    workerToken: pulumi.Output[str]
    managerToken: pulumi.Output[str]
    unlockKey: pulumi.Output[str]


class SwarmNodeInputs(OnHost, InSwarm, Addresses):
    """Inputs of SwarmNode."""

    role: str
    """`manager` or `worker`."""
    availability: str
    """`active`, `pause` or `drain`."""
    labels: dict[str, str]
    """The node's labels, by which constraints choose."""
    drainTimeout: float
    """Seconds its tasks have to end when it is drained or removed."""


class SwarmNodeOutputs(TypedDict):
    """Outputs of SwarmNode."""

    nodeId: str
    """Its id in the swarm."""
    hostName: str
    """Name of its host, as the managers know it."""
    address: str
    """Its IP address, as the managers know it."""


class SwarmNodeState(SwarmNodeInputs, SwarmNodeOutputs):
    """State of SwarmNode."""


class SwarmNode(Resource[SwarmNodeInputs, SwarmNodeOutputs]):
    """One host's place in a swarm."""

    nodeId: pulumi.Output[str]
