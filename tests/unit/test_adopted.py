"""Replicas that `longshore migrate` has taken over: they lack labels of `Replicas`. In memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from components.engine import front_end_steps
from components.engine.replica_listing import first_generation, look
from components.engine.replica_set import remove, states
from components.naming import LABEL
from components.provider.handlers import HANDLERS, generation, replicas
from tests.support.fake_service import Service


@pytest.fixture
def adopted(monkeypatch: pytest.MonkeyPatch) -> Service:
    """Provide a service of three adopted replicas."""
    monkeypatch.setattr(front_end_steps, "STEADY_SECONDS", 0)
    made = Service()
    made.up(web={})
    made.adopt()
    return made


def ids(made: Service) -> set[str]:
    return {*made.backends["web"].made["containers"].values()}


@contextmanager
def engine_of(made: Service) -> Iterator[Any]:
    yield made.engine


def test_they_stay_until_the_definition_changes(adopted: Service) -> None:
    """More and fewer replicas are of the same generation; another image replaces all in rounds."""
    before = ids(adopted)

    adopted.up(web={"replicas": 5})
    assert before < ids(adopted)
    assert adopted.fake.running() == [f"site-web-{index}-g2" for index in range(5)]
    adopted.up(web={"replicas": 2})
    assert ids(adopted) < before
    assert len(adopted.fake.there) == 2
    adopted.up(web={"image": "app:2"})

    assert adopted.fake.running() == [f"site-web-{index}-g3" for index in range(3)]
    assert len(adopted.fake.there) == 3
    assert "adopted" not in adopted.backends["web"].made
    assert adopted.adopted == set()
    assert adopted.fake.lost == []


def test_the_front_end_removes_those_that_it_reached_in_another_way(adopted: Service) -> None:
    """Until then the resource knows them, so that its deletion removes them, too."""
    before = ids(adopted)

    adopted.change(adopted.backends["web"], contact="81", image="app:2")
    assert before <= adopted.fake.there.keys()
    assert before == {*adopted.backends["web"].made["adopted"]}
    adopted.up(web={"contact": "81", "image": "app:2"})

    assert adopted.fake.running() == [f"site-web-{index}-g3" for index in range(3)]
    assert not before & adopted.fake.there.keys()
    assert adopted.fake.lost == []


def test_a_refresh_finds_and_a_deletion_removes_them(adopted: Service) -> None:
    """As all other replicas; a container of another resource with the same labels stays."""
    wanted = adopted.wanted("web")
    other = {**next(iter(adopted.fake.there.values())), "Id": "f" * 64, "Name": "/theirs"}
    adopted.fake.there["f" * 64] = other

    there = look(adopted.engine, wanted.template)
    found = states(adopted.engine, there, wanted)
    remove(adopted.engine, wanted.template, ids(adopted))

    assert found == dict.fromkeys(["site-web-0", "site-web-1", "site-web-2"], "running")
    assert adopted.fake.there.keys() == {"f" * 64}


def test_the_other_form_begins_with_a_free_number(adopted: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adopted replicas may have any number, and so may those of `Replicas`."""
    labels = adopted.backends["web"].labels
    monkeypatch.setattr(generation, "connect", lambda *_, **__: engine_of(adopted))
    monkeypatch.setattr(generation, "pull_missing", lambda *_: None)
    inputs: Any = {"definition": {"image": "app:1"}, "host": {"address": "unix:///d"}, "registries": []}

    assert first_generation(adopted.engine, labels) == 3
    for preview in (True, False):
        assert HANDLERS["Generation"].create({**inputs, "labels": labels}, preview)[1]["number"] == 3
        assert HANDLERS["Generation"].create(inputs, preview)[1]["number"] == 1
    adopted.up(web={"image": "app:2"})
    assert first_generation(adopted.engine, labels) == 4
    assert first_generation(adopted.engine, {**labels, f"{LABEL}.component": "new"}) == 1


def test_a_first_resource_says_that_replicas_can_be_kept(
    adopted: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`longshore migrate` is named beside those of another form, and only for a resource that is new."""
    monkeypatch.setattr(replicas, "connect", lambda *_, **__: engine_of(adopted))
    labels = adopted.backends["web"].labels
    inputs: Any = {
        "host": {"address": "unix:///d"}, "registries": [], "labels": labels, "networks": ["net"],
        "replicas": 3, "image": "app:1", "contact": "80",
    }  # fmt: skip
    said: list[str] = []
    handler = HANDLERS["Replicas"]

    assert handler.check(inputs, {}, said.append) is None
    assert handler.check(inputs, inputs, said.append) is None
    other = {**inputs, "labels": {**labels, f"{LABEL}.component": "new"}}
    assert handler.check(other, {}, said.append) is None

    (warning,) = said
    assert warning.startswith("the replicas of site-web (site-web-0-g2")
    assert "`longshore migrate` keeps them; without it, `up` replaces them as for a new image" in warning
