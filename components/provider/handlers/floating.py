"""A floating address: `FloatingAddressNode` and `FloatingAddressGroup`. See `keepalived`."""

import contextlib
from typing import Optional

from pulumi.runtime.rpc import UNKNOWN

from ...engine import keepalived
from ...engine.connection import HostUnreachable, connect
from ...engine.containers import EngineError, Unfinished, find
from ...engine.images import PULL_SECONDS
from ..notices import KEEPALIVED_REPLACED, NODES_DISAGREE
from ..values import has_unknown
from .handler import (
    HOST,
    LABELS,
    NUMBER,
    REGISTRIES,
    RUNNING,
    TEXT,
    TEXTS,
    WHOLE,
    Handler,
    Values,
    Warn,
    checked,
    described,
    differences,
    listed,
)

_FIXED = ("image", "memory", "capabilities")
"""What only another container can have."""


class FloatingAddressNode(Handler):
    """keepalived on one node: its container and its configuration.

    A new one is made and not started: that is for the group, when all other nodes know it.
    """

    inputs = {
        "host": HOST,
        "registries": REGISTRIES,
        "name": described(TEXT, "Name of its container."),
        "image": described(TEXT, "Image with keepalived."),
        "memory": described(WHOLE, "Memory limit of its container in MiB."),
        "capabilities": described(listed(TEXT), "Linux capabilities that it keeps; all others are dropped."),
        "labels": LABELS,
        "config": described(TEXT, "Text of keepalived's configuration; a secret where it has a password."),
    }
    outputs = {"containerId": described(TEXT, "Id of its container."), "running": RUNNING}

    def check(self, new: Values, old: Values, warn: Warn) -> Optional[str]:
        if has_unknown({key: new[key] for key in ("host", "image", "config")}):
            return None
        what = differences(old, {key: new[key] for key in _FIXED})
        if what and old["host"] == new["host"]:
            warn(
                f"{KEEPALIVED_REPLACED} ({what}): if it has the addresses, the next node takes "
                "them over meanwhile, which cuts connections to them"
            )
        if all(old.get(key) == new[key] for key in ("host", "image", "config")):
            return None  # accepted before
        return checked(lambda: _problem(new), warn)

    def replaces(self, changed: set[str]) -> set[str]:
        return changed & {"host"}

    def drifted(self, state: Values) -> set[str]:
        return {"running"} if state.get("running") is False else set()

    def create(self, new: Values, preview: bool) -> tuple[str, Values]:
        if preview:
            return "", {"containerId": UNKNOWN, "running": True}
        with connect(new["host"], PULL_SECONDS) as engine:
            made = keepalived.prepare(engine, new)
        return made, {"containerId": made, "running": True}

    def update(self, new: Values, old: Values, preview: bool) -> Values:
        if preview:
            same = all(new[key] == old.get(key) for key in _FIXED)
            return {"containerId": old["containerId"] if same else UNKNOWN, "running": True}
        with connect(new["host"], PULL_SECONDS) as engine:
            return {"containerId": keepalived.deliver(engine, new, old["containerId"]), "running": True}

    def read(self, state: Values) -> Optional[Values]:
        try:
            with connect(state["host"]) as engine:
                return keepalived.look(engine, state["containerId"])
        except HostUnreachable:
            # It has no address that anybody could reach. Other nodes are to be read all the same.
            return {"running": False}

    def delete(self, state: Values) -> Optional[str]:
        try:
            with connect(state["host"]) as engine:
                keepalived.remove(engine, state["containerId"])
        except HostUnreachable as error:
            # A host that is gone for good must be removable.
            return (
                f"{error}. Its keepalived ({state['name']}, container {state['containerId'][:12]}) is no "
                "longer ours, but still there: should this host come back, remove that container before it "
                "gets its network, or it may take the addresses again"
            )
        return None


def _problem(new: Values) -> Optional[str]:
    with connect(new["host"], timeout=30) as engine:
        return keepalived.problem(engine, new)


class FloatingAddressGroup(Handler):
    """The nodes together: all take part, and one of them has the addresses.

    A resource of its own, because a node may only start when those that are there know it: they would
    not send it a sign of life, and it would take the addresses, too. So would one that they no longer
    know, and it may be drained next: it is stopped here, before its own resource is removed.
    """

    inputs = {
        "hosts": described(listed(TEXTS), "Hosts of the nodes, the one with the highest priority first."),
        "containers": described(listed(TEXT), "Ids of keepalived's containers, in the same order."),
        "agreed": described(TEXTS, "What nodes must have in common to hear each other, in words."),
        "timeout": described(NUMBER, "Seconds in which a node must have the addresses; 0: nobody has to."),
    }

    def check(self, new: Values, old: Values, warn: Warn) -> Optional[str]:
        if has_unknown(new["agreed"]):
            return None
        if what := differences(old.get("agreed", {}), new["agreed"]):
            warn(
                f"{NODES_DISAGREE} ({what}): while they are changed, one after the other, two of them may "
                "have the addresses for some seconds"
            )
        return None

    def create(self, new: Values, preview: bool) -> tuple[str, Values]:
        return "group", self.update(new, {}, preview)

    def update(self, new: Values, old: Values, preview: bool) -> Values:
        if preview:
            return {}
        known = old.get("containers", [])
        for host, id_ in zip(old.get("hosts", []), known, strict=False):
            if id_ not in new["containers"]:
                with contextlib.suppress(HostUnreachable), connect(host) as engine:
                    keepalived.stop(engine, id_)
        with contextlib.ExitStack() as stack:
            containers = []
            for host, id_ in zip(new["hosts"], new["containers"], strict=True):
                if id_ not in known:
                    container = find(stack.enter_context(connect(host)), id_)
                    if container is None:
                        raise EngineError(f"container {id_[:12]} is gone: refresh, then up again")
                    containers.append(container)
            everybody = len(containers) == len(new["containers"])
            keepalived.take_part(containers)
            if containers and new["timeout"]:
                # Somebody has the addresses already where there are others.
                reason = keepalived.await_part(containers, new["timeout"], owner=everybody)
                if reason:  # and the next `up` looks at them again
                    raise Unfinished(reason, "group", {"containers": []})
        return {}
