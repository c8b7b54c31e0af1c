"""Consequences of a SwarmCluster's change for its nodes and networks: see docs/swarm.md."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Optional

from ...engine.swarm.placement import Place, unmet
from ...preview.instance import Instance
from ...preview.reading import Step, mapping
from .consequence import ENDLESS, Consequence, count, differences, duration, pair
from .tasks import constraints, host_ports

_INTERRUPTS = "which interrupts a service that has all of them there"


def cluster(instance: Instance) -> Iterable[Consequence]:
    """Yield the swarm, its nodes, the quorum afterwards, its networks."""
    if instance.fate == "removed":
        yield Consequence("The swarm is dissolved: all that runs in it ends.", ENDLESS)
        return
    if instance.fate == "created":
        yield Consequence(f"{count(len(instance.of('SwarmNode')), 'host')} form a swarm.")
        yield from _quorum(instance)
        return
    for kind in ("Swarm", "SwarmNode", "OverlayNetwork"):
        for step in instance.of(kind, "replace"):
            yield Consequence(f"{step.name} is made anew: what runs on it ends.", ENDLESS)
    yield from _swarm(instance)
    yield from _nodes(instance)
    yield from _quorum(instance)
    for step in instance.of("OverlayNetwork", "create", "delete"):
        verb = "made" if step.operation == "create" else "removed"
        yield Consequence(f"Network {step.inputs.get('name')} is {verb}.")


def _nodes(instance: Instance) -> Iterable[Consequence]:
    """Yield the consequences for nodes that join, change or leave."""
    renamed = _renamed(instance)
    for step in instance.of("SwarmNode", "create"):
        former = renamed.get(step.urn)
        if former:
            yield from _new_name(instance, former, step)
        else:
            yield Consequence(f"Node {instance.node(step)} joins as a {step.new.get('role')}.")
    for step in instance.of("SwarmNode", "update"):
        yield from _node_change(instance, step)
    for step in instance.of("SwarmNode", "delete"):
        if step in renamed.values():
            continue
        demoted = "is demoted, " if step.old.get("role") == "manager" else ""
        yield Consequence(
            f"Node {instance.node(step)} is drained (its tasks end and start elsewhere, {_INTERRUPTS}; "
            f"at most {duration(step.old.get('drainTimeout'))}), {demoted}leaves and is removed."
        )


def _swarm(instance: Instance) -> Iterable[Consequence]:
    swarm = instance.one("Swarm")
    if swarm is None or swarm.operation != "update":
        return
    if swarm.differs("tokenGeneration"):
        yield Consequence("The join tokens are rotated: those given out before admit nobody any more.")
    if swarm.differs("autolock"):
        state = "on: a manager that restarts stays locked" if swarm.new.get("autolock") else "off"
        yield Consequence(f"Autolock is turned {state}.")


def _renamed(instance: Instance) -> Mapping[str, Step]:
    """Map a removed node to its successor: the same host under another name, by URN."""
    gone = {mapping(step.old.get("host")).get("address"): step for step in instance.of("SwarmNode", "delete")}
    come = {
        step.urn: mapping(step.new.get("host")).get("address") for step in instance.of("SwarmNode", "create")
    }
    return {urn: gone[address] for urn, address in come.items() if address in gone}


def _new_name(instance: Instance, former: Step, step: Step) -> Iterable[Consequence]:
    """Yield the node stays; what else is otherwise is changed as that of any node."""
    yield Consequence(
        f"Node {instance.node(former)} is called {instance.node(step)} from now on: its host stays in the "
        "swarm."
    )
    yield from _node_change(instance, replace(step, old=former.old))


def _node_change(instance: Instance, step: Step) -> Iterable[Consequence]:
    name = instance.node(step)
    if step.differs("role"):
        verb = "promoted to manager" if step.new.get("role") == "manager" else "demoted to worker"
        yield Consequence(f"Node {name} is {verb}.")
    if step.differs("availability"):
        match step.new.get("availability"):
            case "drain":
                yield Consequence(
                    f"Node {name} is drained: its tasks end and start elsewhere, within "
                    f"{duration(step.new.get('drainTimeout'))}, {_INTERRUPTS}. Ports of its own (mode host) "
                    "are closed until it is active again."
                )
            case "pause":
                yield Consequence(f"Node {name} is paused: it keeps its tasks and gets no new ones.")
            case _:
                yield Consequence(f"Node {name} is active again: it gets tasks when a service changes.")
    if step.differs("labels"):
        yield Consequence(f"Labels of node {name} change ({differences(*pair(step, 'labels'))}).")
    leaving = _leaving(instance, step)
    if step.differs("labels") or leaving:
        yield _left(name, leaving)


def _leaving(instance: Instance, step: Step) -> Optional[list[Step]]:
    """Return services whose constraints a node no longer meets; None where not all of them are shown."""
    there = [service for service in instance.services if service.operation != "create"]
    if not there or not all(mapping(_in_force(service).get("spec")) for service in there):
        return None
    before, after = (
        {"": Place(str(values.get("role")), mapping(values.get("labels")))} for values in (step.old, step.new)
    )
    return [
        each
        for each in there
        if not unmet(constraints(_in_force(each)), before) and unmet(constraints(_in_force(each)), after)
    ]


def _in_force(service: Step) -> Mapping[str, Any]:
    """Return the inputs until now; of what stays, a preview may show one state only."""
    return service.old or service.new


def _left(node: str, services: Optional[list[Step]]) -> Consequence:
    if services is None:
        return Consequence(
            f"Tasks whose constraints node {node} no longer meets move to other nodes, and close its ports "
            "of mode host."
        )
    if not services:
        return Consequence(f"No task of the services here has to leave node {node}.")
    names = ", ".join(sorted(service.parent.rpartition("::")[2] for service in services))
    ports = ", ".join(port for each in services for port in host_ports(mapping(_in_force(each).get("spec"))))
    closed = (
        f". Its port {ports} is closed from then on; a floating address that is there goes to another node "
        "when nobody answers any more"
    )
    return Consequence(
        f"Tasks of {names} leave node {node}, {_INTERRUPTS}{closed if ports else ''}.",
        ENDLESS if ports else 0.0,
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
            f"Afterwards the swarm has {count(managers, 'manager')}: {managers // 2 + 1} must be up to "
            "decide "
            f"anything, so it survives the loss of {(managers - 1) // 2}."
        )
