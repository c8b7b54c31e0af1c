"""Malformed arguments of FloatingAddress, and what the error must say (regular expressions).

Each is one mistake.
"""

from typing import Any

from tests.cases.later import LATER


def args(names: str = "abc", nodes: Any = None, **keys: Any) -> dict[str, Any]:
    """Return good arguments; `nodes` adds keys to a node's, or replaces a node that is no mapping."""
    made: dict[str, Any] = {
        name: {
            "host": {"address": f"ssh://{name}.example"},
            "interface": "eth0",
            "address": f"192.0.2.{number}",
        }
        for number, name in enumerate(names, 11)
    }
    for name, more in (nodes or {}).items():
        made[name] = made.get(name, {}) | more if isinstance(more, dict) else more
    return {"nodes": made, "addresses": ["192.0.2.9"], **keys}


def ranks(a: int, b: int, **keys: Any) -> dict[str, Any]:
    return args("ab", nodes={"a": {"priority": a}, "b": {"priority": b}}, **keys)


BAD: dict[str, tuple[Any, str]] = {
    "no nodes": (args(""), "nodes must not be empty$"),
    "thirteen nodes": (args("abcdefghijklm"), "nodes must be at most 12, got 13$"),
    "a node's name": (args("A"), "nodes.A must be 1 to 32 of a-z"),
    "a node without host": (args(nodes={"a": {"host": None}}), "nodes.a.host is required$"),
    "a node without interface": (args(nodes={"a": {"interface": None}}), "nodes.a.interface is required$"),
    "an interface with a blank": (
        args(nodes={"a": {"interface": "eth0 }"}}),
        "nodes.a.interface must be a network interface of the host such as eth0, got 'eth0 }'$",
    ),
    "an interface too long": (args(nodes={"a": {"interface": "e" * 16}}), "nodes.a.interface must be a network"),
    "a node without address": (args(nodes={"a": {"address": None}}), "nodes.a.address is required$"),
    "an address with a prefix": (args(nodes={"a": {"address": "192.0.2.1/24"}}), "nodes.a.address must be an IP"),
    "an unknown key of a node": (args(nodes={"a": {"state": "MASTER"}}), "nodes.a.state is not a known key"),
    "a plain tcp host": (args(nodes={"a": {"host": {"address": "tcp://a:2375"}}}), "nodes.a.host.address tcp://a"),
    "one host twice": (
        args(nodes={"b": {"host": {"address": "ssh://a.example"}}}),
        "nodes.b.host.address: 'ssh://a.example' is that of node 'a', too: a host is one node$",
    ),
    "one address twice": (args(nodes={"c": {"address": "192.0.2.11"}}), "nodes.c.address: '192.0.2.11' is that of"),
    "both kinds of IP": (args(nodes={"c": {"address": "fd00::3"}}), "nodes must talk to each other over IPv4 or over"),
    "priority 0": (args(nodes={"a": {"priority": 0}}), "nodes.a.priority must be between 1 and 254, got 0$"),
    "priority 255": (args(nodes={"a": {"priority": 255}}), "nodes.a.priority must be between 1 and 254, got 255$"),
    "a priority for some": (
        args(nodes={"a": {"priority": 9}}),
        "nodes: priority is for every node or for none, got none for b, c: give it one, too$",
    ),
    "one priority twice": (
        ranks(9, 9),
        "nodes.b.priority 9 is that of node 'a', too: both would take the addresses; give one of them another$",
    ),
    "priorities without room": (
        ranks(200, 100, track={"port": 80}),
        r"nodes: with track, the highest priority must be at most 198 .*, got 200: .*raise the lowest$",
    ),
    "no addresses": (args(addresses=[]), "addresses must not be empty$"),
    "addresses no list": (args(addresses="192.0.2.9"), "addresses must be a list, got '192.0.2.9'$"),
    "an address that is a name": (args(addresses=["vip.example"]), "addresses.0 must be an IP address such as"),
    "an address that is a network": (
        args(addresses=["192.0.2.0/24"]),
        "addresses.0 must be an address that one host can have, got '192.0.2.0/24'$",
    ),
    "a broadcast address": (args(addresses=["192.0.2.255/24"]), "addresses.0 must be an address that one host"),
    "a multicast address": (args(addresses=["224.0.0.18"]), "addresses.0 must be an address that one host"),
    "a loopback address": (args(addresses=["127.0.0.1"]), "addresses.0 must be an address that one host"),
    "an address with a scope": (args(addresses=["fe80::1%eth0"]), "addresses.0 must be an IP address"),
    "an address that breaks out": (args(addresses=["192.0.2.9\n}"]), "addresses.0 must be an IP address"),
    "an address of a node": (
        args(addresses=["192.0.2.12"]),
        "addresses: 192.0.2.12 is the own address of node 'b', which always has it: choose an address that no",
    ),
    "an address twice": (args(addresses=["192.0.2.9", "192.0.2.9/24"]), "addresses must differ, got 192.0.2.9 more"),
    "no address of the nodes' kind": (
        args(addresses=["fd00::9"]),
        "addresses must have one of the kind of the nodes' own, IPv4, got fd00::9/128$",
    ),
    "router id 0": (args(router_id=0), "router_id must be between 1 and 255, got 0$"),
    "router id 256": (args(router_id=256), "router_id must be between 1 and 255, got 256$"),
    "version 1": (args(version=1), "version must be 2 or 3, got 1$"),
    "version 2 over IPv6": (
        args("a", nodes={"a": {"address": "fd00::1"}}, addresses=["fd00::9"], version=2),
        "version 2 knows no IPv6, and the nodes' addresses are IPv6: drop version$",
    ),
    "a password with version 3": (
        args(password="hunter2"),
        r"password is for version 2, version 3 has none: drop it, or set version: 2 \(it is sent in clear text",
    ),
    "a long password": (args(version=2, password="hunter2hunter2"), "password must be 1 to 8 letters, digits and"),
    "an empty password": (args(version=2, password=""), "password must be 1 to 8 letters, digits and"),
    "a password that breaks out": (args(version=2, password="x\n}"), "password must be 1 to 8 letters, digits and"),
    "an interval too short": (args(advert_interval=0.01), "advert_interval must be between 0.05 and 255, got 0.01$"),
    "an interval too fine": (args(advert_interval=0.123), "advert_interval must be at most 40.95, in whole hundredths"),
    "an interval too long": (args(advert_interval=41), "advert_interval must be at most 40.95, in whole hundredths"),
    "a fraction with version 2": (
        args(version=2, advert_interval=0.5),
        "advert_interval must be whole seconds with version 2, got 0.5: set version: 3 for less than a second$",
    ),
    "a delay without preemption": (
        args(preempt=False, preempt_delay=5),
        "preempt_delay is for preempt: true, got preempt: false: drop one of them$",
    ),
    "preempt as text": (args(preempt="no"), "preempt must be true or false, got 'no'$"),
    "a delay that keepalived cannot count": (
        args(preempt_delay=0.0000001),
        "preempt_delay must be 0, or at least 0.000001 .a microsecond, keepalived's finest., got 1e-07$",
    ),
    "a node's address of all": (
        args(nodes={"a": {"address": "224.0.0.18"}}),
        "nodes.a.address must be an address that one host can have, got '224.0.0.18'$",
    ),
    "a delay too long": (args(preempt_delay=1001), "preempt_delay must be between 0 and 1000, got 1001$"),
    "a track without port": (args(track={"path": "/"}), "track.port is required$"),
    "a name without path": (
        args(track={"port": 80, "host_name": "a.example"}),
        "track: host_name is for a question over HTTP: give path, too, or drop it$|track.host_name is for",
    ),
    "a pattern of host names": (
        args(track={"port": 80, "path": "/", "host_name": "*.a.example"}),
        r"track.host_name must be a lower-case host name such as a.example, got '\*.a.example'$",
    ),
    "a path that breaks out": (args(track={"port": 80, "path": '/"; id'}), "track.path must be a URL path beginning"),
    "memory too small": (args(memory=8), "memory must be between 16 and 1048576, got 8$"),
    "an image that is none": (args(image="Keepalived"), "image must be an image reference such as"),
    "an unknown key": (args(strict=True), "strict is not a known key; known here: addresses, advert_interval"),
    "no mapping": ("vip", "args must be a mapping of keys, got text$"),
    "addresses only known later": (args(addresses=[LATER]), "addresses.0 must be an IP address .*an Output"),
}  # fmt: skip
