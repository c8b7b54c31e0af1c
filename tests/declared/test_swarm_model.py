"""Swarm services and gateways as arguments: declarations, refusals and their words.

`python -m tests.declared.test_swarm_model --update` writes the definitions in golden/services
anew; the difference is then reviewed like any other change.
"""

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pulumi
import pytest

from components import ArgumentError, SwarmGateway, SwarmService
from components.arguments.parsing import parse
from components.engine.swarm.placement import unmet
from components.swarm.cluster.validation import problem
from components.swarm.gateway.model import Gateway
from components.swarm.service.component import config_name
from components.swarm.service.model import Service
from tests.support.mocks import Secret, Seen, run

MANAGERS = [{"address": "unix:///run/one.sock"}]
GOLDEN = Path(__file__).parents[1] / "golden" / "services"
BOTH = pytest.mark.parametrize("preview", [True, False])


def service(component: Any = "web", **keys: Any) -> Any:
    return lambda: SwarmService(component, {"managers": MANAGERS, "image": "app:1", **keys})  # type: ignore[typeddict-item]


def gateway(name: Any = "gate", **keys: Any) -> Any:
    given = {"networks": ["apps"], "backends": {"web": {}}, **keys}
    return lambda: SwarmGateway(name, {"managers": MANAGERS, **given})  # type: ignore[typeddict-item]


def definition(seen: Seen, name: str = "web") -> dict[str, Any]:
    return seen.named(f"{name}-service").inputs


# Declarations

SERVICE, GATEWAY = "longshore:index:SwarmService", "longshore:index:SwarmGateway"
NAMES = {
    f"{SERVICE}::web",
    f"{SERVICE}$longshore:index:SwarmConfig::web-config-site.conf",
    f"{SERVICE}$longshore:index:Generation::web-secret-token-generation",
    f"{SERVICE}$longshore:index:SwarmSecret::web-secret-token",
    f"{SERVICE}$longshore:index:ServiceDefinition::web-service",
    f"{GATEWAY}::gate",
    f"{GATEWAY}$longshore:index:GatewayConfig::gate-config",
    f"{GATEWAY}$longshore:index:ServiceDefinition::gate-service",
}


@BOTH
def test_names_are_a_contract(preview: bool) -> None:
    """Types, names and parents; a rename comes with an alias and a line in the changelog."""
    files: Any = {"configs": {"site.conf": {"content": "a"}}, "secrets": {"token": {"content": "b"}}}

    seen = run(lambda: (service(**files)(), gateway()()), preview=preview)

    assert seen.error is None
    assert {resource.chain for resource in seen.resources} == NAMES


@pytest.mark.parametrize("file", [pytest.param(file, id=file.stem) for file in sorted(GOLDEN.glob("*.json"))])
def test_arguments_make_this_definition(file: Path) -> None:
    """The engine gets the definition in golden/services/<case>.json, key by key."""
    case = json.loads(file.read_text())

    seen = run(service(**case["arguments"]))

    assert seen.error is None
    assert json.loads(json.dumps(definition(seen)["spec"])) == case["definition"]


def test_there_are_golden_definitions() -> None:
    """None would pass the test above."""
    assert len(list(GOLDEN.glob("*.json"))) >= 4


@BOTH
def test_an_environment_value_stays_secret(preview: bool) -> None:
    """In the definition it is one variable that is secret, not the whole of it."""
    seen = run(service(environment={"A": "1", "TOKEN": pulumi.Output.secret("hunter2")}), preview=preview)

    container = definition(seen)["spec"]["TaskTemplate"]["ContainerSpec"]
    assert container["Env"] == ["A=1", Secret("TOKEN=hunter2")]
    assert container["Image"] == "app:1"


@BOTH
def test_a_password_of_a_registry_is_secret(preview: bool) -> None:
    """Of every manager's host; nothing of the rest is."""
    login = {"address": "registry.example", "username": "me", "password": "hunter2"}
    managers = [*MANAGERS, {"address": "unix:///run/two.sock", "registries": [login]}]

    seen = run(service(managers=managers), preview=preview)

    assert definition(seen)["registries"] == [{**login, "password": Secret("hunter2")}]
    assert definition(run(service(), preview=preview))["registries"] == []


@BOTH
def test_a_secret_file_is_secret_and_so_is_its_name(preview: bool) -> None:
    """The content of the file is a secret wherever it goes, and its name shows nothing of it."""
    seen = run(service(secrets={"token": {"content": "hunter2"}}), preview=preview)

    inputs = seen.named("web-secret-token").inputs
    assert inputs["data"] == Secret("hunter2")
    assert inputs["name"] == "web-token-g1"
    assert seen.named("web-secret-token-generation").inputs["definition"] == {"content": Secret("hunter2")}
    plain = [resource.inputs for resource in seen.resources if resource.name != "web-secret-token-generation"]
    assert json.dumps(plain, default=str).count("hunter2") == 1


@BOTH
def test_a_config_is_named_by_its_content(preview: bool) -> None:
    """Known at preview; another content is another name, the same one is not."""
    names = [
        run(service(configs={"site.conf": {"content": text}}), preview=preview)
        .named("web-config-site.conf")
        .inputs["name"]
        for text in ("a", "b", "a")
    ]

    assert names[0] == names[2] == "web-site.conf-ca978112ca1b"
    assert names[0] != names[1]


def test_the_longest_name_of_a_config_fits() -> None:
    """The engine takes 64 letters."""
    assert len(config_name("s" * 63, "k" * 24, "text")) <= 64


def test_each_resource_names_its_owner() -> None:
    """Labels of services, their containers, configs and secrets; the user's stand beside ours."""
    files: Any = {"configs": {"a": {"content": "a"}}, "secrets": {"b": {"content": "b"}}}
    seen = run(lambda: (service(labels={"team": "blue"}, **files)(), gateway()()))

    specs = {name: definition(seen, name)["spec"] for name in ("web", "gate")}
    labels = {
        "service": specs["web"]["Labels"],
        "tasks": specs["web"]["TaskTemplate"]["ContainerSpec"]["Labels"],
        "gateway": specs["gate"]["Labels"],
        "config": seen.named("web-config-a").inputs["labels"],
        "secret": seen.named("web-secret-b").inputs["labels"],
    }
    assert labels["service"].pop("team") == "blue"
    roles = {name: found["io.longshore.role"] for name, found in labels.items()}
    assert roles == {
        "service": "service",
        "tasks": "service",
        "gateway": "gateway",
        "config": "config-a",
        "secret": "secret-b",
    }
    assert all(found["io.longshore.stack"] == "test" for found in labels.values())


def test_a_gateway_has_no_rights() -> None:
    """No capability, no new privileges, not root, nothing writable but memory."""
    container = definition(run(gateway()), "gate")["spec"]["TaskTemplate"]["ContainerSpec"]

    assert container["CapabilityDrop"] == ["ALL"]
    assert not container["CapabilityAdd"]
    assert container["Privileges"] == {"NoNewPrivileges": True}
    assert container["User"] == "65534:65534"
    assert container["ReadOnly"] is True
    assert {mount["Type"] for mount in container["Mounts"]} == {"tmpfs"}


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_a_gateway_in_host_mode_and_behind_the_ingress(kind: str) -> None:
    """One task on each node with the node's own port, one after the other; or some tasks, new ones first."""
    front_end = {"kind": kind, "port": 8080}
    host = definition(run(gateway(front_end=front_end)), "gate")["spec"]
    ingress = definition(run(gateway(front_end=front_end, publish="ingress", replicas=3)), "gate")["spec"]

    assert host["Mode"] == {"Global": {}}
    assert host["EndpointSpec"]["Mode"] == "dnsrr"
    assert host["UpdateConfig"]["Order"] == "stop-first"
    assert ingress["Mode"] == {"Replicated": {"Replicas": 3}}
    assert ingress["EndpointSpec"]["Mode"] == "vip"
    assert ingress["UpdateConfig"]["Order"] == "start-first"
    # The mesh leads to a task without a check before its proxy listens; a check is no use in host mode.
    checks = [spec["TaskTemplate"]["ContainerSpec"].get("Healthcheck", {}) for spec in (host, ingress)]
    listens = ["CMD", "grep", "-q", " 00000000:1F90 00000000:0000 0A ", "/proc/net/tcp"]
    assert [check.get("Test") for check in checks] == [None, listens]
    ports = [spec["EndpointSpec"]["Ports"] for spec in (host, ingress)]
    assert [[port["PublishMode"] for port in each] for each in ports] == [["host"], ["ingress"]]
    assert all(port[0]["PublishedPort"] == port[0]["TargetPort"] == 8080 for port in ports)


def test_a_password_of_a_registry_is_a_secret() -> None:
    """It goes to the gateway's configuration, which pulls the image to check with."""
    registry = {"address": "registry.example", "username": "me", "password": "hunter2"}
    seen = run(gateway(managers=[{"address": "ssh://a.example", "registries": [registry]}]))

    (found,) = seen.named("gate-config").inputs["registries"]
    assert found == {**registry, "password": Secret("hunter2")}


def test_only_a_gateway_in_host_mode_leaves_a_gap() -> None:
    """A preview warns of a gap for a gateway in host mode alone."""
    assert run(gateway()).named("gate-config").inputs["gap"] is True
    assert run(gateway(publish="ingress")).named("gate-config").inputs["gap"] is False


def test_outputs() -> None:
    """Id and name of a service; id, port and configuration of a gateway."""
    seen = run(lambda: (service()(), gateway(front_end={"port": 8080})()))

    assert seen.outputs["web"]["service_name"] == "web"
    assert seen.outputs["gate"]["port"] == 8080
    assert seen.outputs["gate"]["config"] == seen.named("gate-config").inputs["data"]


def test_a_service_may_have_a_name_of_its_own() -> None:
    """It is the service's in the swarm; resources keep the component's."""
    seen = run(service(name="shop_web"))

    assert definition(seen)["name"] == "shop_web"


# Refused arguments


class Case(NamedTuple):
    title: str
    program: Any
    error: str


def port(published: int = 80, **keys: Any) -> dict[str, Any]:
    return {"port": published, **keys}


HOST = {"ports": [port(mode="host")]}
CASES = [
    Case("no managers", lambda: SwarmService("web", {"image": "a"}), "managers is required"),  # type: ignore[typeddict-item]
    Case("an empty list of managers", service(managers=[]), "managers must not be empty"),
    Case("no image", lambda: SwarmService("web", {"managers": MANAGERS}), "image is required"),  # type: ignore[typeddict-item]
    Case("a wrong name", service("Web"), "name must be 1 to 32 of a-z"),
    Case("no mapping", lambda: SwarmService("web", []), "args must be a mapping of keys"),  # type: ignore[arg-type]
    Case(
        "an unknown key",
        service(replica=3),
        "replica is not a known key; did you mean replicas[?] known here: ",
    ),
    Case("replicas", service(replicas=-1), "replicas must be between 0 and 1000, got -1"),
    Case("replicas with global", service(mode="global", replicas=2), "replicas is for mode replicated"),
    Case(
        "a limit with global", service(mode="global", max_replicas_per_node=1), "max_replicas_per_node is for"
    ),
    Case("an unknown mode", service(mode="job"), "mode must be 'replicated' or 'global', got 'job'"),
    Case(
        "start-first with a host port",
        service(**HOST, update={"order": "start-first"}),
        "update.order start-first cannot work with port 80 in mode host: .*set stop-first, or mode ingress",
    ),
    Case(
        "a rollback start-first with a host port",
        service(**HOST, rollback={"order": "start-first"}),
        "rollback.order start-first cannot work with port 80",
    ),
    Case(
        "two tasks of a node with one host port",
        service(**HOST, max_replicas_per_node=2),
        "max_replicas_per_node must be 1 with port 80 in mode host",
    ),
    Case(
        "dnsrr with an ingress port",
        service(ports=[port()], endpoint_mode="dnsrr"),
        "endpoint_mode dnsrr has no address that ingress ports could lead to",
    ),
    Case(
        "a port twice", service(ports=[port(), port(mode="host")]), "ports must differ, got 80/tcp more than"
    ),
    Case("a wrong port", service(ports=[port(0)]), "ports.0.port must be between 1 and 65535, got 0"),
    Case("a rollback of a rollback", service(rollback={"failure_action": "rollback"}), "must be 'pause' or"),
    Case(
        "a ratio",
        service(update={"max_failure_ratio": 2}),
        "max_failure_ratio must be between 0 and 1, got 2",
    ),
    Case(
        "a constraint",
        service(constraints=["zone=dmz"]),
        "constraints.0 must be node.labels.<name>, .*'zone=dmz'",
    ),
    Case(
        "an unknown role",
        service(constraints=["node.role==leader"]),
        "compare node.role with manager or worker",
    ),
    Case(
        "an address that is none in a constraint",
        service(constraints=["node.ip==web"]),
        "constraints.0 must compare node.ip with an IP address or network, got 'node.ip==web'",
    ),
    *(
        Case(
            f"a constraint {text!r}",
            service(constraints=[text]),
            "constraints.0 must be .* a value .letters, digits and ._:/-.",
        )
        for text in ("node.labels.a/b==x", "engine.labels.a/b==x", "node.labels.a==x@y", "node.labels.a==x y")
    ),
    *(
        Case(
            f"a host name {text!r}",
            service(hostname=text),
            "hostname must be a host name of at most 63 letters",
        )
        for text in ("", "}}x", "a b", "x" * 64, "{x}", 5)
    ),
    *(
        Case(
            f"a template {text!r}",
            service(hostname=text),
            "hostname must hold no templates of Swarm but {{.Node.Ho",
        )
        for text in (
            "{{",
            "{{{{",
            "{{.Node.Name}}",
            "{{.Service.Labels.zone}}",
            "{{.Task.Slot",
            "x{{.Bogus}}y",
        )
    ),
    Case(
        "a template in a variable",
        service(templates=True, environment={"A": "{{ name }}"}),
        "environment.A must hold no templates of Swarm but",
    ),
    Case(
        "a label that a template cannot name",
        service(hostname="{{.Service.Labels.a.b}}", labels={"a.b": "x"}),
        "hostname must hold no templates of Swarm but",
    ),
    Case("a constraint twice", service(constraints=["node.role==worker"] * 2), "constraints must differ"),
    Case("a bridge", service(networks=["bridge"]), "networks.0 must be the name of an overlay network"),
    Case("a network twice", service(networks=["a", "a"]), "networks must differ, got a more than once"),
    Case(
        "a reservation over the limit",
        service(memory=64, reserved_memory=65),
        "reserved_memory 65 is more than",
    ),
    Case(
        "cores over the limit",
        service(cpus=1, reserved_cpus=2),
        "reserved_cpus 2 is more than cpus 1, the limit",
    ),
    Case("one of our labels", service(labels={"io.longshore.stack": "x"}), "is one of ours"),
    Case(
        "two questions",
        service(health={"command": ["true"], "path": "/"}),
        "health.command stands instead of",
    ),
    Case(
        "attempts that are not made",
        service(restart={"condition": "none", "max_attempts": 3}),
        "max_attempts is",
    ),
    Case("a window without attempts", service(restart={"window": 3}), "restart.window is the time in which"),
    Case(
        "an empty file",
        service(configs={"a": {"content": ""}}),
        "configs.a.content must be 1 to 500000 bytes long",
    ),
    Case("a file without content", service(configs={"a": {}}), "configs.a.content is required"),
    Case(
        "a secret that is no text",
        service(secrets={"a": {"content": 5}}),
        "secrets.a.content must be text .*got a number$",
    ),
    Case(
        "a relative path",
        service(configs={"a": {"content": "x", "path": "x"}}),
        "configs.a.path must be a path",
    ),
    Case(
        "a mode in decimal",
        service(configs={"a": {"content": "x", "mode": 444}}),
        "must be an octal number in",
    ),
    Case(
        "one path for two files",
        service(configs={"a": {"content": "x", "path": "/run/secrets/b"}}, secrets={"b": {"content": "y"}}),
        "configs and secrets: 'a' and 'b' both have path /run/secrets/b",
    ),
    Case("a signal", service(stop_signal="TERM"), "stop_signal must be a signal such as SIGTERM, got 'TERM'"),
    Case(
        "a plain engine",
        service(managers=[{"address": "tcp://a:2375"}]),
        "managers.0.address tcp://a:2375 is a",
    ),
    Case("a gateway without backends", gateway(backends={}), "backends must not be empty"),
    Case("a gateway without networks", gateway(networks=[]), "networks must not be empty"),
    Case("replicas in host mode", gateway(replicas=3), "replicas is for publish ingress"),
    Case(
        "connections of a client in ingress mode",
        gateway(publish="ingress", front_end={"max_connections_per_client": 9}),
        "front_end.max_connections_per_client is for publish host: with ingress a client has",
    ),
    Case(
        "balancers that name the client in ingress mode",
        gateway(publish="ingress", front_end={"proxy_protocol": ["10.0.0.0/8"]}),
        "front_end.proxy_protocol is for publish host: with ingress a balancer has the address of a node",
    ),
    Case(
        "allowed clients in ingress mode",
        gateway(publish="ingress", backends={"web": {"allow_from": ["10.0.0.0/8"]}}),
        "backends.web.allow_from is for publish host: with ingress a client has the address of a node; drop",
    ),
    Case(
        "a rate limit in ingress mode",
        gateway(publish="ingress", backends={"web": {"rate_limit": {"average": 9}}}),
        "backends.web.rate_limit is for publish host: with ingress a client has the address of a node; drop",
    ),
    Case(
        "clients that maintenance allows in ingress mode",
        gateway(publish="ingress", backends={"web": {"maintenance": {"allow_from": ["10.0.0.0/8"]}}}),
        "backends.web.maintenance.allow_from is for publish host: with ingress a client has the address",
    ),
    Case(
        "uploads of tasks behind nginx",
        gateway(front_end={"kind": "nginx"}, backends={"web": {"max_uploads": 9}}),
        "backends.web.max_uploads: nginx does not know how many tasks there are; drop it, or set",
    ),
    Case("a way to publish", gateway(publish="both"), "publish must be 'host' or 'ingress', got 'both'"),
    Case("two default backends", gateway(backends={"a": {}, "b": {}}), "backends.a has no host_names"),
    Case(
        "one host for two",
        gateway(backends={"a": {"host_names": ["x"]}, "b": {"host_names": ["x"]}}),
        "backends.b.host_names: 'x' belongs to backend 'a'",
    ),
    Case(
        "a missing default", gateway(front_end={"default_backend": "x"}), "default_backend must be one of web"
    ),
    Case("tcp", gateway(front_end={"mode": "tcp"}), "front_end.mode is not a known key"),
    Case(
        "a quote in a name",
        gateway(backends={"web": {"service": "a'b"}}),
        "backends.web.service must be 1 to 63",
    ),
    Case(
        "too many tasks", gateway(backends={"web": {"max_tasks": 251}}), "max_tasks must be between 1 and 250"
    ),
    *(
        Case(
            f"nginx with {key}",
            gateway(front_end={"kind": "nginx"}, backends={"web": {key: value}}),
            rf"backends\.web\.{key}.*nginx .*set front_end.kind haproxy",
        )
        for key, value in {
            "algorithm": "leastconn",
            "cookie": "S",
            "max_connections": 3,
            "max_fails": 3,
            "health": {"active": True},
        }.items()
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_a_wrong_argument_is_one_clear_error(case: Case) -> None:
    """One mistake, one line: component and key, what was received and what is allowed. The engine has seen
    nothing by then."""
    seen = run(case.program)

    message = str(seen.error)
    assert isinstance(seen.error, ArgumentError), repr(seen.error)
    assert re.match(r"Swarm(Service|Gateway) ", message)
    assert re.search(case.error, message), message
    assert message.isascii(), message
    assert message.isprintable(), message
    assert seen.resources == []


GOOD = {
    "only an image": service(),
    "nothing to run": service(replicas=0),
    "values at their limits": service(
        replicas=1000, stop_grace_period=0, update={"parallelism": 0, "delay": 0}
    ),
    "None for every default": service(**dict.fromkeys(["replicas", "update", "health", "ports", "configs"])),
    "known later": service(
        image=pulumi.Output.from_input("a"),
        networks=[pulumi.Output.from_input("n")],
        configs={"a": {"content": pulumi.Output.from_input("x")}},
    ),
    "a template as host name": service(hostname="{{.Service.Name}}-{{.Task.Slot}}"),
    "a label in a host name": service(hostname="x-{{ .Service.Labels.zone }}", labels={"zone": "dmz"}),
    "what swarmkit takes in a constraint": service(
        constraints=["node.labels._a==x:5000/y_z.1-", "node.ip!=10.0.0.0/8", "node.ip==fd00::1"]
    ),
    "blanks in a constraint": service(constraints=["node.role == manager", "engine.labels.a.b!=c"]),
    "a port of both protocols": service(ports=[port(53), port(53, protocol="udp")]),
    "a host port with stop-first": service(**HOST, update={"order": "stop-first"}),
    "a gateway for a service with any name": gateway(backends={"web": {"service": "Stack_Web-1"}}),
    "a default backend": gateway(
        front_end={"default_backend": "a"}, backends={"a": {}, "b": {"host_names": ["b.example"]}}
    ),
}


@pytest.mark.parametrize("title", list(GOOD))
def test_a_good_argument_is_taken(title: str) -> None:
    """An argument that looks like one of the mistakes, but is right, is accepted."""
    assert run(GOOD[title]).error is None


def test_blanks_in_a_constraint_are_no_difference() -> None:
    """Swarm ignores them, and so does a preview."""
    spec = definition(run(service(constraints=[" node.role == manager "])))["spec"]

    assert spec["TaskTemplate"]["Placement"]["Constraints"] == ["node.role==manager"]


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [
        (service(name="shop"), service("shop"), "name 'shop' is that of SwarmService 'web', too"),
        (
            service("a", ports=[port()]),
            service("b", ports=[port(mode="host")]),
            "port 80 .* belongs to Swarm",
        ),
        (
            service("a", **HOST),
            service("b", **HOST),
            "published port 80 .tcp, mode host. belongs to SwarmService 'a'",
        ),
        (
            service("a", ports=[port()]),
            gateway(),
            "published port 80 .tcp, mode host. belongs to SwarmService 'a'",
        ),
        (gateway("gate"), service("gate"), "name 'gate' is that of SwarmGateway 'gate', too"),
    ],
)
def test_two_services_cannot_have_the_same(first: Any, second: Any, error: str) -> None:
    """The second one is refused with the first one's name."""
    seen = run(lambda: (first(), second()))

    assert isinstance(seen.error, ArgumentError)
    assert re.search(error, str(seen.error)), seen.error


def test_the_same_output_is_the_same_swarm() -> None:
    """Its services are compared before anybody knows its managers."""
    managers = [pulumi.Output.from_input(MANAGERS) for _ in range(2)]

    same = run(lambda: (service(managers=managers[0])(), service("b", name="web", managers=managers[0])()))
    other = run(lambda: (service(managers=managers[0])(), service("b", name="web", managers=managers[1])()))

    assert "name 'web' is that of SwarmService 'web', too" in str(same.error)
    assert other.error is None


def test_two_services_may_share_what_does_not_clash() -> None:
    """Host ports of other nodes; another swarm; another protocol."""
    dmz, inner = ["node.labels.zone==dmz"], ["node.labels.zone==inner"]
    elsewhere = [{"address": "unix:///run/two.sock"}]

    seen = run(
        lambda: (
            service("a", **HOST, constraints=dmz)(),
            service("b", **HOST, constraints=inner)(),
            service("c", ports=[port(protocol="udp")])(),
            service("d", ports=[port()], managers=elsewhere)(),
        )
    )

    assert seen.error is None


@BOTH
def test_managers_may_be_an_output(preview: bool) -> None:
    """Those of another stack, for example; their keys are secret."""
    key = "-----BEGIN PRIVATE KEY-----\nx"
    tls = {"ca_certificate": key, "client_certificate": key, "client_key": key}
    managers = pulumi.Output.from_input([{"address": "tcp://host1:2376", **tls}])

    seen = run(lambda: (service(managers=managers)(), gateway(managers=managers)()), preview=preview)

    (found,) = definition(seen)["managers"].value
    assert (found["address"], found["clientKey"]) == ("tcp://host1:2376", key)
    assert seen.named("gate-config").inputs["managers"] == Secret([found])


def test_an_output_is_validated_once_it_is_known() -> None:
    """As plain managers are before that."""
    seen = run(service(managers=pulumi.Output.from_input([{"address": "tcp://host1:2375"}])))

    assert "managers.0.address tcp://host1:2375 is a plain tcp engine" in str(seen.error)


def test_a_gateway_finds_its_services_by_name() -> None:
    """The gateway asks for `tasks.<service>`; the service is the backend's name by default."""
    text = parse(
        Gateway,
        {
            "networks": ["apps"],
            "backends": {"a": {"host_names": ["a"]}, "b": {"service": "x_b", "host_names": ["b"]}},
        },
        "here",
    ).text

    assert set(re.findall(r"server-template.* (tasks\.\S+)", text)) == {"tasks.a:80", "tasks.x_b:80"}


# Nodes that may run it


@dataclass(frozen=True)
class Node:
    role: str = "worker"
    labels: dict[str, str] = field(default_factory=dict)


NODES = {"a": Node("manager"), "b": Node(labels={"zone": "dmz"}), "c": Node(labels={"zone": "dmz"})}


@pytest.mark.parametrize(
    "constraints",
    [
        [],
        ["node.role==manager"],
        ["node.labels.zone==dmz", "node.role==worker"],
        ["node.labels.zone==DMZ"],
        ["node.labels.zone!=dmz"],
        ["node.labels.missing!=x"],
        ["node.hostname==anything", "engine.labels.disk==ssd", "node.platform.arch!=arm64"],
    ],
)
def test_a_constraint_that_a_node_meets(constraints: list[str]) -> None:
    """An undeclared fact of a node may be anything; Swarm compares without regard to case."""
    assert unmet(constraints, NODES) is None


def test_a_constraint_that_no_node_can_meet() -> None:
    """It says which nodes meet which."""
    assert unmet(["node.labels.zone==moon"], NODES) == (
        "no node meets all constraints (node.labels.zone==moon: none): change one of them, or give a node "
        "the labels and role"
    )
    assert "(node.role==manager: a; node.labels.zone==dmz: b, c)" in str(
        unmet(["node.role==manager", "node.labels.zone==dmz"], NODES)
    )


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"replicas": 2, **HOST}, None),
        ({"replicas": 3, **HOST}, "replicas must be at most 2 with port 80 in mode host, for 2 nodes .*b, c"),
        (
            {"replicas": 5, "max_replicas_per_node": 2},
            "replicas must be at most 4 with max_replicas_per_node",
        ),
        ({"replicas": 50}, None),
        ({"mode": "global", **HOST}, None),
        ({"constraints": ["node.labels.zone==moon"]}, "constraints: no node meets"),
    ],
)
def test_nodes_that_cannot_run_all_tasks(keys: dict[str, Any], said: str | None) -> None:
    """Tasks that would wait for ever are told of at preview."""
    what = parse(Service, {"image": "a", "constraints": ["node.labels.zone==dmz"], **keys}, "here")

    found = problem(what, NODES)

    assert found is None if said is None else re.search(said, str(found))


def update() -> None:
    for file in sorted(GOLDEN.glob("*.json")):
        arguments = json.loads(file.read_text())["arguments"]
        case = {"arguments": arguments, "definition": definition(run(service(**arguments)))["spec"]}
        file.write_text(json.dumps(case, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit("usage: python -m tests.declared.test_swarm_model --update")
    update()
