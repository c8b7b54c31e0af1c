"""What every test run has: fixtures of the bench, skips with a reason, and a summary that says them."""

import importlib.util
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wheel import build

if importlib.util.find_spec("tests.bench.fixtures"):
    pytest_plugins = ["tests.bench.fixtures"]

PULUMI = ("pulumi", "pulumi-resource-docker", "pulumi-language-python")
NO_PULUMI = "no pulumi (with its docker plugin and Python language host) on PATH"


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook, once
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A machine with nothing has an engine after its test, which comes first. Skip what needs the real CLI
    where it is missing."""
    items.sort(key=lambda item: "fresh_machine" not in getattr(item, "fixturenames", ()))
    for item in items:
        if item.get_closest_marker("engine"):
            item.add_marker(pytest.mark.xdist_group("engine"))  # one bench at a time
    if all(shutil.which(program) for program in PULUMI):
        return
    for item in items:
        if item.get_closest_marker("pulumi"):
            item.add_marker(pytest.mark.skip(reason=NO_PULUMI))


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it is built for others."""
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Keep a figure for the end of the run."""
    return lambda line: record_property("note", line)


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
    for report in (*stats.get("passed", []), *stats.get("failed", [])):
        for name, line in report.user_properties:
            if name == "note":
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
