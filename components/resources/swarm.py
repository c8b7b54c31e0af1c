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
    """IP address at which other nodes reach this node; empty: the engine chooses."""
    listenAddress: str
    """Address and port on which a manager listens."""
    dataPathAddress: str
    """IP address for the traffic of overlay networks; empty: the advertised address."""


class SwarmInputs(Labelled, Addresses):
    """Inputs of Swarm."""

    managers: list[Connection]
    """Managers of the swarm, each a host. The first one that answers is used."""
    autolock: bool
    """True if a manager is locked after a restart until somebody enters the unlock key."""
    tokenGeneration: int
    """Another number makes new join tokens."""
    addressPools: list[str]
    """IPv4 networks from which overlay networks without a subnet get one."""
    poolMask: int
    """Prefix length of a subnet from the pools."""


class SwarmOutputs(TypedDict):
    """Outputs of Swarm."""

    swarmId: str
    """Id of the swarm."""
    workerToken: Annotated[str, SECRET]
    """Token with which a worker joins."""
    managerToken: Annotated[str, SECRET]
    """Token with which a manager joins."""
    unlockKey: Annotated[str, SECRET]
    """Key that unlocks a manager; empty without autolock."""


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
    """Labels of the node, for the constraints of services."""
    drainTimeout: float
    """Seconds that the tasks have to end when the node is drained or removed."""


class SwarmNodeOutputs(TypedDict):
    """Outputs of SwarmNode."""

    nodeId: str
    """Id of the node in the swarm."""
    hostName: str
    """Name of the host, as the managers know it."""
    address: str
    """IP address of the node, as the managers know it."""


class SwarmNodeState(SwarmNodeInputs, SwarmNodeOutputs):
    """State of SwarmNode."""


class SwarmNode(Resource[SwarmNodeInputs, SwarmNodeOutputs]):
    """A host as a node of a swarm."""

    nodeId: pulumi.Output[str]
