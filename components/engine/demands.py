"""Demands of a service on its host, compared with what the host has before anything is made."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NotRequired, Optional, TypedDict

from ..naming import CHECK, LABEL, same_owner
from ..proxies.capacity import COMMON_FILES
from . import facts
from .facts import WILDCARDS, Facts

if TYPE_CHECKING:
    from docker import DockerClient

NO_PROGRAM = "/longshore-starts-nothing"
_REMEDIES = {
    "unable to find": "name a user and a group of the image, or give numbers",
    "CPUs available": "lower cpus",
    "apability": "drop it from capabilities: neither kernel nor engine of the host knows it",
    "OOM": "raise memory",
}
"""Remedies, by a part of an engine's message."""


class Limits(TypedDict):
    """Image, user and limits of a backend's replicas; the memory is in MiB."""

    image: str
    memory: int
    capabilities: list[str]
    cpus: NotRequired[float]
    user: NotRequired[str]


class Demands(TypedDict):
    """Demands of a service; without address and port where its front end is not published."""

    address: NotRequired[str]
    port: NotRequired[int]
    tlsPort: NotRequired[int]
    subnet: NotRequired[str]
    network: list[str]
    """The network of the replicas, where the program does not make one."""
    networks: list[str]
    """Further networks of the front end."""
    isolated: bool
    memory: int
    files: int
    """Open files of the front end."""
    replicas: dict[str, Limits]


def refusals(found: Facts, demands: Demands, labels: Mapping[str, str]) -> list[str]:
    """List what the host cannot give a service with these labels, each with the remedy."""
    return [
        *_port(found, demands, labels, "port"),
        *_port(found, demands, labels, "tlsPort"),
        *_address(found, demands),
        *_networks(found, demands),
        *_subnet(found, demands, labels),
        *_files(found, demands),
    ]


def replica_refusals(
    engine: "DockerClient", replicas: Mapping[str, Limits], labels: Mapping[str, str]
) -> list[str]:
    """Return why the engine would not run replicas with these demands, by backend, for images on the host."""
    said = []
    for name, limits in sorted(replicas.items()):
        if words := _trial(engine, limits, labels):
            remedies = "".join(f": {remedy}" for part, remedy in _REMEDIES.items() if part in words)
            said.append(f"backends.{name}: the engine would not run its replicas: {words}{remedies}")
    return said


def _trial(engine: "DockerClient", limits: Limits, labels: Mapping[str, str]) -> Optional[str]:
    """Return the engine's objection to a container with these limits, or None.

    Its program does not exist, so nothing of the image runs, and that alone is no complaint.
    """
    from docker.errors import APIError, ImageNotFound

    try:
        container = engine.containers.create(
            limits["image"],
            entrypoint=[NO_PROGRAM],
            network_mode="none",
            user=limits.get("user"),
            nano_cpus=None if limits.get("cpus") is None else round(limits["cpus"] * 1e9),
            mem_limit=f"{limits['memory']}m",
            memswap_limit=f"{limits['memory']}m",
            cap_add=limits["capabilities"],
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            labels={**labels, **CHECK},
        )
    except ImageNotFound:
        return None
    except APIError as error:
        return str(error.explanation).strip()
    try:
        container.start()
    except APIError as error:
        said = str(error.explanation).strip()
        return None if NO_PROGRAM in said else said
    finally:
        container.remove(force=True, v=True)
    return None


def _port(
    found: Facts, demands: Demands, labels: Mapping[str, str], which: Literal["port", "tlsPort"]
) -> Iterator[str]:
    address, port = demands.get("address"), demands.get(which)
    if port is None:
        return
    key = f"front_end.{'port' if which == 'port' else 'tls.port'} {port} of the host"
    published = set()
    for container in found.containers:
        theirs = [each.get("IP", "") for each in container["Ports"] if each.get("PublicPort") == port]
        published |= {(ip, port) for ip in theirs}
        if any(_meet(address, ip) for ip in theirs) and not same_owner(labels, container["Labels"] or {}):
            yield f"{key} is taken by container {_name(container)}{_whose(container, labels)}"
            return
    if not found.binds_itself:
        return
    for there, number in sorted(found.listening - published):
        if number == port and _meet(address, there):
            yield f"{key} is taken by a program that listens on {there}: choose another, or stop that program"
            return


def _whose(container: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Describe the owner of a container, as far as the remedy depends on it."""
    theirs: Mapping[str, str] = container["Labels"] or {}
    ours = all(theirs.get(f"{LABEL}.{key}") == labels[f"{LABEL}.{key}"] for key in ("project", "stack"))
    if not ours:
        return ": choose another, or remove that container"
    other, own = theirs[f"{LABEL}.component"], labels[f"{LABEL}.component"]
    return (
        f" of {other!r} in this stack, which would go only after {own!r} has started. Either keep the "
        f"name and port of {other!r}; or run `up` twice: first with another port for {own!r}, then with "
        "this one"
    )


def _address(found: Facts, demands: Demands) -> Iterator[str]:
    address = demands.get("address")
    if address is None or address in WILDCARDS or not found.binds_itself or not found.addresses:
        return
    if address not in found.addresses and not address.startswith("127."):
        there = ", ".join(sorted(found.addresses))
        yield f"front_end.address must be an address of the host ({there}), got {address}"


def _networks(found: Facts, demands: Demands) -> Iterator[str]:
    for key, names in (("network.name", demands["network"]), ("front_end.networks", demands["networks"])):
        for name in names:
            if not any(each["Name"] == name or each["Id"].startswith(name) for each in found.networks):
                yield f"{key} must name a network of the host, which has none {name!r}: make it, or drop it"


def _subnet(found: Facts, demands: Demands, labels: Mapping[str, str]) -> Iterator[str]:
    wanted = demands.get("subnet")
    if wanted is None:
        return
    engines = set()
    for network in found.networks:
        for config in (network.get("IPAM") or {}).get("Config") or []:
            subnet = config.get("Subnet", "")
            engines.add(subnet)
            # Unchanged, it is the service's own network, and stays.
            own = subnet == wanted and same_owner(labels, network["Labels"] or {})
            if subnet and not own and facts.overlap(wanted, subnet):
                yield (
                    f"network.subnet {wanted} overlaps {subnet} of network {network['Name']} on the host: "
                    "choose another, or remove that network first"
                )
    for subnet, interface in sorted(found.routes.items()):
        if subnet not in engines and facts.overlap(wanted, subnet):
            yield (
                f"network.subnet {wanted} overlaps {subnet}, which the host is in ({interface}): "
                "choose another"
            )


def _files(found: Facts, demands: Demands) -> Iterator[str]:
    needed, most = demands["files"], found.open_files
    if most is not None and needed > most:
        yield (
            f"front_end.max_connections needs {needed} open files, a container of the host may have {most}: "
            "lower it, or raise the engine's limit (LimitNOFILE of docker.service, or default-ulimits)"
        )


def needs_files(demands: Demands) -> bool:
    """Return whether a front end asks for more open files than every host gives."""
    return bool(demands["files"] > COMMON_FILES)


def _meet(one: Any, other: str) -> bool:
    """Return whether two addresses cannot have the same port."""
    return one == other or one in WILDCARDS or other in WILDCARDS


def _name(container: Mapping[str, Any]) -> str:
    return str(container["Names"][0]).lstrip("/")
