"""Components across the language border: the plugin in a process of its own, asked as the engine asks it."""

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
import pulumi_docker as docker
import pytest

import components
from components import LoadBalancedService
from components.provider.construct import pythonic, schematic
from components.provider.schema import analysis
from tests.cases.bad_arguments import CASES, Case
from tests.cases.later import with_outputs
from tests.cases.typed.every_argument import COMPONENTS
from tests.support.border import Border
from tests.support.certificates import with_certificates
from tests.support.mocks import Registered, Seen, run
from tests.support.promise import THOROUGH
from tests.unit.test_arguments import GOOD

IMAGE = "httpd:2.4"


@pytest.fixture(scope="module")
def border() -> Iterator[Border]:
    with Border() as border:
        yield border


@pytest.fixture(scope="module")
def deployment(border: Border) -> str:
    """Provide one deployment for all components that are refused: they leave nothing in it."""
    return border.deployment()


@pytest.fixture(autouse=True)
def _no_docker_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def facts(seen: Seen) -> dict[str, Any]:
    """Return the registered resources by name, with all facts that the engine goes by."""
    return {each.name: _facts(each) for each in seen.resources}


def _facts(each: Registered) -> dict[str, Any]:
    request = each.request
    return {
        "chain": each.chain,
        "inputs": each.inputs,
        "provider": each.provider,
        "depends on": each.depends_on,
        "property dependencies": {
            key: sorted(found.urns) for key, found in request.propertyDependencies.items()
        },
        "aliases": [str(alias) for alias in request.aliases],
        "options": [
            request.protect,
            request.retainOnDelete,
            list(request.ignoreChanges),
            list(request.replaceOnChanges),
            list(request.additionalSecretOutputs),
            request.deleteBeforeReplace,
            request.deleteBeforeReplaceDefined,
            request.version,
            request.deletedWith,
        ],
        "secrets": request.acceptSecrets,
    }


# Registered resources


def certified(given: Any) -> dict[str, Any]:
    """Return arguments with a certificate for all host names in them."""
    names = [host for each in given.get("backends", {}).values() for host in each.get("host_names", [])]
    return with_certificates(dict(given), names)


@pytest.mark.parametrize("name", list(COMPONENTS))
def test_every_argument_arrives(border: Border, name: str) -> None:
    """Each component with all of its arguments registers what it registers in a Python program."""
    kind = COMPONENTS[name][0]
    given: Any = COMPONENTS[name][1]
    args = certified(given)
    if "gateway" in args:
        args["gateway"] = certified(args["gateway"])
    cls: Any = getattr(components, kind)

    there = border.construct(kind, name, args)
    here = run(lambda: cls(name, args))

    assert there.error is None
    assert facts(there) == facts(here)
    assert there.outputs[name] == here.outputs[name]


@pytest.mark.parametrize("title", list(GOOD))
def test_a_good_argument_is_taken(border: Border, title: str) -> None:
    """Arguments that are right in a Python program are right here, Outputs and numbers included."""
    there = border.construct("LoadBalancedService", "site", GOOD[title])
    here = run(lambda: LoadBalancedService("site", with_outputs(GOOD[title])))

    assert there.error is None
    assert facts(there) == facts(here)


TEAM = "urn:pulumi:test::longshore::team:index:Team::team"
NETWORK = "urn:pulumi:test::longshore::docker:index/network:Network::net"
OPTIONS: dict[str, tuple[dict[str, Any], Any]] = {
    "protect": ({"protect": True}, lambda _: {"protect": True}),
    "retainOnDelete": ({"retainOnDelete": True}, lambda _: {"retain_on_delete": True}),
    "ignoreChanges": ({"ignoreChanges": ["drain"]}, lambda _: {"ignore_changes": ["drain"]}),
    "dependsOn": ({"dependencies": [NETWORK]}, lambda _: {"depends_on": [docker.Network("net")]}),
    "aliases": (
        {"aliases": [{"spec": {"noParent": True}}]},
        lambda _: {"aliases": [pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]},
    ),
    "parent": ({"parent": TEAM}, lambda team: {"parent": team}),
}


@pytest.mark.parametrize("title", list(OPTIONS))
def test_an_option_is_the_same_as_in_python(border: Border, title: str) -> None:
    """The option has the same effect on the component and its parts."""
    args = {"image": IMAGE, "replicas": 1}
    sent, options = OPTIONS[title]

    there = border.construct("LoadBalancedService", "site", args, **sent)

    def program() -> None:
        team = pulumi.ComponentResource("team:index:Team", "team")
        LoadBalancedService("site", args, pulumi.ResourceOptions(**options(team)))  # type: ignore[arg-type]

    here = run(program)
    expected = {name: found for name, found in facts(here).items() if name not in ("team", "net")}

    assert here.error is there.error is None
    assert facts(there) == expected


def test_forty_parts_of_ours_at_once_do_not_wait_for_each_other(border: Border) -> None:
    """Each registration waits until the plugin has answered about it: threads for both, or nothing moves."""
    backends = {f"b{n}": {"image": IMAGE, "replicas": 1, "host_names": [f"b{n}.example"]} for n in range(40)}

    seen = border.construct("LoadBalancedService", "site", {"backends": backends})

    assert seen.error is None
    assert len(seen.of_type("Generation")) == 40


# Refused arguments


def crosses(case: Case) -> bool:
    """Return whether another language can express this mistake.

    A null is dropped on the way, and keys are text. There is no tuple, set, half a letter or whole number
    without end.
    """

    def possible(value: Any) -> bool:
        if isinstance(value, Mapping):
            return all(isinstance(key, str) and possible(item) for key, item in value.items())
        if isinstance(value, list):
            return all(map(possible, value))
        if isinstance(value, str):
            return "\ud800" not in value
        huge = isinstance(value, int) and abs(value) > 2**53
        return value is not None and not isinstance(value, tuple | set) and not huge

    return isinstance(case.args, Mapping) and isinstance(case.name, str) and possible(case.args)


CROSSING = [case for case in CASES if crosses(case)]
ONCE = [case for case in CROSSING if THOROUGH or not case.again]
"""Each text in one place, and each place with one of them; under CI, all of them."""


def test_most_mistakes_can_be_made_in_another_language() -> None:
    """So the test below is about nearly all of them."""
    assert len(CROSSING) > 0.95 * len(CASES)


@pytest.mark.parametrize("case", ONCE, ids=[case.title for case in ONCE])
def test_a_wrong_argument_is_the_same_error(border: Border, deployment: str, case: Case) -> None:
    """The error has the words of a Python program, and nothing is registered."""
    there = border.construct("LoadBalancedService", case.name, case.args, deployment=deployment)
    here = run(lambda: LoadBalancedService(case.name, with_outputs(case.args)))

    assert there.error is not None
    assert there.error.details() == str(here.error)  # type: ignore[attr-defined]
    assert there.resources == []


def test_two_components_of_one_deployment_cannot_have_one_port(border: Border) -> None:
    """As in one Python program; in another deployment they can."""
    args = {"image": IMAGE, "replicas": 1}
    deployment = border.deployment()

    first = border.construct("LoadBalancedService", "one", args, deployment=deployment)
    second = border.construct("LoadBalancedService", "two", args, deployment=deployment)
    elsewhere = border.construct("LoadBalancedService", "two", args)

    assert first.error is None
    assert second.resources == []
    assert second.error.details() == (  # type: ignore[union-attr]
        "LoadBalancedService 'two': front_end.port 80 of host unix:///var/run/docker.sock belongs to "
        "LoadBalancedService 'one': choose another port, address or host"
    )
    assert elsewhere.error is None


# Names


def inwards(values: Any) -> Any:
    definition = analysis()["component_definitions"]["LoadBalancedService"]
    return pythonic(values, definition.inputs, definition.inputs_mapping)


def test_names_are_those_of_python_at_every_level() -> None:
    """In mappings and lists of types of ours, too; the keys of a mapping are nobody's names."""
    given = {
        "frontEnd": {"unknownHost": "421", "timeouts": {"keepAlive": 1}},
        "backends": {"myShop": {"hostNames": ["a"], "environment": {"myKey": "hostNames"}}},
        "host": {"registries": [{"address": "a"}]},
    }

    assert inwards(given) == {
        "front_end": {"unknown_host": "421", "timeouts": {"keep_alive": 1}},
        "backends": {"myShop": {"host_names": ["a"], "environment": {"myKey": "hostNames"}}},
        "host": {"registries": [{"address": "a"}]},
    }


def test_a_key_that_is_not_known_stays() -> None:
    """So that the component can refuse it, at any level."""
    given = {"frontend": {"aB": 1}, "frontEnd": {"modE": "tcp"}, "backends": {"a": {"hostName": []}}}

    assert inwards(given) == {
        "frontend": {"aB": 1},
        "front_end": {"modE": "tcp"},
        "backends": {"a": {"hostName": []}},
    }


def test_a_value_of_another_kind_stays() -> None:
    """So that the component can say what it got."""
    given = {"frontEnd": "nginx", "backends": ["a"], "hostNames": {"a": 1}, "image": True}

    assert inwards(given) == {
        "front_end": "nginx", "backends": ["a"], "host_names": {"a": 1}, "image": True
    }  # fmt: skip


def test_whole_numbers_are_whole_again() -> None:
    """All numbers come as floats; a fraction stays one."""
    found = inwards({"replicas": 3.0, "weights": [1.0, 2.0], "cpus": 0.5, "odd": {"deep": [4.0]}})

    assert repr(found) == "{'cpus': 0.5, 'odd': {'deep': [4]}, 'replicas': 3, 'weights': [1, 2]}"


def test_an_output_is_renamed_once_it_is_known() -> None:
    """A whole argument may be one, such as the managers of a swarm; it stays an Output, and a secret one."""
    definition = analysis()["component_definitions"]["SwarmService"]
    found: dict[str, Any] = {}

    def program() -> None:
        managers = pulumi.Output.secret([{"address": "a", "caCertificate": "b"}])
        args = pythonic({"managers": managers}, definition.inputs, definition.inputs_mapping)
        pulumi.Output.all(args["managers"], pulumi.Output.from_input(args["managers"]).is_secret()).apply(
            lambda known: found.update(managers=known[0], secret=known[1])
        )

    seen = run(program)

    assert seen.error is None
    assert found == {"managers": [{"address": "a", "ca_certificate": "b"}], "secret": True}


def test_outputs_get_the_names_of_the_schema() -> None:
    """Those that the component has; below them, too."""
    definition = analysis()["component_definitions"]["SwarmCluster"]
    made = {
        "swarm_id": "k1x",
        "managers": [{"address": "a", "ca_certificate": "b"}],
        "network_ids": None,
        "_private": 1,
    }

    found = schematic(made, definition.outputs, definition.outputs_mapping)

    assert found == {"swarmId": "k1x", "managers": [{"address": "a", "caCertificate": "b"}]}
