"""Nodes that may run the tasks of a service, as far as declared facts allow to decide."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional, Protocol


class Node(Protocol):
    """Declared facts of a node."""

    @property
    def role(self) -> str:
        """`manager` or `worker`."""
        ...

    @property
    def labels(self) -> Mapping[str, str]:
        """Its labels."""
        ...


@dataclass(frozen=True)
class Place:
    """A node as constraints see it."""

    role: str
    labels: Mapping[str, str]


def unmet(constraints: Sequence[str], nodes: Mapping[str, Node]) -> Optional[str]:
    """Return why no node meets all constraints, or None when one does, or may do.

    Facts that only a running engine has (its id, host name, address, platform and own labels) may be
    anything.
    """
    if not constraints or able(constraints, nodes):
        return None
    each = "; ".join(f"{one}: {', '.join(able([one], nodes)) or 'none'}" for one in constraints)
    return f"no node meets all constraints ({each}): change one of them, or give a node the labels and role"


def able(constraints: Sequence[str], nodes: Mapping[str, Node]) -> list[str]:
    """Return the names of the nodes that meet all constraints, or may do."""
    asked = [re.split(r"\s*(==|!=)\s*", constraint.strip(), maxsplit=1) for constraint in constraints]
    return sorted(name for name, node in nodes.items() if all(_meets(node, *each) for each in asked))


def _meets(node: Node, key: str, operator: str, value: str) -> bool:
    if key == "node.role":
        found = node.role
    elif key.startswith("node.labels."):
        found = node.labels.get(key.removeprefix("node.labels."), "")
    else:
        return True
    # Swarm compares without regard to case.
    return (found.lower() == value.lower()) == (operator == "==")
