"""SwarmCluster without an engine: wrong arguments, names of resources, the order in which nodes join."""

import re
import sys
from typing import Any

import pytest

from components import ArgumentError, SwarmCluster, SwarmService
from components.swarm.cluster.validation import cluster
from tests.support.mocks import Secret, Seen, run


def node(number: int, role: str = "worker", **keys: Any) -> dict[str, Any]:
    return {"host": {"address": f"ssh://host{number}.example"}, "role": role, **keys}


def three(**keys: Any) -> dict[str, Any]:
    """Return a manager and two workers."""
    return {"nodes": {"a": node(1, "manager"), "b": node(2), "c": node(3)}, **keys}


def declared(args: Any, name: str = "main") -> Seen:
    return run(lambda: SwarmCluster(name, args))


def whole() -> Any:
    """Return a cluster with everything: two networks, a service, a gateway, a floating address."""
    nodes = {
        name: node(number, advertise_address=f"192.0.2.{number}", labels={"zone": "dmz"})
        for number, name in enumerate("abc", start=1)
    }
    nodes["a"]["role"] = "manager"
    return {
        "nodes": nodes,
        "networks": {"web": {"subnet": "172.100.0.0/24"}},
        "services": {"shop": {"image": "httpd:2.4", "networks": ["web"], "replicas": 2}},
        "gateway": {
            "networks": ["web"],
            "constraints": ["node.labels.zone==dmz"],
            "front_end": {"port": 8080},
            "backends": {"shop": {"host_names": ["shop.example"]}},
        },
        "floating_addresses": {
            "vip": {
                "nodes": {"b": {"interface": "eth0"}, "c": {"interface": "eth0"}},
                "addresses": ["192.0.2.9"],
            }
        },
    }


def but(**keys: Any) -> Any:
    return {**whole(), **keys}


def vip(**keys: Any) -> Any:
    return but(floating_addresses={"vip": {**whole()["floating_addresses"]["vip"], **keys}})


def crowd(network: Any = None, **keys: Any) -> Any:
    """Return a manager, a worker in the zone dmz and another one; a service on a small network."""
    nodes = {"a": node(1, "manager"), "b": node(2, labels={"zone": "dmz"}), "c": node(3)}
    service = {"image": "app:1", "networks": ["web"], **keys}
    small = {"subnet": "172.100.0.0/29"} if network is None else network
    return {"nodes": nodes, "networks": {"web": small}, "services": {"shop": service}}


STOP = {"order": "stop-first"}
HOSTILE = ("a b", 'x"', "x;y", "x\ny", "{x}", "$x", "")
WRONG: dict[str, tuple[Any, str]] = {
    "no mapping": ("three", "args must be a mapping of keys, got text"),
    "no nodes": ({}, "nodes is required"),
    "empty nodes": ({"nodes": {}}, "nodes must not be empty"),
    "unknown key": (three(node={}), "node is not a known key; did you mean nodes[?] known here: "),
    "a node without a host": ({"nodes": {"a": {"role": "manager"}}}, "nodes.a.host is required"),
    "an unknown key of a node": (
        {"nodes": {"a": node(1, "manager", zone="dmz")}},
        "nodes.a.zone is not a known key",
    ),
    "an unknown role": ({"nodes": {"a": node(1, "boss")}}, "nodes.a.role must be 'manager' or 'worker'"),
    "no manager": ({"nodes": {"a": node(1)}}, "nodes must have a manager"),
    "an even number of managers": (
        {"nodes": {"a": node(1, "manager"), "b": node(2, "manager")}},
        "nodes must have an odd number of managers, got 2: .* or set even_managers: true",
    ),
    "one engine twice": (
        {"nodes": {"a": node(1, "manager"), "b": node(1)}},
        r"nodes.b.host.address: 'ssh://host1.example' is that of node 'a', too",
    ),
    "one address twice": (
        {
            "nodes": {
                "a": node(1, "manager", advertise_address="192.0.2.1"),
                "b": node(2, advertise_address="192.0.2.1"),
            }
        },
        "nodes.b.address: '192.0.2.1' is that of node 'a', too",
    ),
    "an unknown availability": (
        {"nodes": {"a": node(1, "manager", availability="off")}},
        "nodes.a.availability must be 'active', 'pause' or 'drain', got 'off'",
    ),
    "an address that is none": (
        {"nodes": {"a": node(1, "manager", advertise_address="eth0")}},
        "nodes.a.advertise_address must be an IP address such as 192.0.2.10, got 'eth0'",
    ),
    "a drain time-out of nothing": (
        {"nodes": {"a": node(1, "manager", drain_timeout=0)}},
        "nodes.a.drain_timeout must be between 1 and 3600, got 0",
    ),
    "a plain tcp engine": (
        {"nodes": {"a": {"host": {"address": "tcp://host1:2375"}, "role": "manager"}}},
        "nodes.a.host.address tcp://host1:2375 is a plain tcp engine",
    ),
    "overlays that overlap": (
        three(networks={"web": {"subnet": "172.100.0.0/16"}, "db": {"subnet": "172.100.5.0/24"}}),
        "networks.db.subnet 172.100.5.0/24 overlaps networks.web.subnet 172.100.0.0/16",
    ),
    "an overlay over a pool": (
        three(address_pools=["10.32.0.0/12"], networks={"web": {"subnet": "10.40.0.0/24"}}),
        "address_pools.0 10.32.0.0/12 overlaps networks.web.subnet 10.40.0.0/24",
    ),
    "an overlay over the ingress": (
        three(networks={"web": {"subnet": "10.0.0.0/16"}}),
        "networks.web.subnet 10.0.0.0/16 overlaps the ingress network 10.0.0.0/24",
    ),
    "an overlay over a node": (
        {
            "nodes": {"a": node(1, "manager", advertise_address="192.0.2.7")},
            "networks": {"web": {"subnet": "192.0.2.0/24"}},
        },
        r"networks.web.subnet 192.0.2.0/24 overlaps nodes.a.advertise_address 192.0.2.7/32",
    ),
    "host bits in a subnet": (
        three(networks={"web": {"subnet": "172.100.0.1/24"}}),
        "networks.web.subnet must be a network such as 10.20.0.0/24",
    ),
    "IPv6": (three(networks={"web": {"subnet": "fd00::/64"}}), "networks.web.subnet must be an IPv4 network"),
    "an mtu": (
        three(networks={"web": {"mtu": 68}}),
        "networks.web.mtu must be between 164 and 65535, got 68",
    ),
    **{
        f"an overlay of {subnet}": (
            three(networks={"web": {"subnet": subnet}}),
            rf"networks.web.subnet must be a network whose addresses containers can have, .* {why}\)$",
        )
        for subnet, why in (
            ("0.0.0.0/0", r"0.0.0.0/8 \(addresses of no host"),
            ("0.4.0.0/16", r"0.0.0.0/8 \(addresses of no host"),
            ("127.1.0.0/24", r"127.0.0.0/8 \(loopback"),
            ("64.0.0.0/2", r"127.0.0.0/8 \(loopback"),
            ("224.0.0.0/24", r"224.0.0.0/4 \(multicast"),
            ("255.255.255.0/24", r"240.0.0.0/4 \(reserved"),
        )
    },
    **{
        f"an overlay of /{length}": (
            three(networks={"web": {"subnet": f"172.100.0.0/{length}"}}),
            f"networks.web.subnet must be a /29 or larger, got '172.100.0.0/{length}'",
        )
        for length in (30, 31, 32)
    },
    "a pool of multicast": (
        three(address_pools=["239.0.0.0/8"]),
        r"address_pools.0 must be a network whose addresses .* 224.0.0.0/4 \(multicast\)",
    ),
    "a port that is none": (
        {"nodes": {"a": node(1, "manager", listen_address="0.0.0.0:99999")}},
        "nodes.a.listen_address must be an address and port such as 0.0.0.0:2377",
    ),
    "an address of nobody": (
        {"nodes": {"a": node(1, "manager", advertise_address="0.0.0.0")}},
        "nodes.a.advertise_address must be an address that one host can have, got '0.0.0.0'",
    ),
    "an overlay too small for its tasks": (
        crowd(replicas=5),
        (
            r"networks.web.subnet 172.100.0.0/29 has 6 addresses, and 11 are needed \(1 for its gateway, 1 "
            "for virtual addresses of services, 3 for the nodes, 5 for tasks, 1 for tasks that replace "
            r"others in an update\): choose a larger one, such as /28"
        ),
    ),
    "an overlay too small for an update": (
        crowd(replicas=2, constraints=["node.labels.zone==dmz"], update={"parallelism": 0}),
        "has 6 addresses, and 7 are needed .*, 1 for the nodes, 2 for tasks, 2 for tasks that replace others",
    ),
    "an overlay too small for a global service": (
        crowd(mode="global", endpoint_mode="dnsrr"),
        r"has 6 addresses, and 8 are needed \(1 for its gateway, 3 for the nodes, 3 for tasks, 1 for tasks",
    ),
    "a network of the pool too small": (
        crowd({}, replicas=300),
        r"networks.web \(a /24 of the pool\) has 254 addresses, and 306 are .*: give it a subnet such as /23",
    ),
    "an ingress network too small": (
        crowd({}, replicas=300, networks=[], ports=[{"port": 80}]),
        r"the ingress network \(a /24 of the pool\) has 254 addresses, and 306 .*: set pool_mask to 23",
    ),
    "encrypted text": (
        three(networks={"web": {"encrypted": "yes"}}),
        "networks.web.encrypted must be true or false, got 'yes'",
    ),
    "a pool smaller than its networks": (
        three(address_pools=["10.40.0.0/24"], pool_mask=20),
        "address_pools: 10.40.0.0/24 must be a network that holds networks of /20",
    ),
    "a mask": (three(pool_mask=31), "pool_mask must be between 16 and 29, got 31"),
    "a constraint that no node meets": (
        but(services={"shop": {"image": "a", "constraints": ["node.labels.zone==lab"]}}),
        r"services.shop.constraints: no node meets all constraints \(node.labels.zone==lab: none\)",
    ),
    "a gateway that no node can run": (
        but(gateway={**whole()["gateway"], "constraints": ["node.role==manager", "node.labels.zone!=dmz"]}),
        "gateway.constraints: no node meets all constraints",
    ),
    "a service without image": (but(services={"shop": {}}), "services.shop.image is required"),
    "a floating address of a node that is none": (
        vip(nodes={"d": {"interface": "eth0"}}),
        "floating_addresses.vip.nodes.d is no node of this cluster; its nodes are a, b, c",
    ),
    "a floating address without interface": (
        vip(nodes={"b": {}}),
        "floating_addresses.vip.nodes.b.interface is required",
    ),
    "a floating address that is a node's": (
        vip(addresses=["192.0.2.2"]),
        "floating_addresses.vip.*192.0.2.2 is the own address of node 'b'",
    ),
    "a floating address in an overlay": (
        vip(addresses=["172.100.0.9", "192.0.2.9"]),
        "networks.web.subnet 172.100.0.0/24 overlaps floating_addresses.vip.addresses.0 172.100.0.9/32",
    ),
    "a question that a gateway of balancers never answers": (
        {
            **vip(track={"port": 8080, "path": "/"}),
            "gateway": {**whole()["gateway"], "front_end": {"port": 8080, "proxy_protocol": ["10.0.0.0/8"]}},
        },
        "floating_addresses.vip.track.path asks without a header of the PROXY protocol, which gateway",
    ),
    "a generation": (three(token_generation=0), "token_generation must be between 1 and 1000000, got 0"),
    **{
        f"label name {text!r}": (
            {"nodes": {"a": node(1, "manager", labels={text: "x"})}},
            "nodes.a.labels.* 1 to 63 letters",
        )
        for text in HOSTILE
    },
    **{
        f"label value {text!r}": (
            {"nodes": {"a": node(1, "manager", labels={"zone": text})}},
            "nodes.a.labels.zone must be 1 to 128 letters",
        )
        for text in HOSTILE
    },
    **{
        f"network {text!r}": (three(networks={text: {}}), "networks.* must be 1 to 63 letters")
        for text in HOSTILE
    },
    **{
        f"listen address {text!r}": (
            {"nodes": {"a": node(1, "manager", listen_address=text)}},
            "nodes.a.listen_address must be an address and port such as 0.0.0.0:2377",
        )
        for text in HOSTILE
    },
}


@pytest.mark.parametrize(("args", "said"), WRONG.values(), ids=list(WRONG))
def test_a_wrong_argument_is_one_clear_error(args: Any, said: str) -> None:
    """Component and key, what was received and what is allowed; nothing is registered by then."""
    seen = declared(args)

    message = str(seen.error)
    assert isinstance(seen.error, ArgumentError), repr(seen.error)
    assert message.startswith("SwarmCluster 'main': ")
    assert re.search(said, message), message
    assert message.isascii()
    assert message.isprintable(), message
    assert seen.resources == []


@pytest.mark.parametrize(
    "args",
    [
        crowd(replicas=1),
        crowd(replicas=2, constraints=["node.labels.zone==dmz"]),
        crowd(replicas=3, constraints=["node.labels.zone==dmz"], update=STOP, rollback=STOP),
        crowd(
            replicas=4,
            constraints=["node.labels.zone==dmz"],
            update=STOP,
            rollback=STOP,
            endpoint_mode="dnsrr",
        ),
        crowd({}, replicas=240),
        three(networks={"web": {"subnet": "172.100.0.0/29", "mtu": 164}}, address_pools=["10.32.0.0/12"]),
    ],
)
def test_a_network_that_just_fits_is_taken(args: Any) -> None:
    """A real engine ran each of them, to the last address: test_swarm_cluster shows it."""
    assert declared(args).error is None


def calls(nodes: int) -> int:
    """Return how many Python functions run while a cluster is validated: its cost on any machine."""
    workers = {
        f"w{number}": node(
            number, advertise_address=f"11.{number >> 8}.{number & 255}.7", labels={"zone": "dmz"}
        )
        for number in range(nodes)
    }
    networks = {
        f"net{number}": {"subnet": f"172.{16 + (number >> 8)}.{number & 255}.0/24"} for number in range(nodes)
    }
    service = {
        "image": "app:1",
        "networks": ["net0"],
        "constraints": ["node.labels.zone==dmz"],
        "replicas": 9,
    }
    args: Any = {
        "nodes": {"m": node(9999, "manager"), **workers},
        "networks": networks,
        "services": {"shop": service},
    }
    count = 0

    def count_calls(frame: object, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    cluster("main", args)  # models are built at their first use
    sys.setprofile(count_calls)
    try:
        cluster("main", args)
    finally:
        sys.setprofile(None)
    return count


def test_twice_the_nodes_cost_twice_as_much() -> None:
    """Validation is linear: nodes, their addresses and networks are not held against each other in pairs."""
    assert calls(400) < 2.2 * calls(200)


@pytest.mark.parametrize("preview", [True, False])
def test_names_of_resources_are_a_contract(preview: bool) -> None:
    """Another name would be another resource: a swarm that is taken down and made again."""
    args: Any = three(networks={"web": {}})

    seen = run(lambda: SwarmCluster("main", args), preview=preview)

    cluster = "longshore:index:SwarmCluster"
    assert sorted(resource.chain for resource in seen.resources) == sorted(
        [
            f"{cluster}::main",
            f"{cluster}$longshore:index:AddressPlan::main-plan",
            f"{cluster}$longshore:index:Swarm::main-swarm",
            f"{cluster}$longshore:index:SwarmNode::main-node-a",
            f"{cluster}$longshore:index:SwarmNode::main-node-b",
            f"{cluster}$longshore:index:SwarmNode::main-node-c",
            f"{cluster}$longshore:index:OverlayNetwork::main-net-web",
        ]
    )


def test_parts_are_components_of_their_own() -> None:
    """With the cluster's managers and hosts; their names are a contract as well."""
    seen = declared(whole())

    assert seen.error is None
    below = "longshore:index:SwarmCluster$longshore:index:"
    chains = {resource.chain for resource in seen.resources}
    assert chains >= {
        f"{below}SwarmService::main-shop",
        f"{below}SwarmService$longshore:index:ServiceDefinition::main-shop-service",
        f"{below}SwarmGateway::main-gateway",
        f"{below}SwarmGateway$longshore:index:GatewayConfig::main-gateway-config",
        f"{below}SwarmGateway$longshore:index:ServiceDefinition::main-gateway-service",
        f"{below}FloatingAddress::main-vip",
        f"{below}FloatingAddress$longshore:index:FloatingAddressNode::main-vip-node-b",
        f"{below}FloatingAddress$longshore:index:FloatingAddressNode::main-vip-node-c",
    }
    service = seen.named("main-shop-service")
    assert service.inputs["name"] == "shop"
    assert service.inputs["managers"] == [{"address": "ssh://host1.example"}]
    assert {"main-node-b", "main-net-web"} <= service.depends_on
    assert seen.named("main-vip-node-b").inputs["host"] == {"address": "ssh://host2.example"}
    assert seen.outputs["main"]["gateway_url"] == "http://192.0.2.9:8080"
    assert seen.outputs["main"]["virtual_addresses"] == {"vip": ["192.0.2.9"]}


def test_an_address_leaves_a_node_before_it_is_drained() -> None:
    """The node comes last among those that may have it, and the swarm drains it after that is known."""
    args = whole()
    args["nodes"]["b"]["availability"] = "drain"

    seen, before = declared(args), declared(whole())

    def priority(seen: Seen, name: str) -> str:
        config = seen.named(f"main-vip-node-{name}").inputs["config"]
        return str(re.search(r"priority (\d+)", config)[1])  # type: ignore[index]

    assert [priority(before, name) for name in "bc"] == ["250", "240"]
    assert [priority(seen, name) for name in "bc"] == ["240", "250"]
    assert {"main-vip-node-b", "main-vip-node-c", "main-vip-group"} <= seen.named("main-node-b").depends_on


def test_managers_join_one_by_one_and_workers_last() -> None:
    """Each change of the quorum is settled before the next; removal is the other way round."""
    managers = {name: node(number, "manager") for number, name in enumerate("abc")}
    args: Any = {"nodes": {**managers, "w": node(9)}, "networks": {"web": {}}}

    seen = run(lambda: SwarmCluster("main", args))

    def after(name: str) -> set[str]:
        return {each.removeprefix("main-") for each in seen.named(f"main-{name}").depends_on}

    assert after("swarm") == {"plan"}
    assert after("node-a") == {"swarm"}
    assert after("node-b") == {"swarm", "node-a"}
    assert after("node-c") == {"swarm", "node-b"}
    assert after("node-w") == {"swarm", "node-a", "node-b", "node-c"}
    assert after("net-web") == {"swarm", "node-a", "node-b", "node-c"}


def test_its_managers_are_managers_of_a_service() -> None:
    """Those alone, as a stack of services takes them; keys and passwords as secrets."""
    key = "-----BEGIN PRIVATE KEY-----\nx"
    tls = {"ca_certificate": key, "client_certificate": key, "client_key": key}
    login = {"address": "registry.example", "username": "me", "password": "hunter2"}
    host = {"address": "tcp://host1:2376", **tls, "registries": [login]}
    args: Any = {"nodes": {"a": {"host": host, "role": "manager"}, "b": node(2)}}

    def program() -> None:
        SwarmService("web", {"managers": SwarmCluster("main", args).managers, "image": "app:1"})

    seen, plain = run(program), declared(three())

    assert seen.error is None
    assert seen.outputs["main"]["managers"] == Secret([host])
    assert seen.named("web-service").inputs["managers"] == Secret(
        [
            {
                "address": "tcp://host1:2376",
                "caCertificate": key,
                "clientCertificate": key,
                "clientKey": key,
            }
        ]
    )
    assert plain.outputs["main"]["managers"] == [{"address": "ssh://host1.example"}]


def test_tokens_and_keys_are_secret() -> None:
    """In the component's outputs as in its inputs."""
    key = "-----BEGIN PRIVATE KEY-----\nx"
    tls = {"ca_certificate": key, "client_certificate": key, "client_key": key}
    args: Any = {"nodes": {"a": {"host": {"address": "tcp://host1:2376", **tls}, "role": "manager"}}}

    seen = declared(args)

    outputs = seen.outputs["main"]
    for name in ("worker_token", "manager_token", "unlock_key"):
        assert isinstance(outputs[name], Secret)
    for name in ("main-swarm", "main-node-a"):
        assert seen.named(name).inputs["managers"][0]["clientKey"] == Secret(key)
