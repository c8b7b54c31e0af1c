"""LoadBalancedService under Pulumi's mocks: what it registers, at preview and at update."""

from typing import Any

import pulumi
import pytest

from components import LoadBalancedService
from tests.support.mocks import UNKNOWN, Registered, Secret, Seen, run

BOTH = pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
KINDS = pytest.mark.parametrize("kind", ["haproxy", "nginx"])


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to talk to an engine that this machine happens to have."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")


def site(
    args: dict[str, Any] | None = None, *, preview: bool = False, unknown: bool = False, **keys: Any
) -> Seen:
    """Return one service `site`, by default of two replicas, which came up without an error."""
    given: Any = args or {"image": "httpd:2.4", "replicas": 2, **keys}
    seen = run(lambda: LoadBalancedService("site", given), preview=preview, unknown_generations=unknown)
    assert seen.error is None
    return seen


def replicas(seen: Seen) -> list[Registered]:
    return [r for r in seen.of_type(":Container") if "-web-" in r.name]


# Replicas


@BOTH
def test_a_replica_is_least_privileged(preview: bool) -> None:
    """No capability but the four that a server needs that gives up root, no new privileges, a limit
    of memory without swap."""
    seen = site(preview=preview)

    for replica in replicas(seen):
        assert replica.inputs["capabilities"] == {
            "drops": ["ALL"],
            "adds": ["CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"],
        }
        assert replica.inputs["securityOpts"] == ["no-new-privileges"]
        assert replica.inputs["memory"] == replica.inputs["memorySwap"] == 512
        assert not {"privileged", "volumes", "mounts", "devices", "ports", "hosts"} & set(replica.inputs)


def test_capabilities_are_the_ones_named() -> None:
    """With or without their prefix; with none, nothing is added."""
    named = site(capabilities=["NET_BIND_SERVICE", "CAP_CHOWN"])
    none = site(capabilities=[])

    assert replicas(named)[0].inputs["capabilities"] == {
        "drops": ["ALL"],
        "adds": ["CAP_CHOWN", "CAP_NET_BIND_SERVICE"],
    }
    assert replicas(none)[0].inputs["capabilities"]["drops"] == ["ALL"]
    assert not replicas(none)[0].inputs["capabilities"].get("adds")


@BOTH
def test_a_replica_is_never_published(preview: bool) -> None:
    """Only the front end has published ports."""
    seen = site(preview=preview, port=8080, front_end={"port": 8080})

    assert all("ports" not in replica.inputs for replica in replicas(seen))
    assert [r.name for r in seen.resources if r.inputs.get("ports")] == ["site-lb"]


@BOTH
def test_a_replica_is_replaced_without_a_gap(preview: bool) -> None:
    """The new one is made before the old one goes, which needs a name that nobody fixed; the old one
    gets time for requests in flight."""
    seen = site(preview=preview, drain=7.4)

    for replica in replicas(seen):
        assert replica.request.deleteBeforeReplaceDefined
        assert not replica.request.deleteBeforeReplace
        assert "name" not in replica.inputs
        assert replica.inputs["destroyGraceSeconds"] == 7


def test_a_replica_is_never_killed_at_once() -> None:
    """Even without a drain time it gets a second: unset or zero, the engine would send SIGKILL."""
    assert replicas(site(drain=0))[0].inputs["destroyGraceSeconds"] == 1


@BOTH
def test_a_replicas_network_name_is_known_at_preview(preview: bool) -> None:
    """The alias has the generation's number, which the counter knows at preview."""
    seen = site(preview=preview)

    networks = [replica.inputs["networksAdvanced"] for replica in replicas(seen)]
    assert sorted(network["aliases"] for (network,) in networks) == [
        ["site-web-0-g1"],
        ["site-web-1-g1"],
    ]


@BOTH
def test_containers_say_whose_they_are(preview: bool) -> None:
    """Labels name project, stack, component and role of containers and network."""
    seen = site(preview=preview)

    roles = {}
    for resource in [*seen.of_type(":Container"), *seen.of_type(":Network")]:
        labels = {label["label"]: label["value"] for label in resource.inputs["labels"]}
        roles[resource.name] = labels.pop("io.longshore.role")
        assert labels == {
            "io.longshore.project": "longshore",
            "io.longshore.stack": "test",
            "io.longshore.component": "site",
        }
    assert roles == {
        "site-web-0": "replica-web",
        "site-web-1": "replica-web",
        "site-lb": "front-end",
        "site-net": "network",
    }


def test_a_container_has_the_network_mode_of_its_first_network() -> None:
    """Unset, it would be a difference at every preview (pulumi-docker#1272)."""
    seen = site()

    assert [c.inputs["networkMode"] for c in seen.of_type(":Container")] == ["bridge"] * 3


def test_options_of_a_replica_reach_its_container() -> None:
    """Command, user, limits, restart policy, a read-only root with its two folders in memory."""
    seen = site(
        command=["sleep", "1"],
        user="app:app",
        memory=64,
        cpus=0.5,
        read_only=True,
        restart={"policy": "on-failure", "max_retries": 5},
        health={"command": ["true"]},
    )

    inputs = replicas(seen)[0].inputs
    assert inputs["image"] == "httpd:2.4"
    assert inputs["command"] == ["sleep", "1"]
    assert inputs["user"] == "app:app"
    assert inputs["memory"] == inputs["memorySwap"] == 64
    assert inputs["cpus"] == "0.5"
    assert inputs["readOnly"] is True
    assert sorted(inputs["tmpfs"]) == ["/run", "/tmp"]
    assert (inputs["restart"], inputs["maxRetryCount"]) == ("on-failure", 5)
    assert inputs["healthcheck"]["tests"] == ["CMD", "true"]


def test_an_option_that_is_absent_is_not_sent() -> None:
    """Without options the image decides; nothing is set to an empty value, which would be a
    difference at every preview."""
    inputs = replicas(site())[0].inputs

    assert not {"command", "user", "cpus", "tmpfs", "envs", "maxRetryCount"} & set(inputs)
    assert inputs["restart"] == "always"
    assert inputs["readOnly"] is False


# Generations


def test_everything_that_defines_a_replica_is_counted() -> None:
    """Each change that replaces a replica is part of the definition: else old and new would share a name."""
    options: dict[str, Any] = {
        "image": "httpd:2.5",
        "command": ["x"],
        "environment": {"A": "b"},
        "health": {"path": "/x"},
        "port": 81,
        "restart": {"policy": "on-failure"},
        "memory": 64,
        "cpus": 1,
        "user": "app",
        "read_only": True,
        "capabilities": [],
    }
    plain = site().named("site-web-generation").inputs["definition"]

    same = [
        key
        for key, value in options.items()
        if site(**{key: value}).named("site-web-generation").inputs["definition"] == plain
    ]

    assert same == []


@pytest.mark.parametrize(
    "keys",
    [
        {"replicas": 5},
        {"algorithm": "leastconn"},
        {"weights": [1, 2]},
        {"retries": 1},
        {"front_end": {"timeouts": {"server": 9}}},
        {"cookie": "S"},
    ],
)
def test_a_change_of_routes_keeps_the_replicas(keys: dict[str, Any]) -> None:
    """Counts, routes and limits are the front end's business: no replica is replaced."""
    before, after = site(), site(**keys)

    assert after.named("site-web-generation").inputs == before.named("site-web-generation").inputs
    assert after.named("site-web-0").inputs == before.named("site-web-0").inputs


def test_another_host_name_is_no_other_definition() -> None:
    """Replicas ask themselves by the first host name; whether they do so anew is the counter's business."""
    before, after = site(), site(host_names=["b.example", "a.example", "*.example"])

    given = [each.named("site-web-generation").inputs for each in (before, after)]
    assert given[0]["definition"] == given[1]["definition"]
    assert "host='a.example'" in given[1]["health"][1]
    assert after.named("site-web-0").inputs["healthcheck"]["tests"] == given[1]["health"]


def test_the_host_of_a_health_check_is_part_of_the_definition() -> None:
    """Where a user gives it, another one replaces the replicas."""
    given = [
        site(health={"host": host}).named("site-web-generation").inputs for host in ("a.example", "b.example")
    ]

    assert given[0]["definition"] != given[1]["definition"]


def test_the_replicas_of_before_ask_as_before() -> None:
    """The counter says how: it changes that with the definition only."""
    given: Any = {"image": "httpd:2.4", "host_names": ["new.example"]}

    seen = run(lambda: LoadBalancedService("site", given), health=["CMD-SHELL", "before"])

    assert seen.named("site-web-0").inputs["healthcheck"]["tests"] == ["CMD-SHELL", "before"]


@BOTH
def test_a_replica_follows_its_definition(preview: bool) -> None:
    """All that a definition holds is known at preview, so the preview shows what changes."""
    definition = site(preview=preview).named("site-web-generation").inputs["definition"]

    assert definition["image"] == "httpd:2.4"
    assert UNKNOWN not in str(definition)


# The front end


@BOTH
@KINDS
def test_the_front_end_has_no_rights(preview: bool, kind: str) -> None:
    """No capability, no new privileges, not root, a read-only root; only memory and the folder of the
    configuration are writable."""
    inputs = site(preview=preview, front_end={"kind": kind}).named("site-lb").inputs

    assert inputs["capabilities"] == {"drops": ["ALL"]}
    assert inputs["securityOpts"] == ["no-new-privileges"]
    assert inputs["user"] == "65534:65534"
    assert inputs["readOnly"] is True
    assert sorted(inputs["tmpfs"]) == ["/run", "/tmp"]
    assert inputs["volumes"] == [{"containerPath": "/etc/longshore"}]
    assert inputs["memory"] == inputs["memorySwap"] == 256
    assert "uploads" not in inputs
    assert "privileged" not in inputs


@BOTH
def test_the_front_end_is_made_but_not_started(preview: bool) -> None:
    """FrontEndConfig starts it, so it never runs without a configuration."""
    inputs = site(preview=preview).named("site-lb").inputs

    assert inputs["start"] is False
    assert inputs["mustRun"] is False


@pytest.mark.parametrize(
    ("kind", "entrypoint", "signal"),
    [("haproxy", "haproxy", "SIGUSR1"), ("nginx", "nginx", "SIGQUIT")],
)
def test_the_front_end_is_process_1_and_stops_softly(kind: str, entrypoint: str, signal: str) -> None:
    """The program itself gets the signals, whatever the image's entry point; its stop signal lets
    requests finish, within the longest drain time."""
    inputs = site(drain=30, front_end={"kind": kind}).named("site-lb").inputs

    assert inputs["entrypoints"] == [entrypoint]
    assert inputs["stopSignal"] == signal
    assert inputs["destroyGraceSeconds"] == 30
    assert inputs["restart"] == "always"


@BOTH
def test_the_front_end_publishes_its_port(preview: bool) -> None:
    """The front end publishes one port, at the address of the arguments."""
    front_end = {"port": 8080, "address": "10.0.0.1"}

    inputs = site(preview=preview, front_end=front_end).named("site-lb").inputs

    assert inputs["ports"] == [{"internal": 8080, "external": 8080, "ip": "10.0.0.1", "protocol": "tcp"}]


def test_the_front_end_may_be_published_nowhere() -> None:
    """Then its networks are the way to it."""
    front_end = {"publish": False, "networks": ["routable"]}

    inputs = site(front_end=front_end).named("site-lb").inputs

    assert "ports" not in inputs
    assert [network["name"] for network in inputs["networksAdvanced"]] == [
        "site-net-1a2b3c4",
        "routable",
    ]


def test_the_front_end_waits_for_readiness() -> None:
    """Each step that can fail does so while the old container serves.

    The replicas and the configuration come before the front end's container, which comes before its
    configuration is put in force.
    """
    seen = site()

    ready = seen.named("site-lb-ready")
    assert {"site-web-0", "site-web-1"} <= ready.depends_on
    assert "site-lb" not in ready.depends_on
    assert "site-lb-ready" in seen.named("site-lb").depends_on
    assert {"site-lb", "site-web-0", "site-web-1"} <= seen.named("site-lb-config").depends_on


def test_nothing_is_made_before_all_images_are_there() -> None:
    """A registry that does not answer leaves no network and no replica: those of other backends neither."""
    backends = {name: {"image": f"{name}:1", "host_names": [f"{name}.example"]} for name in ("a", "b")}
    seen = site({"backends": backends})

    images = {"site-lb-image", "site-a-generation", "site-b-generation"}
    for name in ("site-net", "site-a-0", "site-b-0"):
        assert images <= seen.named(name).depends_on
    generation = seen.named("site-a-generation")
    assert set(generation.inputs["host"]) == {"address"}
    assert not generation.depends_on


@BOTH
@KINDS
def test_the_configuration_is_known_at_preview(preview: bool, kind: str) -> None:
    """The text that the preview checks and shows is the one that the update delivers."""
    seen = site(preview=preview, front_end={"kind": kind})

    inputs = seen.named("site-lb-config").inputs
    assert inputs["kind"] == kind
    assert inputs["drain"] == 10
    assert "site-web-1-g1:80" in inputs["config"]
    ready = seen.named("site-lb-ready").inputs
    assert ready["config"] == inputs["config"]
    assert ready["image"] == seen.named("site-lb").inputs["image"]
    assert ready["names"] == ["site-web-0-g1", "site-web-1-g1"]


def test_the_configuration_names_what_it_waits_for() -> None:
    """Readiness and configuration get the ids of the replicas by name, and the container's id."""
    seen = site()

    ids = {"site-web-0": "site-web-0-id", "site-web-1": "site-web-1-id"}
    assert seen.named("site-lb-ready").inputs["replicas"] == ids
    assert seen.named("site-lb-config").inputs["replicas"] == ids
    assert seen.named("site-lb-config").inputs["container"] == "site-lb-id"


def test_ids_are_unknown_at_preview() -> None:
    """Containers to come have no id yet."""
    inputs = site(preview=True).named("site-lb-config").inputs

    assert inputs["container"] == UNKNOWN
    assert set(inputs["replicas"].values()) == {UNKNOWN}


# Parents, providers, previews


@BOTH
def test_every_part_belongs_to_the_component(preview: bool) -> None:
    """Each has the component as its parent; what Docker makes goes through the host's provider."""
    seen = site(preview=preview)

    parents = {resource.name: resource.parent for resource in seen.resources}
    assert parents.pop("site") == ""
    assert set(parents.values()) == {"longshore:index:LoadBalancedService::site"}
    made = [resource for resource in seen.resources if resource.type.startswith("docker:")]
    assert {resource.provider for resource in made} == {"site-host"}


def test_a_preview_shows_every_resource() -> None:
    """With nothing known but the arguments, the same resources are registered as at the update."""

    def names(preview: bool, unknown: bool) -> list[str]:
        args = {"image": later(preview), "replicas": 3}
        seen = site(args, preview=preview, unknown=unknown)
        return sorted(resource.chain for resource in seen.resources)

    at_update = names(preview=False, unknown=False)
    assert len(at_update) == 11
    assert names(preview=True, unknown=False) == at_update
    assert names(preview=True, unknown=True) == at_update


def later(preview: bool) -> Any:
    """Return an image that is an Output, known at the update only."""
    if not preview:
        return pulumi.Output.from_input("httpd:2.4")
    unknown: Any = pulumi.output.UNKNOWN
    return pulumi.Output.from_input(unknown)


def test_an_unknown_generation_leaves_names_and_text_unknown() -> None:
    """When nobody knows yet whether replicas change, the preview does not pretend to."""
    seen = site(preview=True, unknown=True)

    assert seen.named("site-web-0").inputs["networksAdvanced"][0]["aliases"] == [UNKNOWN]
    assert seen.named("site-lb-config").inputs["config"] == UNKNOWN
    assert seen.named("site-lb-ready").inputs["names"] == UNKNOWN


def test_a_host_that_does_not_answer_is_unknown_at_preview() -> None:
    """The docker plugin would end the preview with an error; an unknown address lets it go on."""
    at_preview = site(preview=True).named("site-host")
    at_update = site().named("site-host")

    assert at_preview.inputs["host"] == UNKNOWN
    assert at_update.inputs["host"] == "unix:///nonexistent/docker.sock"


# Networks


def test_a_network_of_its_own() -> None:
    """Without a network there is a bridge for the replicas, with the subnet of the arguments."""
    network = site(network={"subnet": "10.44.0.0/24"}).named("site-net")

    assert network.inputs["driver"] == "bridge"
    assert network.inputs["ipamConfigs"] == [{"subnet": "10.44.0.0/24"}]
    assert "name" not in network.inputs


@pytest.mark.parametrize("given", ["shared", "output"])
def test_a_given_network_is_used(given: str) -> None:
    """A network of the caller's, by name or Output. The replicas have their names on one of their own."""
    name: Any = "shared" if given == "shared" else pulumi.Output.from_input("shared")

    seen = site(network={"name": name})

    (own,) = seen.of_type(":Network")
    assert (own.name, own.inputs["internal"]) == ("site-web-network", True)
    assert seen.named("site-web-0").inputs["networksAdvanced"] == [
        {"name": "shared"},
        {"name": "site-web-network-1a2b3c4", "aliases": ["site-web-0-g1"]},
    ]
    assert seen.named("site-lb-config").inputs["networks"] == {"web": "site-web-network-1a2b3c4"}
    joined = {c.inputs["networksAdvanced"][0]["name"] for c in seen.of_type(":Container")}
    assert joined == {"shared"}
    assert seen.outputs["site"]["network_name"] == "shared"


@pytest.mark.parametrize(
    ("backends", "network", "isolated"),
    [
        (["web"], {}, []),
        (["web"], {"isolated": True}, ["web"]),
        (["web", "api"], {}, ["api", "web"]),
        (["web", "api"], {"subnet": "10.44.0.0/24"}, ["api", "web"]),
        (["web", "api"], {"isolated": False}, []),
        (["web"], {"name": "shared", "isolated": False}, []),
        (["web", "api"], {"name": "shared"}, ["api", "web"]),
    ],
)
def test_networks_of_single_backends(
    backends: list[str], network: dict[str, Any], isolated: list[str]
) -> None:
    """Each backend has one, unless nobody else is on the network anyway, or the settings say otherwise."""
    args: Any = {
        "network": network,
        "front_end": {"default_backend": "web"},
        "backends": {name: {"image": "a", "host_names": [f"{name}.example"]} for name in backends},
    }

    seen = run(lambda: LoadBalancedService("site", args))

    made = [each.name for each in seen.of_type(":Network") if each.name != "site-net"]
    assert sorted(made) == [f"site-{name}-network" for name in isolated]
    for name in backends:
        generation = seen.named(f"site-{name}-generation").inputs
        assert generation.get("isolate", False) is (name in isolated)
        *_, last = seen.named(f"site-{name}-0").inputs["networksAdvanced"]
        assert last["aliases"] == [f"site-{name}-0-g1"]


# Secrets


@BOTH
def test_a_secret_stays_a_secret(preview: bool) -> None:
    """A secret in the environment is one in the container and in the definition that is counted; the
    configuration, which a reviewer reads, is none."""
    environment = {"TOKEN": pulumi.Output.secret("hunter2"), "COLOUR": "blue"}

    seen = site(preview=preview, environment=environment)

    assert sorted(map(str, seen.named("site-web-0").inputs["envs"])) == [
        "COLOUR=blue",
        str(Secret("TOKEN=hunter2")),
    ]
    definition = seen.named("site-web-generation").inputs["definition"]
    assert definition["environment"] == {"TOKEN": Secret("hunter2"), "COLOUR": "blue"}
    for resource in seen.resources:
        assert "hunter2" not in str(without_secrets(resource.inputs)), resource.name
    assert isinstance(seen.named("site-lb-config").inputs["config"], str)
    assert "hunter2" not in str(seen.outputs)


def test_the_hosts_key_and_passwords_are_secrets() -> None:
    """Wherever they go: the docker provider and our own resources."""
    pem = "-----BEGIN X-----\nhunter2\n-----END X-----\n"
    host = {
        "address": "tcp://server:2376",
        "ca_certificate": pem.replace("hunter2", "ca"),
        "client_certificate": pem.replace("hunter2", "certificate"),
        "client_key": pem,
        "registries": [{"address": "r.example", "username": "me", "password": "hunter2"}],
    }

    seen = site(host=host)

    provider = seen.named("site-host").inputs
    assert provider["keyMaterial"] == Secret(pem)
    for resource in seen.resources:
        assert "hunter2" not in str(without_secrets(resource.inputs)), resource.name


def without_secrets(value: Any) -> Any:
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, dict):
        return {key: without_secrets(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secrets(item) for item in value]
    return value


# Outputs


def test_outputs_say_where_the_service_is() -> None:
    """URL, address, port, network, replicas and configuration."""
    seen = site(front_end={"port": 8080})

    outputs = seen.outputs["site"]
    config = outputs.pop("config")
    assert outputs == {
        "url": "http://localhost:8080",
        "address": "localhost",
        "port": 8080,
        "network_name": "site-net-1a2b3c4",
        "replica_names": ["site-web-0-1a2b3c4", "site-web-1-1a2b3c4"],
    }
    assert config == seen.named("site-lb-config").inputs["config"]


@pytest.mark.parametrize(
    ("keys", "url"),
    [
        ({"host": {"address": "ssh://root@server.example"}}, "http://server.example:80"),
        ({"host": {"address": "ssh://server", "insecure": False}}, "http://server:80"),
        ({"front_end": {"address": "10.0.0.1"}}, "http://10.0.0.1:80"),
        ({"front_end": {"address": "::"}}, "http://localhost:80"),
        ({"front_end": {"address": "fd00::1"}}, "http://[fd00::1]:80"),
        ({"front_end": {"publish": False, "networks": ["routable"]}}, "http://203.0.113.7:80"),
        ({"front_end": {"mode": "tcp", "port": 5432}}, "tcp://localhost:5432"),
    ],
)
def test_the_url_is_where_clients_reach_it(keys: dict[str, Any], url: str) -> None:
    """At the host, at the address it is published on, or on its own network."""
    assert site(**keys).outputs["site"]["url"] == url


# Several in one program


@BOTH
def test_services_do_not_get_in_each_others_way(preview: bool) -> None:
    """Two services in one program: no name is used twice, and each has resources of its own."""

    def program() -> None:
        LoadBalancedService("one", {"image": "a", "front_end": {"port": 81}})
        LoadBalancedService(
            "two",
            {"backends": {"web": {"image": "a"}}, "front_end": {"port": 82, "kind": "nginx"}},
        )

    seen = run(program, preview=preview)

    assert seen.error is None
    chains = [resource.chain for resource in seen.resources]
    assert len(chains) == len(set(chains)) == 22
    assert {chain.split("::")[-1].split("-")[0] for chain in chains} == {"one", "two"}


def test_a_service_of_another_component() -> None:
    """Used inside a component of the user's, it belongs to it."""

    class Shop(pulumi.ComponentResource):
        def __init__(self) -> None:
            super().__init__("test:index:Shop", "shop")
            LoadBalancedService("site", {"image": "a"}, pulumi.ResourceOptions(parent=self))

    seen = run(Shop)

    assert seen.named("site").parent == "test:index:Shop::shop"
    assert seen.named("site-lb").chain == (
        "test:index:Shop$longshore:index:LoadBalancedService$docker:index/container:Container::site-lb"
    )
