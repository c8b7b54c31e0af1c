"""Prefixes of warnings that a review replaces with its own wording, and what both decide alike."""

from collections.abc import Mapping
from typing import Any

FRONT_END_REPLACED = "the front end's container is replaced"
GATEWAY_REPLACED = "the gateway's tasks are replaced"
KEEPALIVED_REPLACED = "keepalived is replaced on this node"
NODES_DISAGREE = "nodes that differ in this do not hear each other"


def keeps_port(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether a front end's container and its successor need the same port of their host."""
    old, new = (str(container.get("port")).rpartition(":")[2] for container in (before, after))
    return old == new
