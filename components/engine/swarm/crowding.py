"""Addresses of overlay networks: enough for the tasks of a service beside what runs there. No Pulumi."""

from collections.abc import Mapping
from ipaddress import IPv4Network, ip_network
from typing import TYPE_CHECKING, Any, Optional

from ..raw import api
from .placement import Place, able
from .room import Load, Need, further

if TYPE_CHECKING:
    from docker import DockerClient


def crowded(engine: "DockerClient", name: str, spec: Mapping[str, Any]) -> Optional[str]:
    """Return why a network has too few addresses for the service `name` to be as `spec` says, or None."""
    wanted = {network["Target"] for network in spec["TaskTemplate"]["Networks"]}
    there = {each["Id"]: each for each in api(engine).networks() if wanted & {each["Name"], each["Id"]}}
    if not there:
        return None
    nodes = {
        node["ID"]: Place(node["Spec"]["Role"], node["Spec"].get("Labels") or {})
        for node in api(engine).nodes()
        if node["Spec"]["Availability"] != "drain"
    }
    others = [each["Spec"] for each in api(engine).services() if each["Spec"]["Name"] != name]
    for id_, network in sorted(there.items(), key=lambda each: str(each[1]["Name"])):
        beside = [other for other in others if id_ in _networks(other)]
        loads = [_load(each, nodes) for each in (spec, *beside)]
        for config in (network.get("IPAM") or {}).get("Config") or []:
            subnet = ip_network(config["Subnet"])
            # No number of tasks fills a subnet of IPv6.
            if isinstance(subnet, IPv4Network) and (lacking := Need.of(loads).beyond(subnet.prefixlen)):
                what = f"network {network['Name']} {config['Subnet']} {lacking}"
                return f"{what} with all services on it: declare fewer replicas, or a larger network"
    return None


def _networks(spec: Mapping[str, Any]) -> set[str]:
    return {network["Target"] for network in spec["TaskTemplate"].get("Networks") or []}


def _load(spec: Mapping[str, Any], nodes: Mapping[str, Place]) -> Load:
    constraints = (spec["TaskTemplate"].get("Placement") or {}).get("Constraints") or []
    places = able(constraints, nodes)
    replicated = spec["Mode"].get("Replicated")
    tasks = len(places) if replicated is None else int(replicated.get("Replicas", 1))
    policies = [spec.get(key) or {} for key in ("UpdateConfig", "RollbackConfig")]
    more = max(further(each.get("Order", ""), each.get("Parallelism", 1), tasks) for each in policies)
    return Load((spec.get("EndpointSpec") or {}).get("Mode", "vip") == "vip", tasks, more, frozenset(places))
