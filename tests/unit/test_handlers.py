"""Handlers of our custom resources, and their answers to Pulumi.

Their work with containers is tested on real engines, in test_resources.py and beyond.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any, TypeVar

import pulumi.provider.experimental.provider as p
import pytest
from docker.errors import APIError, ImageNotFound
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

from components.engine import front_end_config, history
from components.engine.connection import HostUnreachable
from components.engine.containers import EngineError
from components.engine.front_end_changes import Wanted
from components.engine.swarm import nodes
from components.engine.swarm.node import Node
from components.naming import type_token
from components.provider import endings, server
from components.provider.handlers import HANDLERS, AnyHandler, front_end, gateway, swarm
from components.provider.schema import schema
from components.provider.server import Longshore
from components.provider.values import Values, plain_map, wrap
from components.provider.written import WRITTEN_BY, refuse_newer
from components.proxies.health import Question, ask
from components.proxies.program import PIDS_LIMIT
from components.version import VERSION
from tests.support.certificates import Authority

T = TypeVar("T")
NOWHERE = {"address": "unix:///nonexistent/docker.sock"}
AUTHORITY = Authority("ours").text
CONFIG: Values = {
    "host": NOWHERE,
    "kind": "haproxy",
    "container": "c0ffee",
    "config": "global\n",
    "replicas": {"site-web-0": "1a2b"},
    "pidsLimit": 2048,
    "drain": 10,
    "networks": {},
    "settings": {"image": "app:1"},
    "certificates": [],
    "clientCa": AUTHORITY,
    "validUntil": {"a.example": "2027-01-01T00:00:00+00:00"},
}
READY: Values = {
    "host": NOWHERE,
    "kind": "haproxy",
    "image": "haproxy:3.2",
    "config": "global\n",
    "names": ["site-web-0-g1"],
    "labels": {},
    "container": {"image": "haproxy:3.2", "port": "0.0.0.0:80"},
    "demands": {
        "address": "0.0.0.0",
        "port": 80,
        "network": [],
        "networks": [],
        "memory": 256,
        "files": 768,
        "replicas": {},
    },
    "replicas": {"site-web-0": "1a2b"},
    "pidsLimits": {"site-web-0": 2048},
    "startTimeout": 60,
    "certificates": [],
    "clientCa": AUTHORITY,
    "hostNames": {"web": ["a.example"]},
}
MEMBER: Values = {"managers": [NOWHERE], "swarmId": "k1x"}
ADDRESSES: Values = {
    "advertiseAddress": "192.0.2.1",
    "listenAddress": "0.0.0.0:2377",
    "dataPathAddress": "",
}
OVERLAY: Values = {
    **MEMBER,
    "name": "web",
    "labels": {},
    "subnet": "172.100.0.0/24",
    "mtu": 0,
    "encrypted": False,
    "attachable": False,
    "internal": False,
}
NODE: Values = {
    **MEMBER,
    **ADDRESSES,
    "host": NOWHERE,
    "role": "worker",
    "availability": "active",
    "labels": {"zone": "dmz"},
    "drainTimeout": 60,
}
SWARM: Values = {
    **ADDRESSES,
    "managers": [NOWHERE],
    "labels": {},
    "autolock": False,
    "tokenGeneration": 1,
    "addressPools": ["10.32.0.0/16"],
    "poolMask": 24,
}
KEPT: Values = {**MEMBER, "name": "site-1a2b", "data": "text", "labels": {}}
SERVICE: Values = {
    **MEMBER,
    "registries": [],
    "name": "web",
    "mode": "replicated",
    "spec": {"Labels": {}, "EndpointSpec": {"Ports": []}},
    "forceUpdate": 0,
    "timeout": 60,
    "stopTimeout": 22,
}
KEEPALIVED: Values = {
    "host": NOWHERE,
    "registries": [],
    "name": "vip-a",
    "image": "longshore-keepalived:1",
    "memory": 64,
    "capabilities": ["NET_ADMIN"],
    "labels": {},
    "config": "global_defs {\n}\n",
}
GROUP: Values = {
    "hosts": [NOWHERE],
    "containers": ["c0ffee"],
    "agreed": {"router_id": "9", "version": "3"},
    "timeout": 14,
}
REPLICAS: Values = {
    "host": NOWHERE,
    "labels": {
        "io.longshore.project": "shop",
        "io.longshore.stack": "dev",
        "io.longshore.component": "site",
        "io.longshore.role": "replica-web",
    },
    "registries": [],
    "replicas": 2,
    "image": "app:1",
    "networks": ["site-net"],
    "container": {"environment": {"A": "b"}},
    "update": {"parallelism": 2},
    "rollback": {},
    "canary": {"steps": [5, 50]},
    "drain": 5,
    "startTimeout": 30,
    "contact": "http, port 80",
    "each": {"site-web-0": "running", "site-web-1": "running"},
}
INPUTS: dict[str, Values] = {
    "AddressPlan": {
        "hosts": {"a": NOWHERE},
        "plan": {"networks.web.subnet": "172.100.0.0/24"},
        "networks": ["web"],
        "labels": {},
    },
    "FloatingAddressGroup": GROUP,
    "FloatingAddressNode": KEEPALIVED,
    "FrontEndConfig": CONFIG,
    "GatewayConfig": {
        **KEPT,
        "registries": [],
        "kind": "haproxy",
        "image": "haproxy:3.2",
        "memory": 256,
        "names": [],
        "gap": True,
        "settings": {"backends": {"web": {"service": "web"}}},
        "certificates": [],
        "clientCa": AUTHORITY,
        "hostNames": {"web": ["a.example"]},
        "validUntil": {"a.example": "2090-01-01T00:00:00+00:00"},
    },
    "Generation": {
        "definition": {"image": "app:1"},
        "host": NOWHERE,
        "registries": [],
        "isolate": True,
        "labels": {},
        "health": ["CMD", "true"],
    },
    "OverlayNetwork": OVERLAY,
    "Readiness": READY,
    "Replicas": REPLICAS,
    "ServiceDefinition": SERVICE,
    "Swarm": SWARM,
    "SwarmConfig": KEPT,
    "SwarmNode": NODE,
    "SwarmSecret": KEPT,
}
OUTPUTS: dict[str, Values] = {
    "AddressPlan": {},
    "FloatingAddressGroup": {},
    "FloatingAddressNode": {"containerId": "c0ffee", "running": True},
    "FrontEndConfig": {"addresses": {"net": "10.0.0.2"}, "running": True, "adopted": ["c0"]},
    "GatewayConfig": {"keptId": "g4t"},
    "Generation": {"number": 3, "isolated": True},
    "OverlayNetwork": {"networkId": "n3t"},
    "Readiness": {},
    "Replicas": {
        "generation": 3,
        "containers": {"site-web-0": "c0", "site-web-1": "c1"},
        "names": ["site-web-0-g3-a", "site-web-1-g3-a"],
        "adopted": {"c0": "site-web-0-g3"},
    },
    "ServiceDefinition": {"serviceId": "s3r"},
    "Swarm": {"swarmId": "k1x", "workerToken": "w", "managerToken": "m", "unlockKey": ""},
    "SwarmConfig": {"keptId": "c0n"},
    "SwarmNode": {"nodeId": "n0d", "hostName": "host1", "address": "192.0.2.1"},
    "SwarmSecret": {"keptId": "s3c"},
}
FIXED = {
    "GatewayConfig": {"name", "data"},
    "ServiceDefinition": {"name", "mode"},
    "SwarmConfig": {"name", "data"},
    "SwarmSecret": {"name", "data"},
}
"""Inputs that only another resource can have."""
EVERY = pytest.mark.parametrize("name", sorted(HANDLERS.keys() & INPUTS.keys() & OUTPUTS.keys()))


def generation() -> AnyHandler:
    return HANDLERS["Generation"]


def inputs(name: str) -> Values:
    """Return types of the inputs by property."""
    return HANDLERS[name].resource.inputs.__annotations__


def outputs(name: str) -> Values:
    """Return types of the outputs by property."""
    return HANDLERS[name].resource.outputs.__annotations__


def properties(name: str) -> dict[str, Values]:
    """Return the properties of a kind in the schema."""
    found: dict[str, Values] = schema()["resources"][type_token(name)]["properties"]
    return found


def descriptions(name: str) -> dict[str, str]:
    """Return descriptions of the properties in the schema."""
    return {key: each["description"] for key, each in properties(name).items()}


def check(name: str, new: Values, old: Values | None = None) -> tuple[str | None, list[str]]:
    """Return the failures of `check` for `new`, and its warnings."""
    warnings: list[str] = []
    return server.problem(HANDLERS[name], new, old or {}, warnings.append), warnings


def done(call: Coroutine[Any, Any, T]) -> T:
    """Return the result of one of the provider's calls. (`asyncio.run` would leave other tests no loop.)"""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(call)
    finally:
        loop.close()


def state_of(name: str) -> Values:
    """Return the state after a create of INPUTS."""
    return {**HANDLERS[name].kept(INPUTS[name]), **OUTPUTS[name]}


# Every kind


@pytest.mark.parametrize("name", sorted(HANDLERS))
def test_a_kind_has_a_test(name: str) -> None:
    """These tests know every kind, with all its inputs and outputs."""
    remedy = f"give {name} all its properties in INPUTS and OUTPUTS of tests/unit/test_handlers.py"

    assert name in INPUTS.keys() & OUTPUTS.keys(), remedy
    assert set(INPUTS[name]) == set(inputs(name)), remedy
    assert set(OUTPUTS[name]) == set(outputs(name)), remedy


@EVERY
def test_unknown_inputs_are_not_checked(name: str) -> None:
    """An unknown value cannot be wrong; no host is asked."""
    unknown = dict.fromkeys(INPUTS[name], UNKNOWN)

    assert check(name, unknown) == (None, [])


@EVERY
def test_unchanged_inputs_are_not_checked_again(name: str) -> None:
    """Inputs that were accepted before cost nothing at the next preview: the host, which does not exist, is
    not even tried.
    """
    assert check(name, INPUTS[name], HANDLERS[name].kept(INPUTS[name])) == (None, [])


@EVERY
def test_a_preview_touches_nothing(name: str) -> None:
    """Create and update at a preview need no host, and know what they can know."""
    handler = HANDLERS[name]

    _, made = handler.create(INPUTS[name], True)
    changed = handler.update(INPUTS[name], state_of(name), True)

    assert set(made) == set(changed) == set(outputs(name)) - {"adopted"}  # a moved state alone has it


@EVERY
def test_every_property_is_described(name: str) -> None:
    """The schema says what each means; what several kinds have means the same in all of them."""
    said = descriptions(name)

    assert [key for key, text in said.items() if not (text.endswith(".") and len(text) > 8)] == []
    common = {"host": "SwarmNode", "managers": "Swarm", "swarmId": "SwarmNode", "registries": "GatewayConfig"}
    for key, other in common.items():
        if key in inputs(name):
            assert said[key] == descriptions(other)[key]


def test_values_that_are_always_secret_are_so_in_the_schema() -> None:
    """Tokens, logins, and what a SwarmSecret holds."""
    secret = {
        (name, key) for name in HANDLERS for key, each in properties(name).items() if each.get("secret")
    }

    assert secret == {
        ("FloatingAddressNode", "registries"),
        ("FrontEndConfig", "certificates"),
        ("Readiness", "certificates"),
        ("GatewayConfig", "certificates"),
        ("GatewayConfig", "registries"),
        ("Generation", "registries"),
        ("Replicas", "registries"),
        ("ServiceDefinition", "registries"),
        ("Swarm", "managerToken"),
        ("Swarm", "unlockKey"),
        ("Swarm", "workerToken"),
        ("SwarmSecret", "data"),
    }


# Generation


def test_a_generation_begins_with_1() -> None:
    """The first definition is number 1, at preview as well."""
    for preview in (True, False):
        assert generation().create({"definition": {}}, preview)[1] == {"number": 1}


@pytest.mark.parametrize("preview", [True, False])
def test_a_generation_counts_changes(preview: bool) -> None:
    """Each change is one more, known at preview."""
    old = {"definition": {"image": "a"}, "number": 4}

    assert generation().update({"definition": {"image": "b"}}, old, preview) == {"number": 5}


def test_a_generation_does_not_count_what_a_running_container_takes_over() -> None:
    """The restart policy alone is no new generation; with something else it is one."""
    old = {"definition": {"image": "a", "restart": "unless-stopped:0"}, "number": 4}

    def update(**definition: str) -> Any:
        return generation().update({"definition": definition}, old, preview=False)

    assert update(image="a", restart="always:0") == {"number": 4}
    assert update(image="b", restart="always:0") == {"number": 5}


def test_a_generation_of_something_unknown_is_unknown() -> None:
    """Only the update knows whether it changes at all."""
    old = {"definition": {"image": "a"}, "number": 4}

    assert generation().update({"definition": {"image": UNKNOWN}}, old, True) == {"number": UNKNOWN}


@pytest.mark.parametrize("known", [{}, {"host": NOWHERE, "registries": []}])
def test_a_generation_keeps_where_its_image_was_pulled(known: Values) -> None:
    """An older state has no host, and another login alone pulls nothing: neither is a change."""
    old = {"definition": {"image": "a"}, **known}
    new = {"definition": {"image": "a"}, "host": NOWHERE, "registries": [{"password": "other"}]}

    assert generation().carried(new, old) == old


def earlier(path: str, port: int) -> list[str]:
    """Return the health check of 0.1.0, as far as it is compared."""
    curl = f'then exec curl -fsS -m 3 -o /dev/null "http://127.0.0.1:{port}$path"; fi'
    return ["CMD-SHELL", f"export path='{path}'\nif command -v curl >/dev/null; {curl}\nif"]


@pytest.mark.parametrize(
    ("definition", "kept"), [({"image": "a", "restart": "no"}, ["of a"]), ({"image": "b"}, ["of b"])]
)
def test_a_generation_asks_as_its_first_replica(definition: Values, kept: list[str]) -> None:
    """Another route replaces no replica; the next definition asks by the host of then."""
    old = {"definition": {"image": "a", "restart": "always"}, "health": ["of a"]}

    carried = generation().carried({"definition": definition, "health": ["of b"]}, old)

    assert carried == {"definition": definition, "health": kept}


@pytest.mark.parametrize(
    ("question", "same"),
    [
        (Question("/", 80), True),
        (Question("/x", 80), False),
        (Question("/", 81), False),
        (Question("/", 80, "b.example"), False),
        (Question("/", 80, method="HEAD"), False),
    ],
)
def test_an_upgrade_is_no_new_generation(question: Question, same: bool) -> None:
    """0.1.0 asked the same in another text: its replicas keep that until something else changes."""
    old = {"definition": {"image": "a", "health": earlier("/", 80)}, "number": 4}
    health = ask(question)
    new = {"definition": {"image": "a", "health": health}, "health": health}

    carried = generation().carried(new, old)

    assert carried == ({"definition": old["definition"], "health": earlier("/", 80)} if same else new)
    assert generation().update(carried, old, preview=True) == {"number": 4 if same else 5}


def test_an_upgrade_replaces_no_task_for_a_text() -> None:
    """A health check that asks what that of 0.1.0 did keeps its text until something else changes."""

    def spec(test: list[str], image: str, limits: Values) -> Values:
        container = {"Image": image, "Healthcheck": {"Test": test}}
        return {"TaskTemplate": {"ContainerSpec": container, "Resources": {"Limits": limits}}}

    handler, now = HANDLERS["ServiceDefinition"], ask(Question("/", 80))
    old = {"spec": spec(earlier("/", 80), "a", {}), "forceUpdate": 0}
    same, other = ({"spec": spec(now, image, {"Pids": PIDS_LIMIT}), "forceUpdate": 0} for image in "ab")

    assert handler.carried(same, old) == old
    assert handler.carried(other, old) == other


def test_a_generation_of_another_host_pulls_there() -> None:
    """The number stays: no definition has changed."""
    old = {"definition": {}, "host": {"address": "tcp://192.0.2.9:2376"}, "registries": [], "number": 4}
    new = {"definition": {}, "host": NOWHERE, "registries": []}

    assert generation().carried(new, old) == new
    assert generation().update(new, old, preview=False) == {"number": 4}


def test_the_next_replicas_are_isolated() -> None:
    """Those that run stay where they are, so the wish alone is no change; to end it is one."""
    definition, changed = {"image": "a"}, {"image": "b"}
    begun = generation().create({"definition": definition, "isolate": True}, preview=True)[1]
    before: Values = {"definition": definition, "number": 4}
    wished: Values = {"definition": changed, "isolate": True}

    assert begun == {"number": 1, "isolated": True}
    assert generation().carried({**wished, "definition": definition, "host": NOWHERE}, before) == {
        "definition": definition
    }
    assert generation().update({**wished, "definition": definition}, before, True) == {"number": 4}
    assert generation().update(wished, before, True) == {"number": 5, "isolated": True}
    now = {**wished, "number": 5, "isolated": True}
    assert generation().update(wished, now, True) == {"number": 5, "isolated": True}
    ended = {"definition": changed, "host": NOWHERE}
    assert generation().carried(ended, now) == ended
    assert generation().update(ended, now, True) == {"number": 6}


def test_a_generation_without_its_image_is_none() -> None:
    """A missing image is an error before anything is made of it."""
    makes: list[Callable[[], object]] = [
        lambda: generation().create(INPUTS["Generation"], False),
        lambda: generation().update(INPUTS["Generation"], {"definition": {}, "number": 4}, False),
    ]
    for make in makes:
        with pytest.raises(HostUnreachable):
            make()


def test_a_generation_lives_in_the_state_alone() -> None:
    """It is always there as the state says; nothing is to delete."""
    assert generation().read({"definition": {}, "number": 4}) == {}
    generation().delete({"definition": {}, "number": 4})


# Readiness


def test_a_host_that_is_not_there_is_a_warning() -> None:
    """A preview without the host goes on, and says that the configuration was not checked."""
    problem, warnings = check("Readiness", READY)

    assert problem is None
    (warning,) = warnings
    assert warning.startswith("configuration not checked")
    assert "unix:///nonexistent/docker.sock (tried the socket)" in warning


@pytest.mark.parametrize("key", ["config", "kind"])
def test_a_changed_configuration_is_checked(key: str) -> None:
    """Each change that the program would see is checked; that is: the host is tried."""
    changed = {**READY, key: {"config": "defaults\n", "kind": "nginx"}[key]}

    problem, (unchecked,) = check("Readiness", changed, HANDLERS["Readiness"].kept(READY))

    assert problem is None
    assert unchecked.startswith("configuration not checked")


def test_new_replicas_alone_are_not_a_reason_to_check() -> None:
    """Ids and time-outs are none of the program's business."""
    changed = {**READY, "replicas": {"site-web-0": "5e6f"}, "startTimeout": 5}

    assert check("Readiness", changed, HANDLERS["Readiness"].kept(READY)) == (None, [])


def test_a_replaced_container_is_a_gap_that_is_told() -> None:
    """The preview names old and new value, and the cost; the new image checks the configuration."""
    container = {"image": "haproxy:3.3", "port": "127.0.0.1:80"}
    changed = {**READY, "image": "haproxy:3.3", "container": container}

    problem, (gap, unchecked) = check("Readiness", changed, HANDLERS["Readiness"].kept(READY))

    assert problem is None
    assert gap.startswith(
        "the front end's container is replaced (image: haproxy:3.2 → haproxy:3.3, "
        "port: 0.0.0.0:80 → 127.0.0.1:80): "
    )
    assert "refused for about a second" in gap
    assert unchecked.startswith("configuration not checked")


def test_a_front_end_on_another_port_is_no_gap() -> None:
    """Both containers can run at the same time, so nobody is refused before the new port serves."""
    changed = {**READY, "container": {"image": "haproxy:3.2", "port": "0.0.0.0:81"}}

    _, (replaced, _) = check("Readiness", changed, HANDLERS["Readiness"].kept(READY))

    assert replaced == (
        "the front end's container is replaced (port: 0.0.0.0:80 → 0.0.0.0:81): "
        "0.0.0.0:81 serves before 0.0.0.0:80 is closed"
    )


def test_the_first_container_is_no_gap() -> None:
    """A new service interrupts nothing."""
    _, warnings = check("Readiness", READY)

    assert not any("replaced" in warning for warning in warnings)


def test_readiness_keeps_a_digest_of_the_text() -> None:
    """The text is in FrontEndConfig, whose difference a reviewer reads; once is enough. So are keys."""
    kept = HANDLERS["Readiness"].kept(READY)
    other = HANDLERS["Readiness"].kept({**READY, "config": "defaults\n"})

    assert kept["config"].startswith("sha256:")
    assert kept["config"] != other["config"]
    assert {*READY} - {*kept} == {"certificates", "clientCa", "demands"}
    assert {key: READY[key] for key in kept} == {**kept, "config": READY["config"]}


def test_readiness_waits_for_new_replicas_only() -> None:
    """Replicas that were healthy at the last update are not asked again: the host, which does not exist,
    is not tried for them, and is for a new one.
    """
    handler, old = HANDLERS["Readiness"], state_of("Readiness")

    assert handler.update(READY, old, False) == {}
    with pytest.raises(HostUnreachable):
        handler.update({**READY, "replicas": {"site-web-0": "5e6f"}}, old, False)


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """Provide the limits that a handler sets, with an engine that has everything."""
    found: list[dict[str, int]] = []
    monkeypatch.setattr(front_end, "connect", lambda _: nullcontext())
    monkeypatch.setattr(front_end, "wait_until_well", lambda *_: None)
    monkeypatch.setattr(front_end, "limit_processes", lambda _, limits: found.append(limits))
    return found


def test_replicas_get_a_changed_limit_while_they_run(limited: list[dict[str, int]]) -> None:
    """Those of an older state, which has no limits, get it, too; an unchanged limit is not set again."""
    handler, old = HANDLERS["Readiness"], state_of("Readiness")
    before = {key: value for key, value in old.items() if key != "pidsLimits"}

    handler.update(READY, before, False)
    handler.update({**READY, "pidsLimits": {"site-web-0": 100}}, old, False)
    handler.update({**READY, "replicas": {"site-web-0": "5e6f"}}, old, False)
    handler.update(READY, old, False)
    handler.update({**READY, "pidsLimits": {"site-web-0": 100}}, old, True)

    assert limited == [{"1a2b": 2048}, {"1a2b": 100}, {"5e6f": 2048}]


# FrontEndConfig


@pytest.mark.parametrize(
    ("changed", "running", "text"),
    [({}, True, None), ({"config": "defaults\n"}, True, "defaults\n"), ({}, False, CONFIG["config"])],
    ids=["the limit alone", "the configuration, too", "it does not run"],
)
def test_a_front_end_gets_its_limit_without_a_reload(
    changed: Values, running: bool, text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older state has no limit: to set it is no reason to reload."""
    asked: list[Wanted] = []
    monkeypatch.setattr(front_end, "connect", lambda _: nullcontext())
    monkeypatch.setattr(front_end_config, "put_in_force", lambda _, wanted: asked.append(wanted))
    monkeypatch.setattr(front_end_config, "running", lambda *_: {"addresses": {}, "running": True})
    monkeypatch.setattr(history, "keep", lambda *_: None)
    old = {**state_of("FrontEndConfig"), "running": running}
    del old["pidsLimit"]

    HANDLERS["FrontEndConfig"].update({**CONFIG, **changed}, old, False)

    assert [(wanted.processes, wanted.text) for wanted in asked] == [(2048, text)]


def test_settings_alone_are_noted_without_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as another restart policy, which running replicas get: a preview shows it, `up` notes it."""
    asked: list[Wanted] = []
    kept: list[object] = []
    monkeypatch.setattr(front_end, "connect", lambda _: nullcontext())
    monkeypatch.setattr(front_end_config, "put_in_force", lambda _, wanted: asked.append(wanted))
    monkeypatch.setattr(front_end_config, "running", lambda *_: {"addresses": {}, "running": True})
    monkeypatch.setattr(history, "keep", lambda *given: kept.append(given[3]))
    settings = {"image": "app:1", "restart": {"policy": "no"}}
    changed = {**CONFIG, "settings": settings}

    HANDLERS["FrontEndConfig"].update(changed, state_of("FrontEndConfig"), False)

    assert [wanted.text for wanted in asked] == [None]
    assert kept == [settings]
    assert set(diff("FrontEndConfig", changed).detailed_diff or {}) == {"settings"}


def test_settings_are_shown_where_they_have_their_effect() -> None:
    """A changed configuration is shown alone: the settings would be the same change once more."""
    changed = {**CONFIG, "config": "defaults\n", "settings": {"image": "app:2"}}

    assert set(diff("FrontEndConfig", changed).detailed_diff or {}) == {"config"}


def test_a_history_begins_with_the_first_change() -> None:
    """An upgrade alone changes nothing: a state of before has no settings."""
    handler, old = HANDLERS["FrontEndConfig"], state_of("FrontEndConfig")
    del old["settings"]

    assert "settings" not in handler.carried(CONFIG, old)
    assert handler.carried({**CONFIG, "drain": 5}, old)["settings"] == CONFIG["settings"]
    assert handler.carried(CONFIG, {})["settings"] == CONFIG["settings"]


def test_addresses_of_the_same_container_stay_known() -> None:
    """A changed text does not move the front end; another container may have other addresses."""
    handler, old = HANDLERS["FrontEndConfig"], state_of("FrontEndConfig")

    same = handler.update({**CONFIG, "config": "defaults\n"}, old, True)
    other = handler.update({**CONFIG, "container": UNKNOWN}, old, True)

    assert same == {"addresses": {"net": "10.0.0.2"}, "running": True}
    assert other == {"addresses": UNKNOWN, "running": True}


def test_a_delivery_needs_the_host() -> None:
    """Without the host nothing is in force, and that is an error that names it."""
    handler = HANDLERS["FrontEndConfig"]

    for action in (
        lambda: handler.create(CONFIG, False),
        lambda: handler.update(CONFIG, state_of("FrontEndConfig"), False),
        lambda: handler.read(state_of("FrontEndConfig")),
        lambda: handler.delete(state_of("FrontEndConfig")),
    ):
        with pytest.raises(HostUnreachable, match=r"unix:///nonexistent/docker\.sock"):
            action()


# Replicas


def shown(new: Values, **state: Any) -> dict[str, str]:
    """Return the changes of Replicas that a preview names, each with its kind."""
    details = diff("Replicas", HANDLERS["Replicas"].kept({**REPLICAS, **new}), **state).detailed_diff
    return {key: each.kind.name for key, each in (details or {}).items()}


def test_a_preview_of_replicas_names_what_the_user_changed() -> None:
    """One line a change, however many replicas there are."""
    assert shown({"replicas": 5, "image": "app:2"}) == {"image": "UPDATE", "replicas": "UPDATE"}
    assert shown({"replicas": 1}) == {"replicas": "UPDATE"}


def test_a_preview_of_replicas_names_those_that_a_refresh_found_otherwise() -> None:
    """One removed, one stopped, one too many; the change of the count is none of it."""
    each = {"site-web-1": "exited", "by-hand": "running"}
    found = {'each["by-hand"]': "DELETE", 'each["site-web-0"]': "ADD", 'each["site-web-1"]': "UPDATE"}

    assert shown({}, each=each) == found
    assert shown({"replicas": 3}, each=each) == {**found, "replicas": "UPDATE"}


def test_another_host_has_other_replicas() -> None:
    """They are made there before those here are removed."""
    found = diff("Replicas", {**REPLICAS, "host": {"address": "ssh://other"}})

    assert (found.replaces, found.delete_before_replace) == (["host"], False)


def test_the_number_of_a_definition_is_known_at_preview() -> None:
    handler, old = HANDLERS["Replicas"], state_of("Replicas")

    def foreseen(**new: Any) -> Any:
        return handler.update(handler.kept({**REPLICAS, **new}), old, True)

    there = {"containers": old["containers"], "names": old["names"]}
    others = {"containers": UNKNOWN, "names": UNKNOWN}
    assert foreseen() == {"generation": 3, **there}
    assert foreseen(replicas=3) == {"generation": 3, **others}
    assert foreseen(update={}, drain=1) == {"generation": 3, **there}
    assert foreseen(container={}) == {"generation": 4, **others}
    assert foreseen(image=UNKNOWN) == {"generation": UNKNOWN, **others}


def test_a_route_alone_is_no_other_definition() -> None:
    """Replicas go on asking themselves with the Host header of before."""
    handler, old = HANDLERS["Replicas"], state_of("Replicas")
    asking, other = ({"health": ask(Question("/", 80, host=host))} for host in ("a.example", "b.example"))
    before = {**REPLICAS, "container": asking}

    assert handler.carried({**REPLICAS, "container": other}, before)["container"] == asking
    changed = {**REPLICAS, "container": {**other, "memory": 64}}
    assert handler.carried(changed, before)["container"] == changed["container"]
    assert handler.carried({**REPLICAS, "container": {}}, old)["container"] == {}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"replicas": 0}, "Replicas 'site-web': replicas must be between 1 and 1000, got 0"),
        (
            {"update": {"parallelism": 0}},
            "Replicas 'site-web': update.parallelism must be between 1 and 1000, got 0",
        ),
        (
            {"replicas": 1},
            (
                "Replicas 'site-web': canary needs at least 2 replicas, got 1: its canary would be the whole "
                "change; give more replicas, or drop canary"
            ),
        ),
        ({"startTimeout": 0}, "Replicas 'site-web': start_timeout must be between 1 and 3600, got 0"),
        (
            {"container": {"environment": {"A": 1}}},
            (
                "Replicas 'site-web': container.environment.A must be text without NUL, or an Output of "
                "text, got a number"
            ),
        ),
        (
            {"labels": {"io.longshore.role": "front-end"}},
            "labels must have a io.longshore.role that begins with 'replica-', such as replica-web",
        ),
    ],
)
def test_a_bad_value_of_replicas_is_refused_at_preview(wrong: Values, said: str) -> None:
    assert check("Replicas", {**REPLICAS, **wrong}, REPLICAS) == (said, [])


def test_replicas_with_unknown_values_are_checked_as_far_as_they_are_known() -> None:
    unknown = {"image": UNKNOWN, "networks": [UNKNOWN], "container": {"environment": {"A": UNKNOWN}}}

    assert check("Replicas", {**REPLICAS, **unknown}, REPLICAS) == (None, [])
    assert check("Replicas", {**REPLICAS, **unknown, "drain": -1}, REPLICAS)[0] == (
        "Replicas 'site-web': drain must be between 0 and 3600, got -1"
    )


def test_a_canary_needs_a_front_end() -> None:
    alone = {key: value for key, value in REPLICAS.items() if key != "contact"}

    assert check("Replicas", alone, REPLICAS) == (
        "canary is for replicas behind a front end, which contact describes: drop it",
        [],
    )


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"image": "app:2", "contact": "http, port 81"}, True),
        ({"image": "app:2"}, False),
        ({"contact": "http, port 81"}, False),
        ({"image": UNKNOWN, "contact": "http, port 81"}, False),
    ],
    ids=["both", "image", "port", "not known yet"],
)
def test_a_preview_refuses_a_canary_that_could_get_no_share(changed: Values, refused: bool) -> None:
    """One configuration reaches old and new replicas at one port; an old definition has no canary."""
    new = HANDLERS["Replicas"].kept({**REPLICAS, **changed})

    def preview() -> None:
        HANDLERS["Replicas"].update(new, state_of("Replicas"), True)

    if refused:
        with pytest.raises(EngineError, match=r"canary: the front end reaches .* make this change without"):
            preview()
    else:
        preview()


def test_replicas_of_a_host_that_does_not_answer_are_a_warning() -> None:
    alone = {key: value for key, value in REPLICAS.items() if key not in ("canary", "contact")}

    problem, (warning,) = check("Replicas", alone)

    assert problem is None
    assert warning.startswith("replicas of site-web not checked at this preview: cannot reach the Docker")


def test_replicas_need_their_host() -> None:
    handler, state = HANDLERS["Replicas"], state_of("Replicas")

    for action in (
        lambda: handler.create(REPLICAS, False),
        lambda: handler.update(REPLICAS, state, False),
        lambda: handler.read(state),
        lambda: handler.delete(state),
    ):
        with pytest.raises(HostUnreachable, match=r"unix:///nonexistent/docker\.sock"):
            action()


# Swarm services


def definition(image: str, **limits: int) -> Values:
    """Return inputs of a service with these limits."""
    template = {"ContainerSpec": {"Image": image}, "Resources": {"Limits": {"MemoryBytes": 1, **limits}}}
    return {**SERVICE, "spec": {"TaskTemplate": template}}


def checked(new: Values, old: Values) -> Values:
    """Return the inputs of a ServiceDefinition after the provider's check."""
    request = p.CheckRequest(
        urn("ServiceDefinition"),
        {key: wrap(value) for key, value in old.items()},
        {key: wrap(value) for key, value in new.items()},
        b"",
    )
    found = done(server.Longshore(None).check(request)).inputs
    return {key: value for key, value in plain_map(found).items() if key != WRITTEN_BY}


def test_a_running_service_is_not_replaced_for_a_default_limit() -> None:
    """The limit of processes comes with the next change of the service; one that is chosen, at once."""
    old, new = definition("a:1"), definition("a:1", Pids=2048)
    changed, forced, chosen = (
        definition("a:2", Pids=2048),
        {**new, "forceUpdate": 1},
        definition("a:1", Pids=100),
    )

    assert checked(new, old) == old
    assert checked(new, {}) == new
    assert [checked(each, old) for each in (changed, forced, chosen)] == [changed, forced, chosen]
    assert checked(old | {"spec": new["spec"]}, new) == new


def replaced(**changed: Any) -> bool:
    """Return whether a replaced service is deleted before the new one is made."""
    found = diff("ServiceDefinition", {**SERVICE, **changed})

    assert found.replaces
    return bool(found.delete_before_replace)


def test_a_name_or_port_with_one_holder_is_freed_first() -> None:
    """A service of another name is made beside the present one; not so with another mode, whose name is the
    same, or with a published port."""
    published = {"Labels": {}, "EndpointSpec": {"Ports": [{"PublishedPort": 80}]}}

    assert not replaced(name="shop")
    assert replaced(mode="global")
    assert replaced(name="shop", spec=published)


@pytest.mark.parametrize("name", ["ServiceDefinition", "SwarmConfig", "SwarmSecret"])
def test_a_swarm_without_a_manager_that_answers_is_an_error(name: str) -> None:
    """It says of each manager why it was not taken."""
    handler, state = HANDLERS[name], state_of(name)

    for action in (
        lambda: handler.create(INPUTS[name], False),
        lambda: handler.read(state),
        lambda: handler.delete(state),
    ):
        with pytest.raises(EngineError, match=r"no manager of swarm k1x answers: cannot reach the Docker"):
            action()


def test_other_managers_alone_change_nothing_of_a_config() -> None:
    """The managers that are asked are none of the swarm's business."""
    state = state_of("SwarmConfig")

    assert HANDLERS["SwarmConfig"].update({**KEPT, "managers": []}, state, False) == {"keptId": "c0n"}


@pytest.mark.parametrize(
    ("name", "largest", "remedy"),
    [
        ("SwarmConfig", 1_023_999, ": split it into several files"),
        ("SwarmSecret", 511_999, ": split it into several files"),
        ("GatewayConfig", 1_023_999, ": give it fewer routes, or make two gateways of it"),
    ],
)
def test_a_file_that_no_swarm_takes_is_refused_at_preview(name: str, largest: int, remedy: str) -> None:
    kind = HANDLERS[name].kind  # type: ignore[attr-defined]
    accepted, refused, empty = (
        check(name, {**INPUTS[name], "data": data})[0] for data in ("a" * largest, "ä" * largest, "")
    )

    assert accepted is None
    assert refused == f"a {kind} of a swarm has at most {largest} bytes, got {2 * largest}{remedy}"
    assert empty is None  # the text of a certificate that is refused elsewhere


@pytest.mark.parametrize("key", ["memory", "settings"])
def test_a_gateway_of_an_older_state_gets_what_it_lacks_with_its_next_change(key: str) -> None:
    """Neither the limit under which it is checked nor what a review compares is a reason for one."""
    new, old = INPUTS["GatewayConfig"], state_of("GatewayConfig")
    del old[key]
    handler, changed = HANDLERS["GatewayConfig"], {**new, "data": "other"}

    assert handler.carried(new, old) == {name: value for name, value in new.items() if name != key}
    assert handler.carried(changed, old) == changed
    assert check("GatewayConfig", handler.carried(new, old), old) == (None, [])
    assert check("GatewayConfig", changed, old)[1][0].startswith("the gateway's tasks are replaced (data)")


@pytest.mark.parametrize("key", ["data", "image", "kind", "memory"])
def test_a_gateway_that_is_replaced_is_a_gap_that_is_told(key: str) -> None:
    """In host mode only; and a preview without its managers says that nothing was checked."""
    old = state_of("GatewayConfig")
    changed = {**INPUTS["GatewayConfig"], key: "nginx"}

    problem, (gap, unchecked) = check("GatewayConfig", changed, old)
    _, quiet = check("GatewayConfig", {**changed, "gap": False}, old)

    assert problem is None
    assert gap.startswith(f"the gateway's tasks are replaced ({key}), one node after the other")
    assert unchecked.startswith(
        "configuration not checked at this preview: cannot reach the Docker engine at"
    )
    assert quiet == [unchecked]


def test_a_gateway_is_pulled_with_the_login_of_its_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the image is not on the manager that checks; what the registry says is the error."""
    pulled = []

    def get(image: str) -> None:
        raise ImageNotFound("no such image")

    def pull(image: str, auth_config: Any) -> None:
        pulled.append((image, auth_config))
        raise APIError("?", explanation="denied")

    @contextmanager
    def connect(host: Any, timeout: float) -> Iterator[Any]:
        yield SimpleNamespace(images=SimpleNamespace(get=get), api=SimpleNamespace(pull=pull))

    monkeypatch.setattr(gateway, "connect", connect)
    login = {"username": "me", "password": "hunter2"}
    registries = [{"address": address, **login} for address in ("r.example", "other.example")]
    private = {**INPUTS["GatewayConfig"], "image": "r.example/proxy:1", "registries": registries}

    with pytest.raises(EngineError, match=r"image r\.example/proxy:1 is not .* name a login .* \(denied\)"):
        HANDLERS["GatewayConfig"].create(private, False)

    assert pulled == [("r.example/proxy:1", login)]


# FloatingAddressNode, FloatingAddressGroup


def test_a_replaced_keepalived_is_told() -> None:
    """Another image moves the address: the preview says so; its keepalived checks the configuration."""
    _, (gap, unchecked) = check("FloatingAddressNode", {**KEEPALIVED, "image": "other:1"}, KEEPALIVED)

    assert gap.startswith(
        "keepalived is replaced on this node (image: longshore-keepalived:1 → other:1): if it has the "
        "addresses, the next node takes them over meanwhile"
    )
    assert unchecked.startswith("configuration not checked")


def test_a_changed_configuration_of_keepalived_is_only_checked() -> None:
    """It is reloaded, which moves nothing; another container is known at the update only."""
    handler, old = HANDLERS["FloatingAddressNode"], state_of("FloatingAddressNode")

    _, (unchecked,) = check("FloatingAddressNode", {**KEEPALIVED, "config": "# mine\n"}, KEEPALIVED)

    assert unchecked.startswith("configuration not checked")
    assert handler.update({**KEEPALIVED, "config": "# mine\n"}, old, True)["containerId"] == "c0ffee"
    assert handler.update({**KEEPALIVED, "memory": 65}, old, True)["containerId"] == UNKNOWN


def test_a_stopped_keepalived_is_a_difference() -> None:
    """After a refresh that found it stopped, an update starts it."""
    found = diff("FloatingAddressNode", KEEPALIVED, running=False)

    assert (found.changes, found.diffs, found.replaces) == (True, ["running"], [])


def test_a_node_of_a_host_that_is_gone() -> None:
    """It is read as not running, so that a refresh goes on; and it can be removed, with a warning."""
    handler, state = HANDLERS["FloatingAddressNode"], state_of("FloatingAddressNode")

    assert handler.read(state) == {"running": False}
    warning = handler.delete(state)
    assert warning is not None
    assert warning.startswith("cannot reach the Docker engine at unix:///nonexistent/docker.sock")
    assert "(vip-a, container c0ffee)" in warning


def test_a_change_that_makes_nodes_deaf_is_a_warning() -> None:
    """Nodes of two numbers or versions do not hear each other while they are changed."""
    changed = {**GROUP, "agreed": {"router_id": "10", "version": "3"}}

    problem, (warning,) = check("FloatingAddressGroup", changed, GROUP)

    assert problem is None
    assert "(router_id: 9 → 10)" in warning
    assert "two of them may have the addresses for some seconds" in warning


def test_a_group_asks_new_nodes_only() -> None:
    """Nodes that took part before are not asked: their host, which is not there, is not tried."""
    handler = HANDLERS["FloatingAddressGroup"]

    assert handler.update({**GROUP, "timeout": 1}, GROUP, False) == {}
    with pytest.raises(HostUnreachable):
        handler.update({**GROUP, "containers": ["1a2b"]}, GROUP, False)


# The provider


def urn(name: str) -> str:
    return f"urn:pulumi:test::longshore::x:y:Parent$longshore:index:{name}::it"


def wrapped(values: Values) -> dict[str, PropertyValue]:
    return {key: wrap(value) for key, value in values.items()}


def diff(name: str, new: Values, **state: Any) -> p.DiffResponse:
    old = {**state_of(name), **state}
    request = p.DiffRequest(urn(name), "id", wrapped(old), wrapped(new), [])
    return done(Longshore(None).diff(request))


@EVERY
def test_no_difference_is_no_change(name: str) -> None:
    """The same inputs, as a state keeps them, are no change: a second preview is empty."""
    found = diff(name, HANDLERS[name].kept(INPUTS[name]))

    assert found.changes is False
    assert (found.diffs, found.replaces, found.detailed_diff) == ([], [], {})


@EVERY
def test_every_changed_input_is_named(name: str) -> None:
    """Each input that differs is an update of that key, in order, and marked as an input or output."""
    for key in inputs(name):
        if HANDLERS[name].replaces({key}):
            continue

        found = diff(name, {**HANDLERS[name].kept(INPUTS[name]), key: "else"})

        replaces = [key] if key in FIXED.get(name, ()) else []
        assert (found.changes, found.diffs, found.replaces) == (True, [key], replaces)
        assert found.detailed_diff is not None
        kinds = p.PropertyDiffKind
        assert found.detailed_diff[key].kind == (kinds.UPDATE_REPLACE if replaces else kinds.UPDATE)


def test_another_host_is_another_front_end() -> None:
    """A front end on another host is made there and stopped here."""
    found = diff("FrontEndConfig", {**CONFIG, "host": {"address": "ssh://other"}, "drain": 5})

    assert found.changes is True
    assert found.diffs == ["drain", "host"]
    assert found.replaces == ["host"]
    assert found.detailed_diff is not None
    kinds = {key: each.kind for key, each in found.detailed_diff.items()}
    assert kinds == {
        "drain": p.PropertyDiffKind.UPDATE,
        "host": p.PropertyDiffKind.UPDATE_REPLACE,
    }


def test_a_stopped_front_end_is_a_difference() -> None:
    """After a refresh that found it stopped, an update starts it, though no input has changed."""
    found = diff("FrontEndConfig", CONFIG, running=False)

    assert (found.changes, found.diffs, found.replaces) == (True, ["running"], [])


def test_a_secret_is_compared_by_its_value() -> None:
    """That a value has become secret is no change of it."""
    old = wrapped(state_of("Generation"))
    new = {**old, "definition": PropertyValue(old["definition"].value, is_secret=True)}

    request = p.DiffRequest(urn("Generation"), "id", old, new, [])
    found = done(Longshore(None).diff(request))

    assert found.changes is False


def test_the_provider_hands_on_what_check_says() -> None:
    """A warning is no failure; the inputs are kept as the handler keeps them, secrets as secrets."""
    inputs = {**wrapped(READY), "host": PropertyValue(wrap(NOWHERE).value, is_secret=True)}
    request = p.CheckRequest(urn("Readiness"), {}, inputs, b"")

    response = done(Longshore(None).check(request))

    assert not response.failures
    assert response.inputs is not None
    assert plain_map(response.inputs) == {**HANDLERS["Readiness"].kept(READY), WRITTEN_BY: VERSION}
    assert response.inputs["host"].is_secret


def test_the_provider_keeps_inputs_and_adds_outputs() -> None:
    """The state of a new resource is its inputs, secrets as they were, and its outputs."""
    inputs = {"definition": PropertyValue({"a": PropertyValue("hunter2", is_secret=True)})}
    request = p.CreateRequest(urn("Generation"), inputs, 0, False)

    response = done(Longshore(None).create(request))

    assert response.resource_id == "generation"
    assert response.properties is not None
    assert response.properties["definition"] is inputs["definition"]
    assert plain_map(response.properties)["number"] == 1


def test_the_provider_reads_what_is_not_there() -> None:
    """A generation is always there; an update of it counts from the state."""
    state = wrapped(state_of("Generation"))
    inputs = wrapped({"definition": {"a": "another"}})

    read = done(Longshore(None).read(p.ReadRequest(urn("Generation"), "generation", state, inputs)))
    update = done(
        Longshore(None).update(p.UpdateRequest(urn("Generation"), "generation", state, inputs, 0, [], False))
    )

    assert (read.resource_id, plain_map(read.properties)["number"]) == ("generation", 3)
    assert plain_map(update.properties)["number"] == 4


# States of other versions

MAJOR, MINOR = (int(part) for part in VERSION.split(".")[:2])
NEWER = f"{MAJOR}.{MINOR + 1}.3"
REFUSAL = (
    f"the state was written by longshore {NEWER}, and this is longshore {VERSION}, which may misread it and "
    f"leaves it alone: install longshore {MAJOR}.{MINOR + 1} or later, or restore the state from before"
)


def calls(name: str, version: str | None) -> dict[str, Coroutine[Any, Any, Any]]:
    """Return every call that begins from a state, which that version wrote."""
    mark = {} if version is None else {WRITTEN_BY: version}
    inputs, state = wrapped({**INPUTS[name], **mark}), wrapped({**state_of(name), **mark})
    news, provider = wrapped(INPUTS[name]), Longshore(None)
    return {
        "check": provider.check(p.CheckRequest(urn(name), inputs, news, b"")),
        "diff": provider.diff(p.DiffRequest(urn(name), "id", state, news, [])),
        "update": provider.update(p.UpdateRequest(urn(name), "id", state, news, 0, [], False)),
        "read": provider.read(p.ReadRequest(urn(name), "id", state, inputs)),
        "delete": provider.delete(p.DeleteRequest(urn(name), "id", state, 0)),
    }


@EVERY
def test_the_state_of_a_newer_version_is_left_alone(name: str) -> None:
    """Each call that would begin from it ends with what was found, what this is, and what to do."""
    for call in calls(name, NEWER).values():
        with pytest.raises(EngineError) as error:
            done(call)

        assert str(error.value) == REFUSAL


@pytest.mark.parametrize("version", [None, "0.1.0", VERSION, f"{MAJOR}.{MINOR}.99"])
def test_the_state_of_an_older_version_or_a_patch_release_is_read(version: str | None) -> None:
    """0.1.0 did not say who it was."""
    for call in calls("Generation", version).values():
        done(call)


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        (f"{MAJOR + 1}.0.0", f"longshore {MAJOR + 1}.0 or later"),
        (f"{MAJOR}.{MINOR + 10}.0", f"longshore {MAJOR}.{MINOR + 10} or later"),
        (f"{MAJOR}.{MINOR + 1}.0rc1", f"longshore {MAJOR}.{MINOR + 1} or later"),
        ("next", "longshore next"),
    ],
)
def test_a_newer_version_is_known_by_its_numbers(version: str, remedy: str) -> None:
    """Not by its letters; and what has none is no version of before."""
    with pytest.raises(EngineError, match=f"install {remedy}, or restore"):
        refuse_newer(wrapped({WRITTEN_BY: version}))


def test_a_state_says_who_wrote_it() -> None:
    """After a check, a create, an update and a read."""
    made = calls("Generation", "0.1.0")
    create = p.CreateRequest(urn("Generation"), wrapped({"definition": {}}), 0, False)
    made["create"] = Longshore(None).create(create)

    found = {key: done(call) for key, call in made.items()}

    assert plain_map(found["check"].inputs)[WRITTEN_BY] == VERSION
    for key in ("create", "update", "read"):
        assert plain_map(found[key].properties)[WRITTEN_BY] == VERSION


def test_the_version_that_wrote_a_state_is_no_difference() -> None:
    """An upgrade that changes nothing else changes nothing."""
    assert diff("Generation", INPUTS["Generation"], **{WRITTEN_BY: "0.1.0"}).changes is False


def test_the_schema_has_components_and_resources() -> None:
    """One plugin offers both: the component with its arguments, and every kind of resource."""
    response = done(Longshore(None).get_schema(p.GetSchemaRequest(0)))

    whole = json.loads(response.schema or "")
    assert whole["name"] == "longshore"
    component = whole["resources"]["longshore:index:LoadBalancedService"]
    assert component["isComponent"] is True
    assert {"image", "backends", "frontEnd"} <= set(component["inputProperties"])
    assert "managers" in whole["resources"]["longshore:index:SwarmCluster"]["properties"]
    for name in HANDLERS:
        found = whole["resources"][f"longshore:index:{name}"]
        assert set(found["inputProperties"]) == set(inputs(name))
        optional = {key for key, kind in inputs(name).items() if "NotRequired" in str(kind)}
        assert set(found["requiredInputs"]) == set(inputs(name)) - optional
        assert set(found["properties"]) == {*inputs(name), *outputs(name)}


# Swarms


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("Swarm", "addressPools", ["10.64.0.0/16"]),
        ("Swarm", "poolMask", 25),
        ("SwarmNode", "advertiseAddress", "192.0.2.9"),
        ("SwarmNode", "listenAddress", "0.0.0.0:2378"),
        ("OverlayNetwork", "subnet", "172.101.0.0/24"),
        ("OverlayNetwork", "encrypted", True),
    ],
)
def test_a_change_of_a_fixed_input_is_refused_with_a_way_out(name: str, key: str, value: Any) -> None:
    """At preview, before a replacement would take a whole swarm or network down."""
    said, _ = check(name, {**INPUTS[name], key: value}, state_of(name))

    assert said is not None
    assert said.startswith(f"{key} cannot be changed from {INPUTS[name][key]!r} to {value!r}")


@pytest.mark.parametrize("name", ["AddressPlan", "Swarm", "SwarmNode"])
def test_a_host_that_does_not_answer_is_an_error_at_preview(name: str) -> None:
    """A swarm is made of hosts that are there."""
    said, warnings = check(name, INPUTS[name])

    assert said is not None
    assert "cannot reach the Docker engine at unix:///nonexistent/docker.sock" in said
    assert warnings == []


def test_an_engine_that_is_locked_is_an_error_at_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    """The remedy, and no traceback."""

    @contextmanager
    def connect(host: Any, timeout: float) -> Iterator[Any]:
        yield SimpleNamespace(info=lambda: {"Swarm": {"LocalNodeState": "locked"}})

    monkeypatch.setattr(swarm, "connect", connect)

    response = done(Longshore(None).check(p.CheckRequest(urn("SwarmNode"), {}, wrapped(NODE), b"")))

    (failure,) = response.failures or []
    assert failure.reason.startswith(
        f"the engine at {NOWHERE['address']} is locked after a restart: run `dock"
    )


@pytest.mark.parametrize("preview", [True, False])
def test_a_node_stays_on_its_engine(preview: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its host may get another address; another machine is refused, at preview as well."""
    there = {"LocalNodeState": "active", "NodeID": "n0d"}
    present = Node("n0d", "host1", "worker", "active", {}, "", alive=True, reachable=False)

    @contextmanager
    def connect(host: Any, timeout: float) -> Iterator[Any]:
        yield SimpleNamespace(info=lambda: {"Swarm": there})

    monkeypatch.setattr(nodes, "connect", connect)
    monkeypatch.setattr(nodes, "apply", lambda *_: OUTPUTS["SwarmNode"])
    monkeypatch.setattr(nodes, "members", lambda *_: {"n0d": present})
    handler, old = HANDLERS["SwarmNode"], state_of("SwarmNode")
    moved = {**NODE, "host": {"address": "ssh://host1.example"}}

    same = handler.update(moved, old, preview)
    there["NodeID"] = "0ther"
    with pytest.raises(EngineError, match=r"at ssh://host1\.example is another machine than this node was"):
        handler.update(moved, old, preview)

    assert same == OUTPUTS["SwarmNode"]


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Provide ids of the nodes that leave their swarm; a node that is made is n0d."""
    left: list[str] = []
    handler = HANDLERS["SwarmNode"]
    monkeypatch.setattr(handler, "create", lambda *_: ("n0d", OUTPUTS["SwarmNode"]))
    monkeypatch.setattr(handler, "drifted", lambda _: set())
    monkeypatch.setattr(handler, "delete", lambda state: left.append(state["nodeId"]))
    return left


def node_urn(name: str) -> str:
    return f"{urn('SwarmNode')}-{name}"


def removal(provider: Longshore, name: str, node: str = "n0d") -> None:
    state = wrapped({**state_of("SwarmNode"), "nodeId": node})
    done(provider.delete(p.DeleteRequest(node_urn(name), node, state, 0)))


def making(provider: Longshore, name: str, preview: bool = False) -> None:
    done(provider.create(p.CreateRequest(node_urn(name), wrapped(NODE), 0, preview)))


def comparison(provider: Longshore, name: str) -> None:
    state, inputs = wrapped(state_of("SwarmNode")), wrapped(NODE)
    done(provider.diff(p.DiffRequest(node_urn(name), "n0d", state, inputs, [])))


def test_a_node_that_another_resource_took_over_stays(removed: list[str]) -> None:
    """Made in this run, under another name or, replaced, the same; or in one before that was cut off."""
    renamed, replaced, cut_off = Longshore(None), Longshore(None), Longshore(None)
    making(renamed, "new")
    making(replaced, "same")
    comparison(replaced, "same")
    comparison(cut_off, "new")

    removal(renamed, "old")
    removal(replaced, "same")
    removal(cut_off, "old")

    assert removed == []


def test_a_node_that_nobody_took_over_leaves(removed: list[str]) -> None:
    """Not declared any more; taken down; another node than the one that was made; only previewed."""
    gone, down, other, previewed = (Longshore(None) for _ in range(4))
    comparison(down, "same")
    making(other, "new")
    making(previewed, "new", preview=True)

    removal(gone, "old", "n1")
    removal(down, "same", "n2")
    comparison(down, "same")
    removal(down, "same", "n0d")
    removal(other, "old", "n3")
    removal(previewed, "old", "n0d")

    assert removed == ["n1", "n2", "n0d", "n3", "n0d"]


def test_all_managers_at_once_cannot_be_others() -> None:
    """One must stay to admit the new ones; no host is asked to find that out."""
    others = [{"address": "unix:///other/docker.sock"}]
    said, _ = check("Swarm", {**SWARM, "managers": others}, state_of("Swarm"))

    assert said is not None
    assert "none of the present managers is among the new ones" in said


def test_managers_that_do_not_answer_count_as_lost() -> None:
    """Removing the living ones of a swarm would lose the quorum."""
    three = [{"address": f"unix:///nonexistent/{n}.sock"} for n in "abc"]
    said, _ = check("Swarm", {**SWARM, "managers": three[:2]}, {**state_of("Swarm"), "managers": three})

    assert said == (
        "0 of the 2 managers could be reached, and 2 are needed to decide anything: bring the others "
        "back, or declare more, first"
    )


def test_tokens_are_secrets_in_the_state() -> None:
    """A token lets its holder join."""
    properties = endings.state_of(HANDLERS["Swarm"], {}, OUTPUTS["Swarm"])

    secret = {key for key, value in properties.items() if value.is_secret}
    assert secret == {"workerToken", "managerToken", "unlockKey"}


def test_a_secret_stays_a_secret_when_it_is_read() -> None:
    """A refresh that finds a drift lays plain values over the state; a plain value stays plain."""
    hidden = PropertyValue([PropertyValue("A=b", is_secret=True), PropertyValue("B=c")])
    before = {"spec": PropertyValue({"Env": hidden, "Replicas": PropertyValue(2.0)})}
    drift = {"spec": {"Env": ["B=c", "A=d"], "Replicas": 4}}

    spec = endings.state_of(HANDLERS["ServiceDefinition"], before, drift)["spec"].value

    assert isinstance(spec, Mapping)
    assert {key: value.is_secret for key, value in spec.items()} == {"Env": True, "Replicas": False}
