"""Two plans as the preview of the change from one to the other."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..naming import PACKAGE, type_token
from ..preview.reading import DOCKER_CONTAINER, IN_PLACE

if TYPE_CHECKING:
    from ..provider.handlers.handler import AnyHandler

Steps = Iterable[Mapping[str, Any]]
_FRONT_END, _REPLICAS = type_token("FrontEndConfig"), type_token("Replicas")
_REPLACED_BY = {
    "docker:index/network:Network": None,
    "docker:index/remoteImage:RemoteImage": frozenset({"name"}),
}
"""Inputs of other resources that replace them; None: all."""


def compared(old: Steps, new: Steps) -> list[dict[str, Any]]:
    """Return the steps from `old` to `new`, both of plans, as `pulumi preview --json` has them."""
    before = {step["urn"]: step["newState"] for step in old}
    after = {step["urn"]: step["newState"] for step in new}
    gone = [{"op": "delete", "urn": urn, "oldState": before[urn]} for urn in before if urn not in after]
    moved = {state["parent"] for urn, state in after.items() if urn in before and _moves(before[urn], state)}
    return [*(_step(urn, before.get(urn), state, moved) for urn, state in after.items()), *gone]


def _moves(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether a front end has another host: all below its parent is made there."""
    return bool(after["type"] == _FRONT_END and before["inputs"].get("host") != after["inputs"].get("host"))


def _step(urn: str, before: Any, after: Mapping[str, Any], moved: set[str]) -> dict[str, Any]:
    if before is None:
        return {"op": "create", "urn": urn, "newState": after}
    old, new = before["inputs"], after["inputs"]
    if after["type"] == _REPLICAS:  # as its check does: a route alone replaces no replica
        new = _handlers()["Replicas"].carried(new, old)
    changed = {key for key in {*old, *new} if old.get(key) != new.get(key)}
    elsewhere = after["parent"] in moved and after["type"].startswith("docker:")
    replaced = elsewhere or bool(changed and _replaces(after["type"], changed))
    operation = "replace" if replaced else "update" if changed else "same"
    states = {"oldState": before, "newState": {**after, "inputs": new}}
    return {"op": operation, "urn": urn, **states, "diffReasons": sorted(changed)}


def _handlers() -> "Mapping[str, AnyHandler]":
    from ..provider.handlers import HANDLERS  # which load Pulumi: a plan alone compares nothing

    return HANDLERS


def _replaces(kind: str, changed: set[str]) -> bool:
    if kind.startswith(f"{PACKAGE}:") and (handler := _handlers().get(kind.rpartition(":")[2])):
        return bool(handler.replaces(changed))
    if kind == DOCKER_CONTAINER:
        return bool(changed - IN_PLACE)
    if kind in _REPLACED_BY:
        keys = _REPLACED_BY[kind]
        return keys is None or bool(changed & keys)
    return False
