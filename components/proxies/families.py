"""Networks of addresses, by their family and within each other."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network


def by_family(networks: Sequence[str]) -> dict[str, list[str]]:
    """Return networks, sorted, under `ipv4` and `ipv6`; a family without any is left out.

    HAProxy converts an address of one family to compare it with a network of the other (its manual, 7.1.6).
    """
    parsed = sorted(map(ip_network, networks), key=lambda each: (int(each.network_address), each.prefixlen))
    found: dict[str, list[str]] = {}
    for version in (4, 6):
        if members := [str(each) for each in parsed if each.version == version]:
            found[f"ipv{version}"] = members
    return found


def covers(network: Network, other: Network) -> bool:
    """Return whether all addresses of `other` are in a network."""
    same = network.version == other.version and network.prefixlen <= other.prefixlen
    return same and other.supernet(new_prefix=network.prefixlen) == network
