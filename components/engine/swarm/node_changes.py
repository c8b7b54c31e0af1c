"""Steps that a change of a swarm's nodes takes. Pure functions: they compare, and touch nothing.

All steps but those of a join are performed by a manager.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from ...arguments.connections import Connection
from ..containers import EngineError
from ..steps import Step
from .node import Node, Specification
from .node_steps import AwaitNoTask, AwaitReady, AwaitRole, Join, Leave, LeaveStale, Remove, SetNode

LEAVES = "it leaves the swarm"


def joining(
    host: Connection, spec: Specification, token: str, managers: Sequence[str], forgotten: bool
) -> list[Step]:
    """Return the steps by which the engine of `host` becomes a node, performed by that engine.

    `token` is that of the node's role, `managers` the addresses that managers are reached at. `forgotten`
    says that the engine believes to be a node of the swarm still.
    """
    join = Join(host=host, spec=spec, token=token, managers=managers, cause="declared")
    if not forgotten:
        return [join]
    return [LeaveStale(host=host, cause="its managers removed it while it was away"), join]


def changing(node: Node, spec: Specification, nodes: Iterable[Node], drain_seconds: float) -> list[Step]:
    """Return the steps by which `node` gets the role, availability and labels of `spec`.

    `nodes` are all nodes of the swarm. At the end a drained node has no task, and a new manager is
    reachable. Raises EngineError when the quorum would be lost.
    """
    if node.role == "manager" and spec["role"] == "worker":
        refuse_to_lose_quorum(node, nodes)
    wanted = {key: spec[key] for key in ("role", "availability", "labels")}
    steps = _setting(node, "declared", **wanted)
    steps.append(AwaitRole(node=node, role=spec["role"], cause="its role is in force then"))
    steps.append(AwaitReady(node=node, cause="tasks can run there then"))
    if spec["availability"] == "drain":
        steps.append(AwaitNoTask(node=node, seconds=drain_seconds, cause="it is drained"))
    return steps


def removal(node: Node, host: Connection, nodes: Iterable[Node], drain_seconds: float) -> list[Step]:
    """Return the steps that take `node` out: drain, await the end of the tasks, demote, leave, remove.

    None for the last manager when nobody else is there: the swarm ends with it. Raises EngineError when the
    quorum, or the last manager of others, would be lost.
    """
    others = [each for each in nodes if each.id != node.id]
    if node.role == "manager":
        if not any(each.role == "manager" for each in others):
            _refuse_to_orphan(node, others)
            return []
        refuse_to_lose_quorum(node, others)
    steps: list[Step] = []
    if node.alive:
        steps += _setting(node, LEAVES, availability="drain")
        steps.append(AwaitNoTask(node=node, seconds=drain_seconds, cause=LEAVES))
    steps += _setting(node, LEAVES, role="worker")
    steps.append(AwaitRole(node=node, role="worker", cause="managers decide without it then"))
    steps.append(Leave(node=node, host=host, cause="removed from the declaration"))
    return [*steps, Remove(node=node, cause="it has left")]


def forgetting(node: Node, nodes: Iterable[Node]) -> list[Step]:
    """Return the steps that take a node that has left off the managers' list.

    Raises EngineError when the quorum would be lost.
    """
    if node.role == "manager":
        refuse_to_lose_quorum(node, nodes)
    return [*_setting(node, "it has left", role="worker"), Remove(node=node, cause="it has left")]


def _setting(node: Node, cause: str, **wanted: Any) -> list[Step]:
    """Return the step that gives a node what is `wanted`; none where it has that."""
    step = SetNode(node=node, cause=cause, **wanted)
    return [step] if step.changes else []


def refuse_to_lose_quorum(without: Node, nodes: Iterable[Node]) -> None:
    """Raise EngineError when the other managers that can be reached could not decide any more."""
    rest = [each for each in nodes if each.role == "manager" and each.id != without.id]
    reachable = sum(each.reachable for each in rest)
    needed = len(rest) // 2 + 1
    if reachable < needed:
        raise EngineError(
            f"without this manager {reachable} of {len(rest)} could be reached, and {needed} are needed to "
            "decide anything: bring the others back, or remove those that are gone, first"
        )


def _refuse_to_orphan(node: Node, others: Sequence[Node]) -> None:
    if orphans := sorted(each.name for each in others if each.alive):
        raise EngineError(
            f"{node.name} is the last manager of {', '.join(orphans)}: promote another one first"
        )
