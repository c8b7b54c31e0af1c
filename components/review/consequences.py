"""What the steps of a component do to those who use it, in words and seconds.

The order is the one of docs/order.md, docs/swarm-services.md and docs/floating-address.md; the seconds of
gaps are measured there.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .instance import Instance, inputs, label
from .preview import Step

FRONT_END_GAP = 1.0
"""Seconds from the old front end's end until the new one has the port."""
TASK_GAP = 1.0
"""The same of a gateway's task that has its node's port."""
SECOND = 10**9


@dataclass(frozen=True)
class Consequence:
    """What will happen, and for how long somebody is refused."""

    text: str
    gap: float = 0.0
    """Seconds in which new connections may be refused; 0 where none is."""


def consequences(instance: Instance) -> list[Consequence]:
    """What the change of an instance does, in the order in which it happens."""
    found = list(_OF[instance.kind](instance))
    return found or [Consequence("What runs stays as it is.")]


def _load_balanced(instance: Instance) -> Iterable[Consequence]:
    if instance.fate == "removed":
        yield Consequence("The front end and all its replicas go; its port is closed.", float("inf"))
        return
    yield from _replicas(instance)
    front_ends = instance.containers("front-end", "replace", "create")
    config = instance.one("FrontEndConfig")
    drain = inputs(config).get("drain", 0)
    for step in front_ends:
        if step.operation == "replace":
            why = differences(*_pair(instance.one("Readiness"), "container")) or _keys([step])
            yield Consequence(
                f"The front end's container is replaced ({why}): its port is closed for about "
                f"{FRONT_END_GAP:g} s, for one container at a time can have it. Before that, the new "
                f"configuration is checked and the replicas are well; the old one ends within {drain:g} s.",
                FRONT_END_GAP,
            )
    if config and config.operation == "update" and config.differs("config") and not front_ends:
        yield Consequence("The front end is reloaded with another configuration; no connection is dropped.")


def _replicas(instance: Instance) -> Iterable[Consequence]:
    seconds = inputs(instance.one("Readiness")).get("startTimeout", 0)
    drain = inputs(instance.one("FrontEndConfig")).get("drain", 0)
    by_backend: dict[str, dict[str, list[Step]]] = {}
    for step in instance.containers("replica-", "create", "replace", "delete"):
        backend = label(step, "role").removeprefix("replica-")
        by_backend.setdefault(backend, {}).setdefault(step.operation, []).append(step)
    for backend, steps in sorted(by_backend.items()):
        if some := steps.get("create"):
            served = "" if instance.fate == "created" else ", and are sent requests once they are well"
            yield Consequence(f"{_count(len(some), 'replica')} of {backend} start{served}.")
        if some := steps.get("replace"):
            why = _definition(instance, backend) or _keys(some)
            yield Consequence(
                f"{_count(len(some), 'replica')} of {backend} replaced ({why}) without a gap: the new ones "
                f"start beside the old (well within {seconds:g} s, or the change fails and the old ones "
                f"stay), the front end is reloaded, and the old ones end within {drain:g} s, when their "
                "requests have."
            )
        if some := steps.get("delete"):
            yield Consequence(
                f"{_count(len(some), 'replica')} of {backend} removed, after the front end no longer sends "
                "to them."
            )


def _definition(instance: Instance, backend: str) -> str:
    """What differs in the definition of a backend's replicas."""
    for step in instance.of("Generation", "update"):
        if step.name == f"{instance.name}-{backend}-generation":
            return differences(*_pair(step, "definition"))
    return ""


def _cluster(instance: Instance) -> Iterable[Consequence]:
    if instance.fate == "removed":
        yield Consequence("The swarm is dissolved: all that runs in it ends.", float("inf"))
        return
    if instance.fate == "created":
        yield Consequence(f"{_count(len(instance.of('SwarmNode')), 'host')} form a swarm.")
    yield from _swarm(instance)
    for step in instance.of("SwarmNode", "create"):
        if instance.fate != "created":
            yield Consequence(f"Node {_node(instance, step)} joins as a {step.new.get('role')}.")
    for step in instance.of("SwarmNode", "update"):
        yield from _node_change(instance, step)
    for step in instance.of("SwarmNode", "delete"):
        seconds = step.old.get("drainTimeout", 0)
        yield Consequence(
            f"Node {_node(instance, step)} is drained (its tasks start elsewhere; at most {seconds:g} s), "
            "leaves and is removed."
        )
    yield from _quorum(instance)
    for step in instance.of("OverlayNetwork", "create", "delete"):
        if instance.fate != "created":
            verb = "made" if step.operation == "create" else "removed"
            yield Consequence(f"Network {step.inputs.get('name')} is {verb}.")


def _swarm(instance: Instance) -> Iterable[Consequence]:
    swarm = instance.one("Swarm")
    if swarm is None or swarm.operation != "update":
        return
    if swarm.differs("tokenGeneration"):
        yield Consequence("The join tokens are rotated: those given out before admit nobody any more.")
    if swarm.differs("autolock"):
        state = "on: a manager that restarts stays locked" if swarm.new.get("autolock") else "off"
        yield Consequence(f"Autolock is turned {state}.")


def _node_change(instance: Instance, step: Step) -> Iterable[Consequence]:
    name = _node(instance, step)
    if step.differs("role"):
        verb = "promoted to manager" if step.new.get("role") == "manager" else "demoted to worker"
        yield Consequence(f"Node {name} is {verb}.")
    if step.differs("availability"):
        match step.new.get("availability"):
            case "drain":
                seconds = step.new.get("drainTimeout", 0)
                yield Consequence(
                    f"Node {name} is drained: its tasks end and start elsewhere, at most {seconds:g} s."
                )
            case "pause":
                yield Consequence(f"Node {name} is paused: it keeps its tasks and gets no new ones.")
            case _:
                yield Consequence(f"Node {name} is active again: it gets tasks when a service changes.")
    if step.differs("labels"):
        yield Consequence(
            f"Labels of node {name} change ({differences(*_pair(step, 'labels'))}): tasks whose constraints "
            "it no longer meets move to other nodes."
        )


def _quorum(instance: Instance) -> Iterable[Consequence]:
    nodes = instance.of("SwarmNode")
    changed = any(
        step.operation in ("create", "delete") or step.differs("role")
        for step in nodes
        if "manager" in (step.old.get("role"), step.new.get("role")) and step.operation != "same"
    )
    managers = sum(step.new.get("role") == "manager" for step in nodes)
    if changed and managers:
        yield Consequence(
            f"Afterwards the swarm has {_count(managers, 'manager')}: {managers // 2 + 1} must be up to "
            f"decide anything, so it survives the loss of {(managers - 1) // 2}."
        )


def _node(instance: Instance, step: Step) -> str:
    return step.name.removeprefix(f"{instance.name}-node-")


def _service(instance: Instance) -> Iterable[Consequence]:
    yield from _definition_of_tasks(instance, f"Service {instance.name}")


def _gateway(instance: Instance) -> Iterable[Consequence]:
    yield from _definition_of_tasks(instance, f"Gateway {instance.name}")


def _definition_of_tasks(instance: Instance, what: str) -> Iterable[Consequence]:
    step = instance.one("ServiceDefinition")
    if step is None:
        return
    match step.operation:
        case "create":
            yield Consequence(f"{what} starts with {tasks(step.new)}.")
        case "delete":
            yield Consequence(f"{what} is removed; its tasks end.", float("inf"))
        case "replace":
            seconds = step.old.get("stopTimeout", 0)
            yield Consequence(
                f"{what} is removed and made anew ({', '.join(sorted(step.changed))}), for there is one of a "
                f"name: nobody is served until the old tasks have ended (at most {seconds:g} s) and new ones "
                "are well.",
                float(seconds),
            )
        case "update":
            yield from _update_of_tasks(step, what)


def _update_of_tasks(step: Step, what: str) -> Iterable[Consequence]:
    old, new = _spec(step.old), _spec(step.new)
    before, after = _count_of(old), _count_of(new)
    if old.get("TaskTemplate") != new.get("TaskTemplate") or step.differs("forceUpdate"):
        update = new.get("UpdateConfig") or {}
        at_once = update.get("Parallelism") or 0
        pace = f"{at_once} at a time" if at_once else "all at once"
        why = differences(old.get("TaskTemplate", {}), new.get("TaskTemplate", {})) or "force_update"
        head = f"Tasks of {what[0].lower()}{what[1:]} are replaced ({why}), {pace}"
        if update.get("Order") == "start-first":
            yield Consequence(
                f"{head}, without a gap: each new task is well before the old one loses its address and ends."
            )
        elif _host_ports(new):
            yield Consequence(
                f"{head}: one task at a time can have a port of its node, so each node in turn refuses new "
                f"connections for about {TASK_GAP:g} s, while the others serve.",
                TASK_GAP,
            )
        elif before == 1:
            yield Consequence(f"{head}: its only task ends before the new one starts.", TASK_GAP)
        else:
            yield Consequence(f"{head}: each old task ends before the new one starts, so fewer serve.")
    if before != after:
        yield Consequence(f"{what} is scaled from {before} to {after} tasks.")


def _floating(instance: Instance) -> Iterable[Consequence]:
    if instance.fate == "removed":
        yield Consequence("No node has the addresses any more.", float("inf"))
        return
    if instance.fate == "created":
        count = _count(len(instance.of("FloatingAddressNode")), "node")
        yield Consequence(f"One of {count} has the addresses; when it fails, the next one takes them.")
        return
    prefix = f"{instance.name}-node-"
    for step in instance.of("FloatingAddressNode", "create", "delete", "replace"):
        node = step.name.removeprefix(prefix)
        yield Consequence(
            {
                "create": f"Node {node} joins the group.",
                "delete": f"Node {node} leaves the group: if it has the addresses, the next node takes them.",
                "replace": f"keepalived of {node} moves to another host.",
            }[step.operation]
        )
    updated = instance.of("FloatingAddressNode", "update")
    for step in updated:
        if step.changed & {"image", "memory", "capabilities"}:
            yield Consequence(
                f"keepalived of node {step.name.removeprefix(prefix)} is replaced: if it has the addresses, "
                "the next node takes them meanwhile, which cuts connections to them.",
                FRONT_END_GAP,
            )
    if any(step.differs("config") for step in updated):
        yield Consequence(
            "keepalived is reloaded with another configuration, the owner of the addresses last."
        )
    group = instance.one("FloatingAddressGroup")
    if group and group.operation == "update" and group.differs("agreed"):
        yield Consequence(
            f"All nodes change what they agree on ({differences(*_pair(group, 'agreed'))}), one after the "
            "other: meanwhile two of them may have addresses, for some seconds.",
            FRONT_END_GAP,
        )


_OF: dict[str, Callable[[Instance], Iterable[Consequence]]] = {
    "FloatingAddress": _floating,
    "LoadBalancedService": _load_balanced,
    "SwarmCluster": _cluster,
    "SwarmGateway": _gateway,
    "SwarmService": _service,
}


def differences(old: Any, new: Any, path: str = "") -> str:
    """What differs between two values, as `key: old → new`; only the keys of what is long."""
    old, new = ({} if each is None else each for each in (old, new))
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        return f"{path}: {old or 'none'} → {new or 'none'}" if _short(old) and _short(new) else path
    return ", ".join(
        differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    )


def _short(value: Any) -> bool:
    return value == {} or (isinstance(value, str | int | float | bool) and len(str(value)) <= 60)


def _keys(steps: Iterable[Step]) -> str:
    return ", ".join(sorted({key for step in steps for key in step.changed}))


def _pair(step: Step | None, key: str) -> tuple[Any, Any]:
    return (step.old.get(key, {}), step.new.get(key, {})) if step else ({}, {})


def _spec(values: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = values.get("spec")
    return spec if isinstance(spec, Mapping) else {}


def _count_of(spec: Mapping[str, Any]) -> int | None:
    """Number of tasks; None of a global service."""
    replicated = (spec.get("Mode") or {}).get("Replicated")
    return None if replicated is None else int(replicated.get("Replicas", 0))


def _host_ports(spec: Mapping[str, Any]) -> bool:
    ports = (spec.get("EndpointSpec") or {}).get("Ports") or []
    return any(port.get("PublishMode") == "host" for port in ports)


def tasks(values: Mapping[str, Any]) -> str:
    """How many tasks a service has, in words."""
    count = _count_of(_spec(values))
    return "a task on each node that meets its constraints" if count is None else _count(count, "task")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
