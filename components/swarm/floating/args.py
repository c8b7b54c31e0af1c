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
    """The host's own IP address there, from which it talks to the other nodes. Required."""
    priority: Optional[int]
    """1 to 254; the healthy node with the highest priority has the addresses. For every node or for none.
    Default: 250 for the first node in the order of their names, 10 less for each further one."""


class TrackArgs(TypedDict, total=False):
    """Health check of a node: the gateway on it must answer. The node asks it four times a second."""

    port: Required[int]
    """Port that must accept connections at the node's own address. Required."""
    path: Optional[str]
    """URL path that must be answered with 2xx or 3xx over HTTP, too. Default: none."""
    host_name: Optional[str]
    """Host name of the request, where the gateway routes by it. Default: the node's address."""


class FloatingArgs(TypedDict, total=False):
    """A group of addresses, without the hosts that may have them."""

    addresses: Required[list[str]]
    """The floating addresses, with or without a prefix length, which is /32 or /128 then. They move
    together. The nodes tell each other the first one of their own kind (IPv4 or IPv6): changing that one
    is a new group. Required."""
    router_id: Optional[int]
    """Number of the group, 1 to 255. No other group on the LAN may have it, also none that another program
    made. Default: the last byte of the first address, which another group of a /24 network cannot have."""
    version: Optional[int]
    """VRRP version, 3 or 2. Default: 3."""
    password: Optional[pulumi.Input[Secret]]
    """For version 2: 1 to 8 characters, sent in clear text in each advert. It keeps a misconfigured group
    away and no attacker. Kept as a secret, and the configuration with it. Default: none."""
    advert_interval: Optional[float]
    """Seconds between two signs of life of the owner, 0.05 to 40.95 in hundredths; with version 2 whole
    seconds, 1 to 255. After three without one the next node takes over. Default: 1."""
    preempt: Optional[bool]
    """Let a node with a higher priority take the addresses back when it returns. Default: true."""
    preempt_delay: Optional[float]
    """Seconds that it waits before it does, at most 1000. Default: 0."""
    multicast: Optional[bool]
    """Let nodes find each other by multicast. Default: false; each knows the addresses of the others."""
    track: Optional[TrackArgs]
    """The gateway that a node must have. A node whose gateway is dead yields to every node with a healthy
    gateway; when all are dead the owner keeps the addresses. With `preempt: false` or a `preempt_delay` a
    node without gateway takes no part: when all are dead nobody has the addresses. Default: none."""
    image: Optional[pulumi.Input[str]]
    """Image with keepalived; 2.2.7 and 2.3.4 are tested. With a `track` it needs `/usr/bin/bash`. Default:
    longshore-keepalived:1, which you build from the recipe templates/keepalived/Dockerfile, on each host
    or for a registry of yours: `docker build -t longshore-keepalived:1 templates/keepalived`."""
    memory: Optional[int]
    """Memory limit of keepalived on a node in MiB. Default: 64."""


class FloatingAddressArgs(FloatingArgs, total=False):
    """Addresses that one of several hosts has, and another one takes over when it fails (VRRP)."""

    nodes: Required[dict[str, FloatingNodeArgs]]
    """The hosts by name, on one LAN; at most 12. Required."""
