"""Plans of changes of a front end, without an engine."""

from dataclasses import replace
from typing import Any
from unittest.mock import MagicMock

import pytest

from components.engine.front_end_changes import Seen, Wanted, changes
from components.engine.front_end_config import put_in_force
from components.proxies.registry import kind_of

PRESENT = Seen(running=True, networks={"web-g1", "public"}, workers={"12": 4096}, processes=512)
SAME = Wanted(container="1a2b", program=kind_of("nginx").program, text=None, drain=30)


def texts(seen: Seen, wanted: Wanted) -> list[str]:
    return [str(step) for step in changes(seen, wanted)]


def test_nothing_to_do_is_an_empty_plan() -> None:
    assert texts(PRESENT, replace(SAME, joins={"web-g1"}, processes=512)) == []


def test_another_configuration_is_a_reload() -> None:
    assert texts(PRESENT, replace(SAME, text="events {}")) == [
        "reload the front end: its configuration changes",
        "wait until the former workers end, at most 30 s: they finish the requests in flight",
    ]


def test_a_front_end_that_does_not_run_is_started() -> None:
    stopped = replace(PRESENT, running=False, workers={})

    assert texts(stopped, replace(SAME, text="events {}")) == ["start the front end: it does not run"]


def test_networks_come_before_the_configuration_and_go_after_the_old_workers() -> None:
    wanted = replace(
        SAME, text="events {}", joins={"web-g2", "public"}, leaves={"web-g1", "gone"}, processes=2048
    )

    assert texts(PRESENT, wanted) == [
        "connect the front end to network web-g2: a backend is on it",
        "limit the front end to 2048 processes: declared",
        "reload the front end: its configuration changes",
        "wait until the former workers end, at most 30 s: they finish the requests in flight",
        "disconnect the front end from network web-g1: no backend is on it any more",
    ]


@pytest.mark.parametrize("running", [True, False])
def test_the_form_of_a_plan_does_not_hold_the_configuration(running: bool) -> None:
    wanted = replace(SAME, text="password hunter2")

    plan = changes(replace(PRESENT, running=running), wanted)

    assert "hunter2" not in repr(plan) + repr(wanted)


def test_a_network_alone_is_joined_without_a_look_at_the_workers() -> None:
    """To list the processes of a container, an engine starts a program on its host."""
    engine: Any = MagicMock()
    container = engine.containers.get.return_value
    container.status = "running"
    container.attrs = {"NetworkSettings": {"Networks": {}}, "HostConfig": {"PidsLimit": 512}}

    put_in_force(engine, replace(SAME, joins={"web-g1"}))

    engine.networks.get("web-g1").connect.assert_called_once_with("1a2b")
    container.top.assert_not_called()
