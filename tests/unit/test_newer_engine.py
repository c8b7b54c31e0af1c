"""Definitions of a service, and demands on an engine of a swarm, for engines from 25 on."""

import copy
import re
from types import SimpleNamespace
from typing import Any

import pytest

from components.engine.swarm import membership, services

HEALTH = {"Test": ["CMD", "true"], "Interval": 2, "StartPeriod": 30}
SPEC: Any = {
    "Labels": {},
    "TaskTemplate": {
        "ContainerSpec": {
            "Image": "app:1",
            "Env": [],
            "Healthcheck": HEALTH,
            "Privileges": {"NoNewPrivileges": True},
        },
        "Networks": [],
    },
}
TOLD = {**HEALTH, "StartInterval": 2}


class Engine:
    """An engine with one service."""

    def __init__(self, version: str, service: Any = None) -> None:
        self.api = SimpleNamespace(_version=version, networks=list, inspect_service=lambda _: service)


def changed(image: str = "app:1", health: Any = HEALTH, replicas: int = 1) -> Any:
    made = copy.deepcopy(SPEC)
    made["Mode"] = {"Replicated": {"Replicas": replicas}}
    made["TaskTemplate"]["ContainerSpec"] |= {"Image": image, "Healthcheck": health}
    return made


@pytest.mark.parametrize(
    ("version", "told"), [("1.41", HEALTH), ("1.43", HEALTH), ("1.44", TOLD), ("1.52", TOLD)]
)
def test_the_interval_holds_in_the_start_period_too(version: str, told: Any) -> None:
    """Engines from 25 on have another one there, of 5 s, unless they are told; older ones refuse the word."""
    engine: Any = Engine(version)

    assert services.adapted(engine, SPEC)["TaskTemplate"]["ContainerSpec"]["Healthcheck"] == told
    assert SPEC["TaskTemplate"]["ContainerSpec"]["Healthcheck"] == HEALTH


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (changed(), changed(replicas=2), HEALTH),
        (changed(), changed(image="app:2"), TOLD),
        (changed(), changed(health={**HEALTH, "Interval": 3}), {**HEALTH, "Interval": 3, "StartInterval": 3}),
        (changed(health=TOLD), changed(replicas=2), TOLD),
    ],
    ids=["another number", "another image", "another interval", "told before"],
)
def test_the_word_alone_replaces_no_task(
    before: Any, after: Any, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks of an older version run on: they get it when something else replaces them."""
    sent: list[Any] = []
    found = {"Version": {"Index": 7}, "Spec": {**before, "Name": "web"}}
    monkeypatch.setattr(services, "post", lambda *arguments, **_: sent.append(arguments[2]))
    engine: Any = Engine("1.44", found)

    services.update(engine, "s1", after, [])

    assert [each["TaskTemplate"]["ContainerSpec"]["Healthcheck"] for each in sent] == [told]


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ({"LiveRestoreEnabled": True}, 'runs with live-restore, .* set "live-restore": false in /etc/docker'),
        (
            {"FirewallBackend": {"Driver": "nftables"}},
            'backend nftables, .* set "firewall-backend": "iptables" in',
        ),
        ({"FirewallBackend": {"Driver": "nftables+firewalld"}}, "backend nftables"),
        (
            {"SecurityOptions": ["name=seccomp", "name=rootless"]},
            "is rootless and has no overlay networks, .* as root",
        ),
    ],
)
def test_an_engine_that_can_be_in_no_swarm(info: Any, said: str) -> None:
    """It is named, with the setting to change."""
    found = str(membership.unfit({"address": "ssh://a.example"}, info))

    assert found.startswith("the engine at ssh://a.example ")
    assert re.search(said, found), found


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"LiveRestoreEnabled": False, "SecurityOptions": None, "FirewallBackend": {"Driver": "iptables"}},
        {"FirewallBackend": {"Driver": "iptables+firewalld"}, "SecurityOptions": ["name=cgroupns"]},
    ],
)
def test_an_engine_that_can(info: Any) -> None:
    """The engine prints nothing, as older ones do, or the right values."""
    assert membership.unfit({"address": "ssh://a.example"}, info) is None
