"""Which nodes may run the tasks of a service, as far as what is declared of them tells."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional, Protocol

if TYPE_CHECKING:
    from .model import Service


class Node(Protocol):
    """What is declared of a node."""

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
    """Why no node meets all constraints, or None when one does, or may do.

    What is only known of a running engine (its id, host name, address, platform and own labels) may be
    anything.
    """
    if not constraints or able(constraints, nodes):
        return None
    each = "; ".join(f"{one}: {', '.join(able([one], nodes)) or 'none'}" for one in constraints)
    return f"no node meets all constraints ({each}): change one of them, or give a node the labels and role"


def problem(service: "Service", nodes: Mapping[str, Node]) -> Optional[str]:
    """Why the nodes cannot run all tasks of a service, or None."""
    if said := unmet(service.constraints, nodes):
        return f"constraints: {said}"
    most = 1 if service.host_ports else service.max_replicas_per_node
    fit = able(service.constraints, nodes)
    if service.mode == "replicated" and most and service.replicas > most * len(fit):
        why = f"port {service.host_ports[0]} in mode host" if service.host_ports else "max_replicas_per_node"
        return (
            f"replicas must be at most {most * len(fit)} with {why}, for {len(fit)} nodes can have them "
            f"({', '.join(fit)}), got {service.replicas}"
        )
    return None


def able(constraints: Sequence[str], nodes: Mapping[str, Node]) -> list[str]:
    """Names of the nodes that meet all constraints, or may do."""
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
