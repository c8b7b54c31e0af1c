"""Replicas to which a front end sends during rounds, on an engine in memory."""

import json
from typing import Any

import pytest

from components.engine import front_end_steps
from components.engine.containers import EngineError, Halted
from components.engine.progress import reported_to
from components.engine.replica_traffic_steps import exchanged
from components.engine.rounds_record import FILE
from components.proxies.program import FOLDER
from tests.support.fake_engine import Killed
from tests.support.fake_front_end import PROGRAM
from tests.support.fake_service import Service

RECORD = f"{FOLDER}/{FILE}"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_end_steps, "STEADY_SECONDS", 0)


@pytest.fixture
def two() -> Service:
    """Provide a service of two backends that is up."""
    made = Service("api", "web")
    made.up(web={}, api={"replicas": 2})
    return made


def servers(*names: str) -> str:
    return " ".join(f"server {name}:80;" for name in names)


@pytest.mark.parametrize(
    ("text", "serving", "expected"),
    [
        ("0-g1 1-g1", "0-g2 1-g1", "0-g2 1-g1"),
        ("0-g9 1-g9", "0-g10 1-g10", "0-g10 1-g10"),
        ("0-g1 1-g1 2-g1", "1-g1 2-g1", "1-g1 1-g1 2-g1"),
        ("0-g1 1-g1 2-g1", "1-g1", "1-g1 1-g1 1-g1"),
        ("0-g1 1-g3", "0-g1 1-g4 7-g4", "0-g1 1-g4"),
        ("1-g1 10-g1 11-g1", "1-g2 10-g2 11-g2", "1-g2 10-g2 11-g2"),
    ],
    ids=["by index", "numbers", "stand-in", "one for all", "several generations", "indexes that begin alike"],
)
def test_replicas_are_exchanged_by_index(text: str, serving: str, expected: str) -> None:
    before, now, after = (
        [f"site-web-{each}" for each in names.split()] for names in (text, serving, expected)
    )

    assert exchanged(servers(*before), "site-web", now) == servers(*after)


def test_other_backends_whose_names_begin_or_end_alike_stay() -> None:
    """`web` is none of `web-0`, `webs`, `a-web`, and no part of a longer name."""
    others = servers(
        "site-web-0-0-g1", "site-webs-0-g1", "a-site-web-0-g1", "site-web-0-g1-0-g1", "site-web-0-g1x"
    )

    assert exchanged(f"{others} {servers('site-web-0-g1')}", "site-web", ["site-web-0-g2"]) == (
        f"{others} {servers('site-web-0-g2')}"
    )


def test_the_replicas_of_before_are_the_text_of_before() -> None:
    """Also where others stood in for some of them: the text is made of that of before, not of the last."""
    before = servers("site-web-0-g1", "site-web-1-g1")

    assert exchanged(before, "site-web", ["site-web-0-g1", "site-web-1-g1"]) == before


# Rollbacks


@pytest.mark.parametrize("order", ["start-first", "stop-first"])
@pytest.mark.parametrize("parallelism", [1, 2])
def test_a_rollback_has_the_text_of_before_in_force(two: Service, order: str, parallelism: int) -> None:
    """No request is lost to a stopped or an unhealthy replica, and the other backend stays as it is."""
    before, ids = two.front_end.config, set(two.fake.there)
    two.fake.sick = {f"site-web-{index}-g3" for index in range(3)}
    check = {"container": {"health": ["CMD", "true"]}}

    with pytest.raises(EngineError, match="of 3 replicas of site-web failed; rolled back to site-web-0-g2"):
        two.up(
            web={
                "image": "app:2",
                **check,
                "update": {"monitor": 0, "order": order, "parallelism": parallelism},
            }
        )

    assert two.front_end.config == two.front_end.text == before
    assert two.fake.lost == []
    assert two.fake.running() == two.names()
    assert (set(two.fake.there) == ids) is (order == "start-first")
    two.up(web={}, api={"replicas": 2})
    assert two.fake.running() == two.names()


def test_a_rollback_after_the_first_rounds_goes_back_in_rounds() -> None:
    """The second round fails: the replica of the first is replaced again."""
    made = Service()
    made.up(web={})
    before = made.front_end.config
    made.fake.sick = {"site-web-1-g3"}

    with pytest.raises(Halted, match="1 of 3 replicas of site-web failed; rolled back to site-web-0-g2"):
        made.up(web={"image": "app:2", "container": {"health": ["CMD", "true"]}})

    assert made.front_end.config == made.front_end.text == before
    assert made.fake.lost == []
    assert made.fake.running() == made.names()


def test_replicas_that_another_port_needs_are_taken_back_without_a_reload() -> None:
    """They were made beside the others, and the front end has not heard of them."""
    made = Service()
    made.up(web={})
    before, reloads = set(made.fake.there), made.front_end.reloads
    made.fake.sick = {"site-web-1-g3"}

    with pytest.raises(EngineError, match="rolled back to site-web-0-g2"):
        made.up(web={"image": "app:2", "contact": "81", "container": {"health": ["CMD", "true"]}})

    assert set(made.fake.there) == before
    assert made.front_end.reloads == reloads
    assert made.fake.lost == []


# Changes that end where they are


def test_a_paused_change_goes_on_in_rounds() -> None:
    """Never more replicas than the surge, also after the pause."""
    made = Service()
    made.up(web={})
    made.fake.sick = {"site-web-1-g3"}
    change: dict[str, Any] = {
        "image": "app:2",
        "container": {"health": ["CMD", "true"]},
        "update": {"monitor": 0, "failure_action": "pause"},
    }
    with pytest.raises(Halted, match="the change ends here, the next `up` goes on"):
        made.up(web=change)
    assert made.front_end.sends_to == ["site-web-0-g3", "site-web-1-g2", "site-web-2-g2"]

    made.fake.sick.clear()
    made.up(web=change)

    assert made.fake.running() == made.names() == [f"site-web-{index}-g3" for index in range(3)]
    assert made.fake.most_running == 4
    assert made.fake.lost == []


def test_a_reload_that_is_refused_leaves_all_as_it_was(two: Service) -> None:
    """The next run, with or without the change, is as if there had been none."""
    before = two.front_end.config
    two.front_end.refuses = "site-web-0-g3"

    with pytest.raises(
        Halted, match=r"the reload failed, the old configuration stays in force: .*host not found"
    ):
        two.up(web={"image": "app:2"})
    assert two.front_end.config == two.front_end.text == before
    two.up(web={})

    assert two.front_end.config == two.front_end.text == before
    assert two.fake.running() == two.names()
    assert two.fake.lost == []


def test_an_image_that_cannot_be_pulled_changes_neither_host_nor_state(
    two: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change taken back is no change: its replicas are not made anew."""
    before = set(two.fake.there)

    def refuse(*_: object) -> None:
        raise EngineError("no such image")

    monkeypatch.setattr("components.engine.images.PullImage.perform", refuse)
    with pytest.raises(EngineError, match="no such image"):
        two.up(web={"image": "nowhere:1"})
    monkeypatch.undo()

    two.up(web={})
    assert set(two.fake.there) == before


# The record


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"before": 1}', '{"before": "x", "serving": {}}'])
def test_a_record_that_was_cut_short_is_none(two: Service, spoilt: str) -> None:
    """A full disk or a crash of the host leaves one; the change goes on from what is in force."""
    two.fake.acts.clear()
    two.fake.kill_at = 9
    with pytest.raises(Killed):
        two.up(web={"image": "app:2"})
    two.fake.kill_at = None
    assert RECORD in two.front_end.files
    two.front_end.files[RECORD] = spoilt

    two.up(web={"image": "app:2"})

    assert two.fake.running() == two.names()
    assert two.front_end.text == two.text()
    assert two.fake.lost == []


def test_a_configuration_delivered_since_is_that_of_before(two: Service) -> None:
    """A later rollback brings it back, not one of an earlier change."""
    two.up(web={"image": "app:2"}, route="new")
    before = two.front_end.config
    two.fake.sick = {"site-web-0-g4"}

    with pytest.raises(EngineError, match="rolled back"):
        two.up(web={"image": "app:3", "container": {"health": ["CMD", "true"]}}, route="new")

    assert two.front_end.config == two.front_end.text == before
    assert "new" in before


def test_the_record_holds_names_and_the_configuration_alone(two: Service) -> None:
    """Nothing of a replica's environment."""
    two.up(web={"image": "app:2", "container": {"environment": {"TOKEN": "correct-horse"}}})

    record = json.loads(two.front_end.files[RECORD])
    assert set(record) == {"before", "serving", "loading"}
    assert record["loading"] == ""
    assert "correct-horse" not in json.dumps(record)


def test_more_replicas_need_no_reload_but_that_of_the_configuration(two: Service) -> None:
    reloads = two.front_end.reloads

    two.up(web={"replicas": 5})

    assert two.front_end.reloads == reloads + 1


def test_containers_of_a_service_without_rounds_are_followed_by_another_generation() -> None:
    """They are the docker provider's, and their names are taken."""
    made = Service()
    for index in range(3):
        made.fake.there[f"a{index:063x}"] = {
            "Id": f"a{index:063x}",
            "Name": f"/site-web-{index}-1a2b3c4",
            "Config": {"Labels": made.backends["web"].labels, "Image": "app:1", "Env": []},
            "State": {"Status": "running", "Running": True, "Restarting": False, "ExitCode": 0},
            "RestartCount": 0,
            "NetworkSettings": {"Networks": {"net": {"Aliases": [f"site-web-{index}-g7", "123456789012"]}}},
        }
    made.front_end.text = made.front_end.files[PROGRAM.path] = servers("site-web-0-g7")

    made.up(web={})

    assert made.names() == [f"site-web-{index}-g8" for index in range(3)]
    assert len(made.fake.there) == 6
    assert made.fake.lost == []


def test_a_container_that_somebody_relabelled_is_no_error() -> None:
    """It carries the mark alone, or no index."""
    made = Service()
    made.up(web={})
    labels = made.backends["web"].labels
    for number, marks in enumerate(
        [{"io.longshore.replicas": "m1"}, {**labels, "io.longshore.replicas": "m2"}]
    ):
        made.fake.there[f"a{number:063x}"] = {
            "Id": f"a{number:063x}",
            "Name": f"/by-hand-{number}",
            "Config": {"Labels": marks, "Image": "app:1", "Env": []},
            "State": {"Status": "exited", "Running": False},
            "NetworkSettings": {"Networks": {}},
        }

    made.up(web={"image": "app:2"})

    assert made.fake.running() == made.names()


def test_the_first_replicas_are_not_watched() -> None:
    """Nothing sends to them yet; the first `up` takes no longer for it."""
    service, said = Service(), list[str]()

    with reported_to(said.append):
        service.up(web={"update": {"monitor": 3600}})

    assert "create site-web-0-g2, site-web-1-g2, site-web-2-g2: 3 replicas are declared" in said
    assert service.fake.running() == service.names()
