"""Rules of every error, whatever was received: no secret in it, and an end to it."""

from collections.abc import Callable
from typing import Any

import pytest

from components import ArgumentError
from components.arguments.parsing import arguments, differ
from components.load_balanced.validation import service
from components.swarm.cluster.validation import cluster
from components.swarm.floating.validation import floating
from components.swarm.gateway.model import PlacedGateway
from components.swarm.service.model import PlacedService
from tests.declared.test_settings import load
from tests.support.arguments import front, health, many, registry, short

SECRET = "hunter2"
MANAGERS = [{"address": "ssh://one"}]


def swarm_service(**keys: Any) -> None:
    arguments(PlacedService, "SwarmService", "web", {"image": "a", "managers": MANAGERS, **keys})


def gateway(**keys: Any) -> None:
    arguments(PlacedGateway, "SwarmGateway", "edge", {"networks": ["a"], "managers": MANAGERS, **keys})


def settings(**values: Any) -> None:
    found = load({"services": {"web": {"image": "a"}}, **values}, secret=())
    if isinstance(found, Exception):
        raise found


def of(**keys: Any) -> Callable[[], object]:
    """Return a constructor of a LoadBalancedService with these arguments."""
    return lambda: service("site", short(**keys))


HIDDEN: dict[str, Callable[[], object]] = {
    "environment as a list": of(environment=[f"TOKEN={SECRET}"]),
    "environment as text": of(environment=f"TOKEN={SECRET}"),
    "environment as a list of mappings": of(environment=[{"TOKEN": SECRET}]),
    "a variable that is a list": of(environment={"TOKEN": [SECRET]}),
    "a variable that is a mapping": of(environment={"TOKEN": {SECRET: SECRET}}),
    "a variable with NUL": of(environment={"TOKEN": f"{SECRET}\0"}),
    "a variable with its value in its name": of(environment={f"TOKEN={SECRET}": "x"}),
    "a variable with its value in its name, and none": of(environment={f"TOKEN: {SECRET}": None}),
    "an assignment as a key": of(**{f"TOKEN={SECRET}": None}),
    "command as text": of(command=f"serve --password={SECRET}"),
    "a word of a command": of(command=[f"--password={SECRET}\0"]),
    "health.command as text": lambda: service("site", health(command=f"curl -u me:{SECRET}")),
    "health as text": of(health=f"curl -u me:{SECRET}"),
    "all arguments as text": lambda: service("site", f"image=a TOKEN={SECRET}"),
    "all arguments as a list": lambda: service("site", [{"environment": {"TOKEN": SECRET}}]),
    "backends as a list": lambda: service("site", {"backends": [{"environment": {"TOKEN": SECRET}}]}),
    "a backend as text": lambda: service("site", {"backends": {"web": f"TOKEN={SECRET}"}}),
    "a variable of a backend": lambda: service("site", many(web={"environment": {"TOKEN": (SECRET,)}})),
    "a number that is a list": of(replicas=[{"TOKEN": SECRET}]),
    "host as text": of(host=f"ssh://root:{SECRET}@server"),
    "host.address with a password": of(host={"address": f"ssh://root:{SECRET}@server"}),
    "host.address with a password with @": of(host={"address": f"tcp://root:p@{SECRET}@server:2376"}),
    "host.address with a user that is a token": of(host={"address": f"https://{SECRET}@server"}),
    "host.address with a query": of(host={"address": f"https://server?token={SECRET}"}),
    "host.address as a list": of(host={"address": [f"ssh://root:{SECRET}@server"]}),
    "a key as a list": of(host={"address": "tcp://server:1", "client_key": [SECRET]}),
    "a key that is no PEM": of(host={"address": "tcp://server:1", "client_key": SECRET}),
    "registries as text": of(host={"registries": f"me:{SECRET}@registry"}),
    "registries as a mapping": of(host={"registries": {"registry": SECRET, SECRET: 1}}),
    "a registry as text": of(host={"registries": [f"me:{SECRET}@registry"]}),
    "a registry's address with a password": lambda: service(
        "site", registry({"address": f"https://me:{SECRET}@registry"})
    ),
    "a registry's password as a list": lambda: service("site", registry({"password": [SECRET]})),
    "a registry's user as a list": lambda: service("site", registry({"username": [SECRET]})),
    "image with a password": of(image=f"me:{SECRET}@registry.example/app:1"),
    "image with a password and a digest": of(image=f"me:{SECRET}@registry/App@sha256:{'0' * 64}"),
    "front_end.image with a password": lambda: service("site", front(image=f"https://me:{SECRET}@a/b")),
    "log with a password": lambda: service("site", front(log={"address": f"udp://me:{SECRET}@a:1"})),
    "a host name with a password": of(host_names=[f"http://me:{SECRET}@a.example"]),
    "a path with a query": lambda: service("site", health(path=f"http://a/?token={SECRET}")),
    "a swarm service's variables": lambda: swarm_service(environment=[f"TOKEN={SECRET}"]),
    "a swarm service's secret as text": lambda: swarm_service(secrets={"token": SECRET}),
    "a swarm service's secrets as a list": lambda: swarm_service(secrets=[SECRET]),
    "a swarm service's secrets as text": lambda: swarm_service(secrets=SECRET),
    "a swarm service's secret's content": lambda: swarm_service(secrets={"token": {"content": [SECRET]}}),
    "a swarm service's config as a number": lambda: swarm_service(configs={"a": {"content": {"a": SECRET}}}),
    "a swarm service's entry point": lambda: swarm_service(entrypoint=f"sh -c {SECRET}"),
    "a swarm service's label": lambda: swarm_service(labels={"auth": [SECRET]}),
    "managers as text": lambda: swarm_service(managers=f"ssh://me:{SECRET}@a"),
    "a manager as text": lambda: swarm_service(managers=[f"ssh://me:{SECRET}@a"]),
    "a gateway's manager": lambda: gateway(
        managers=[{"address": f"ssh://me:{SECRET}@a"}], backends={"a": {}}
    ),
    "a node's host": lambda: cluster("main", {"nodes": {"a": {"host": f"ssh://me:{SECRET}@a"}}}),
    "a node as text": lambda: cluster("main", {"nodes": {"a": f"ssh://me:{SECRET}@a"}}),
    "nodes as a list": lambda: cluster("main", {"nodes": [{"host": f"ssh://me:{SECRET}@a"}]}),
    "services of a cluster as text": lambda: cluster("main", {"services": f"TOKEN={SECRET}"}),
    "VRRP's password as a list": lambda: floating("vip", {"version": 2, "password": [SECRET]}),
    "VRRP's password too long": lambda: floating("vip", {"version": 2, "password": f"{SECRET}-{SECRET}"}),
    "settings: secrets as text": lambda: settings(secrets=SECRET),
    "settings: secrets as a list": lambda: settings(secrets=[SECRET]),
    "settings: a secret as a mapping": lambda: settings(secrets={"db": {"password": SECRET}}),
    "settings: services as text": lambda: settings(services=f"TOKEN={SECRET}"),
    "settings: a service as a list": lambda: settings(services={"web": [f"TOKEN={SECRET}"]}),
    "settings: host as text": lambda: settings(host=f"ssh://me:{SECRET}@a"),
    "settings: a secret in place of its name": lambda: settings(
        services={"web": {"image": "a", "environment": {"TOKEN": {"secret": SECRET}}}}
    ),
}


@pytest.mark.parametrize("title", list(HIDDEN))
def test_an_error_shows_nothing_that_may_be_secret(title: str) -> None:
    """At and below a place that may hold a secret only the kind of value is named; of an address, neither
    user nor password nor query is shown."""
    with pytest.raises(ArgumentError) as error:
        HIDDEN[title]()

    assert SECRET not in str(error.value)
    assert " got " in str(error.value) or "is not a known key" in str(error.value)


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        ("Httpd:2.4", "'Httpd:2.4'"),
        ("a@sha256:12", "'a@sha256:12'"),
        ("me:pw@registry/App", "'...@registry/App'"),
        ("https://me@registry/App", "'https://...@registry/App'"),
    ],
)
def test_a_value_that_cannot_be_secret_is_shown(image: str, shown: str) -> None:
    """A mistake in an image or address can be found by its error."""
    with pytest.raises(ArgumentError) as error:
        service("site", short(image=image))

    assert str(error.value).endswith(f", got {shown}")


def test_of_many_mistakes_the_first_are_shown() -> None:
    """Five lines, and how many more mistakes there are."""
    with pytest.raises(ArgumentError) as error:
        service("site", short(host_names=["A"] * 20_000))

    lines = str(error.value).splitlines()
    assert lines[4].startswith("LoadBalancedService 'site': host_names.4 must be a lower-case host name")
    assert lines[5:] == ["LoadBalancedService 'site': and 19,995 more"]


@pytest.mark.parametrize(
    "program",
    [
        lambda: service("site", short(**{f"key{i}": i for i in range(20_000)})),
        lambda: service("site", short(health={f"key{i}": i for i in range(20_000)})),
        lambda: service("site", short(host_names=[f"a{i // 2}" for i in range(20_000)])),
        lambda: service(
            "site", many({"default_backend": "x"}, **{f"b{i}": {"host_names": [f"h{i}"]} for i in range(300)})
        ),
        lambda: service(
            "site", many({"kind": "nginx"}, **{f"b{i}": {"max_connections": 3} for i in range(300)})
        ),
        lambda: gateway(
            front_end={"kind": "nginx"},
            backends={f"b{i}": {"cookie": "S", "host_names": [f"h{i}"]} for i in range(300)},
        ),
        lambda: service("site", short(host={"address": f"unix:///{'a' * 100_000}"})),
        lambda: service("site", short(image="a@" * 100_000)),
        lambda: settings(secrets={f"s{i}": "x" for i in range(300)}, services={"web": {"a": {"secret": 1}}}),
        lambda: cluster(
            "main",
            {
                "nodes": {f"n{i}": {} for i in range(300)},
                "floating_addresses": {"vip": {"nodes": {"other": {"interface": "eth0"}}}},
            },
        ),
    ],
)
def test_an_error_has_an_end(program: Callable[[], object]) -> None:
    """However much is wrong, the error fits on a screen."""
    with pytest.raises(ArgumentError) as error:
        program()

    assert len(str(error.value)) < 4000
    assert len(str(error.value).splitlines()) <= 6


def circle() -> dict[str, Any]:
    made = short()
    made |= {"environment": made, "health": made, "command": [made], "front_end": {"timeouts": made}}
    return made


def nest(levels: int) -> Any:
    made: Any = "x"
    for index in range(levels):
        made = [made] if index % 2 else {"a": made}
    return made


@pytest.mark.parametrize(
    "program",
    [
        lambda value: service("site", short(environment=value)),
        lambda value: service("site", short(environment={"A": value})),
        lambda value: service("site", short(unknown=value)),
        lambda value: service("site", {"backends": {"web": {"image": "a", "command": value}}}),
        lambda value: swarm_service(environment=value),
        lambda value: gateway(backends=value),
        lambda value: cluster("main", {"nodes": value}),
        lambda value: floating("vip", {"nodes": value}),
        lambda value: service("site", value),
    ],
)
@pytest.mark.parametrize("value", [circle(), nest(3000), nest(900), nest(40)])
def test_arguments_nested_too_deep_are_one_error(program: Callable[[Any], object], value: Any) -> None:
    """Also what is a part of itself, and at any place."""
    with pytest.raises(ArgumentError) as error:
        program(value)

    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("levels", [40, 900, 3000])
@pytest.mark.parametrize("key", ["services", "host", "secrets", "unknown"])
def test_settings_nested_too_deep_are_one_error(key: str, levels: int) -> None:
    """The file and the key."""
    text = '{"a":' * levels + "1" + "}" * levels

    with pytest.raises(ArgumentError, match=rf"Pulumi.test.yaml: {key} must have at most 32 levels of"):
        settings(**{key: text})


def test_looking_for_repeated_names_is_linear() -> None:
    """Twenty thousand names are compared about as often."""

    class Name(str):
        __slots__ = ()
        compared = 0
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            Name.compared += 1
            return super().__eq__(other)

    differ("host_names", [Name(f"h{i}.example") for i in range(20_000)])

    assert Name.compared < 20_000
    assert len(service("site", short(host_names=[f"h{i}.example" for i in range(20_000)])).backends) == 1
