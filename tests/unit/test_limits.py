"""Limits of processes, and what engines answer when they are asked for one."""

from typing import Any

import pytest

from components.engine import limits
from components.engine.containers import EngineError

FORWARDING = "IPv4 forwarding is disabled. Networking will not work."
DISCARDED = (
    "Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded."
)


def limited(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> list[tuple[str, Any]]:
    """Limit one container on an engine that gives `answer`, and return what it was asked for."""
    found: list[tuple[str, Any]] = []

    def post(_: Any, path: str, body: Any) -> Any:
        found.append((path, body))
        return answer

    monkeypatch.setattr(limits, "post", post)
    engine: Any = None
    limits.limit_processes(engine, {"1a2b": 200})
    return found


@pytest.mark.parametrize("warnings", [None, [], [FORWARDING]])
def test_a_warning_of_something_else_is_no_failure(monkeypatch: pytest.MonkeyPatch, warnings: Any) -> None:
    """A host that forwards no packets still limits the processes."""
    asked = limited(monkeypatch, {"Warnings": warnings})

    assert asked == [("/containers/1a2b/update", {"PidsLimit": 200})]


def test_a_limit_that_the_engine_discards_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the engine's own words for it, whatever else it warns of."""
    with pytest.raises(EngineError, match=r"PIDs limit discarded\.\): its host needs the control group pids"):
        limited(monkeypatch, {"Warnings": [FORWARDING, DISCARDED]})
