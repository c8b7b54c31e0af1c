"""Rounds behind a front end, killed at each change of the engine, on an engine in memory."""

from typing import Any

import pytest

from components.engine import front_end_steps, replica_drift_steps, replica_steps, replicas
from tests.support.commands import AtOnce
from tests.support.fake_service import Service, passing_time


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_end_steps, "STEADY_SECONDS", 0)
    passing_time(monkeypatch)
    for module in (replica_drift_steps, replica_steps, replicas):
        monkeypatch.setattr(module, "ThreadPoolExecutor", AtOnce)


def assert_converged(made: Service) -> None:
    """Check that what is declared is there, that the front end sends to it, and that no request was lost."""
    assert made.fake.lost == []
    assert made.fake.running() == made.names()
    assert len(made.fake.there) == len(made.names())
    assert made.front_end.config == made.front_end.text == made.text()


ORDERS = [
    {"update": {"monitor": 0}},
    {"update": {"monitor": 0, "parallelism": 2}},
    {"update": {"monitor": 0, "parallelism": 3}},
    {"update": {"monitor": 0, "order": "stop-first"}},
    {"update": {"monitor": 0, "order": "stop-first", "parallelism": 2}},
    {"update": {"monitor": 0}, "canary": {"steps": [5, 50], "interval": 1}},
    {"update": {"monitor": 0, "parallelism": 2}, "canary": {"steps": [5], "interval": 1}},
]
THEN: dict[str, dict[str, Any]] = {
    "the same": {"image": "app:2"},
    "taken back": {},
    "another image": {"image": "app:3"},
    "fewer": {"image": "app:2", "replicas": 2},
    "another contact": {"image": "app:2", "contact": "81"},
}


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("then", THEN)
@pytest.mark.parametrize("adopted", [False, True], ids=["created", "adopted"])
def test_a_killed_change_converges(adopted: bool, then: str, order: dict[str, Any]) -> None:
    """Killed at any step: the next run brings what is declared, and no request is lost meanwhile."""
    service = Service()
    service.up(web={})
    if adopted:
        service.adopt()

    for made in service.killed(web={"image": "app:2", **order}):
        # Another contact with a canary is refused.
        without = {"canary": None} if then == "another contact" else {}
        made.up(web={**THEN[then], **order, **without})

        assert_converged(made)


@pytest.mark.parametrize("then", [{}, {"image": "app:2"}], ids=["taken back", "the same"])
def test_a_killed_change_of_two_backends_converges(then: dict[str, Any]) -> None:
    """Each has its own rounds, and the configuration has those of both."""
    service = Service("api", "web")
    service.up(web={}, api={"replicas": 2})

    for made in service.killed(web={"image": "app:2"}, api={"image": "app:2", "replicas": 2}):
        made.up(web=then, api={**then, "replicas": 2})

        assert_converged(made)


def test_a_single_replica_is_changed_twice_with_stop_first() -> None:
    """Nobody serves for a moment; the configuration never names a replica that is long gone."""
    stop_first = {"replicas": 1, "update": {"monitor": 0, "order": "stop-first"}}
    made = Service()
    made.up(web=stop_first)
    for number in range(2, 5):
        made.fake.lost.clear()

        made.up(web={"image": f"app:{number}", **stop_first})

        assert made.fake.lost == [f"site-web-0-g{number}: stopped"]
        assert made.front_end.sends_to == [f"site-web-0-g{number + 1}"]
