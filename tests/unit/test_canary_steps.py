"""A canary behind a front end on an engine in memory: its steps, its verdict, and what is left of it."""

from collections.abc import Callable
from typing import Any

import pytest

from components.engine import front_end_steps
from components.engine.containers import EngineError
from components.engine.progress import reported_to
from tests.support.fake_service import Service, passing_time

LINE = "192.0.2.9:1 [now] vhost=a.example backend=web server={} status={} 12 0/0/1/{}/9 ---- 0 x"
OLD, NEW = "web-1", "web-0-canary"
TERMS: dict[str, Any] = {"steps": [10, 50], "interval": 10, "min_requests": 100}
SERVED = ["site-web-0-g2", "site-web-1-g2", "site-web-2-g2"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_end_steps, "STEADY_SECONDS", 0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Provide the time, which passes while a step sleeps."""
    return passing_time(monkeypatch)


@pytest.fixture
def made(clock: list[float]) -> Service:
    """Provide a service of three replicas that is up, before which time passes in steps only."""
    service = Service()
    service.up(web={})
    return service


def traffic(*kinds: tuple[str, int, int, int]) -> Callable[[], list[str]]:
    """Return the lines of each look at the log: server, status, milliseconds, and how many."""
    lines = [LINE.format(server, status, ms) for server, status, ms, count in kinds for _ in range(count)]
    return lambda: lines


def up(service: Service, **keys: Any) -> tuple[list[str], list[str]]:
    """Bring a new image up with a canary; return what was shown, and what was warned of."""
    said, warned = list[str](), list[str]()
    with reported_to(said.append, warned.append):
        service.up(web={"image": "app:2", "canary": {**TERMS, **keys}})
    return said, warned


def refused(service: Service, **keys: Any) -> str:
    """Return the error of a canary that is refused, and check that nothing of it is left."""
    before, containers = service.front_end.config, set(service.fake.there)

    with pytest.raises(EngineError) as error:
        up(service, **keys)

    assert service.front_end.config == service.front_end.text == before
    assert set(service.fake.there) == containers
    assert service.fake.running() == SERVED
    assert service.fake.lost == []
    return str(error.value)


def test_a_canary_gets_more_with_each_step_and_is_followed_by_the_rest(made: Service) -> None:
    made.front_end.access = traffic((OLD, 200, 5, 90), (NEW, 200, 5, 10))
    texts = list[str]()
    act = made.fake.act

    def noted(kind: str) -> None:
        if kind == "reload":
            texts.append(made.front_end.config)
        act(kind)

    made.fake.act = noted  # type: ignore[method-assign]
    said, warned = up(made)

    servers = [[line for line in text.splitlines() if line.startswith("server")] for text in texts]
    assert servers[0] == [
        "server site-web-0-g2:80 weight=3;",
        "server site-web-1-g2:80 weight=3;",
        "server site-web-2-g2:80 weight=3;",
        "server site-web-0-g3:80 weight=1; # canary",
    ]
    assert servers[1][-1] == "server site-web-0-g3:80 weight=3; # canary"
    assert servers[2] == [
        "server site-web-0-g3:80 weight=1;",
        "server site-web-1-g2:80 weight=1;",
        "server site-web-2-g2:80 weight=1;",
    ]
    assert made.fake.running() == made.names() == [f"site-web-{index}-g3" for index in range(3)]
    assert made.front_end.config == made.text()
    assert made.fake.lost == warned == []
    assert made.fake.most_running == 4
    assert "web: canary at 10 %: 40 answers, 0 errors (old: 0 of 360); verdict in 7 s" in said
    assert (
        "send 10 % of the requests to site-web-0-g3, and judge it after 10 s: step 1 of 2 of the canary"
    ) in said


def test_a_canary_that_answers_errors_is_refused(made: Service) -> None:
    """The message has the step, the figures of both, the rule and the last log lines."""
    made.front_end.access = traffic((OLD, 200, 5, 90), (NEW, 200, 5, 5), (NEW, 500, 5, 5))

    said = refused(made)

    assert said.startswith(
        "1 of 3 replicas of site-web failed; rolled back to site-web-0-g2, site-web-1-g2, site-web-2-g2; the "
        "first: site-web-0-g3 (container site-web-0-g3-"
    )
    assert (
        "): web: canary at 10 %: 55 of 110 answers have a status from 500 on, of the former replicas 0 of "
        "990: more than 1.5 times as many, and not by chance (Fisher's exact test, p < 0.001); its last log "
        "lines:"
    ) in said


def test_a_slow_canary_is_refused(made: Service) -> None:
    made.front_end.access = traffic((OLD, 200, 5, 90), (NEW, 200, 300, 10))

    assert (
        "web: canary at 10 %: 50 % of 110 answers took up to 301 ms, of 990 of the former replicas up to 6 ms"
    ) in refused(made)


def test_a_canary_that_is_worse_with_more_requests_is_refused_then(made: Service) -> None:
    """Each step is judged by its own answers."""

    def lines() -> list[str]:
        half = "server site-web-0-g3:80 weight=3; # canary" in made.front_end.config
        return traffic((OLD, 200, 5, 50), (NEW, 500 if half else 200, 5, 50))()

    made.front_end.access = lines

    assert "web: canary at 50 %: 550 of 550 answers have a status from 500 on" in refused(made)


def test_a_canary_that_is_no_worse_than_the_others_is_promoted(made: Service) -> None:
    """Half of all answers are errors, of both."""
    made.front_end.access = traffic((OLD, 500, 5, 45), (OLD, 200, 5, 45), (NEW, 500, 5, 5), (NEW, 200, 5, 5))

    up(made)

    assert made.fake.running() == made.names()


# Few requests


def test_a_step_waits_for_requests(made: Service, clock: list[float]) -> None:
    """100 answers come in 20 s, so the first step takes twice its interval."""
    made.front_end.access = traffic((OLD, 200, 5, 90), (NEW, 200, 5, 5))

    said, warned = up(made)

    assert clock[0] == pytest.approx(2 * 19)
    assert warned == []
    assert (
        "web: canary at 10 %: 60 answers, 0 errors (old: 0 of 1,080); it waits for 100, at most 29 s" in said
    )


def test_without_requests_a_canary_is_promoted_with_a_warning(made: Service, clock: list[float]) -> None:
    _, warned = up(made)

    assert made.fake.running() == made.names()
    assert clock[0] == pytest.approx(2 * 40)
    assert warned == [
        f"web: canary at {percent} %: only 0 of 100 answers came within 40 s; it goes on "
        "(on_no_traffic: promote)"
        for percent in (10, 50)
    ]


def test_without_requests_a_canary_is_refused_where_the_user_says_so(made: Service) -> None:
    assert "web: canary at 10 %: 0 of 100 answers came within 40 s (on_no_traffic: fail)" in refused(
        made, on_no_traffic="fail"
    )


def test_without_requests_a_canary_waits_for_them_where_the_user_says_so(
    made: Service, clock: list[float]
) -> None:
    """They come after an hour."""
    some = traffic((OLD, 200, 5, 90), (NEW, 200, 5, 100))
    made.front_end.access = lambda: some() if clock[0] > 3600 else []

    said, warned = up(made, on_no_traffic="wait")

    assert made.fake.running() == made.names()
    assert clock[0] == pytest.approx(3600 + 1 + 10, abs=2)
    assert warned == []
    assert "web: canary at 10 %: 0 answers, 0 errors (old: 0 of 0); it waits for 100" in said


def test_few_requests_that_all_fail_refuse_a_canary(made: Service, clock: list[float]) -> None:
    """Fewer than `min_requests`, but the test says that it is no chance."""
    made.front_end.access = lambda: traffic((OLD, 200, 5, 90), (NEW, 500, 5, 6))() if clock[0] < 1 else []

    assert "6 of 6 answers have a status from 500 on" in refused(made)


# Replicas that fail


def test_a_canary_that_ends_is_refused_at_once(made: Service, clock: list[float]) -> None:
    def lines() -> list[str]:
        if clock[0] > 3:
            (canary,) = [each for each in made.fake.there.values() if "web-0-g3" in each["Name"]]
            canary["State"] |= {"Running": False, "Status": "exited", "ExitCode": 3}
        return []

    made.front_end.access = lines

    assert "it ended with exit code 3 within 10 s" in refused(made)
    assert clock[0] < 6


@pytest.mark.parametrize("tolerant", [{"max_failure_ratio": 1}, {"parallelism": 2, "max_failure_ratio": 1}])
def test_no_policy_tolerates_a_canary_that_fails(made: Service, tolerant: dict[str, Any]) -> None:
    """`max_failure_ratio` is about the rounds that follow it."""
    made.fake.sick = {"site-web-0-g3"}
    check = {"health": ["CMD", "true"]}

    with pytest.raises(EngineError, match=r"of 3 replicas of site-web failed; rolled back"):
        made.up(
            web={
                "image": "app:2",
                "container": check,
                "canary": TERMS,
                "update": {"monitor": 0, **tolerant},
            }
        )

    assert made.fake.running() == SERVED
    assert made.fake.lost == []


# Changes without a canary


@pytest.mark.parametrize("change", [{"replicas": 5}, {"replicas": 2}, {"canary": {"steps": [5]}}])
def test_replicas_of_the_same_definition_are_not_tried(made: Service, change: dict[str, Any]) -> None:
    reloads = made.front_end.reloads
    said = list[str]()

    with reported_to(said.append):
        made.up(web={"canary": TERMS, **change})

    assert not [text for text in said if "canary" in text]
    assert made.fake.running() == made.names()
    assert made.front_end.reloads <= reloads + 2


def test_a_rollback_has_no_canary_and_a_way_back_by_hand_has_one(made: Service) -> None:
    """The former image is a new definition, too, once nothing of it runs."""
    up(made)
    said = list[str]()

    with reported_to(said.append):
        made.up(web={"canary": TERMS})

    assert [text for text in said if text.startswith("send 10 % of the requests to site-web-0-g4")]
    assert made.fake.running() == made.names()


def test_a_change_that_one_configuration_cannot_reach_is_refused(made: Service) -> None:
    with pytest.raises(EngineError, match=r"canary: the front end reaches the new replicas in another way"):
        made.up(web={"image": "app:2", "contact": "81", "canary": TERMS})

    assert made.fake.running() == SERVED
    made.up(web={"image": "app:2", "contact": "81"})
    assert made.fake.running() == made.names()


def test_several_canaries_share_a_step(made: Service) -> None:
    """The first round is the canary: two at once get the share together, and only the bad one is named."""
    made.front_end.access = traffic((OLD, 200, 5, 90), (NEW, 200, 5, 9), ("web-1-canary", 500, 5, 9))

    with pytest.raises(EngineError, match=r"1 of 3 replicas of site-web failed; .*the first: site-web-1-g3"):
        made.up(web={"image": "app:2", "canary": TERMS, "update": {"parallelism": 2, "monitor": 0}})

    assert made.fake.running() == SERVED
    assert made.fake.lost == []
