"""Replicas of a resource `Replicas`, each as the step of a container of its own."""

from collections.abc import Iterator, Mapping
from typing import Any, Optional

from ..arguments.messages import decimal
from ..engine.replica import DEFINES, MIB, NANO, Replica, ReplicaContainer, Template
from ..engine.replica_listing import key
from ..naming import LABEL
from .reading import DOCKER_CONTAINER, Operation, Step, mapping

RUNNING = "running"
_FIRST = 1
"""Generation in the network names: the inputs do not have it."""


def expanded(step: Step) -> Iterator[Step]:
    """Yield a step for each replica, by index, with the inputs of a `docker.Container` like it.

    None is known where an input that makes them is secret, or not known yet.
    """
    try:
        was, now = _statuses(step.old, step.outputs), _statuses(step.new, {})
        before, after = _containers(step.old), _containers(step.new)
    except (LookupError, TypeError, ValueError):
        return
    types = step.urn.rpartition("::")[0].replace(step.type, DOCKER_CONTAINER)
    for name in {**was, **now}:
        operation = _operation(step, was.get(name), now.get(name))
        yield Step(
            operation,
            f"{types}::{name}",
            DOCKER_CONTAINER,
            step.parent,
            old={} if operation == "create" else before[name],
            new={} if operation == "delete" else after[name],
            changed=step.changed.intersection(DEFINES),
        )


def _operation(step: Step, was: Optional[str], now: Optional[str]) -> Operation:
    """Return what happens to a replica with these statuses; None where there is none."""
    if now is None:
        return "delete"
    if was is None:
        return "create"
    if step.operation == "replace" or any(step.differs(each) for each in DEFINES):
        return "replace"
    return "same" if was == now else "update"


def _names(inputs: Mapping[str, Any]) -> list[str]:
    """Return the names of the replicas; none where labels or number are secret, or not known yet."""
    number, labels = inputs.get("replicas"), mapping(inputs.get("labels"))
    if not isinstance(number, int) or f"{LABEL}.role" not in labels:
        return []
    return [key(labels, index) for index in range(number)]


def drifted(step: Step) -> dict[str, str]:
    """Return the statuses that a refresh has found otherwise, by name, and each container too many."""
    declared = dict.fromkeys(_names(step.old), RUNNING)
    there = mapping(step.outputs.get("each", declared))
    found = {name: str(there.get(name, "missing")) for name in declared}
    return {name: status for name, status in found.items() if status != RUNNING} | dict.fromkeys(
        there.keys() - found, "one too many"
    )


def _statuses(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the status of each replica that is there, by name: a refresh may have found one missing."""
    names = _names(inputs)
    each = mapping(outputs.get("each", dict.fromkeys(names, RUNNING)))
    return {name: each[name] for name in names if name in each}


def _containers(inputs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the inputs of a `docker.Container` for each replica, by name."""
    if not inputs:
        return {}
    template = Template(
        labels=inputs["labels"],
        mark="",  # it names the container, and a docker.Container has no name of ours
        definition="",
        image=inputs["image"],
        networks=inputs["networks"],
        container=ReplicaContainer.model_validate(mapping(inputs.get("container"))),
        drain=inputs["drain"],
    )
    return {
        name: _inputs(Replica(index=index, generation=_FIRST, template=template))
        for index, name in enumerate(_names(inputs))
    }


def _inputs(replica: Replica) -> dict[str, Any]:
    """Return a replica, as it is created, in the words of a `docker.Container`; without its environment."""
    made = replica.body()
    host, check = made["HostConfig"], made.get("Healthcheck")
    named, *others = replica.template.networks
    return {
        "image": made["Image"],
        "command": made.get("Cmd"),
        "user": made.get("User"),
        "labels": [{"label": label, "value": value} for label, value in replica.template.labels.items()],
        "healthcheck": check and _healthcheck(check),
        "restart": host["RestartPolicy"]["Name"],
        "maxRetryCount": host["RestartPolicy"]["MaximumRetryCount"],
        "memory": host["Memory"] // MIB,
        "memorySwap": host["MemorySwap"] // MIB,
        "cpus": decimal(host["NanoCpus"] / NANO) if host["NanoCpus"] else None,
        "readOnly": host["ReadonlyRootfs"],
        "tmpfs": host["Tmpfs"],
        "sysctls": host["Sysctls"],
        "capabilities": {"adds": host["CapAdd"], "drops": host["CapDrop"]},
        "securityOpts": host["SecurityOpt"],
        "destroyGraceSeconds": made["StopTimeout"],
        "networksAdvanced": [
            *({"name": each} for each in others),
            {"name": named, "aliases": [replica.alias]},
        ],
    }


def _healthcheck(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "tests": given["Test"],
        "interval": _duration(given["Interval"]),
        "timeout": _duration(given["Timeout"]),
        "startPeriod": _duration(given.get("StartPeriod", 0)),
        "retries": given["Retries"],
    }


def _duration(nanoseconds: int) -> str:
    return f"{decimal(nanoseconds / NANO)}s"
