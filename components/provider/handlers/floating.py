"""A floating address: `FloatingAddressNode` and `FloatingAddressGroup`. See `keepalived`."""

import contextlib
from typing import Final, Optional

from ...engine import keepalived
from ...engine.connection import HostUnreachable, connect
from ...engine.containers import EngineError, Unfinished, find
from ...engine.images import PULL_SECONDS
from ...engine.keepalived_steps import objection
from ...resources import floating as declared
from ...resources.floating import (
    FloatingAddressGroupInputs,
    FloatingAddressNodeInputs,
    FloatingAddressNodeOutputs,
    FloatingAddressNodeState,
)
from ...resources.resource import NoOutputs
from ..notices import KEEPALIVED_REPLACED, NODES_DISAGREE
from ..values import UNKNOWN, has_unknown
from .handler import Handler, Warn, checked, differences

_FIXED: Final = ("image", "memory", "capabilities")
"""Inputs that only another container can have."""


class FloatingAddressNode(
    Handler[FloatingAddressNodeInputs, FloatingAddressNodeOutputs, FloatingAddressNodeState]
):
    """keepalived on one node: its container and its configuration.

    A new one is made and not started: that is for the group, when all other nodes know it.
    """

    resource = declared.FloatingAddressNode

    def check(
        self, new: FloatingAddressNodeInputs, old: FloatingAddressNodeInputs, warn: Warn
    ) -> Optional[str]:
        if has_unknown([new["host"], new["image"], new["config"]]):
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

    def drifted(self, state: FloatingAddressNodeState) -> set[str]:
        return {"running"} if state.get("running") is False else set()

    def create(self, new: FloatingAddressNodeInputs, preview: bool) -> tuple[str, FloatingAddressNodeOutputs]:
        if preview:
            return "", {"containerId": UNKNOWN, "running": True}
        with connect(new["host"], PULL_SECONDS) as engine:
            made = keepalived.prepare(engine, new)
        return made, {"containerId": made, "running": True}

    def update(
        self, new: FloatingAddressNodeInputs, old: FloatingAddressNodeState, preview: bool
    ) -> FloatingAddressNodeOutputs:
        if preview:
            same = all(new[key] == old.get(key) for key in _FIXED)
            return {"containerId": old["containerId"] if same else UNKNOWN, "running": True}
        with connect(new["host"], PULL_SECONDS) as engine:
            return {"containerId": keepalived.deliver(engine, new, old["containerId"]), "running": True}

    def read(self, state: FloatingAddressNodeState) -> Optional[keepalived.Found]:
        try:
            with connect(state["host"]) as engine:
                return keepalived.look(engine, state["containerId"])
        except HostUnreachable:
            # It has no address that anybody could reach. Other nodes are to be read all the same.
            return {"running": False}

    def delete(self, state: FloatingAddressNodeState) -> Optional[str]:
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


def _problem(new: FloatingAddressNodeInputs) -> Optional[str]:
    with connect(new["host"], timeout=30) as engine:
        return objection(engine, new)


class FloatingAddressGroup(Handler[FloatingAddressGroupInputs, NoOutputs, FloatingAddressGroupInputs]):
    """Nodes of one floating address: all take part, and one of them has the addresses.

    The group is a resource of its own, because a node may only start when the other nodes know it. Otherwise
    they would send it no sign of life, and it would take the addresses, too. A node that they no longer know
    would do the same, and may be drained next. So it is stopped here, before its own resource is removed.
    """

    resource = declared.FloatingAddressGroup

    def check(
        self, new: FloatingAddressGroupInputs, old: FloatingAddressGroupInputs, warn: Warn
    ) -> Optional[str]:
        if has_unknown(new["agreed"]):
            return None
        if what := differences(old.get("agreed", {}), new["agreed"]):
            warn(
                f"{NODES_DISAGREE} ({what}): while they are changed, one after the other, two of them may "
                "have the addresses for some seconds"
            )
        return None

    def create(self, new: FloatingAddressGroupInputs, preview: bool) -> tuple[str, NoOutputs]:
        return "group", self.update(new, {**new, "hosts": [], "containers": []}, preview)

    def update(
        self, new: FloatingAddressGroupInputs, old: FloatingAddressGroupInputs, preview: bool
    ) -> NoOutputs:
        if preview:
            return {}
        known = old["containers"]
        for host, id_ in zip(old["hosts"], known, strict=False):
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
