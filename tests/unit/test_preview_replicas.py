"""Replicas that are changed in rounds, as a preview shows them: each one, and what happens to it."""

import json
from collections.abc import Mapping
from typing import Any, Optional

import pytest

from components.naming import LABEL
from components.preview.instance import Instance, instances
from components.preview.reading import read
from components.review import review
from components.review.topology import picture
from tests.support.program import ROOT

SERVICE = "longshore:index:LoadBalancedService"
REPLICAS = "longshore:index:Replicas"
OWN = "urn:pulumi:dev::app"
BEFORE = {
    "labels": {f"{LABEL}.component": "site", f"{LABEL}.role": "replica-web"},
    "host": {"address": "unix:///run/host1.sock"},
    "image": "app:1",
    "replicas": 3,
    "networks": ["site-net"],
    "container": {"memory": 256},
    "drain": 10,
    "update": {"monitor": 5},
}
FOUND = {"site-web-0": "running", "site-web-1": "exited"}


def preview(old: Optional[Mapping[str, Any]], new: Optional[Mapping[str, Any]], operation: str) -> str:
    """Return a preview with one operation on the replicas of backend `web` of the service `site`."""
    site = f"{OWN}::{SERVICE}::site"
    states = {
        key: {"type": REPLICAS, "parent": site, "inputs": inputs, "outputs": inputs}
        for key, inputs in (("oldState", old), ("newState", new))
        if inputs is not None
    }
    urn = f"{OWN}::{SERVICE}${REPLICAS}::site-web-replicas"
    changed = sorted(
        key for key in {**(old or {}), **(new or {})} if (old or {}).get(key) != (new or {}).get(key)
    )
    step = {"op": operation, "urn": urn, **states, "diffReasons": changed}
    own = {"op": "same", "urn": site, "newState": {"type": SERVICE, "parent": ""}}
    return json.dumps({"steps": [own, step]})


def instance(text: str) -> Instance:
    (found,) = instances(read(text))
    return found


@pytest.mark.parametrize(
    ("operation", "old", "new", "expected", "box"),
    [
        ("create", None, BEFORE, ["create"] * 3, "web: 3:::added"),
        ("delete", BEFORE, None, ["delete"] * 3, "web: removed:::removed"),
        ("same", BEFORE, BEFORE, ["same"] * 3, "web: 3"),
        ("replace", BEFORE, {**BEFORE, "host": {"address": "ssh://b"}}, ["replace"] * 3, "web: 3:::changed"),
        ("update", BEFORE, {**BEFORE, "image": "app:2"}, ["replace"] * 3, "web: 3:::changed"),
        ("update", BEFORE, {**BEFORE, "container": {}}, ["replace"] * 3, "web: 3:::changed"),
        ("update", BEFORE, {**BEFORE, "replicas": 4}, ["same"] * 3 + ["create"], "web: 4:::changed"),
        ("update", BEFORE, {**BEFORE, "replicas": 2}, ["same"] * 2 + ["delete"], "web: 2:::changed"),
        (
            "update",
            BEFORE,
            {**BEFORE, "replicas": 2, "image": "app:2"},
            ["replace"] * 2 + ["delete"],
            "web: 2:::changed",
        ),
        ("update", BEFORE, {**BEFORE, "drain": 20, "update": {"monitor": 9}}, ["same"] * 3, "web: 3"),
        (
            "update",
            {**BEFORE, "each": FOUND},
            {**BEFORE, "each": dict.fromkeys(["site-web-0", "site-web-1", "site-web-2"], "running")},
            ["same", "update", "create"],
            "web: 3:::changed",
        ),
    ],
    ids=[
        "new",
        "gone",
        "unchanged",
        "another host",
        "another image",
        "another memory limit",
        "one more",
        "one less",
        "one less of another image",
        "another pace",
        "a refresh found one stopped and one missing",
    ],
)
def test_each_replica_has_a_step_of_its_own(
    operation: str,
    old: Optional[dict[str, Any]],
    new: Optional[dict[str, Any]],
    expected: list[str],
    box: str,
) -> None:
    """By name, and the picture counts and marks them."""
    site = instance(preview(old, new, operation))

    steps = site.containers("replica-")

    assert [step.operation for step in steps] == expected
    assert [step.name for step in steps] == [f"site-web-{index}" for index in range(len(expected))]
    assert all(step.old for step in steps if step.operation != "create")
    assert all(step.new for step in steps if step.operation != "delete")
    label, _, mark = box.partition(":::")
    assert f'["{label}"]{f":::{mark}" if mark else ""}\n' in picture([site])


def test_a_recorded_refresh() -> None:
    """The inputs of such a preview are those of before; the outputs have what the refresh has found."""
    site = instance((ROOT / "tests/cases/previews/rounds-drift.json").read_text())

    steps = site.containers("replica-")

    assert [step.operation for step in steps] == ["same", "update", "create"]


@pytest.mark.parametrize(
    ("image", "operation", "fate"),
    [("app:1", "same", "unchanged"), ("app:2", "update", "replaced")],
)
def test_a_service_is_replaced_with_all_its_replicas(image: str, operation: str, fate: str) -> None:
    """A change of their image replaces everything that runs, though the resource itself is updated."""
    assert instance(preview(BEFORE, {**BEFORE, "image": image}, operation)).fate == fate


def test_a_secret_that_changes_replaces() -> None:
    """Its value is hidden before and after."""
    text = json.loads(preview(BEFORE, BEFORE, "update"))
    text["steps"][1]["diffReasons"] = ["container"]

    steps = instance(json.dumps(text)).containers("replica-", "replace")

    assert len(steps) == 3


def test_a_resource_counts_once() -> None:
    """Its replicas are no resources."""
    (change,) = review(preview(BEFORE, {**BEFORE, "image": "app:2"}, "update")).changes

    assert change.counts == {"update": 1}
