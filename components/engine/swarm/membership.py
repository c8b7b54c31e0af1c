"""Members of a swarm, through the Engine API; its nodes are in `nodes`. No Pulumi.

Any manager that answers will do: no single host has to be up for the others to be managed.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, TypedDict

from ...arguments.connections import Connection
from ..connection import EngineRefused, HostUnreachable, connect, no_leader
from ..containers import EngineError
from .node import Node

if TYPE_CHECKING:
    from docker import DockerClient

CONFLICT = "update out of sequence"


class Specification(TypedDict):
    """A swarm to be: its labels, autolock and address pools, and the addresses of its first manager."""

    labels: dict[str, str]
    autolock: bool
    advertiseAddress: str
    listenAddress: str
    dataPathAddress: str
    addressPools: list[str]
    poolMask: int


class Found(TypedDict):
    """A swarm as it is."""

    swarmId: str
    labels: dict[str, str]
    autolock: bool
    workerToken: str
    managerToken: str
    unlockKey: str


class NoManager(EngineError):
    """The hosts answer, but none is a manager of the swarm."""


@contextlib.contextmanager
def manager(hosts: Sequence[Connection], swarm: str, besides: str = "") -> Iterator["DockerClient"]:
    """Return a client of the first of `hosts` that answers as a manager of `swarm` (its id; "" is any).

    A manager with the node id `besides` is only taken when there is no other. Raises EngineError, which says
    of each host why it was not taken: NoManager when all hosts answer and none lacks a leader.
    """
    reasons, last = [], None
    kind: type[EngineError] = NoManager
    for host in hosts:
        with contextlib.ExitStack() as stack:
            try:
                engine = stack.enter_context(connect(host))
                found = engine.info()["Swarm"]
            except (HostUnreachable, EngineRefused) as error:
                reasons.append(str(error))
                kind = EngineError
                continue
            if found["LocalNodeState"] == "locked":
                reasons.append(_locked(host))
            elif remedy := no_leader(found.get("Error") or ""):
                reasons.append(f"{host['address']}: {remedy}")
                kind = EngineError
            elif not _manages(found, swarm):
                reasons.append(f"{host['address']} is no manager of it ({found['LocalNodeState']})")
            elif found["NodeID"] == besides:
                last = host
            else:
                yield engine
                return
    if last is None:
        raise kind(f"no manager of {f'swarm {swarm}' if swarm else 'a swarm'} answers: {'; '.join(reasons)}")
    with connect(last) as engine:
        yield engine


def _manages(found: dict[str, Any], swarm: str) -> bool:
    return bool(found["ControlAvailable"] and swarm in ("", (found.get("Cluster") or {}).get("ID")))


def node_of(engine: "DockerClient", host: Connection) -> str:
    """Return the node id of the engine of `host`, or nothing when it is in no swarm."""
    found = engine.info()["Swarm"]
    if found["LocalNodeState"] == "locked":
        raise EngineError(_locked(host))
    return "" if found["LocalNodeState"] == "inactive" else str(found["NodeID"])


def _locked(host: Connection) -> str:
    return (
        f"the engine at {host['address']} is locked after a restart: run `docker swarm unlock` there "
        "with the unlock key of the swarm's outputs"
    )


def unfit(host: Connection, info: Mapping[str, Any]) -> Optional[str]:
    """Return why the engine of `host`, which says `info` of itself, can be in no swarm, or None.

    It would refuse in the middle of an `up`, or accept and have no overlay networks.
    """
    settings = "in /etc/docker/daemon.json there"
    if info.get("LiveRestoreEnabled"):
        why, remedy = "runs with live-restore", f'set "live-restore": false {settings}, and reload it'
    elif str((info.get("FirewallBackend") or {}).get("Driver", "")).startswith("nftables"):
        why = "has the firewall backend nftables"
        remedy = f'set "firewall-backend": "iptables" {settings}, and restart it'
    elif "name=rootless" in (info.get("SecurityOptions") or []):
        why, remedy = "is rootless and has no overlay networks", "use one that runs as root"
    else:
        return None
    return f"the engine at {host['address']} {why}, so it cannot be in a swarm: {remedy}"


def foreign(host: Connection) -> EngineError:
    """Return the error for a host in a swarm that is not ours."""
    return EngineError(
        f"the engine at {host['address']} belongs to another swarm already: take it out of that one "
        "(`docker swarm leave`), or drop it from nodes"
    )


def initialise(engine: "DockerClient", host: Connection, spec: Specification) -> str:
    """Make a swarm whose first manager is this engine, or adopt the one with our labels; its id."""
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


def describe(engine: "DockerClient") -> Found:
    """Return a swarm as it is: id, labels, autolock, join tokens, unlock key."""
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
            nodes = map(Node.of, engine.api.nodes())
            if others := sorted(node.name for node in nodes if node.id != found["NodeID"] and node.alive):
                names = ", ".join(others)
                raise EngineError(f"the swarm still has other nodes, which would be left alone: {names}")
            members.append(host)
    for host in members:
        with connect(host) as engine:
            engine.api.leave_swarm(force=True)


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
