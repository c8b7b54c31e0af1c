"""Program keepalived in a container. https://www.keepalived.org/manpage.html"""

import re
from dataclasses import dataclass
from typing import Optional

from .program import FOLDER, Program

ROLE = "floating-address-"
"""Prefix of the role of a node's container; the node's name follows."""
FILE, SCRIPT = "keepalived.conf", "gateway.sh"
BASH = "/usr/bin/bash"
"""From 2.3 on keepalived runs no script through a link, which /bin is where folders are merged."""
CAPABILITIES = ("NET_ADMIN", "NET_BROADCAST", "NET_RAW")
"""To set addresses, and to send and hear adverts."""
SCRIPT_CAPABILITIES = ("SETGID",)
"""For scripts. Without it keepalived fails to set their groups, and takes that for success each time."""
RELOADED = "Reload complete"
"""Text in its log once all its processes have read the file again; from 2.2.4 on."""
KEEPALIVED = Program(
    file=FILE,
    # In the foreground it is process 1, and gets the signal that makes it give the addresses up.
    run=("keepalived", "--dont-fork", "--log-console", "--vrrp", f"--use-file={FOLDER}/{FILE}"),
    check=("keepalived", "--config-test", "--vrrp", f"--use-file={FOLDER}/{FILE}"),
    reload_signal="SIGHUP",
    stop_signal="SIGTERM",
    ready=RELOADED,
    failed=r"\S",  # with --config-test it says nothing else
    check_user="0:0",  # as which it runs scripts
    check_network="host",  # whose interfaces are part of the question
    remedies=(
        (
            "Non-existent interface",
            "give nodes.<name>.interface one that this host has (`ip link`)",
        ),
        (
            "Disabling track script",
            f"the image needs bash at {BASH} for track: use the recipe templates/keepalived/Dockerfile",
        ),
    ),
)


@dataclass(frozen=True)
class Group:
    """The part of a group that others on the same LAN must know, read from a node's configuration."""

    router_id: str
    interface: str
    source: str
    """The node's own address."""
    addresses: frozenset[str]
    """The floating addresses, without prefix lengths."""


def group_in(text: str) -> Optional[Group]:
    """Return the group of a `configuration`; None where it has none, as when it was written by hand."""
    found = [
        re.search(rf"^\s+{key} (\S+)$", text, re.MULTILINE)
        for key in ("virtual_router_id", "interface", "(?:unicast|mcast)_src_ip")
    ]
    if not all(found):
        return None
    router_id, interface, source = (match[1] for match in found if match)
    plain = frozenset(address.partition("/")[0] for address in addresses_in(text))
    return Group(router_id, interface, source, plain)


def addresses_in(text: str) -> set[str]:
    """Return the floating addresses of a `configuration`, as they stand there."""
    blocks = re.findall(r"virtual_ipaddress(?:_excluded)? \{([^}]*)\}", text)
    return {address for block in blocks for address in re.findall(r"^\s*(\S+)", block, re.MULTILINE)}
