"""What every test run has: fixtures of the bench, skips with a reason, and a summary that says them."""

import importlib.util
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

if importlib.util.find_spec("tests.bench.fixtures"):
    pytest_plugins = ["tests.bench.fixtures"]

PULUMI = ("pulumi", "pulumi-resource-docker", "pulumi-language-python")
NO_PULUMI = "no pulumi (with its docker plugin and Python language host) on PATH"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the real CLI where it is missing."""
    if all(shutil.which(program) for program in PULUMI):
        return
    for item in items:
        if item.get_closest_marker("pulumi"):
            item.add_marker(pytest.mark.skip(reason=NO_PULUMI))


NOTES: list[str] = []


@pytest.fixture
def note() -> Callable[[str], None]:
    """Keep a figure for the end of the run."""
    return NOTES.append


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """After pytest's own summary, the last lines: figures, each reason why tests were skipped and
    how many, then the counts."""
    yield
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or session.config.option.collectonly:
        return
    stats = terminal.stats
    reasons = Counter(_reason(report) for report in stats.get("skipped", []))
    terminal.section("result")
    for line in NOTES:
        terminal.write_line(line)
    for reason, count in sorted(reasons.items()):
        terminal.write_line(f"skipped {count}: {reason}")
    passed = len(stats.get("passed", []))
    failed = len(stats.get("failed", [])) + len(stats.get("error", []))
    skipped = len(stats.get("skipped", []))
    terminal.write_line(f"{passed} passed, {failed} failed, {skipped} skipped")


def _reason(report: Any) -> str:
    longrepr = report.longrepr
    reason = longrepr[2] if isinstance(longrepr, tuple) else str(longrepr)
    return str(reason).removeprefix("Skipped: ")
