"""Plans of changes of keepalived on one node, without an engine."""

from dataclasses import replace

from components.engine.keepalived_changes import Seen, changes
from components.engine.keepalived_steps import Spec

SPEC: Spec = {
    "name": "site-edge",
    "image": "longshore-keepalived:1",
    "memory": 32,
    "capabilities": ["NET_ADMIN"],
    "labels": {},
    "config": "auth_pass hunter2",
    "registries": [{"address": "registry.example", "username": "ci", "password": "hunter2"}],
}
SAME = Seen(id="1a2b3c4d5e6f7a8b", running=True, same=True, config=SPEC["config"])


def texts(seen: Seen | None, strays: tuple[str, ...] = (), *, starting: bool = True) -> list[str]:
    plan = changes(seen, SPEC, "site-edge-c0ffee1", strays, starting=starting)
    assert "hunter2" not in repr(plan)
    return [str(step) for step in plan]


MADE = [
    "have image longshore-keepalived:1: a container is made of it",
    "validate the configuration of keepalived: it must be accepted before anything changes",
]


def test_a_new_node_is_made_and_started_last() -> None:
    assert texts(None) == [
        *MADE,
        "create container site-edge-c0ffee1: declared",
        "start container site-edge-c0ffee1: declared",
    ]


def test_a_node_that_the_others_do_not_know_yet_is_only_made() -> None:
    assert texts(None, starting=False) == [*MADE, "create container site-edge-c0ffee1: declared"]


def test_a_container_that_no_state_knows_goes_before_another_is_made() -> None:
    assert texts(None, ("9f8e7d6c5b4a3f2e",), starting=False) == [
        *MADE,
        "remove container 9f8e7d6c5b4a: a run that did not end left it",
        "create container site-edge-c0ffee1: declared",
    ]


def test_a_node_as_declared_needs_nothing() -> None:
    assert texts(SAME) == []


def test_a_node_that_does_not_run_is_started() -> None:
    assert texts(replace(SAME, running=False)) == [
        "start keepalived in container 1a2b3c4d5e6f: it does not run"
    ]


def test_another_configuration_moves_no_address() -> None:
    assert texts(replace(SAME, config="")) == [MADE[1], "reload keepalived: its configuration changes"]


def test_another_image_needs_another_container() -> None:
    assert texts(replace(SAME, same=False)) == [
        *MADE,
        "create container site-edge-c0ffee1: only a new container can have the image and limits",
        "stop container 1a2b3c4d5e6f and start container site-edge-c0ffee1: one at a time can have the addresses",  # noqa: E501
        "remove container 1a2b3c4d5e6f: it is replaced",
    ]
