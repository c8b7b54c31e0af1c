"""Compare what hosts hold with what the state records: unrecorded things, and recorded ones that do not run.

Only a thing that a run of this state has made is a leftover. Another state may have a stack of the same
name on the same host, so labels alone are no proof.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any, Optional

from ..naming import CHECK, LABEL, type_token
from .survey import CONTAINER, NETWORK, Survey, Thing, key_of, provider_host

Json = dict[str, Any]
Span = tuple[float, float]
"""From when to when, in seconds since 1970."""

FRONT_END = type_token("FrontEndConfig")
REPLICAS = type_token("Replicas")
BEFORE, AFTER = 2.0, 60.0
"""Seconds around a run in which its things may have been made: clocks differ, and an engine may finish
a creation that nobody waits for."""
_UP = ("running", "restarting", "removing")


@dataclass(frozen=True)
class Unrecorded:
    """Things with the stack's labels that its state does not record, each with its host."""

    ours: tuple[tuple[str, Thing], ...] = ()
    """Made by a run of this state."""
    checks: tuple[tuple[str, Thing], ...] = ()
    """Throw-away containers: a preview elsewhere may still use one of them."""
    others: tuple[tuple[str, Thing], ...] = ()
    """Made by no run of this state."""


def unrecorded(survey: Survey, deployment: Json, runs: Callable[[], Iterable[Span]]) -> Unrecorded:
    """Sort what `deployment` does not record. `runs` is only asked when the answer depends on it."""
    known = recorded_ids(deployment)
    adopting = _adopting(deployment)
    found = [
        (host, thing)
        for host, things in survey.items()
        for thing in things
        if thing.id not in known and (thing.component, thing.role) not in adopting
    ]
    checks = [(host, thing) for host, thing in found if thing.role == CHECK[f"{LABEL}.role"]]
    rest = [each for each in found if each not in checks]
    networks = _network_names(deployment)
    sure = [(host, thing) for host, thing in rest if thing.networks & networks]
    doubtful = [each for each in rest if each not in sure]
    spans = list(runs()) if doubtful else []
    sure += [(host, thing) for host, thing in doubtful if _made_in(spans, thing.created)]
    others = [each for each in rest if each not in sure]
    return Unrecorded(tuple(sure), tuple(checks), tuple(others))


def recorded_ids(deployment: Json) -> frozenset[str]:
    """Return the ids of all resources in the state, and of the containers that ours have made."""
    found = set()
    for resource in deployment.get("resources") or []:
        outputs = resource.get("outputs") or {}
        found |= {resource.get("id"), outputs.get("containerId")}
        if resource["type"] == REPLICAS:
            found |= set((outputs.get("containers") or {}).values())
    return frozenset(id_ for id_ in found if isinstance(id_, str) and id_)


def _adopting(deployment: Json) -> set[tuple[str, str]]:
    """Return component and role of containers that a recorded resource takes over at its next change."""
    recorded = deployment.get("resources") or []
    labels = [each["inputs"]["labels"] for each in recorded if each["type"] == REPLICAS]
    return {(each[f"{LABEL}.component"], each[f"{LABEL}.role"]) for each in labels}


@dataclass(frozen=True)
class Drift:
    """Recorded things that the hosts do not have, or do not run."""

    stopped: tuple[tuple[str, Thing], ...] = ()
    """Containers to be started."""
    gone: tuple[Json, ...] = ()
    """Resources whose container is not there."""
    idle: tuple[Json, ...] = ()
    """Resources of ours that start their containers themselves, once the state says that they do not run."""
    replicas: tuple[tuple[Json, dict[str, str]], ...] = ()
    """Resources `Replicas` that change their containers, once the state has them as they are: by name."""

    @property
    def marked(self) -> bool:
        """True if the state is to say it, so that the next run sets it right."""
        return bool(self.gone or self.idle or self.replicas)

    @property
    def notes(self) -> list[str]:
        """Describe what the next run sets right."""
        gone = [f"{_name(each)}, whose container is gone, to be made anew by this run" for each in self.gone]
        others = [*self.idle, *(each for each, _ in self.replicas)]
        return gone + [f"{_name(each)}, to be set right by this run" for each in others]


def drift(survey: Survey, deployment: Json, labels: dict[str, str]) -> Drift:
    """Compare the containers in `deployment` that carry `labels` with what their hosts run."""
    resources = [
        each
        for each in deployment.get("resources") or []
        if not each.get("delete") and not each.get("pendingReplacement")
    ]
    stopped: list[tuple[str, Thing]] = []
    gone: list[Json] = []
    for resource in resources:
        host = _host(resource, deployment)
        if resource["type"] == CONTAINER and host in survey and labels.items() <= _declared(resource).items():
            thing = _find(survey[host], resource["id"])
            if thing is None:
                gone.append(resource)
            elif thing.role != "front-end" and thing.status not in _UP:
                stopped.append((host, thing))
    states = ((each, _otherwise(each, survey, deployment)) for each in resources if each["type"] == REPLICAS)
    replicas = [(each, found) for each, found in states if found is not None]
    started = {thing.id for _, thing in stopped}
    started |= {thing.id for thing in chain(*survey.values()) if replicas and thing.status not in _UP}
    idle = [each for each in resources if _is_idle(each, survey, started)]
    return Drift(tuple(stopped), tuple(gone), tuple(idle), tuple(replicas))


def _otherwise(resource: Json, survey: Survey, deployment: Json) -> Optional[dict[str, str]]:
    """Return the status of each container of a `Replicas`; None when those that are recorded run.

    A killed change has left others, and taken back it would be no change. A container of the docker provider
    is none of them.
    """
    inputs, recorded = resource["inputs"], (resource.get("outputs") or {}).get("containers") or {}
    labels, host = inputs["labels"], key_of(inputs["host"])
    if host not in survey:
        return None
    others = recorded_ids(deployment) - set(recorded.values())
    owner = labels[f"{LABEL}.component"], labels[f"{LABEL}.role"]
    there = {
        thing.id: thing
        for thing in survey[host]
        if thing.kind == CONTAINER and (thing.component, thing.role) == owner and thing.id not in others
    }
    if {id_ for id_, thing in there.items() if thing.status in _UP} == there.keys() == set(recorded.values()):
        return None
    known = {id_: name for name, id_ in recorded.items()}
    return {known.get(id_, thing.name): thing.status for id_, thing in there.items()}


def _is_idle(resource: Json, survey: Survey, started: set[str]) -> bool:
    """Return whether a resource of ours is down, or has addresses of replicas that were down."""
    inputs, outputs = resource.get("inputs") or {}, resource.get("outputs") or {}
    if "running" not in outputs or (host := key_of(inputs["host"])) not in survey:
        return False
    container = outputs.get("containerId") or inputs["container"]
    thing = _find(survey[host], container)
    replicas = inputs.get("replicas") or {}
    return thing is None or thing.status not in _UP or not started.isdisjoint(replicas.values())


def _name(resource: Json) -> str:
    return str(resource["urn"].rpartition("::")[2])


def _find(things: Iterable[Thing], id_: str) -> Optional[Thing]:
    return next((thing for thing in things if thing.id == id_), None)


def _host(resource: Json, deployment: Json) -> str:
    host = provider_host(resource.get("provider", ""), deployment["resources"])
    return key_of(host or {})


def _declared(resource: Json) -> dict[str, str]:
    labels = (resource.get("inputs") or {}).get("labels") or []
    return {each["label"]: each["value"] for each in labels}


def _network_names(deployment: Json) -> set[str]:
    return {each["inputs"]["name"] for each in deployment.get("resources") or [] if each["type"] == NETWORK}


def _made_in(spans: Iterable[Span], moment: float) -> bool:
    return any(start - BEFORE <= moment <= end + AFTER for start, end in spans)
