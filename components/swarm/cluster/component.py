"""SwarmCluster: hosts that form one swarm, its networks, and what runs there."""

from collections.abc import Mapping
from typing import Any, Optional

import pulumi

from ... import naming
from ...arguments.connections import Connection
from ...arguments.hosts import HostArgs
from ...arguments.later import later
from ...arguments.types import Secret
from ...resources.labels import labels_of
from ...resources.networks import AddressPlan, OverlayNetwork
from ...resources.swarm import Swarm, SwarmNode
from ..floating.component import FloatingAddress
from ..gateway.component import SwarmGateway
from ..service.component import SwarmService
from .args import SwarmClusterArgs
from .model import Cluster
from .validation import cluster


class SwarmCluster(pulumi.ComponentResource):
    """Docker hosts that form one swarm, with networks, services, gateway and floating addresses."""

    swarm_id: pulumi.Output[str]
    """Id of the swarm."""
    managers: pulumi.Output[list[HostArgs]]
    """The managers: the argument `managers` of a SwarmService or SwarmGateway, also of another stack. A
    secret when it contains keys or passwords."""
    node_ids: pulumi.Output[dict[str, str]]
    """Ids of the nodes in the swarm, by their names under `nodes`."""
    network_ids: pulumi.Output[dict[str, str]]
    """Ids of the overlay networks, by name."""
    worker_token: pulumi.Output[Secret]
    """Secret: token with which a worker joins that is not declared here."""
    manager_token: pulumi.Output[Secret]
    """Secret: token with which a manager joins that is not declared here."""
    unlock_key: pulumi.Output[Secret]
    """Secret: key that unlocks a manager after a restart; empty without `autolock`."""
    service_ids: pulumi.Output[dict[str, str]]
    """Ids of the services, by name."""
    virtual_addresses: pulumi.Output[dict[str, list[str]]]
    """Floating addresses, by the name of their group."""
    gateway_url: pulumi.Output[Optional[str]]
    """Address at which clients reach the gateway: the first floating address, else the first node with an
    `advertise_address` or a host name; none without a gateway."""

    def __init__(
        self, name: str, args: SwarmClusterArgs, opts: Optional[pulumi.ResourceOptions] = None
    ) -> None:
        """Declare the cluster `name`: 1 to 32 of a-z, 0-9 and -, the prefix of all names in it.

        Raises ArgumentError, with the key and what is allowed, before anything is registered.
        """
        what, given = cluster(name, args)
        super().__init__(naming.type_token("SwarmCluster"), name, {}, opts)

        plan = _plan(name, what, self)
        swarm = _swarm(name, what, plan, self)
        addresses = _addresses(name, given, self)
        nodes = _nodes(name, what, swarm, list(addresses.values()), self)
        networks = _networks(name, what, swarm, nodes, self)

        parts = _Parts(name, what, given, _ready(swarm, nodes, networks), self)
        services, gateway = parts.services(), parts.gateway()

        self.swarm_id = swarm.swarmId
        self.managers = pulumi.Output.from_input([what.nodes[key].host.arguments() for key in what.managers])
        self.service_ids = pulumi.Output.all(**{key: service.service_id for key, service in services.items()})
        self.virtual_addresses = pulumi.Output.all(
            **{key: address.addresses for key, address in addresses.items()}
        )
        self.gateway_url = pulumi.Output.from_input(_url(what) if gateway else None)
        self.node_ids = pulumi.Output.all(**{key: node.nodeId for key, node in nodes.items()})
        self.network_ids = pulumi.Output.all(**{key: network.networkId for key, network in networks.items()})
        self.worker_token = pulumi.Output.secret(swarm.workerToken)
        self.manager_token = pulumi.Output.secret(swarm.managerToken)
        self.unlock_key = pulumi.Output.secret(swarm.unlockKey)
        self.register_outputs(
            {
                "swarm_id": self.swarm_id,
                "managers": self.managers,
                "node_ids": self.node_ids,
                "network_ids": self.network_ids,
                "worker_token": self.worker_token,
                "manager_token": self.manager_token,
                "unlock_key": self.unlock_key,
                "service_ids": self.service_ids,
                "virtual_addresses": self.virtual_addresses,
                "gateway_url": self.gateway_url,
            }
        )


def _plan(name: str, what: Cluster, parent: pulumi.Resource) -> AddressPlan:
    return AddressPlan(
        f"{name}-plan",
        {
            "hosts": {key: node.host.properties() for key, node in sorted(what.nodes.items())},
            "plan": what.subnets,
            "networks": sorted([*what.networks, "ingress"]),
            "labels": labels_of(name, "plan"),
        },
        pulumi.ResourceOptions(parent=parent),
    )


def _managers(what: Cluster) -> list[Connection]:
    return [what.nodes[key].host.properties() for key in what.managers]


def _swarm(name: str, what: Cluster, plan: AddressPlan, parent: pulumi.Resource) -> Swarm:
    first = what.nodes[what.managers[0]]
    return Swarm(
        f"{name}-swarm",
        {
            "managers": _managers(what),
            "labels": labels_of(name, "swarm"),
            "autolock": what.autolock,
            "tokenGeneration": what.token_generation,
            "advertiseAddress": first.advertise_address or "",
            "listenAddress": first.listen_address,
            "dataPathAddress": first.data_path_address or "",
            "addressPools": what.address_pools,
            "poolMask": what.pool_mask,
        },
        pulumi.ResourceOptions(parent=parent, depends_on=[plan]),
    )


def _addresses(name: str, given: Mapping[str, Any], parent: pulumi.Resource) -> dict[str, FloatingAddress]:
    """Return the groups of floating addresses by name."""
    opts = pulumi.ResourceOptions(parent=parent)
    return {
        key: FloatingAddress(f"{name}-{key}", group, opts)
        for key, group in sorted((given.get("floating_addresses") or {}).items())
    }


def _nodes(
    name: str,
    what: Cluster,
    swarm: Swarm,
    addresses: list[FloatingAddress],
    parent: pulumi.Resource,
) -> dict[str, SwarmNode]:
    """Declare the managers one by one, so that each change of the quorum is settled, then the workers.

    Floating addresses before all of them: one that has to leave a node does so before it is drained.
    """
    made: dict[str, SwarmNode] = {}
    for key in what.managers:
        made[key] = _node(name, what, key, swarm, [swarm, *addresses, *list(made.values())[-1:]], parent)
    managers = list(made.values())
    for key in what.workers:
        made[key] = _node(name, what, key, swarm, [swarm, *addresses, *managers], parent)
    return made


def _node(
    name: str,
    what: Cluster,
    key: str,
    swarm: Swarm,
    after: list[pulumi.Resource],
    parent: pulumi.Resource,
) -> SwarmNode:
    node = what.nodes[key]
    return SwarmNode(
        f"{name}-node-{key}",
        {
            "host": node.host.properties(),
            "managers": _managers(what),
            "swarmId": later(swarm.swarmId),
            "role": node.role,
            "availability": node.availability,
            "labels": node.labels,
            "advertiseAddress": node.advertise_address or "",
            "listenAddress": node.listen_address,
            "dataPathAddress": node.data_path_address or "",
            "drainTimeout": node.drain_timeout,
        },
        pulumi.ResourceOptions(parent=parent, depends_on=after),
    )


def _networks(
    name: str,
    what: Cluster,
    swarm: Swarm,
    nodes: Mapping[str, SwarmNode],
    parent: pulumi.Resource,
) -> dict[str, OverlayNetwork]:
    managers = [nodes[key] for key in what.managers]
    return {
        key: OverlayNetwork(
            f"{name}-net-{key}",
            {
                "managers": _managers(what),
                "swarmId": later(swarm.swarmId),
                "name": key,
                "labels": labels_of(name, "network"),
                "subnet": network.subnet or "",
                "mtu": network.mtu or 0,
                "encrypted": network.encrypted,
                "attachable": network.attachable,
                "internal": network.internal,
            },
            # They go before the last manager does.
            pulumi.ResourceOptions(parent=parent, depends_on=managers),
        )
        for key, network in sorted(what.networks.items())
    }


def _ready(
    swarm: Swarm, nodes: Mapping[str, SwarmNode], networks: Mapping[str, OverlayNetwork]
) -> pulumi.Output[str]:
    """Return the swarm's id, known once all nodes have their labels and the networks are made.

    Resources that take this id come after nodes and networks, and go before them.
    """
    before = [*(node.nodeId for node in nodes.values()), *(each.networkId for each in networks.values())]
    return pulumi.Output.all(swarm.swarmId, *before).apply(lambda known: str(known[0]))


class _Parts:
    """Contents of the swarm: components of their own, made of the arguments given for them here."""

    def __init__(
        self,
        name: str,
        what: Cluster,
        given: Mapping[str, Any],
        swarm_id: pulumi.Output[str],
        parent: pulumi.Resource,
    ) -> None:
        self._name, self._what, self._given = name, what, given
        managers = [given["nodes"][key]["host"] for key in what.managers]
        self._placed: dict[str, Any] = {"managers": managers, "swarm_id": swarm_id}
        self._opts = pulumi.ResourceOptions(parent=parent)

    def services(self) -> dict[str, SwarmService]:
        """Declare the services, each with its key as its name in the swarm, unless another one is given."""
        made = {}
        for key in sorted(self._what.services):
            args: Any = {"name": key, **self._given["services"][key], **self._placed}
            made[key] = SwarmService(f"{self._name}-{key}", args, self._opts)
        return made

    def gateway(self) -> Optional[SwarmGateway]:
        """Return the gateway, or None without one."""
        if self._what.gateway is None:
            return None
        args: Any = {**self._given["gateway"], **self._placed}
        return SwarmGateway(f"{self._name}-gateway", args, self._opts)


def _url(what: Cluster) -> Optional[str]:
    if what.gateway is None:
        return None
    floating = [group.plain_addresses[0] for _, group in sorted(what.floating_addresses.items())]
    nodes = [node.advertise_address or node.host.public_name for _, node in sorted(what.nodes.items())]
    address = [*floating, *nodes][0]
    port = what.gateway.front_end.port
    return f"http://{f'[{address}]' if ':' in address else address}:{port}"
