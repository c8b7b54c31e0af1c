"""FloatingAddressArgs, validated: what the rest of the component works with."""

from ipaddress import ip_address, ip_interface
from math import isclose
from typing import Annotated, Literal, Optional

from pydantic import Field, model_validator

from ...arguments.addresses import HostAddress, InterfaceAddress
from ...arguments.hosts import Host
from ...arguments.messages import decimal, listed, shown
from ...arguments.parsing import Frozen
from ...arguments.types import (
    HostName,
    InputImage,
    InterfaceName,
    Name,
    Number,
    Port,
    UrlPath,
    VrrpPassword,
    Whole,
)

FIRST_PRIORITY, STEP = 250, 10
MOST_NODES = 12
LEAST_DELAY = 0.000001
VRRP_2, VRRP_3 = 2, 3
LONGEST_ADVERT = 40.95
"""Seconds: VRRP 3 has 12 bits for hundredths of one."""
DOWN_AFTER = 4
"""Advert intervals after which an owner is surely taken for dead: three and less than one more."""


class Node(Frozen):
    host: Host
    interface: InterfaceName
    address: HostAddress
    priority: Optional[Annotated[int, Whole(1, 254)]] = None


class Track(Frozen):
    port: Port
    path: Optional[UrlPath] = None
    host_name: Optional[HostName] = None

    @model_validator(mode="after")
    def _name_needs_path(self) -> "Track":
        if self.host_name and not self.path:
            raise ValueError("host_name is for a question over HTTP: give path, too, or drop it")
        return self


class Floating(Frozen):
    """Everything a FloatingAddress needs to know."""

    nodes: dict[Name, Node] = Field(min_length=1)
    addresses: list[InterfaceAddress] = Field(min_length=1)
    router_id: Optional[Annotated[int, Whole(1, 255)]] = None
    version: Literal[2, 3] = 3
    password: Optional[VrrpPassword] = None
    advert_interval: Annotated[float, Number(0.05, 255)] = 1
    preempt: bool = True
    preempt_delay: Annotated[float, Number(0, 1000)] = 0
    multicast: bool = False
    track: Optional[Track] = None
    image: InputImage = "longshore-keepalived:1"
    memory: Annotated[int, Whole(16, 1_048_576)] = 64

    @model_validator(mode="after")
    def _nodes_differ(self) -> "Floating":
        if len(self.nodes) > MOST_NODES:
            raise ValueError(f"nodes must be at most {MOST_NODES}, got {len(self.nodes)}")
        owner: dict[str, str] = {}
        for name, node in sorted(self.nodes.items()):
            for key, value in (("host.address", node.host.address), ("address", node.address)):
                if value in owner:
                    raise ValueError(
                        f"nodes.{name}.{key}: {shown(value)} is that of node {owner[value]!r}, too: a host "
                        "is one node"
                    )
                owner[value] = name
        if len(found := {ip_address(node.address).version for node in self.nodes.values()}) > 1:
            raise ValueError(
                "nodes must talk to each other over IPv4 or over IPv6: give all an address of one kind"
            )
        if found == {6} and self.version == VRRP_2:
            raise ValueError("version 2 knows no IPv6, and the nodes' addresses are IPv6: drop version")
        return self

    @model_validator(mode="after")
    def _priorities_differ(self) -> "Floating":
        given = {name: node.priority for name, node in sorted(self.nodes.items()) if node.priority}
        if given and len(given) < len(self.nodes):
            without = ", ".join(sorted(set(self.nodes) - set(given)))
            raise ValueError(
                f"nodes: priority is for every node or for none, got none for {without}: give it one, too"
            )
        owner: dict[int, str] = {}
        for name, priority in given.items():
            if priority in owner:
                raise ValueError(
                    f"nodes.{name}.priority {priority} is that of node {owner[priority]!r}, too: both would "
                    "take the addresses; give one of them another"
                )
            owner[priority] = name
        lowest, highest = min(self.priorities.values()), max(self.priorities.values())
        if self.weight and lowest + self.weight < 1:
            raise ValueError(
                f"nodes: with track, the highest priority must be at most {2 * lowest - 2} (twice the "
                f"lowest, less 2), got {highest}: a node without gateway must come after all others, and "
                "there is no room below; raise the lowest"
            )
        return self

    @model_validator(mode="after")
    def _addresses_differ(self) -> "Floating":
        own = {node.address: name for name, node in self.nodes.items()}
        seen: set[str] = set()
        for address in self.addresses:
            plain = str(ip_interface(address).ip)
            if plain in own:
                raise ValueError(
                    f"addresses: {plain} is the own address of node {own[plain]!r}, which always has it: "
                    "choose an address that no host has"
                )
            if plain in seen:
                raise ValueError(f"addresses must differ, got {plain} more than once")
            seen.add(plain)
        if not any(self._speaks(address) for address in self.addresses):
            kind = f"IPv{ip_address(next(iter(self.nodes.values())).address).version}"
            raise ValueError(
                f"addresses must have one of the kind of the nodes' own, {kind}, got {listed(self.addresses)}"
            )
        return self

    @model_validator(mode="after")
    def _protocol(self) -> "Floating":
        hundredths = self.advert_interval * 100
        if self.version == VRRP_3:
            if self.password is not None:
                raise ValueError(
                    "password is for version 2, version 3 has none: drop it, or set version: 2 (it is sent "
                    "in clear text and stops no attacker)"
                )
            if self.advert_interval > LONGEST_ADVERT or not _is_whole(hundredths):
                raise ValueError(
                    f"advert_interval must be at most {LONGEST_ADVERT}, in whole hundredths of a second, "
                    f"with version 3, got {self.advert_interval:g}"
                )
        elif self.advert_interval % 1 or self.advert_interval < 1:
            raise ValueError(
                f"advert_interval must be whole seconds with version 2, got {self.advert_interval:g}: set "
                "version: 3 for less than a second"
            )
        if 0 < self.preempt_delay < LEAST_DELAY:
            raise ValueError(
                f"preempt_delay must be 0, or at least {decimal(LEAST_DELAY)} (a microsecond, keepalived's "
                f"finest), got {shown(self.preempt_delay)}"
            )
        if self.preempt_delay and not self.preempt:
            raise ValueError("preempt_delay is for preempt: true, got preempt: false: drop one of them")
        return self

    def _speaks(self, address: str) -> bool:
        first = next(iter(self.nodes.values()))
        return ip_interface(address).version == ip_address(first.address).version

    @property
    def priorities(self) -> dict[str, int]:
        """Priorities by name: those given, or computed from the order of the names."""
        return {
            name: self.nodes[name].priority or FIRST_PRIORITY - STEP * index
            for index, name in enumerate(sorted(self.nodes))
        }

    @property
    def ranking(self) -> list[str]:
        """Names of the nodes, the one that has the addresses first."""
        return sorted(self.nodes, key=lambda name: -self.priorities[name])

    @property
    def weight(self) -> int:
        """Change of a node's priority by a dead gateway: the result is below that of any healthy node.

        0 takes the node out altogether. A group that does not preempt at once needs that: its nodes respect
        an owner however low its priority.
        """
        if not self.track or not self.preempt or self.preempt_delay:
            return 0
        return min(self.priorities.values()) - max(self.priorities.values()) - 1

    @property
    def advertised(self) -> str:
        """The address that stands in the adverts.

        Only one, because nodes ignore an advert that does not hold the addresses they expect: while an
        address is added, one node after the other, they would all become owners.
        """
        return next(address for address in self.addresses if self._speaks(address))

    @property
    def plain_addresses(self) -> list[str]:
        """The floating addresses without prefix lengths."""
        return [str(ip_interface(address).ip) for address in self.addresses]

    @property
    def group(self) -> int:
        """The virtual router id."""
        return self.router_id or ip_interface(self.advertised).ip.packed[-1] or 255

    @property
    def agreed(self) -> dict[str, str]:
        """Settings that all nodes must have alike to hear each other."""
        found = {
            "router_id": str(self.group),
            "version": str(self.version),
            "adverts": "multicast" if self.multicast else "unicast",
            "first address": str(ip_interface(self.advertised).ip),
        }
        if self.version == VRRP_2:
            found["advert_interval"] = f"{self.advert_interval:g} s"
        return found


def _is_whole(number: float) -> bool:
    return isclose(number, round(number), rel_tol=0, abs_tol=1e-6)
