"""The address plan of a cluster: subnets that overlap, and networks too small for what is to run on them."""

from collections.abc import Mapping
from ipaddress import IPv4Network, ip_network
from typing import TYPE_CHECKING, Optional

from ...engine.swarm.placement import able
from ...engine.swarm.room import Load, Need, further

if TYPE_CHECKING:
    from ..service.model import Service
    from .model import Cluster, Node

INGRESS = "the ingress network"


def overlap(subnets: Mapping[str, str], addresses: Mapping[str, str]) -> Optional[str]:
    """Return the first subnet that overlaps another one or holds one of the addresses, or None.

    Both are by what they are for; an address is a network of one. Two networks are apart, or one holds the
    other: so in the order of their first addresses each has to be compared with the one around it alone.
    """
    planned = [(IPv4Network(network), False, name) for name, network in subnets.items()]
    planned += [(IPv4Network(each), True, name) for name, each in addresses.items() if ":" not in each]
    around: list[tuple[IPv4Network, bool, str]] = []
    for entry in sorted(planned):
        network, is_address, name = entry
        while around and around[-1][0].broadcast_address < network.network_address:
            around.pop()
        if around:
            first, second = sorted([around[-1], entry], key=lambda each: each[1:])
            return f"{first[2]} {first[0]} overlaps {second[2]} {second[0]}: choose another subnet"
        if not is_address:
            around.append((network, is_address, name))
    return None


def crowded(cluster: "Cluster") -> Optional[str]:
    """Return why a network has fewer addresses than what is to run on it takes, or None.

    Swarm accepts that: the tasks for which no address is left never start.
    """
    services = dict(cluster.services)
    if cluster.gateway:
        services["gateway"] = cluster.gateway.service
    on: dict[str, list[Service]] = {}
    for service in services.values():
        for network in service.networks:
            if isinstance(network, str) and network in cluster.networks:
                on.setdefault(network, []).append(service)
        if any(port.mode == "ingress" for port in service.ports):
            on.setdefault(INGRESS, []).append(service)
    nodes = {name: node for name, node in cluster.nodes.items() if node.availability != "drain"}
    for name, there in sorted(on.items()):
        # On every node the ingress network has an address for the ports.
        need = Need.of([_load(each, nodes) for each in there], len(cluster.nodes) if name == INGRESS else 0)
        if said := _said(name, cluster, need):
            return said
    return None


def _load(service: "Service", nodes: Mapping[str, "Node"]) -> Load:
    places = able(service.constraints, nodes)
    tasks = len(places) if service.mode == "global" else service.replicas
    policies = (service.update, service.rollback)
    more = max(further(service.order(policy), policy.parallelism, tasks) for policy in policies)
    return Load(service.endpoint_mode == "vip", tasks, more, frozenset(places))


def _said(name: str, cluster: "Cluster", need: Need) -> Optional[str]:
    subnet = None if name == INGRESS else cluster.networks[name].subnet
    lacking = need.beyond(ip_network(subnet).prefixlen if subnet else cluster.pool_mask)
    if not lacking:
        return None
    if subnet:
        return f"networks.{name}.subnet {subnet} {lacking}: choose a larger one, such as /{need.prefix}"
    of_the_pool = f"(a /{cluster.pool_mask} of the pool) {lacking}"
    if name == INGRESS:
        return f"{name} {of_the_pool}: set pool_mask to {need.prefix} or less, or publish in mode host"
    return f"networks.{name} {of_the_pool}: give it a subnet such as /{need.prefix}"
