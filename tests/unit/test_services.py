"""The wait until the tasks of a service run: by the tasks that an engine lists, one look after the other."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from components.engine.containers import EngineError
from components.engine.swarm import crowding, services

LONG = 600
"""Seconds by the clock of the swarm, in which each wait here has ended."""


class Swarm:
    """A manager of a service `web`; its clock goes on by each look's pause."""

    def __init__(self, replicas: int, tasks: Callable[[float], list[Any]]) -> None:
        self.now, self._tasks = 0.0, tasks
        spec = {
            "Name": "web",
            "Mode": {"Replicated": {"Replicas": replicas}},
            "TaskTemplate": {"ContainerSpec": {}},
        }
        self.api = SimpleNamespace(
            inspect_service=lambda _: {"ID": "s1", "Spec": spec}, tasks=lambda **_: self._tasks(self.now)
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < LONG, "it waits for ever"


def task(number: int, state: str, slot: int = 1) -> Any:
    desired = "running" if state in ("running", "starting") else "shutdown"
    return {
        "ID": f"t{number}",
        "Slot": slot,
        "DesiredState": desired,
        "CreatedAt": f"{number:09}",
        "Status": {"State": state, "Message": "finished" if state == "complete" else state},
        "Spec": {"ContainerSpec": {}},
    }


@pytest.fixture
def settle(monkeypatch: pytest.MonkeyPatch) -> Callable[[Swarm, float], None]:
    def wait(swarm: Any, seconds: float) -> None:
        clock = SimpleNamespace(monotonic=lambda: swarm.now, sleep=swarm.sleep)
        monkeypatch.setattr(services, "time", clock)
        monkeypatch.setattr(services, "_log", lambda *_: "goodbye")
        services.await_settled(swarm, "s1", seconds)

    return wait


def again_and_again(ending: str, kept: int) -> Callable[[float], list[Any]]:
    """Return tasks of which each runs for a second, 5 s after the former; `kept` of them are listed."""

    def tasks(now: float) -> list[Any]:
        number, second = divmod(now, 6)
        present = task(int(number), "running" if second < 1 else ending)
        former = [task(each, ending) for each in range(max(0, int(number) - kept), int(number))]
        return [*former, present][-kept:]

    return tasks


def test_tasks_that_end_without_an_error_are_no_service(settle: Any) -> None:
    """A program that ends at once is started again for ever; the third end is enough to say so."""
    swarm = Swarm(1, again_and_again("complete", kept=5))

    with pytest.raises(EngineError) as error:
        settle(swarm, 60)

    assert str(error.value) == (
        "service web does not run: task 1: finished; its last log lines:\n    goodbye"
    )
    assert swarm.now < 20


@pytest.mark.parametrize("ending", ["complete", "failed"])
def test_tasks_that_come_and_go_are_no_progress(ending: str, settle: Any) -> None:
    """Also where the swarm keeps no former tasks, by which their ends could be counted."""
    swarm = Swarm(1, again_and_again(ending, kept=1))

    with pytest.raises(EngineError, match="0 of 1 tasks of service web run, and no more for 60 s"):
        settle(swarm, 60)

    assert swarm.now < 120


def test_failures_of_long_ago_do_not_count(settle: Any) -> None:
    """A slot that failed three times last month runs; now there are to be two."""
    former = [task(each, "failed") for each in range(3)]

    def tasks(now: float) -> list[Any]:
        second = task(4, "running" if now > 3 else "starting", slot=2)
        return [*former, task(3, "running"), second]

    swarm = Swarm(2, tasks)

    settle(swarm, 60)

    assert 3 < swarm.now < 10


def test_an_ipv6_subnet_is_large_enough() -> None:
    """A network of both families lacks addresses of IPv4 only: its other subnet is never too small."""
    subnets = [{"Subnet": "fd00::/64"}, {"Subnet": "10.0.0.0/29"}]
    network = {"Id": "n1", "Name": "both", "IPAM": {"Config": subnets}}
    api = SimpleNamespace(networks=lambda: [network], nodes=list, services=list)
    engine: Any = SimpleNamespace(api=api)

    def needing(replicas: int) -> Any:
        return {
            "Mode": {"Replicated": {"Replicas": replicas}},
            "TaskTemplate": {"Networks": [{"Target": "both"}]},
        }

    assert crowding.crowded(engine, "web", needing(2)) is None
    assert str(crowding.crowded(engine, "web", needing(9))).startswith("network both 10.0.0.0/29 has 6 ")
