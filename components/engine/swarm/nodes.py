"""Nodes of a swarm, through the Engine API: looked at, then changed by steps. No Pulumi."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Optional

from ...arguments.connections import Connection
from ..connection import EngineRefused, HostUnreachable, connect
from ..containers import EngineError
from ..steps import perform
from .membership import NoManager, foreign, manager, node_of, unfit
from .node import Found, Node, Specification
from .node_changes import changing, forgetting, joining, removal

if TYPE_CHECKING:
    from docker import DockerClient


def join(host: Connection, hosts: Sequence[Connection], swarm: str, spec: Specification) -> str:
    """Make the engine of `host` a node of `swarm`, or find that it is one; its node id."""
    with connect(host) as engine:
        if node := own_node(engine, host, hosts, swarm):
            return node
        with manager(hosts, swarm) as control:
            tokens = control.api.inspect_swarm()["JoinTokens"]
            known = control.info()["Swarm"]["RemoteManagers"]
        token = tokens["Manager" if spec["role"] == "manager" else "Worker"]
        addresses = [each["Addr"] for each in known]
        perform(joining(host, spec, token, addresses, forgotten=bool(node_of(engine, host))), engine)
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
        if node in _all(control):
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


def has_left(host: Connection, known: Mapping[str, Node], node: str) -> bool:
    """Return whether a node has left the swarm.

    It has left when its managers (`known`: see `members`) do not know it or hear nothing of it, and the
    engine of its host is another node or none. A host that does not answer has not left.
    """
    if node not in known:
        return True
    if known[node].alive:
        return False
    try:
        with connect(host, timeout=30) as engine:
            return str(engine.info()["Swarm"]["NodeID"]) != node
    except (HostUnreachable, EngineRefused):
        return False


def members(hosts: Sequence[Connection], swarm: str) -> dict[str, Node]:
    """Return all nodes that the managers know, by id."""
    with manager(hosts, swarm) as engine:
        return _all(engine)


def forget(hosts: Sequence[Connection], swarm: str, node: str) -> None:
    """Take a node that has left off the managers' list."""
    with manager(hosts, swarm, besides=node) as engine:
        known = _all(engine)
        if node in known:
            perform(forgetting(known[node], known.values()), engine)


def apply(
    hosts: Sequence[Connection], swarm: str, node: str, spec: Specification, drain_seconds: float
) -> Found:
    """Give a node its role, availability and labels, wait until it has them, and look at it."""
    with manager(hosts, swarm, besides=node) as engine:
        present = Node.of(engine.api.inspect_node(node))
        perform(changing(present, spec, _each(engine), drain_seconds), engine)
        return Node.of(engine.api.inspect_node(node)).found


def look(engine: "DockerClient", node: str) -> Optional[Found]:
    """Return a node as the managers see it; None when they do not know it."""
    found = _all(engine).get(node)
    return found.found if found else None


def remove(
    host: Connection, hosts: Sequence[Connection], swarm: str, node: str, drain_seconds: float
) -> None:
    """Take a node out of the swarm, its tasks first; see `removal`."""
    with manager(hosts, swarm, besides=node) as engine:
        known = _all(engine)
        if node in known:
            perform(removal(known[node], host, known.values(), drain_seconds), engine)


def _each(engine: "DockerClient") -> Iterator[Node]:
    """Yield all nodes: they are listed for a plan that looks at the others, and for no other plan."""
    yield from _all(engine).values()


def _all(engine: "DockerClient") -> dict[str, Node]:
    return {each["ID"]: Node.of(each) for each in engine.api.nodes()}
