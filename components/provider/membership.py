"""What our resources do with a swarm and its nodes through the Engine API. Plain functions, no Pulumi.

Any manager that answers will do: no single host has to be up for the others to be managed.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Optional

from ..connection import EngineRefused, HostUnreachable, connect
from .engine import EngineError, wait_until

if TYPE_CHECKING:
    from docker import DockerClient

Connection = dict[str, Any]
"""A host as `hosts.Host.properties()` gives it."""
JOIN_SECONDS = 60.0
SETTLE_SECONDS = 60.0
CONFLICT = "update out of sequence"
BUSY = frozenset(
    ["new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running"]
)


@contextlib.contextmanager
def manager(hosts: Sequence[Connection], swarm: str, besides: str = "") -> Iterator["DockerClient"]:
    """A client of the first of `hosts` that answers as a manager of `swarm` (its id; "" is any).

    A manager with the node id `besides` is only taken when there is no other. Raises EngineError,
    which says of each host why it was not taken.
    """
    reasons, last = [], None
    for host in hosts:
        with contextlib.ExitStack() as stack:
            try:
                engine = stack.enter_context(connect(host))
                found = engine.info()["Swarm"]
            except (HostUnreachable, EngineRefused) as error:
                reasons.append(str(error))
                continue
            if found["LocalNodeState"] == "locked":
                reasons.append(_locked(host))
            elif not _manages(found, swarm):
                reasons.append(f"{host['address']} is no manager of it ({found['LocalNodeState']})")
            elif found["NodeID"] == besides:
                last = host
            else:
                yield engine
                return
    if last is None:
        raise EngineError(
            f"no manager of {f'swarm {swarm}' if swarm else 'a swarm'} answers: {'; '.join(reasons)}"
        )
    with connect(last) as engine:
        yield engine


def _manages(found: dict[str, Any], swarm: str) -> bool:
    return bool(found["ControlAvailable"] and swarm in ("", (found.get("Cluster") or {}).get("ID")))


def node_of(engine: "DockerClient", host: Connection) -> str:
    """Node id of the engine of `host`, or nothing when it is in no swarm."""
    found = engine.info()["Swarm"]
    if found["LocalNodeState"] == "locked":
        raise EngineError(_locked(host))
    return "" if found["LocalNodeState"] == "inactive" else str(found["NodeID"])


def _locked(host: Connection) -> str:
    return (
        f"the engine at {host['address']} is locked after a restart: run `docker swarm unlock` there "
        "with the unlock key of the swarm's outputs"
    )


def foreign(host: Connection) -> EngineError:
    """What is said of a host that is in a swarm which is not ours."""
    return EngineError(
        f"the engine at {host['address']} belongs to another swarm already: take it out of that one "
        "(`docker swarm leave`), or drop it from nodes"
    )


# The swarm


def initialise(engine: "DockerClient", host: Connection, spec: dict[str, Any]) -> str:
    """Make a swarm whose first manager is this engine, or adopt the one with our labels; its id.

    `spec`: labels, autolock, advertiseAddress, listenAddress, dataPathAddress, addressPools, poolMask.
    """
    if node_of(engine, host):
        found = engine.info()["Swarm"].get("Cluster") or {}
        if (found.get("Spec") or {}).get("Labels") != spec["labels"]:
            raise foreign(host)
        return str(found["ID"])
    engine.api.init_swarm(
        advertise_addr=spec["advertiseAddress"] or None,
        listen_addr=spec["listenAddress"],
        data_path_addr=spec["dataPathAddress"] or None,
        default_addr_pool=spec["addressPools"] or None,
        subnet_size=spec["poolMask"] or None,
        swarm_spec=engine.api.create_swarm_spec(labels=spec["labels"], autolock_managers=spec["autolock"]),
    )
    return str(engine.api.inspect_swarm()["ID"])


def configure(engine: "DockerClient", labels: dict[str, str], autolock: bool, rotate: bool) -> None:
    """Change what can be changed of a swarm; `rotate` gives it new join tokens."""

    def change() -> None:
        found = engine.api.inspect_swarm()
        spec = found["Spec"]
        spec["Labels"] = labels
        spec.setdefault("EncryptionConfig", {})["AutoLockManagers"] = autolock
        engine.api.update_swarm(
            version=found["Version"]["Index"],
            swarm_spec=spec,
            rotate_worker_token=rotate,
            rotate_manager_token=rotate,
        )

    in_sequence(change)


def describe(engine: "DockerClient") -> dict[str, Any]:
    """A swarm as it is: id, labels, autolock, join tokens, unlock key."""
    found = engine.api.inspect_swarm()
    spec = found["Spec"]
    autolock = bool((spec.get("EncryptionConfig") or {}).get("AutoLockManagers"))
    return {
        "swarmId": str(found["ID"]),
        "labels": dict(spec.get("Labels") or {}),
        "autolock": autolock,
        "workerToken": found["JoinTokens"]["Worker"],
        "managerToken": found["JoinTokens"]["Manager"],
        "unlockKey": engine.api.get_unlock_key()["UnlockKey"] if autolock else "",
    }


def dissolve(hosts: Sequence[Connection], swarm: str) -> None:
    """Take the last managers out; the swarm is gone then. Others must have been removed before."""
    members = []
    for host in hosts:
        with connect(host) as engine:
            found = engine.info()["Swarm"]
            if not _manages(found, swarm):
                continue
            others = [node for node in engine.api.nodes() if node["ID"] != found["NodeID"] and _alive(node)]
            if others:
                names = ", ".join(sorted(node["Description"]["Hostname"] for node in others))
                raise EngineError(f"the swarm still has other nodes, which would be left alone: {names}")
            members.append(host)
    for host in members:
        with connect(host) as engine:
            engine.api.leave_swarm(force=True)


# Its nodes


def join(host: Connection, hosts: Sequence[Connection], swarm: str, spec: dict[str, Any]) -> str:
    """Make the engine of `host` a node of `swarm`, or find that it is one; its node id.

    `spec`: role, advertiseAddress, listenAddress, dataPathAddress.
    """
    with connect(host) as engine:
        if node := node_of(engine, host):
            with manager(hosts, swarm) as control:
                if any(each["ID"] == node for each in control.api.nodes()):
                    return node
            if not was_removed(engine, swarm):
                raise foreign(host)
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


def was_removed(engine: "DockerClient", swarm: str) -> bool:
    found = engine.info()["Swarm"]
    return bool((found.get("Cluster") or {}).get("ID") == swarm or "removed" in (found["Error"] or ""))


def apply(
    hosts: Sequence[Connection], swarm: str, node: str, spec: dict[str, Any], drain_seconds: float
) -> None:
    """Give a node its role, availability and labels, and wait until it has them.

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


def look(engine: "DockerClient", node: str) -> Optional[dict[str, Any]]:
    """A node as the managers see it; None when they do not know it."""
    found = _find(engine, node)
    if found is None:
        return None
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
                if alive := [_name(each) for each in others if _alive(each)]:
                    raise EngineError(
                        f"{_name(found)} is the last manager of {', '.join(sorted(alive))}: promote another "
                        "one first"
                    )
                return
            refuse_to_lose_quorum(engine, node)
        if _alive(found):
            _set(engine, node, Availability="drain")
            _await_no_task(engine, node, drain_seconds)
        _set(engine, node, Role="worker")
        _await_role(engine, node, "worker")
        _leave(host, node, alive=_alive(found))
        # By force: that it has left is known here at once, to the managers after some heartbeats.
        engine.api.remove_node(node, force=True)


def _leave(host: Connection, node: str, alive: bool) -> None:
    try:
        with connect(host) as engine:
            if engine.info()["Swarm"]["NodeID"] == node:
                # A manager that was just demoted may not know it yet; the others do.
                engine.api.leave_swarm(force=True)
    except HostUnreachable:
        if alive:
            raise


def refuse_to_lose_quorum(engine: "DockerClient", without: str) -> None:
    """EngineError when the managers that can be reached, but for this one, could not decide any more."""
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


def _alive(node: dict[str, Any]) -> bool:
    return bool(node["Status"]["State"] not in ("down", "disconnected"))


def _name(node: dict[str, Any]) -> str:
    return str(node["Description"].get("Hostname") or node["ID"])


def in_sequence(change: Callable[[], None], attempts: int = 20) -> None:
    """Do what somebody else may be doing at the same time: swarm objects have a version."""
    from docker.errors import APIError

    for attempt in range(attempts):
        try:
            change()
        except APIError as error:
            if attempt == attempts - 1 or CONFLICT not in str(error.explanation):
                raise
        else:
            return
