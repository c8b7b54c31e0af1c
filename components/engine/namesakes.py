"""Names of replicas that other containers on the networks of a front end have, too: it would send to both."""

import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Optional

from ..naming import LABEL, same_owner
from .demands import Demands
from .replicas import AT_ONCE

if TYPE_CHECKING:
    from docker import DockerClient

Json = Mapping[str, Any]
_ROLE = f"{LABEL}.role"
_COMPONENT, _STACK, _PROJECT = (f"{LABEL}.{key}" for key in ("component", "stack", "project"))


def possible(demands: Demands) -> bool:
    """Return whether the front end is on a network that others are on, too."""
    return bool(demands["network"] or demands["networks"])


def refusals(engine: "DockerClient", demands: Demands, labels: Mapping[str, str]) -> list[str]:
    """Return one refusal for each backend whose replicas' names another container of the host has.

    The engine's DNS answers a front end with the containers of all networks that the front end is on.
    """
    networks = engine.api.networks()
    of_replicas = _names(networks, demands["network"])
    given = of_replicas | _names(networks, demands["networks"])
    everyone = engine.api.containers(all=True)
    others = [each for each in everyone if not same_owner(each["Labels"] or {}, labels)]
    there = [each for each in others if _joined(each, given)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        inspected = list(pool.map(lambda each: _inspect(engine, each), there))
    component, found = labels[_COMPONENT], []
    for backend in sorted(demands["replicas"]):
        prefix = f"{component}-{backend}"
        name = re.compile(rf"{re.escape(prefix)}-\d+-g\d+")
        clashes = [
            *(_named(each, given, name) for each in inspected if each),
            *([] if demands["isolated"] else _listening(others, of_replicas, prefix)),
        ]
        if said := next(filter(None, clashes), None):
            found.append(
                f"backends.{backend}: its replicas would have the names {prefix}-…, as {said}, and requests "
                "would reach both: give component or backend another name, or take another network"
            )
    return found


def _names(networks: Iterable[Json], given: Iterable[str]) -> set[str]:
    """Return the names of networks that are given by name or id."""
    return {
        str(network["Name"])
        for network in networks
        for each in given
        if network["Name"] == each or network["Id"].startswith(each)
    }


def _joined(container: Json, given: set[str]) -> dict[str, Json]:
    """Return the networks of the given ones that a container is on, whether it runs or not."""
    networks: Mapping[str, Json] = container["NetworkSettings"]["Networks"] or {}
    return {name: network for name, network in networks.items() if name in given}


def _inspect(engine: "DockerClient", container: Json) -> Optional[Json]:
    """Return the container in full: a list has no names; None when it is gone meanwhile."""
    from docker.errors import NotFound

    try:
        found: Json = engine.api.inspect_container(container["Id"])
    except NotFound:
        return None
    return found


def _named(container: Json, given: set[str], name: re.Pattern[str]) -> Optional[str]:
    """Say which container has such a name on one of the networks, or None."""
    own = container["Name"].lstrip("/")
    for network, joined in _joined(container, given).items():
        for each in (own, *(joined.get("Aliases") or [])):
            if name.fullmatch(each):
                owner = _owner(container["Config"]["Labels"] or {})
                return f"container {own}{owner} has the name {each} on network {network}"
    return None


def _listening(others: list[Json], networks: set[str], prefix: str) -> Iterator[str]:
    """Say whose front end is on the replicas' network and sends to replicas with such names elsewhere."""
    owners = [each["Labels"] for each in others if _prefix(each["Labels"] or {}) == prefix]
    for each in others:
        labels: Mapping[str, str] = each["Labels"] or {}
        if labels.get(_ROLE) == "front-end" and any(same_owner(labels, owner) for owner in owners):
            for joined in _joined(each, networks):
                yield f"those of the front end{_owner(labels)}, which is on network {joined}"


def _prefix(labels: Mapping[str, str]) -> Optional[str]:
    """Return the prefix of a replica's names; None for another container."""
    role = labels.get(_ROLE, "")
    if not role.startswith("replica-"):
        return None
    return f"{labels.get(_COMPONENT)}-{role.removeprefix('replica-')}"


def _owner(labels: Mapping[str, str]) -> str:
    if _STACK not in labels:
        return ""
    return f" of stack {labels[_STACK]!r} (project {labels.get(_PROJECT)!r})"
