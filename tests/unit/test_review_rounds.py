"""Forecast of rounds: its numbers are those of the plan that `up` carries out."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Optional

import pytest

from components.engine.canary_steps import Trial, trial_of
from components.engine.replica_changes import changes
from components.engine.replica_steps import CHECK_SECONDS, AwaitHealthy, Create, Pause, Remove, Stop, Watch
from components.engine.steps import Step
from components.proxies.container import Canary, Update
from components.review import review
from components.review.consequences.consequence import Consequence
from components.review.consequences.rounds import Course, Plan, course, seconds
from tests.unit.test_replica_changes import NEW, container
from tests.unit.test_review import case

OLD_MIB, NEW_MIB = 100, 30
SINGLE = re.compile(r"::site-web-\d$")
"""Name of a replica that is a container of its own."""


@dataclass(frozen=True, kw_only=True)
class Sent(Step):
    """The front end sends to these replicas."""

    serving: Sequence[str]
    watch: Optional[Watch]

    @property
    def action(self) -> str:
        return "send"

    def perform(self, engine: object) -> None:
        raise NotImplementedError


def planned(
    before: int, after: int, policy: Update, canary: Optional[Canary] = None
) -> tuple[Course, tuple[float, float]]:
    """Return the course of the plan that the engine carries out, and its seconds, from its steps."""

    def load(serving: Sequence[str], watch: Optional[Watch]) -> list[Step]:
        return [Sent(serving=serving, watch=watch, cause="")]

    old = [container(index) for index in range(before)]
    wanted = replace(NEW, count=after, known=frozenset(each.id for each in old))
    there = {each.name: OLD_MIB for each in old}
    fewest, most, memory, rounds, replacing = before, before, before * OLD_MIB, 0, 0
    least, most_seconds = 0.0, 0.0
    trial = trial_of(replace(wanted, contact="80"), canary)
    for step in changes(old, wanted, policy, load, (), trial):
        match step:
            case Trial():
                replacing = 1  # its round has no watch
                least += step.terms.interval
                most_seconds += step.send.drain + step.terms.longest - step.terms.interval + CHECK_SECONDS
            case Create():
                there |= {each.name: NEW_MIB for each in step.replicas}
                most, memory = max(most, len(there)), max(memory, sum(there.values()))
                rounds += 1
            case Sent():
                fewest = min(fewest, len(step.serving))
                most_seconds += NEW.template.drain
                if step.watch:
                    replacing += 1
                    least += step.watch.seconds
                    most_seconds += CHECK_SECONDS
            case Pause():
                least += step.seconds
            case AwaitHealthy() | Stop():
                most_seconds += step.seconds
            case Remove():
                there = {name: mib for name, mib in there.items() if name not in step.containers}
    found = Course(rounds=rounds, replacing=replacing, serving=fewest, running=most, memory=memory)
    return found, (least, least + most_seconds)


@pytest.mark.parametrize(
    ("order", "canary"),
    [("start-first", None), ("stop-first", None), ("start-first", Canary(steps=[5, 50], interval=20))],
    ids=["start-first", "stop-first", "canary"],
)
def test_a_forecast_counts_as_the_plan_does(order: Any, canary: Optional[Canary]) -> None:
    """Rounds, watches, replicas that serve and exist, their memory, and all waits, for many sizes."""
    for before, after, parallelism in product((1, 2, 3, 5), (1, 2, 3, 5, 8), (1, 2, 3, 9)):
        policy = Update(parallelism=parallelism, order=order, monitor=7, delay=3)
        old, new = (
            Plan(
                replicas=number,
                memory=memory,
                drain=10,
                start_timeout=60,
                update=policy,
                canary=canary,
            )
            for number, memory in ((before, OLD_MIB), (after, NEW_MIB))
        )

        found = course(old, new)

        expected = planned(before, after, policy, canary)
        assert (found, seconds(found, old, new)) == expected, (before, after, parallelism)


Edit = Callable[[dict[str, Any], dict[str, Any]], object]


def forecast(edit: Edit, name: str = "rounds-image", changed: Sequence[str] = ()) -> list[Consequence]:
    """Return the consequences of a recorded change whose inputs of `Replicas` are edited, old and new."""
    preview = case(name)
    (step,) = [each for each in preview["steps"] if each["urn"].endswith("::site-web-replicas")]
    edit(step["oldState"]["inputs"], step["newState"]["inputs"])
    step["diffReasons"] = [*changed] or step["diffReasons"]
    (change,) = review(json.dumps(preview)).changes
    return list(change.consequences)


def pace(replicas: int = 3, **update: Any) -> Edit:
    def edit(old: dict[str, Any], new: dict[str, Any]) -> None:
        for inputs in (old, new):
            inputs["replicas"] = replicas
        new["update"] |= update

    return edit


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (pace(), "3 replicas of web replaced (image: longshore-app:1 → longshore-app:2) in 3 rounds of 1"),
        (pace(), "at least 40 s (monitor and delay) and at most 262 s: a bound"),
        (pace(), "at most 2,048 MiB meanwhile, with 4 replicas, and 1,536 MiB afterwards"),
        (pace(), "a replica is not healthy in time, or fails in the 10 s after that"),
        (pace(), "the former replicas are brought back"),
        (pace(10, parallelism=4, max_surge=3), "in 4 rounds of at most 3, start-first"),
        (pace(3, parallelism=3), "in 1 round, start-first"),
        (pace(10, monitor=0, delay=0), "The rounds of web take at most 640 s"),
        (pace(10, max_failure_ratio=0.25), "If more than 2 replicas are not healthy in time, or fail"),
        (pace(failure_action="pause"), "all stays as it is then, until the next up goes on"),
        (pace(failure_action="continue"), "the other replicas are replaced, too"),
        (pace(3, order="stop-first"), "which leaves at least 2 of 3 to serve"),
        (pace(3, order="stop-first"), "Memory limits never exceed those of afterwards: 1,536 MiB"),
        (lambda old, new: new.update(replicas=5), "3 → 5 replicas of web replaced"),
        (lambda old, new: old.update(image="longshore-app:2"), "(image: a value that is secret, or of a"),
    ],
)  # fmt: skip
def test_the_words_of_a_forecast(edit: Edit, said: str) -> None:
    found = forecast(edit)

    assert said in " ".join(each.text for each in found)
    assert not any(each.gap for each in found)


def test_memory_of_backends_that_change_at_the_same_time() -> None:
    """Their rounds are not in turn: what a host must have free is the sum of their peaks."""
    preview = case("rounds-image")
    (step,) = [each for each in preview["steps"] if each["urn"].endswith("::site-web-replicas")]
    preview["steps"].append(json.loads(json.dumps(step).replace("site-web-", "site-api-")))

    (change,) = review(json.dumps(preview)).changes

    assert change.consequences[-2].text == (
        "2 backends change at the same time: their memory limits are at most 4,096 MiB together "
        "meanwhile, and 3,072 MiB afterwards."
    )


def tried(replicas: int = 3, **canary: Any) -> Edit:
    def edit(old: dict[str, Any], new: dict[str, Any]) -> None:
        for inputs in (old, new):
            inputs["replicas"] = replicas
        new["canary"] = canary

    return edit


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (tried(), "The first round is a canary: 1 replica of 4 with 5, 25 and 50 % of the requests."),
        (tried(), "After 30 s in each step it is refused and removed if it answers worse than the old ones;"),
        (tried(), "; with fewer than 50 of its answers in 120 s it goes on."),
        (tried(), "A replica of the canary has 3.0 times the requests of an old one then."),
        (tried(10, steps=[5]), "1 replica of 11 with 5 % of the requests. After 30 s it is refused"),
        (tried(on_no_traffic="fail"), "; with fewer than 50 of its answers in 120 s it is refused."),
        (tried(on_no_traffic="wait"), "; it waits for 50 of its answers, however long that takes."),
        (tried(on_no_traffic="wait"), "and no more is known: the canary waits for requests."),
        (tried(), "at least 120 s (monitor, delay and canary) and at most 638 s: a bound"),
    ],
)
def test_the_words_of_a_canary(edit: Edit, said: str) -> None:
    found = forecast(edit)

    assert said in " ".join(each.text for each in found)
    assert not any(each.gap for each in found)


def test_a_canary_alone_replaces_nothing() -> None:
    def edit(old: dict[str, Any], new: dict[str, Any]) -> None:
        new |= {"image": old["image"], "canary": {"steps": [5]}}

    found, *_ = forecast(edit, changed=["canary"])

    assert found.text.startswith("Later changes of web have other terms (canary")


@pytest.mark.parametrize(("replicas", "parallelism"), [(1, 1), (3, 3), (2, 9)])
def test_the_last_replica_stops_first(replicas: int, parallelism: int) -> None:
    """Nobody serves from its stop until the next one is healthy: the drain, and the start timeout."""
    found, *_ = forecast(pace(replicas, parallelism=parallelism, order="stop-first"))

    assert "nobody is served from the stop of the old ones" in found.text
    assert found.gap == 62


@pytest.mark.parametrize("key", ["update", "replicas", "container", "drain", "startTimeout"])
def test_a_pace_that_is_not_known_is_no_promise(key: str) -> None:
    found, *_ = forecast(lambda old, new: new.update({key: "[secret]"}))

    assert found.text == "Replicas of web change; how is secret, or not known yet."
    assert not found.known


def test_a_pace_alone_replaces_nothing() -> None:
    """It holds for the next change."""

    def edit(old: dict[str, Any], new: dict[str, Any]) -> None:
        new["image"] = old["image"]
        new["update"]["parallelism"] = 2

    found, *_ = forecast(edit, changed=["update"])

    assert "Later changes of web have other terms (update.parallelism: 1 → 2)" in found.text


@pytest.mark.parametrize(
    ("number", "said"), [(5, "2 replicas of web start"), (2, "1 replica of web removed")]
)
def test_a_count_alone_replaces_nothing(number: int, said: str) -> None:
    def edit(old: dict[str, Any], new: dict[str, Any]) -> None:
        new.update(image=old["image"], replicas=number)

    found, *_ = forecast(edit, changed=["replicas"])

    assert found.text.startswith(said)


def test_a_contact_alone_replaces_nothing() -> None:
    """A route is part of the check of the front end, and no replica is replaced for it."""

    def edit(old: dict[str, Any], new: dict[str, Any]) -> None:
        new["container"] = old["container"]

    found = forecast(edit, "rounds-check", changed=["contact"])

    assert [each.text for each in found] == [
        "The front end is reloaded with another configuration; no connection is dropped."
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rounds-begin", "3 replicas of web start, and are sent requests once they are healthy."),
        ("rounds-end", "3 replicas of web removed, after the front end no longer sends to them."),
    ],
)
def test_a_backend_that_comes_or_goes(name: str, said: str) -> None:
    """Without containers of the other form, nothing is replaced."""
    preview = case(name)
    preview["steps"] = [each for each in preview["steps"] if not SINGLE.search(each["urn"])]
    (change,) = review(json.dumps(preview)).changes

    assert change.consequences[0].text == said
