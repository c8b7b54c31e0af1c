"""Floating addresses of other stacks on a host: what a program cannot know, and its containers tell."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Optional

from ..naming import LABEL
from ..proxies.keepalived import KEEPALIVED, ROLE, Group, group_in
from .containers import read_file

if TYPE_CHECKING:
    from docker import DockerClient

_COMPONENT, _STACK, _PROJECT = (f"{LABEL}.{key}" for key in ("component", "stack", "project"))


def clash(engine: "DockerClient", config: str, labels: Mapping[str, str]) -> Optional[str]:
    """Return why a node with this configuration cannot be beside another stack's on this host, or None."""
    ours = group_in(config)
    if ours is None:
        return None
    found = (_clash(ours, theirs, whose) for whose, theirs in _others(engine, labels))
    return next(filter(None, found), None)


def _clash(ours: Group, theirs: Group, whose: str) -> Optional[str]:
    if _channel(ours) == _channel(theirs):
        return (
            f"router_id {ours.router_id} on {ours.interface} is that of {whose}, too: nodes would take the "
            "other group's signs of life for their own; give one of them another router_id"
        )
    if both := sorted(ours.addresses & theirs.addresses):
        return f"addresses: {both[0]} belongs to {whose}: choose another"
    if both := sorted((ours.addresses & {theirs.source}) | ({ours.source} & theirs.addresses)):
        return f"{both[0]} is a floating address and, with {whose}, the node's own: choose another"
    return None


def _channel(group: Group) -> tuple[str, str, bool]:
    """Return where nodes hear each other's adverts; IPv4 and IPv6 are apart."""
    return group.router_id, group.interface, ":" in group.source


def _others(engine: "DockerClient", labels: Mapping[str, str]) -> Iterator[tuple[str, Group]]:
    """Yield groups of other stacks that have a node here, each with a description of its owner.

    A program knows all groups of its own stack. Those that it does not declare are about to go.
    """
    role = f"{LABEL}.role"
    for container in engine.containers.list(all=True, ignore_removed=True, filters={"label": role}):
        known = container.labels
        same = all(known.get(key) == labels.get(key) for key in (_PROJECT, _STACK))
        if same or not known[role].startswith(ROLE):
            continue
        if group := group_in(read_file(container, KEEPALIVED.path) or ""):
            component, stack, project = (known.get(key) for key in (_COMPONENT, _STACK, _PROJECT))
            where = f"stack {stack!r} (project {project!r}) on this host"
            yield f"FloatingAddress {component!r} of {where}", group
