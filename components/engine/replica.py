"""Replicas of a backend: as they are declared, as the Engine API creates them, and as it lists them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Optional

from pydantic import Field, model_validator

from ..arguments.connections import Login
from ..arguments.parsing import Frozen
from ..arguments.types import Argument, ImageRef, NetworkName, Whole
from ..naming import LABEL, replica_alias
from ..proxies.container import (
    MOST_REPLICAS,
    Canary,
    Container,
    Drain,
    Rollback,
    StartTimeout,
    Update,
    check_canary,
)
from ..proxies.program import SYSCTLS

ROLE = "replica-"
"""Begin of the role of a replica; the backend's name follows."""
MARK, INDEX, GENERATION, DEFINITION = (
    f"{LABEL}.{key}" for key in ("replicas", "index", "generation", "definition")
)
"""Labels that only the resource `Replicas` sets."""
DEFINES = ("image", "container", "networks")
"""Inputs of `Replicas` whose change is another definition, which replaces every replica."""
NANO = 10**9
MIB = 2**20


class ReplicaContainer(Container):
    """A replica's container, except its image and networks."""

    health: Optional[list[Argument]] = Field(default=None, min_length=1)


class Declared(Frozen):
    """Arguments of the replicas of one backend."""

    image: ImageRef
    replicas: Annotated[int, Whole(1, MOST_REPLICAS)]
    networks: list[NetworkName] = Field(min_length=1)
    container: ReplicaContainer = ReplicaContainer()
    update: Update = Update()
    rollback: Rollback = Rollback()
    canary: Optional[Canary] = None
    drain: Drain = 10
    start_timeout: StartTimeout = 60

    @model_validator(mode="after")
    def _canary_has_a_share(self) -> "Declared":
        check_canary(self.canary, self.update, self.replicas)
        return self


def digest(*parts: object) -> str:
    """Return a short text that differs for other parts."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]


def backend_of(labels: Mapping[str, str]) -> tuple[str, str]:
    """Return component and backend in the labels of the owner of replicas."""
    return labels[f"{LABEL}.component"], labels[f"{LABEL}.role"].removeprefix(ROLE)


def alias_of(labels: Mapping[str, str], index: int, generation: int) -> str:
    """Return the network name of a replica of this owner."""
    return replica_alias(*backend_of(labels), index, generation)


def generation_in(alias: str) -> int:
    """Return the generation in the network name of a replica; 0 in another name, such as a container's id."""
    _, mark, number = alias.rpartition("-g")
    return int(number) if mark and number.isdecimal() else 0


def marks_of(
    adopted: Mapping[str, str], mark: str, definition: str, generation: int
) -> dict[str, dict[str, str]]:
    """Return the labels that adopted containers (network names by id) would carry, by id.

    Those of the generation have the definition, and others have none that is known.
    """
    return {
        id_: {
            MARK: mark,
            INDEX: name.rpartition("-g")[0].rpartition("-")[2],
            GENERATION: str(generation_in(name)),
            DEFINITION: definition if generation_in(name) == generation else "",
        }
        for id_, name in adopted.items()
    }


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A container of ours as the engine lists it."""

    id: str
    name: str
    alias: str
    index: int
    """Its index; -1 where its label is no number."""
    generation: int
    definition: str
    status: str
    """`running`, `exited`, `created` …"""
    health: str = "healthy"
    """`healthy`, `starting` or `unhealthy`; `healthy` also without a health check."""

    @property
    def running(self) -> bool:
        """True if its program runs, or the engine starts it again."""
        return self.status in ("running", "restarting")


def seen(entry: Mapping[str, Any]) -> Seen:
    """Return a container of ours from an entry of the engine's list."""
    labels: Mapping[str, str] = entry["Labels"]
    index, generation = (_number(labels.get(key, "")) for key in (INDEX, GENERATION))
    status = str(entry.get("Status") or "")
    health = "unhealthy" if "(unhealthy)" in status else "starting" if "(health: " in status else "healthy"
    return Seen(
        id=entry["Id"],
        name=str(entry["Names"][0]).lstrip("/") if entry.get("Names") else entry["Id"][:12],
        alias=alias_of(labels, index, generation),
        index=index,
        generation=generation,
        definition=labels.get(DEFINITION, ""),
        status=entry["State"],
        health=health,
    )


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else -1


@dataclass(frozen=True, kw_only=True)
class Template:
    """Properties that all replicas of a definition have in common."""

    labels: Mapping[str, str]
    """Labels that name their owner."""
    mark: str
    """Value of the label MARK: other for other owners, and for another address of the host."""
    definition: str
    """Digest of image, container and networks as they are declared."""
    image: str
    networks: Sequence[str]
    container: ReplicaContainer = field(repr=False)
    drain: float
    """Seconds that a replica gets to end."""
    adopted: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Labels that a container of another resource would have as one of these, by its id."""


@dataclass(frozen=True, kw_only=True)
class Replica:
    """One replica as it is to be."""

    index: int
    generation: int
    template: Template

    @property
    def alias(self) -> str:
        """Its network name."""
        return alias_of(self.template.labels, self.index, self.generation)

    @property
    def name(self) -> str:
        """Name of its container. It is fixed, so two runs at the same time cannot make two of it."""
        return f"{self.alias}-{digest(self.template.mark, self.template.definition)[:7]}"

    @property
    def marks(self) -> dict[str, str]:
        """Labels by which it is found again."""
        return {
            **self.template.labels,
            MARK: self.template.mark,
            INDEX: str(self.index),
            GENERATION: str(self.generation),
            DEFINITION: self.template.definition,
        }

    def body(self) -> dict[str, Any]:
        """Return its container as the Engine API creates one, on the first of its networks."""
        template, own = self.template, self.template.container
        first = template.networks[0]
        restart = {"Name": own.restart.policy, "MaximumRetryCount": own.restart.max_retries}
        made: dict[str, Any] = {
            "Image": template.image,
            "Env": [f"{key}={value}" for key, value in sorted(own.environment.items())],
            "Labels": self.marks,
            "StopTimeout": max(1, round(template.drain)),
            "HostConfig": {
                "NetworkMode": first,
                "RestartPolicy": restart,
                "Memory": own.memory * MIB,
                "MemorySwap": own.memory * MIB,  # no swap
                "NanoCpus": round((own.cpus or 0) * NANO),
                "PidsLimit": own.pids_limit,
                "ReadonlyRootfs": own.read_only,
                "Tmpfs": {"/tmp": "", "/run": ""} if own.read_only else {},  # noqa: S108
                "Sysctls": SYSCTLS,
                "CapAdd": sorted(f"CAP_{each.removeprefix('CAP_')}" for each in own.capabilities),
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
            },
            "NetworkingConfig": {"EndpointsConfig": {first: {"Aliases": [self.alias]}}},
        }
        if own.command is not None:
            made["Cmd"] = own.command
        if own.user is not None:
            made["User"] = own.user
        if own.health is not None:
            made["Healthcheck"] = {
                "Test": own.health, "Interval": 15 * NANO, "Timeout": 5 * NANO, "Retries": 3,
            }  # fmt: skip
        return made


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Replicas of a backend as they are to be."""

    template: Template
    count: int
    generation: int
    start_timeout: float
    """Seconds that a new replica has to become healthy."""
    registries: Sequence[Login] = field(default=(), repr=False)
    known: frozenset[str] = frozenset()
    """Ids of containers that a run which came to its end has recorded: they were healthy once."""
    contact: Optional[str] = None
    """Text that differs where a front end reaches them in another way; None without a front end."""

    @property
    def replicas(self) -> list[Replica]:
        """Every replica, by index."""
        return [
            Replica(index=index, generation=self.generation, template=self.template)
            for index in range(self.count)
        ]
