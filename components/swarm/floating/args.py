"""Arguments of a FloatingAddress. Validated by `model`; the docstrings are the reference.

All but image and password is plain, so that a preview shows it. All durations are in seconds.
"""

from typing import Optional, Required, TypedDict

import pulumi

from ...arguments.hosts import HostArgs
from ...arguments.types import Secret


class FloatingNodeArgs(TypedDict, total=False):
    """A host that may have the addresses."""

    host: Required[HostArgs]
    """The host and the way to its engine. Required."""
    interface: Required[str]
    """Network interface of the host that gets the addresses, for example `eth0`. Required."""
    address: Required[str]
    """The host's own IP address on that interface, from which it sends adverts to the other nodes.
    Required."""
    priority: Optional[int]
    """1 to 254: the healthy node with the highest priority has the addresses. Set it for all nodes or for
    none. Default: 250 for the first node in the order of names, 10 less for each further one."""


class TrackArgs(TypedDict, total=False):
    """Health check of the gateway on a node. The node checks its own gateway four times a second."""

    port: Required[int]
    """Port that must accept connections at the node's own address. Required."""
    path: Optional[str]
    """URL path of a request over HTTP that must be answered with 2xx or 3xx, too. Default: none."""
    host_name: Optional[str]
    """Host header of that request, for a gateway that routes by host name. Default: the node's address."""


class FloatingArgs(TypedDict, total=False):
    """A group of addresses, without the hosts that may have them."""

    addresses: Required[list[str]]
    """The floating addresses, each with a prefix length, or without one for /32 (IPv6: /128). All move
    together. Required. The adverts contain the first address of the nodes' own family (IPv4 or IPv6), so
    another first address makes a new group."""
    router_id: Optional[int]
    """Number of the group, 1 to 255. No other VRRP group on the LAN may have it, whatever program made the
    group. Default: the last byte of the first address, which is unique in a /24 network."""
    version: Optional[int]
    """VRRP version, 3 or 2. Default: 3."""
    password: Optional[pulumi.Input[Secret]]
    """For version 2: 1 to 8 characters, sent in clear text in each advert. It protects from misconfigured
    groups, not from attackers. The state keeps it and the configuration as secrets. Default: none."""
    advert_interval: Optional[float]
    """Seconds between two adverts of the owner, 0.05 to 40.95 in hundredths; with version 2 whole seconds, 1
    to 255. After three missing adverts the next node takes over. Default: 1."""
    preempt: Optional[bool]
    """Let a returning node with a higher priority take the addresses back. Default: true."""
    preempt_delay: Optional[float]
    """Seconds that a returning node waits before it takes the addresses back, at most 1000. Default: 0."""
    multicast: Optional[bool]
    """Let nodes find each other by multicast. Default: false; each node has a list of the others."""
    track: Optional[TrackArgs]
    """Health check of the gateway on each node. A node whose gateway is dead yields to every node with a
    healthy gateway. When all gateways are dead, the owner keeps the addresses; with `preempt: false` or a
    `preempt_delay` no node has them. Default: none."""
    image: Optional[pulumi.Input[str]]
    """Image with keepalived; 2.2.7 and 2.3.4 are tested. With a `track` it needs `/usr/bin/bash`. Default:
    longshore-keepalived:1, which you build on each host, or for a registry of yours:
    `docker build -t longshore-keepalived:1 templates/keepalived`."""
    memory: Optional[int]
    """Memory limit of keepalived on a node in MiB. Default: 64."""


class FloatingAddressArgs(FloatingArgs, total=False):
    """Floating addresses: one host has them, and when it fails another host takes them over (VRRP)."""

    nodes: Required[dict[str, FloatingNodeArgs]]
    """The hosts by name, on one LAN; at most 12. Required."""
