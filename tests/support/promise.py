"""The promise of a run under CI: which tests may be skipped, and how many engine tests run at least.

The list is `tests/promise.toml`. A whole run with CI=true fails in three cases:

- a test is skipped for another reason;
- more tests are skipped for a reason than it names;
- fewer engine tests pass than its floor.
"""

import os
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[1] / "promise.toml"
THOROUGH = os.environ.get("CI") == "true"
"""True under CI: tests of what is the same in many places try all of them. A run by hand takes some."""


class Promise:
    """The promise of this run; a part of the suite promises no number of engine tests."""

    def __init__(self, config: pytest.Config, file: Path = FILE) -> None:
        chosen = any(config.option.__dict__.get(name) for name in ("keyword", "markexpr", "lf", "maxfail"))
        self.whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not chosen
        self._promised = tomllib.loads(file.read_text())

    def broken(self, stats: Mapping[str, Sequence[Any]]) -> list[str]:
        """List the broken promises, one line each."""
        allowed = {skip["reason"]: skip["tests"] for skip in self._promised["skip"]}
        found = [
            f"{count} skipped, {allowed.get(reason, 0)} may be: {reason}"
            for reason, count in sorted(skips(stats).items())
            if count > allowed.get(reason, 0)
        ]
        ran, floor = engine_tests(stats), self._promised["engine_tests"]
        if self.whole and ran < floor:
            found.append(f"{ran} engine tests passed, {floor} must")
        return found


def skips(stats: Mapping[str, Sequence[Any]]) -> Counter[str]:
    """Count the skipped tests by reason."""
    return Counter(_reason(report) for report in stats.get("skipped", []))


def engine_tests(stats: Mapping[str, Sequence[Any]]) -> int:
    """Count the passed tests with a real engine, without those that need more than any machine can have."""
    return sum(
        "engine" in each.keywords and "pulumi" not in each.keywords for each in stats.get("passed", [])
    )


def _reason(report: Any) -> str:
    longrepr = report.longrepr
    reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return str(reason).removeprefix("Skipped: ")
