"""Nodes of a swarm, through the Engine API. Plain functions, no Pulumi."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, TypedDict

from ...arguments.connections import Connection
from ..connection import EngineRefused, HostUnreachable, connect
from ..containers import EngineError, wait_until
from .membership import NoManager, alive, foreign, in_sequence, manager, node_of, unfit

if TYPE_CHECKING:
    from docker import DockerClient

JOIN_SECONDS = 60.0
SETTLE_SECONDS = 60.0
BUSY = frozenset(
    ["new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running"]
)
"""States of a task that has not ended."""


class Specification(TypedDict):
    """A node to be."""

    role: str
    availability: str
    labels: dict[str, str]
    advertiseAddress: str
    listenAddress: str
    dataPathAddress: str


class Found(TypedDict):
    """A node as the managers see it."""

    role: str
    availability: str
    labels: dict[str, str]
    hostName: str
    address: str


def join(host: Connection, hosts: Sequence[Connection], swarm: str, spec: Specification) -> str:
    """Make the engine of `host` a node of `swarm`, or find that it is one; its node id."""
    with connect(host) as engine:
        if node := own_node(engine, host, hosts, swarm):
            return node
        if node_of(engine, host):
            engine.api.leave_swarm(force=True)  # removed while it was away: it only does not know yet
        with manager(hosts, swarm) as control:
            tokens = control.api.inspect_swarm()["JoinTokens"]
            known = control.info()["Swarm"]["RemoteManagers"]
        engine.api.join_swarm(
            remote_addrs=[each["Addr"] for each in known],
            join_token=tokens["Manager" if spec["role"] == "manager" else "Worker"],
            listen_addr=spec["listenAddress"],
            advertise_addr=spec["advertiseAddress"] or None,
            data_path_addr=spec["dataPathAddress"] or None,
        )
        if not wait_until(lambda: engine.info()["Swarm"]["LocalNodeState"] == "active", JOIN_SECONDS):
            error = engine.info()["Swarm"]["Error"] or "it is still pending"
            raise EngineError(f"the engine at {host['address']} did not join the swarm: {error}")
        return str(engine.info()["Swarm"]["NodeID"])


def own_node(engine: "DockerClient", host: Connection, hosts: Sequence[Connection], swarm: str) -> str:
    """Return the node id that the engine of `host` has in `swarm`; nothing when it may join it.

    Raises EngineError when it belongs to another one, or can be in none.
    """
    node = node_of(engine, host)
    if not node:
        if said := unfit(host, engine.info()):
            raise EngineError(said)
        return ""
    with contextlib.suppress(NoManager), manager(hosts, swarm) as control:
        if any(each["ID"] == node for each in control.api.nodes()):
            return node
    if _was_removed(engine, swarm):
        return ""
    raise foreign(host)


def _was_removed(engine: "DockerClient", swarm: str) -> bool:
    """Return whether `swarm`, which does not know this engine, has removed it while it was away."""
    found = engine.info()["Swarm"]
    return bool((found.get("Cluster") or {}).get("ID") == swarm or "removed" in (found["Error"] or ""))


def refuse_other_engine(host: Connection, node: str) -> None:
    """Raise EngineError when the engine of `host` is not the node."""
    with connect(host, timeout=30) as engine:
        if node_of(engine, host) == node:
            return
    raise EngineError(
        f"the engine at {host['address']} is another machine than this node was: give it a name of its "
        "own under nodes, and remove the old name"
    )


def has_left(host: Connection, known: Mapping[str, dict[str, Any]], node: str) -> bool:
    """Return whether a node has left the swarm.

    It has left when its managers (`known`: see `members`) do not know it or hear nothing of it, and the
    engine of its host is another node or none. A host that does not answer has not left.
    """
    if node not in known:
        return True
    if alive(known[node]):
        return False
    try:
        with connect(host, timeout=30) as engine:
            return str(engine.info()["Swarm"]["NodeID"]) != node
    except (HostUnreachable, EngineRefused):
        return False


def members(hosts: Sequence[Connection], swarm: str) -> dict[str, dict[str, Any]]:
    """Return all nodes that the managers know, by id."""
    with manager(hosts, swarm) as engine:
        return {each["ID"]: each for each in engine.api.nodes()}


def forget(hosts: Sequence[Connection], swarm: str, node: str) -> None:
    """Take a node that has left off the managers' list."""
    with manager(hosts, swarm, besides=node) as engine:
        if found := _find(engine, node):
            if found["Spec"]["Role"] == "manager":
                refuse_to_lose_quorum(engine, node)
                _set(engine, node, Role="worker")
            engine.api.remove_node(node, force=True)


def apply(
    hosts: Sequence[Connection], swarm: str, node: str, spec: Specification, drain_seconds: float
) -> Found:
    """Give a node its role, availability and labels, wait until it has them, and look at it.

    A node that is drained has no task any more, a new manager is reachable for the others.
    """
    with manager(hosts, swarm, besides=node) as engine:
        found = engine.api.inspect_node(node)
        if found["Spec"]["Role"] == "manager" and spec["role"] == "worker":
            refuse_to_lose_quorum(engine, node)
        _set(engine, node, Role=spec["role"], Availability=spec["availability"], Labels=spec["labels"])
        _await_role(engine, node, spec["role"])
        if not wait_until(lambda: engine.api.inspect_node(node)["Status"]["State"] == "ready", JOIN_SECONDS):
            raise EngineError(f"node {_name(found)} is not ready: {found['Status'].get('Message', '')}")
        if spec["availability"] == "drain":
            _await_no_task(engine, node, drain_seconds)
        return _seen(engine.api.inspect_node(node))


def look(engine: "DockerClient", node: str) -> Optional[Found]:
    """Return a node as the managers see it; None when they do not know it."""
    found = _find(engine, node)
    return _seen(found) if found else None


def _seen(found: dict[str, Any]) -> Found:
    spec = found["Spec"]
    return {
        "role": spec["Role"],
        "availability": spec["Availability"],
        "labels": dict(spec.get("Labels") or {}),
        "hostName": found["Description"]["Hostname"],
        "address": found["Status"].get("Addr", ""),
    }


def remove(
    host: Connection, hosts: Sequence[Connection], swarm: str, node: str, drain_seconds: float
) -> None:
    """Drain, await the end of the tasks, demote, leave, remove: in that order.

    The last manager stays when nobody else is there: the swarm ends with it, see `dissolve`.
    Raises EngineError when the quorum, or the last manager of others, would be lost.
    """
    with manager(hosts, swarm, besides=node) as engine:
        found = _find(engine, node)
        if found is None:
            return
        if found["Spec"]["Role"] == "manager":
            others = [each for each in engine.api.nodes() if each["ID"] != node]
            if not any(each["Spec"]["Role"] == "manager" for each in others):
                if orphans := [_name(each) for each in others if alive(each)]:
                    raise EngineError(
                        f"{_name(found)} is the last manager of {', '.join(sorted(orphans))}: promote "
                        "another one first"
                    )
                return
            refuse_to_lose_quorum(engine, node)
        if alive(found):
            _set(engine, node, Availability="drain")
            _await_no_task(engine, node, drain_seconds)
        _set(engine, node, Role="worker")
        _await_role(engine, node, "worker")
        _leave(host, node, answers=alive(found))
        # By force: that it has left is known here at once, to the managers after some heartbeats.
        engine.api.remove_node(node, force=True)


def _leave(host: Connection, node: str, answers: bool) -> None:
    try:
        with connect(host) as engine:
            if engine.info()["Swarm"]["NodeID"] == node:
                # A manager that was just demoted may not know it yet; the others do.
                engine.api.leave_swarm(force=True)
    except HostUnreachable:
        if answers:
            raise


def refuse_to_lose_quorum(engine: "DockerClient", without: str) -> None:
    """Raise EngineError when the other managers that can be reached could not decide any more."""
    rest = [
        node for node in engine.api.nodes() if node["Spec"]["Role"] == "manager" and node["ID"] != without
    ]
    reachable = sum((node.get("ManagerStatus") or {}).get("Reachability") == "reachable" for node in rest)
    needed = len(rest) // 2 + 1
    if reachable < needed:
        raise EngineError(
            f"without this manager {reachable} of {len(rest)} could be reached, and {needed} are needed to "
            "decide anything: bring the others back, or remove those that are gone, first"
        )


def _set(engine: "DockerClient", node: str, **changes: Any) -> None:
    def change() -> None:
        found = engine.api.inspect_node(node)
        spec: Any = {**found["Spec"], **changes}
        if spec != found["Spec"]:
            engine.api.update_node(node, found["Version"]["Index"], spec)

    in_sequence(change)


def _await_role(engine: "DockerClient", node: str, role: str) -> None:
    def settled() -> bool:
        status = engine.api.inspect_node(node).get("ManagerStatus") or {}
        return bool(status.get("Reachability") == "reachable" if role == "manager" else not status)

    if not wait_until(settled, SETTLE_SECONDS):
        raise EngineError(f"node {node} did not become a {role} within {SETTLE_SECONDS:.0f} s")


def _await_no_task(engine: "DockerClient", node: str, seconds: float) -> None:
    def busy() -> list[dict[str, Any]]:
        api: Any = engine.api
        tasks = api.tasks(filters={"node": node})
        return [task for task in tasks if task["Status"]["State"] in BUSY]

    if not wait_until(lambda: not busy(), seconds):
        names = sorted(task["ID"] for task in busy())
        raise EngineError(
            f"node {node} is drained, but still runs {len(names)} tasks after {seconds:g} s: "
            f"{', '.join(names[:5])}; their services may stop slowly (stop_grace_period)"
        )


def _find(engine: "DockerClient", node: str) -> Optional[dict[str, Any]]:
    return next((each for each in engine.api.nodes() if each["ID"] == node), None)


def _name(node: dict[str, Any]) -> str:
    return str(node["Description"].get("Hostname") or node["ID"])
