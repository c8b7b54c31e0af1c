"""Repair of a run that was interrupted: unfinished operations in the stack's state.

Before each operation Pulumi writes it down as pending. When `pulumi` is killed, nobody knows whether the
pending operations happened; recorded ones did happen.
"""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Optional

from ..engine.connection import connect
from ..engine.containers import wait_until
from ..naming import PACKAGE
from .leftovers import FRONT_END, Drift
from .survey import AT_ONCE, CONTAINER, NETWORK, Owner, Thing, provider_host
from .telling import CannotGoOn

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container
    from docker.models.networks import Network

Json = dict[str, Any]

IMAGE = "docker:index/remoteImage:RemoteImage"
PATIENCE = 30.0
"""Seconds the engine gets to remove a thing."""
GRACE = 10
"""Seconds that a container nobody recorded gets to end by itself."""


@dataclass(frozen=True)
class Leftover:
    """A container or network that is to go, where it is there."""

    kind: str
    """Its Pulumi type."""
    name: str
    """Its name in the engine."""
    host: str
    """Address of the host, as `connection.connect` takes it, in JSON."""
    id: str = ""
    """Its engine's id, where it is known; empty for a creation that was cut short."""
    grace: int = 0
    """Seconds it gets to end by itself."""
    why: str = "created but not recorded"

    @classmethod
    def found(cls, host: str, thing: Thing, why: str = why) -> "Leftover":
        """Return what a survey has found on `host`."""
        grace = GRACE if thing.status == "running" else 0
        return cls(thing.kind, thing.name, host, thing.id, grace, why)

    def __str__(self) -> str:
        return f"{'container' if self.kind == CONTAINER else 'network'} {self.name}, {self.why}"


@dataclass(frozen=True)
class Plan:
    """Repairs that the pending operations of a deployment need."""

    leftovers: tuple[Leftover, ...]
    notes: tuple[str, ...]
    """Other repairs, and hints for the user, in words."""
    deployment: Json
    """The deployment as it is to be when the leftovers are gone."""


def plan(deployment: Json, owner: Owner) -> Plan:
    """Return the repairs that the pending operations of `deployment` need, without touching anything."""
    resources: list[Json] = list(deployment.get("resources") or [])
    leftovers, notes = [], []
    for operation in deployment.get("pending_operations") or []:
        doing, resource = operation["type"], operation["resource"]
        kind, name = resource["type"], resource["urn"].rpartition("::")[2]
        leftover = _leftover(doing, resource, resources, owner)
        if leftover is not None:
            leftovers.append(leftover)
            if leftover.id:
                resources = _changed(resources, resource, _deleted)
        elif kind == FRONT_END and doing in ("updating", "deleting"):
            resources = _changed(resources, resource, _not_in_force)
            notes.append(f"front end {name}, its change cut short, to be set right by this run")
        elif doing == "creating" and not kind.startswith((f"{PACKAGE}:", "pulumi:", IMAGE)):
            notes.append(f"{kind} {name} may exist without being recorded: look for it by hand")
    cleaned = {**deployment, "resources": resources, "pending_operations": []}
    return Plan(tuple(leftovers), tuple(notes), cleaned)


def remove(leftovers: Iterable[Leftover], owner: Owner, recorded: frozenset[str]) -> list[Leftover]:
    """Remove from their engines the leftovers that carry the owner's labels.

    A leftover that was created and has an id in `recorded` belongs to the state, and stays. Raises
    HostUnreachable, and CannotGoOn when an engine refuses.
    """
    wanted, removed = list(leftovers), []
    with ExitStack() as contexts:
        engines = {
            host: contexts.enter_context(connect(json.loads(host)))
            for host in sorted({leftover.host for leftover in wanted})
        }
        for kind in (CONTAINER, NETWORK):  # a network goes only when nothing is on it
            removals = [
                (found, leftover)
                for leftover in wanted
                if leftover.kind == kind
                for found in _find(engines[leftover.host], leftover)
                if _carries(found, owner) and (leftover.id or found.id not in recorded)
            ]
            with ThreadPoolExecutor(AT_ONCE) as pool:  # each may take its time to end
                list(pool.map(lambda removal: _remove(*removal), removals))
            removed += [leftover for _, leftover in removals]
    return removed


def corrected(deployment: Json, found: Drift) -> Json:
    """Return the deployment with what its hosts do not have or run marked: the next run makes it so."""
    resources: list[Json] = list(deployment.get("resources") or [])
    for each in found.gone:
        resources = _changed(resources, each, _deleted)
    for each in found.idle:
        resources = _changed(resources, each, _not_in_force)
    for each, containers in found.replicas:
        resources = _changed(resources, each, partial(_with_outputs, each=containers))
    return {**deployment, "resources": resources}


def start(stopped: Iterable[tuple[str, Thing]]) -> list[str]:
    """Start containers on their hosts; returns what came of each."""
    from docker.errors import APIError

    said = []
    for host, thing in stopped:
        with connect(json.loads(host)) as engine:
            try:
                container = engine.containers.get(thing.id)
                container.unpause() if thing.status == "paused" else container.start()
                said.append(f"container {thing.name}, which did not run, started")
            except APIError as error:
                reason = str(error.explanation or error)
                said.append(f"container {thing.name} does not run and cannot be started: {reason}")
    return said


def _leftover(doing: str, resource: Json, resources: list[Json], owner: Owner) -> Optional[Leftover]:
    """Return the container or network of ours in a pending creation or removal."""
    if resource["type"] not in (CONTAINER, NETWORK):
        return None  # what our own resources make, they adopt themselves
    inputs = resource.get("inputs") or {}
    declared = {each["label"]: each["value"] for each in inputs.get("labels") or []}
    host = provider_host(resource.get("provider", ""), resources)
    if (
        doing not in ("creating", "deleting")
        or not owner.labels.items() <= declared.items()
        or host is None
        or resource.get("retainOnDelete")
    ):
        return None
    where = json.dumps(host, sort_keys=True)
    if doing == "creating":
        return Leftover(resource["type"], inputs["name"], where)
    grace = int(inputs.get("destroyGraceSeconds") or 0)
    return Leftover(resource["type"], inputs["name"], where, resource["id"], grace, "its removal cut short")


def _changed(resources: list[Json], which: Json, change: Callable[[Json], Optional[Json]]) -> list[Json]:
    """Return `resources` with `which` changed, or without it when the change says None."""

    def is_it(resource: Json) -> bool:
        if resource["urn"] != which["urn"]:
            return False
        if which.get("id"):
            return bool(resource.get("id") == which["id"])
        return not resource.get("delete")  # a pending update is written down without the id

    changed = [change(each) if is_it(each) else each for each in resources]
    return [resource for resource in changed if resource is not None]


def _deleted(resource: Json) -> Optional[Json]:
    """Return a resource that is no longer in its engine.

    One that the program may still want stays in the state, as Pulumi keeps one that it deleted in order to
    replace it: others may refer to it. The next run makes it anew or forgets it.
    """
    return None if resource.get("delete") else {**resource, "pendingReplacement": True}


def _not_in_force(resource: Json) -> Json:
    """Return a front end that the next run sets right, also when nothing about it is to change."""
    return _with_outputs(resource, running=False)


def _with_outputs(resource: Json, **outputs: object) -> Json:
    return {**resource, "outputs": {**(resource.get("outputs") or {}), **outputs}}


def _find(engine: "DockerClient", leftover: Leftover) -> "list[Container | Network]":
    """Return the objects with its id, or exactly its name."""
    from docker.errors import NotFound

    try:
        if leftover.kind == CONTAINER:
            container = engine.containers.get(leftover.id or leftover.name)
            return [container] if leftover.id or container.name == leftover.name else []
        if leftover.id:
            return [engine.networks.get(leftover.id)]
    except NotFound:
        return []
    # The engine lists every network whose name contains this, and names need not be unique.
    return [each for each in engine.networks.list([leftover.name]) if each.name == leftover.name]


def _carries(found: "Container | Network", owner: Owner) -> bool:
    attributes: Json = found.attrs or {}
    labels = attributes.get("Labels") or attributes.get("Config", {}).get("Labels") or {}
    return owner.labels.items() <= labels.items()


def _remove(found: "Container | Network", leftover: Leftover) -> None:
    from docker.errors import APIError, NotFound

    said = ""

    def removed() -> bool:
        nonlocal said
        try:
            if leftover.kind == CONTAINER:
                found.remove(force=True, v=True)  # type: ignore[call-arg]
            else:
                found.remove()
        except NotFound:
            return True
        except APIError as error:  # its removal is under way, or something is still on the network
            said = str(error.explanation or error)
            return False
        return True

    if leftover.grace:
        with suppress(APIError):
            found.stop(timeout=leftover.grace)  # type: ignore[union-attr]
    if not wait_until(removed, PATIENCE):
        raise CannotGoOn(f"cannot remove {leftover}: {said}")
