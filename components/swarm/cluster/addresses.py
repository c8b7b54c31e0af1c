"""The address plan of a cluster: subnets that overlap, and networks too small for what is to run on them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import TYPE_CHECKING, Optional

from ..service.placement import able

if TYPE_CHECKING:
    from ..service.model import Service
    from .model import Cluster

INGRESS = "the ingress network"


def overlap(subnets: Mapping[str, str], addresses: Mapping[str, str]) -> Optional[str]:
    """The first subnet that overlaps another one or holds one of the addresses, or None.

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


@dataclass(frozen=True)
class _Need:
    """Addresses of one network that what is to run on it takes."""

    virtual: int
    """One for each service whose name has an address of its own."""
    tasks: int
    further: int
    """Tasks of an update that start before those they replace end."""
    nodes: int
    """One on each node that runs any of the tasks: there the engine shares requests out."""

    @property
    def total(self) -> int:
        return 1 + self.virtual + self.tasks + self.further + self.nodes


def crowded(cluster: "Cluster") -> Optional[str]:
    """Why a network has fewer addresses than what is to run on it takes, or None.

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
    for name, there in sorted(on.items()):
        if said := _crowded(name, cluster, _need(there, cluster)):
            return said
    return None


def _crowded(name: str, cluster: "Cluster", need: _Need) -> Optional[str]:
    subnet = None if name == INGRESS else cluster.networks[name].subnet
    length = ip_network(subnet).prefixlen if subnet else cluster.pool_mask
    room = 2 ** (32 - length) - 2
    if need.total <= room:
        return None
    parts = ", ".join(part for part in _parts(need))
    larger = 32 - (need.total + 1).bit_length()
    remedy = f"choose a larger one, such as /{larger}" if subnet else f"set pool_mask to {larger} or less"
    if not subnet and name != INGRESS:
        remedy = f"give it a subnet such as /{larger}"
    what = f"networks.{name}.subnet {subnet}" if subnet else f"{_titled(name)} (a /{length} of the pool)"
    return f"{what} has {room} addresses, and {need.total} are needed ({parts}): {remedy}"


def _titled(name: str) -> str:
    return name if name == INGRESS else f"networks.{name}"


def _parts(need: _Need) -> Iterator[str]:
    yield "1 for its gateway"
    for number, of in (
        (need.virtual, "for virtual addresses of services"),
        (need.nodes, "for the nodes"),
        (need.tasks, "for tasks"),
        (need.further, "for tasks that replace others in an update"),
    ):
        if number:
            yield f"{number} {of}"


def _need(services: "list[Service]", cluster: "Cluster") -> _Need:
    nodes = {name: node for name, node in cluster.nodes.items() if node.availability != "drain"}
    places: set[str] = set()
    tasks = further = 0
    for service in services:
        fit = able(service.constraints, nodes)
        number = len(fit) if service.mode == "global" else service.replicas
        places.update(fit)
        tasks += number
        further += max(service.surge(policy, number) for policy in (service.update, service.rollback))
    virtual = sum(service.endpoint_mode == "vip" for service in services)
    return _Need(virtual, tasks, further, min(len(places), tasks + further))
