"""List containers and networks that carry the labels of a stack on its hosts, without a state."""

import json
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Optional

from ..arguments.connections import Connection
from ..engine.connection import EngineRefused, HostUnreachable, connect
from ..naming import LABEL, PACKAGE

Json = dict[str, Any]

CONTAINER, NETWORK = "docker:index/container:Container", "docker:index/network:Network"
PROVIDER = "pulumi:providers:docker"
AT_ONCE = 8
CONNECT_SECONDS = 10
_TASK = "com.docker.swarm.task.id"
_SECRET = "4dabf18193072939515e22adb298388d"  # noqa: S105 — marks a secret in Pulumi's JSON


@dataclass(frozen=True)
class Owner:
    """The project and stack whose labels are looked for."""

    project: str
    stack: str

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the stack's containers and networks."""
        return {f"{LABEL}.project": self.project, f"{LABEL}.stack": self.stack}


@dataclass(frozen=True)
class Thing:
    """A container or network with the labels of a stack, as its engine lists it."""

    kind: str
    """Its Pulumi type."""
    name: str
    id: str
    component: str
    role: str
    status: str
    """`running`, `exited`, `created` …; empty for a network."""
    networks: frozenset[str]
    """Names of the networks that a container is on."""
    created: float
    """When it was made, in seconds since 1970 by the clock of this machine."""


Survey = Mapping[str, list[Thing]]
"""Things by host, in JSON as `connection.connect` takes it; hosts that do not answer are missing."""


def look(hosts: Iterable[Json], owner: Owner) -> Survey:
    """Ask every host, several at a time, what it holds with the labels of `owner`."""
    keys = sorted({key_of(host) for host in hosts})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda key: _things(json.loads(key), owner), keys)
        return {key: things for key, things in zip(keys, found, strict=True) if things is not None}


def hosts(deployment: Json) -> list[Json]:
    """Return every host in the state or in a pending operation, as `connection.connect` takes it.

    A host whose key is still encrypted is among them: see `has_encrypted_host`.
    """
    resources = list(deployment.get("resources") or [])
    resources += [each["resource"] for each in deployment.get("pending_operations") or []]
    found: list[Json] = []
    for resource in resources:
        inputs = resource.get("inputs") or {}
        if resource["type"] == PROVIDER:
            found.append(host_of(resource))
        elif resource["type"].startswith(f"{PACKAGE}:"):
            several = inputs.get("hosts") or inputs.get("managers") or []
            found += several.values() if isinstance(several, Mapping) else several
            found += [inputs["host"]] if "host" in inputs else []
    return list({key_of(host): json.loads(key_of(host)) for host in found}.values())


def key_of(host: Json) -> str:
    """Return a host of the state as JSON, the same for the same host."""
    return json.dumps({name: plain(value) for name, value in host.items()}, sort_keys=True)


def has_encrypted_host(deployment: Json) -> bool:
    """Return whether a host can be reached only with the secrets of the state in clear."""
    return any(isinstance(value, Mapping) for host in hosts(deployment) for value in host.values())


def provider_host(provider: str, resources: Iterable[Json]) -> Optional[Json]:
    """Return the host of the provider `urn::id`."""
    for resource in resources:
        if f"{resource['urn']}::{resource.get('id')}" == provider:
            return host_of(resource)
    return None


def host_of(provider: Json) -> Json:
    """Return the host of a docker provider in the state, as `connection.connect` takes it."""
    inputs = provider.get("inputs") or {}
    names = {
        "address": "host",
        "caCertificate": "caMaterial",
        "clientCertificate": "certMaterial",
        "clientKey": "keyMaterial",
    }
    return {ours: plain(inputs[theirs]) for ours, theirs in names.items() if inputs.get(theirs)}


def plain(value: Any) -> Any:
    """Return a value of the state without its mark of a secret; one that is encrypted stays as it is."""
    if isinstance(value, Mapping) and _SECRET in value and "plaintext" in value:
        return json.loads(value["plaintext"])
    return value


def _things(host: Connection, owner: Owner) -> Optional[list[Thing]]:
    filters = {"label": [f"{key}={value}" for key, value in owner.labels.items()]}
    try:
        with connect(host, CONNECT_SECONDS) as engine:
            containers = engine.api.containers(all=True, filters=filters)
            networks = engine.api.networks(filters=filters)
            # The engine's clock need not be ours.
            behind = time.time() - _time(engine.info()["SystemTime"])
    except (HostUnreachable, EngineRefused, KeyError):
        return None
    # Networks and tasks of a swarm are its managers': our own resources take what is there.
    found = [
        _thing(CONTAINER, each, each["Created"] + behind)
        for each in containers
        if _TASK not in each["Labels"]
    ]
    found += [
        _thing(NETWORK, each, _time(each["Created"]) + behind)
        for each in networks
        if each.get("Scope") != "swarm"
    ]
    return found


def _thing(kind: str, listed: Json, created: float) -> Thing:
    labels = listed.get("Labels") or {}
    networks = (listed.get("NetworkSettings") or {}).get("Networks") or {}
    return Thing(
        kind,
        str(listed.get("Name") or listed["Names"][0]).lstrip("/"),
        listed["Id"],
        labels.get(f"{LABEL}.component", ""),
        labels.get(f"{LABEL}.role", ""),
        listed.get("State", ""),
        frozenset(networks),
        created,
    )


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
