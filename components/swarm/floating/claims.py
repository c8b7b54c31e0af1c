"""Two groups of one program must not have the same number or the same addresses."""

from ...arguments.parsing import ArgumentError
from ...resources.deployment import claims
from .model import Floating


def claim(component: str, group: Floating) -> None:
    """Note number and addresses of `component`; ArgumentError when another group has one of them."""
    others: dict[str, Floating] = claims("floating addresses", dict)
    where = f"FloatingAddress {component!r}"
    for name, other in others.items():
        if other.group == group.group:
            raise ArgumentError(
                f"{where}: router_id {group.group} is that of FloatingAddress {name!r}: nodes would take "
                "the other group's signs of life for their own; give one of them another router_id"
            )
        _refuse_common(where, group, f"FloatingAddress {name!r}", other)
    others[component] = group


def _refuse_common(where: str, group: Floating, whose: str, other: Floating) -> None:
    floating, theirs = set(group.plain_addresses), set(other.plain_addresses)
    own, their_own = ({node.address for node in each.nodes.values()} for each in (group, other))
    if both := sorted(floating & theirs):
        raise ArgumentError(f"{where}: addresses: {both[0]} belongs to {whose}: choose another")
    if both := sorted((floating & their_own) | (own & theirs)):
        raise ArgumentError(
            f"{where}: {both[0]} is a floating address and, with {whose}, a node's own: choose another"
        )
