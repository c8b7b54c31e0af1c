"""From what a user wrote to a Cluster, in words that teach."""

from collections.abc import Mapping
from typing import Any, Optional

from ...arguments.messages import listed, named, shown
from ...arguments.parsing import ArgumentError, check_name, mapping, parse
from ...engine.swarm.placement import Node, able, unmet
from ..floating.model import Floating
from ..service.model import Service
from .model import Cluster


def cluster(name: str, args: object) -> tuple[Cluster, dict[str, Any]]:
    """Return `args` (SwarmClusterArgs) of the component `name`, validated; and as given.

    The latter are for the parts that are components of their own: floating addresses with the hosts of
    their nodes.
    Raises ArgumentError, before anything is registered.
    """
    where = f"SwarmCluster {shown(name)}"
    given = mapping(args, where)
    given = {**given, "floating_addresses": _with_hosts(given, where)}
    check_name(name, where)
    what = parse(Cluster, given, where)
    placed = {f"services.{key}": service for key, service in sorted(what.services.items())}
    if what.gateway:
        placed["gateway"] = what.gateway.service
    for key, service in placed.items():
        if said := problem(service, what.nodes):
            raise ArgumentError(f"{where}: {key}.{said}")
    for key, group in what.floating_addresses.items():
        if said := _unanswered(what, group):
            raise ArgumentError(f"{where}: floating_addresses.{key}.{said}")
        for node, priority in _drained_last(what, group).items():
            given["floating_addresses"][key]["nodes"][node]["priority"] = priority
    return what, given


def _unanswered(what: Cluster, group: Floating) -> Optional[str]:
    """Return why the gateway never answers the question of a group, or None."""
    front_end, track = what.gateway.front_end if what.gateway else None, group.track
    if track and track.path and front_end and front_end.proxy_protocol and track.port == front_end.port:
        return (
            "track.path asks without a header of the PROXY protocol, which gateway.front_end.proxy_protocol "
            "demands: drop path, and the port alone is asked"
        )
    return None


def _drained_last(what: Cluster, group: Floating) -> dict[str, int]:
    """Return the group's priorities, dealt out so that a node that is drained yields to every other one.

    Its gateway is about to end: the address moves before, while both still serve.
    """
    ranking = sorted(group.ranking, key=lambda node: what.nodes[node].availability == "drain")
    return dict(zip(ranking, sorted(group.priorities.values(), reverse=True), strict=True))


def _with_hosts(given: dict[str, Any], where: str) -> Any:
    """Return the floating addresses, each node with its host and address in the cluster."""
    groups, nodes = given.get("floating_addresses"), given.get("nodes")
    if not isinstance(groups, Mapping) or not isinstance(nodes, Mapping):
        return groups
    found = {}
    for name, group in groups.items():
        members = group.get("nodes") if isinstance(group, Mapping) else None
        if not isinstance(members, Mapping):
            found[name] = group
            continue
        placed = {}
        for key, member in members.items():
            if key not in nodes:
                raise ArgumentError(
                    f"{where}: floating_addresses.{named(name)}.nodes.{named(key)} is no node of this "
                    f"cluster; its nodes are {listed(list(map(named, nodes)))}"
                )
            placed[key] = _member(member, nodes[key])
        found[name] = {**group, "nodes": placed}
    return found


def _member(member: Any, node: Any) -> Any:
    if not isinstance(member, Mapping) or not isinstance(node, Mapping) or "host" in member:
        return member
    address = member.get("address") or node.get("advertise_address")
    return {**member, "host": node.get("host"), "address": address}


def problem(service: Service, nodes: Mapping[str, Node]) -> Optional[str]:
    """Return why the nodes cannot run all tasks of a service, or None."""
    if said := unmet(service.constraints, nodes):
        return f"constraints: {said}"
    most = 1 if service.host_ports else service.max_replicas_per_node
    fit = able(service.constraints, nodes)
    if service.mode == "replicated" and most and service.replicas > most * len(fit):
        why = f"port {service.host_ports[0]} in mode host" if service.host_ports else "max_replicas_per_node"
        return (
            f"replicas must be at most {most * len(fit)} with {why}, for {len(fit)} nodes can have them "
            f"({', '.join(fit)}), got {service.replicas}"
        )
    return None
