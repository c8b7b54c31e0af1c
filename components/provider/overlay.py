"""Overlay networks of a swarm through the Engine API, and what a host has already. No Pulumi."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Optional

from ..naming import CHECK
from .engine import EngineError, wait_until

if TYPE_CHECKING:
    from docker import DockerClient

MTU = "com.docker.network.driver.mtu"
LEAVE_SECONDS = 30.0
TRIED = 5
"""Images of a host that are tried for one that has `cat`."""


def make(engine: "DockerClient", spec: Mapping[str, Any]) -> str:
    """Make the network, or find the one with our labels; its id.

    `spec`: name, labels, subnet (or ""), mtu (or 0), encrypted, attachable, internal.
    """
    for found in engine.api.networks(names=[spec["name"]]):
        if found["Name"] == spec["name"] and found["Scope"] == "swarm":
            if (found["Labels"] or {}) != spec["labels"]:
                raise EngineError(
                    f"there is a network {spec['name']} in this swarm already, which is not ours: "
                    "give this one another name, or remove that one"
                )
            return str(found["Id"])
    from docker.types import IPAMConfig, IPAMPool

    options = {MTU: str(spec["mtu"])} if spec["mtu"] else {}
    if spec["encrypted"]:
        options["encrypted"] = ""
    ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=spec["subnet"])]) if spec["subnet"] else None
    made = engine.api.create_network(
        spec["name"],
        driver="overlay",
        options=options,
        ipam=ipam,
        labels=spec["labels"],
        attachable=spec["attachable"],
        internal=spec["internal"],
        scope="swarm",
    )
    return str(made["Id"])


def look(engine: "DockerClient", network: str) -> Optional[dict[str, Any]]:
    """A network as the managers see it; None when it is gone."""
    from docker.errors import NotFound

    try:
        found = engine.api.inspect_network(network)
    except NotFound:
        return None
    return {"name": found["Name"], "labels": found["Labels"] or {}}


def remove(engine: "DockerClient", network: str) -> None:
    """Remove the network; tasks that just ended may take a moment to leave it."""
    from docker.errors import APIError, NotFound

    said: list[str] = []

    def removed() -> bool:
        try:
            engine.api.remove_network(network)
        except NotFound:
            return True
        except APIError as error:
            said[:] = [str(error.explanation)]
            return False
        return True

    if not wait_until(removed, LEAVE_SECONDS):
        raise EngineError(f"cannot remove network {network}: {said[0]}")


def encrypts(version: str) -> bool:
    """Whether an engine of that version really encrypts an overlay: CVE-2023-28840 to 28842."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    return (20, 10, 24) <= numbers < (23,) or numbers >= (23, 0, 3)


def clashes(
    engine: "DockerClient", plan: Mapping[str, str], ours: Iterable[str], labels: dict[str, str]
) -> tuple[list[tuple[str, str, str]], bool]:
    """Where the plan (subnets by what they are for) overlaps what this host has.

    Returns triples (what it is for, what the host has, its subnet), and whether the host's own subnets
    could be seen. Networks whose names are `ours` are the plan's own.
    """
    own = set(ours)
    networks = {
        config["Subnet"]: network["Name"]
        for network in engine.api.networks()
        for config in (network.get("IPAM") or {}).get("Config") or []
        if "Subnet" in config
    }
    there = {subnet: f"network {name}" for subnet, name in networks.items() if name not in own}
    routes = host_subnets(engine, labels)
    for subnet, interface in (routes or {}).items():
        if subnet not in networks:
            there[subnet] = f"its own subnet on {interface}"
    found = [
        (what, name, subnet)
        for what, planned in sorted(plan.items())
        for subnet, name in sorted(there.items())
        if _overlap(planned, subnet)
    ]
    return found, routes is not None


def host_subnets(engine: "DockerClient", labels: dict[str, str]) -> Optional[dict[str, str]]:
    """IPv4 subnets that the host itself is in, and the interface of each; None when nothing can show them.

    The Engine API does not tell. So `cat` of an image that is there already reads the routes, in a
    throw-away container on the host's network with no rights at all.
    """
    from docker.errors import APIError

    for image in engine.images.list()[:TRIED]:
        try:
            container = engine.containers.create(
                str(image.id),
                entrypoint=["cat"],
                command=["/proc/net/route"],
                network_mode="host",
                user="65534:65534",
                read_only=True,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                labels={**labels, **CHECK},
            )
        except APIError:
            continue
        try:
            container.start()
            if container.wait()["StatusCode"] == 0:
                return _routes(container.logs(stderr=False).decode())
        except APIError:
            continue  # it has no cat
        finally:
            container.remove(force=True, v=True)
    return None


def _routes(table: str) -> dict[str, str]:
    """Subnets and their interfaces of a /proc/net/route; without the way to everywhere else."""
    found = {}
    for line in table.splitlines()[1:]:
        interface, destination, _, _, _, _, _, mask, *_ = line.split()
        address, bits = (int.from_bytes(bytes.fromhex(each), "little") for each in (destination, mask))
        if bits:
            found[str(ipaddress.ip_network((address, bits.bit_count())))] = interface
    return found


def _overlap(one: str, other: str) -> bool:
    first, second = (ipaddress.ip_network(each, strict=False) for each in (one, other))
    return first.version == second.version and first.overlaps(second)
