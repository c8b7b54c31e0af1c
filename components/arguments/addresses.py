"""Domain types of addresses and networks; see `types`."""

import ipaddress
import re
from typing import Annotated, Any

from pydantic import PlainValidator

from .messages import Wrong
from .types import LARGEST_PORT

POINT_TO_POINT = 2
"""Addresses of a network whose first and last one belong to hosts, too: RFC 3021."""
_NO_SUBNETS = {
    ipaddress.IPv4Network("0.0.0.0/8"): "addresses of no host",
    ipaddress.IPv4Network("127.0.0.0/8"): "loopback",
    ipaddress.IPv4Network("224.0.0.0/4"): "multicast",
    ipaddress.IPv4Network("240.0.0.0/4"): "reserved",
}
"""Networks that no container can have an address of, and what they are."""


def _address(value: Any) -> str:
    try:
        return str(ipaddress.ip_address(_without_scope(value)))
    except ValueError:
        raise Wrong("must be an IP address such as 192.0.2.10", value) from None


def _host_address(value: Any) -> str:
    found = ipaddress.ip_address(_address(value))
    if found.is_multicast or found.is_unspecified:
        raise Wrong("must be an address that one host can have", value)
    return str(found)


def _listen_address(value: Any) -> str:
    match = re.fullmatch(r"\[?([0-9a-fA-F.:]{2,39})\]?:([1-9][0-9]{0,4})", str(value), re.ASCII)
    if match is None or int(match[2]) > LARGEST_PORT or not _is_address(match[1]):
        raise Wrong("must be an address and port such as 0.0.0.0:2377 or [::]:2377", value)
    return str(value)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _cidr(value: Any) -> str:
    try:
        return str(ipaddress.ip_network(_without_scope(value)))
    except ValueError:
        raise Wrong("must be a network such as 10.20.0.0/24 (no host bits set)", value) from None


def _subnet(value: Any) -> str:
    network = ipaddress.ip_network(_cidr(value))
    if not isinstance(network, ipaddress.IPv4Network):
        raise Wrong("must be an IPv4 network", value)
    for useless, why in _NO_SUBNETS.items():
        if network.overlaps(useless):
            raise Wrong(
                "must be a network whose addresses containers can have, such as 10.20.0.0/24",
                value,
                f", which overlaps {useless} ({why})",
            )
    return str(network)


def _interface_address(value: Any) -> str:
    try:
        found = ipaddress.ip_interface(_without_scope(value))
    except ValueError:
        raise Wrong("must be an IP address such as 192.0.2.10 or 192.0.2.10/24", value) from None
    network = found.network
    ends = (
        {network.network_address, network.broadcast_address}
        if network.num_addresses > POINT_TO_POINT
        else set()
    )
    if found.is_multicast or found.is_loopback or found.is_unspecified or found.ip in ends:
        raise Wrong("must be an address that one host can have", value)
    return str(found)


def _without_scope(value: Any) -> str:
    # ipaddress takes any text as the scope of an IPv6 address, line breaks and braces included.
    if not isinstance(value, str) or "%" in value:
        raise ValueError
    return value


IpAddress = Annotated[str, PlainValidator(_address)]
HostAddress = Annotated[str, PlainValidator(_host_address)]
"""An IP address that one host has, and others reach."""
ListenAddress = Annotated[str, PlainValidator(_listen_address)]
Cidr = Annotated[str, PlainValidator(_cidr)]
Subnet = Annotated[str, PlainValidator(_subnet)]
"""An IPv4 network for containers."""
InterfaceAddress = Annotated[str, PlainValidator(_interface_address)]
"""An IP address with its prefix length; without one it is a network of its own."""
