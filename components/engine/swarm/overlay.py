"""Overlay networks of a swarm through the Engine API, and what a host has already. No Pulumi."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Optional, TypedDict

from .. import facts
from ..containers import EngineError, wait_until

if TYPE_CHECKING:
    from docker import DockerClient

MTU = "com.docker.network.driver.mtu"
LEAVE_SECONDS = 30.0


class Specification(TypedDict):
    """A network to be; without subnet where that is empty, with Docker's MTU where that is 0."""

    name: str
    labels: dict[str, str]
    subnet: str
    mtu: int
    encrypted: bool
    attachable: bool
    internal: bool


class Found(TypedDict):
    """A network as the managers see it."""

    name: str
    labels: dict[str, str]


def make(engine: "DockerClient", spec: Specification) -> str:
    """Make the network, or find the one with our labels; its id."""
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


def look(engine: "DockerClient", network: str) -> Optional[Found]:
    """Return a network as the managers see it; None when it is gone."""
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
    """Return whether an engine of that version really encrypts an overlay: CVE-2023-28840 to 28842."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    return (20, 10, 24) <= numbers < (23,) or numbers >= (23, 0, 3)


def clashes(
    host: facts.Facts, plan: Mapping[str, str], ours: Iterable[str]
) -> tuple[list[tuple[str, str, str]], bool]:
    """Return the overlaps of the plan (subnets by purpose) with networks of this host.

    Returns triples (purpose, network of the host, its subnet), and whether the host's own subnets could be
    seen. Networks whose names are `ours` are the plan's own.
    """
    own = set(ours)
    networks = {
        config["Subnet"]: network["Name"]
        for network in host.networks
        for config in (network.get("IPAM") or {}).get("Config") or []
        if "Subnet" in config
    }
    there = {subnet: f"network {name}" for subnet, name in networks.items() if name not in own}
    for subnet, interface in host.routes.items():
        if subnet not in networks:
            there[subnet] = f"its own subnet on {interface}"
    found = [
        (what, name, subnet)
        for what, planned in sorted(plan.items())
        for subnet, name in sorted(there.items())
        if facts.overlap(planned, subnet)
    ]
    return found, bool(host.files)
