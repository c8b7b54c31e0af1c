"""Steps that a change of a swarm's nodes takes. Pure functions: they compare, and touch nothing.

All steps but those of a join are performed by a manager.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...arguments.connections import Connection
from ..containers import EngineError
from ..steps import Step
from .node import Node, Specification
from .node_steps import AwaitNoTask, AwaitReady, AwaitRole, Join, Leave, LeaveStale, Remove, SetNode

LEAVES = "it leaves the swarm"


def joining(host: Connection, spec: Specification, swarm: Mapping[str, Any], forgotten: bool) -> list[Step]:
    """Return the steps by which the engine of `host` becomes a node of `swarm`, performed by that engine.

    `swarm` has the keys `tokens` and `managers`; `forgotten` says that the engine believes to be a node of
    it still.
    """
    role = "manager" if spec["role"] == "manager" else "worker"
    join = Join(
        host=host,
        spec=spec,
        role=role,
        token=swarm["tokens"][role],
        managers=swarm["managers"],
        cause="declared",
    )
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
    steps: list[Step] = []
    if (
        spec["role"] != node.role
        or spec["availability"] != node.availability
        or spec["labels"] != node.labels
    ):
        steps.append(
            SetNode(
                node=node,
                role=spec["role"],
                availability=spec["availability"],
                labels=spec["labels"],
                cause="declared",
            )
        )
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
        if node.availability != "drain":
            steps.append(SetNode(node=node, availability="drain", cause=LEAVES))
        steps.append(AwaitNoTask(node=node, seconds=drain_seconds, cause=LEAVES))
    if node.role == "manager":
        steps.append(SetNode(node=node, role="worker", cause=LEAVES))
    steps.append(AwaitRole(node=node, role="worker", cause="managers decide without it then"))
    steps.append(Leave(node=node, host=host, cause="removed from the declaration"))
    return [*steps, Remove(node=node, cause="it has left")]


def forgetting(node: Node, nodes: Iterable[Node]) -> list[Step]:
    """Return the steps that take a node that has left off the managers' list.

    Raises EngineError when the quorum would be lost.
    """
    remove = Remove(node=node, cause="it has left")
    if node.role != "manager":
        return [remove]
    refuse_to_lose_quorum(node, nodes)
    return [SetNode(node=node, role="worker", cause="it has left"), remove]


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
