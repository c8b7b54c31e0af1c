"""Consequences of a FloatingAddress's change for its addresses: see docs/floating-address.md."""

from collections.abc import Iterable

from ...preview.instance import Instance
from ...preview.reading import Step
from ...provider.notices import KEEPALIVED_REPLACED, NODES_DISAGREE
from ...proxies.keepalived import addresses_in
from .consequence import ENDLESS, Consequence, count, differences, pair

TAKE_OVER = 0.5
"""Seconds until the next node has taken addresses that were given up; measured is less."""
DISAGREED = 2.0
"""Seconds in which two nodes may both have the addresses, while one after the other is reloaded."""


def floating_address(instance: Instance) -> Iterable[Consequence]:
    """Yield the consequences of nodes that come and go, then those of changed addresses."""
    if instance.fate == "removed":
        yield Consequence("No node has the addresses any more.", ENDLESS)
        return
    nodes = instance.of("FloatingAddressNode")
    if instance.fate == "created":
        yield Consequence(
            f"One of {count(len(nodes), 'node')} has the addresses; when it fails, the next one takes them."
        )
        return
    for step in instance.of("FloatingAddressNode", "update", "replace"):
        yield from _node_change(step, instance.node(step))
    if any(step.operation == "update" and step.differs("config") for step in nodes):
        yield Consequence(
            "keepalived is reloaded with another configuration, the owner of the addresses last."
        )
    group = instance.one("FloatingAddressGroup")
    if group and group.operation == "update" and group.old.get("agreed") != group.new.get("agreed"):
        yield Consequence(
            f"All nodes change what they agree on ({differences(*pair(group, 'agreed'))}), one after the "
            "other: meanwhile two of them may have addresses, for some seconds.",
            DISAGREED,
            warned=NODES_DISAGREE,
        )
    before, after = _addresses(nodes, "old"), _addresses(nodes, "new")
    if new := ", ".join(sorted(after - before)):
        # Nodes with another first address do not hear the owner, and each takes it when it is reloaded.
        first = group and group.differs("agreed") and len(nodes) > 1
        yield Consequence(f"{new} is there once {'the first node' if first else 'the owner'} is reloaded.")
    if gone := ", ".join(sorted(before - after)):
        yield Consequence(f"{gone} is given up for good when the owner is reloaded.", ENDLESS)
    for step in instance.of("FloatingAddressNode", "delete"):
        yield Consequence(
            f"Node {instance.node(step)} leaves the group once the others are reloaded: if it has the "
            "addresses, the next node takes them.",
            TAKE_OVER,
        )
    for step in instance.of("FloatingAddressNode", "create"):
        yield Consequence(f"Node {instance.node(step)} joins the group.")


def _node_change(step: Step, node: str) -> Iterable[Consequence]:
    taken = "if it has the addresses, the next node takes them"
    match step.operation:
        case "replace":
            yield Consequence(f"keepalived of {node} moves to another host: {taken} meanwhile.", TAKE_OVER)
        case "update" if step.changed & {"image", "memory", "capabilities"}:
            yield Consequence(
                f"keepalived of node {node} is replaced: {taken} meanwhile, which cuts connections to them.",
                TAKE_OVER,
                warned=KEEPALIVED_REPLACED,
            )


def _addresses(nodes: Iterable[Step], when: str) -> set[str]:
    """Return the addresses in the configurations before (`old`) or after (`new`)."""
    texts = [str(getattr(step, when).get("config", "")) for step in nodes]
    return {address for text in texts for address in addresses_in(text)}
