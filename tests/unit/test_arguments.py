"""Wrong arguments and settings: one clear error each, before anything is registered."""

import re
from typing import Any

import pytest

from components import ArgumentError, LoadBalancedService
from components.load_balanced.validation import service
from tests.cases.bad_arguments import CASES, Case
from tests.cases.later import LATER, with_outputs
from tests.support.arguments import front, many, registry, short
from tests.support.mocks import run


@pytest.fixture(autouse=True)
def _no_docker_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_a_wrong_argument_is_one_clear_error(case: Case) -> None:
    """One mistake, one line: component and key, what was received and what is allowed. The engine
    has seen nothing by then."""

    def program() -> None:
        LoadBalancedService(case.name, with_outputs(case.args))

    seen = run(program)

    message = str(seen.error)
    assert isinstance(seen.error, ArgumentError), repr(seen.error)
    assert message.startswith("LoadBalancedService ")
    assert re.search(case.error, message), message
    assert message.isascii(), message
    assert message.isprintable(), message
    assert len(message.partition("; known here: ")[0]) < 600, message
    assert seen.resources == []


def test_there_are_many_cases() -> None:
    """More than 200 mistakes, each with a title of its own."""
    titles = {case.title for case in CASES}

    assert len(titles) == len(CASES) > 200


def test_every_mistake_is_reported_at_once() -> None:
    """Two mistakes are two lines of one error."""
    args = {**short(replicas=0, port="x"), "front_end": {}}

    with pytest.raises(ArgumentError) as error:
        service("site", args)

    assert str(error.value).splitlines() == [
        "LoadBalancedService 'site': port must be a whole number, got 'x'",
        "LoadBalancedService 'site': replicas must be between 1 and 1000, got 0",
    ]


def test_all_that_a_kind_cannot_do_is_reported_at_once() -> None:
    """Two choices that nginx does not have are two lines of one error."""
    args = {**short(health={"active": True}, max_connections=9), "front_end": {"kind": "nginx"}}

    with pytest.raises(ArgumentError) as error:
        service("site", args)

    lines = str(error.value).splitlines()
    assert len(lines) == 2
    assert all("nginx open source" in line for line in lines)


def test_an_error_shows_no_value_of_a_mapping() -> None:
    """A mapping in a wrong place is shown by its keys: its values may be secret."""
    args = short(replicas={"token": "hunter2"})

    with pytest.raises(ArgumentError, match=r"got a mapping of token$"):
        service("site", args)


def test_an_error_shows_no_key_material() -> None:
    """A private key that is not PEM is not shown."""
    args = short(host={"address": "tcp://server:2376", "client_key": "hunter2"})

    with pytest.raises(ArgumentError) as error:
        service("site", args)

    assert "hunter2" not in str(error.value)


GOOD: dict[str, Any] = {
    "only an image": short(),
    "an image by digest": short(image="registry.example:5000/a/b_c--d:1@sha256:" + "0" * 64),
    "an image by id": short(image="sha256:" + "0" * 64),
    "an image known later": short(image=LATER),
    "None for every default": dict.fromkeys(
        ["replicas", "host_names", "health", "host", "network", "front_end", "backends", "name"]
    )
    | short(),
    "None within": short(health={"path": None}, front_end={"timeouts": {"connect": None}}),
    "whole numbers as floats": short(replicas=3.0, front_end={"port": 8080.0}),
    "a status as a number": short(host_names=["a.example"], front_end={"unknown_host": 421}),
    "capabilities with and without prefix": short(capabilities=["CAP_KILL", "CHOWN"]),
    "values at their limits": short(replicas=1, port=65535, memory=6, drain=0, retries=0),
    "a network known later": short(network={"name": LATER}),
    "the engine's bridge as a second network": front(networks=["bridge"]),
    "a secret in the environment": short(environment={"TOKEN": LATER, "EMPTY": ""}),
    "a wildcard of one label": short(host_names=["*.example", "10.0.0.1", "xn--bcher-kva.example"]),
    "a path with a query": short(health={"path": "/a%20b?c=d&e=~f"}),
    "an address of IPv6": front(address="::1", trusted_proxies=["fd00::/8"]),
    "a subnet just large enough": short(replicas=3, network={"subnet": "10.1.0.0/28"}),
    "names of 50 letters together": short(name="b" * 32),
    "a replica's name that is free": front(name="web-3"),
    "a registry": registry({"password": LATER}),
    "several backends": many(one={"host_names": ["a"]}, two={"host_names": ["b"]}),
}


@pytest.mark.parametrize("title", list(GOOD))
def test_a_good_argument_is_taken(title: str) -> None:
    """An argument that looks like one of the mistakes, but is right, is accepted."""

    def program() -> None:
        LoadBalancedService("s" * 18, with_outputs(GOOD[title]))

    seen = run(program)

    assert seen.error is None
    assert len(seen.resources) > 4


@pytest.mark.parametrize(
    "redirect",
    [
        {"host_names": ["a.example"], "to": "https://a.example"},
        {"host_names": ["a.example"], "to": "http://a.example:81"},
        {"host_names": ["a.example"], "path_prefix": "/x", "to": "http://a.example/y"},
        {"host_names": ["a.example"], "path_prefix": "/x", "to": "http://a.example"},
        {"host_names": ["*.a.example"], "to": "http://a.example"},
    ],
    ids=["HTTPS elsewhere", "another port", "another path", "the prefix taken off", "another host"],
)
def test_a_redirect_that_leads_somewhere_is_taken(redirect: dict[str, Any]) -> None:
    """It is no circle, although its address is one of its own hosts, or close to one."""
    given = service("site", short(host_names=["b.example"], front_end={"redirects": [redirect]}))

    assert len(given.front_end.redirects) == 1


def test_a_thousand_replicas_are_taken() -> None:
    """The largest number of replicas is one."""
    assert service("site", short(replicas=1000)).backends["web"].replicas == 1000


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {}),
        ({"port": 8080}, {"port": 8080}),
        ({"address": "10.0.0.1"}, {"address": "10.0.0.1"}),
        ({"address": "10.0.0.1"}, {}),
        ({}, {"address": "::"}),
        ({"address": "2001:DB8::1"}, {"address": "2001:db8:0::1"}),
    ],
)
def test_two_components_cannot_have_one_port(first: dict[str, Any], second: dict[str, Any]) -> None:
    """The second one is refused with the first one's name, and registers nothing."""

    def program() -> None:
        LoadBalancedService("one", {"image": "httpd:2.4", "front_end": first})  # type: ignore[typeddict-item]
        LoadBalancedService("two", {"image": "httpd:2.4", "front_end": second})  # type: ignore[typeddict-item]

    seen = run(program)

    assert isinstance(seen.error, ArgumentError)
    port = first.get("port", 80)
    assert re.fullmatch(
        rf"LoadBalancedService 'two': front_end.port {port} of host unix:///var/run/docker.sock "
        r"belongs to LoadBalancedService 'one': choose another port, address or host",
        str(seen.error),
    )
    assert [resource.name for resource in seen.resources if resource.name.startswith("two")] == []


def test_two_components_cannot_have_one_subnet() -> None:
    """The engine would refuse the second network; on another host it would not."""
    front_end = {"publish": False, "networks": ["routable"]}

    def declare(name: str, subnet: str, host: str) -> None:
        args = {"image": "httpd:2.4", "front_end": front_end, "network": {"subnet": subnet}}
        LoadBalancedService(name, {**args, "host": {"address": host}})  # type: ignore[typeddict-item]

    def program() -> None:
        declare("one", "10.20.0.0/24", "ssh://a")
        declare("far", "10.20.0.0/24", "ssh://b")
        declare("two", "10.20.0.0/16", "ssh://a")

    assert str(run(program).error) == (
        "LoadBalancedService 'two': network.subnet 10.20.0.0/16 overlaps 10.20.0.0/24 of LoadBalancedService "
        "'one' on host ssh://a: choose another"
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"front_end": {"port": 81}}),
        ({"front_end": {"address": "10.0.0.1"}}, {"front_end": {"address": "10.0.0.2"}}),
        ({}, {"host": {"address": "ssh://other"}}),
        ({}, {"front_end": {"publish": False, "networks": ["routable"]}}),
    ],
)
def test_two_components_may_share_a_program(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Another port, address or host, or none published: no clash."""

    def program() -> None:
        LoadBalancedService("one", {"image": "httpd:2.4", **first})  # type: ignore[typeddict-item]
        LoadBalancedService("two", {"image": "httpd:2.4", **second})  # type: ignore[typeddict-item]

    assert run(program).error is None
