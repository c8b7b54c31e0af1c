"""Parts of every test run: fixtures of the bench, skips with a reason, and a summary of the reasons."""

import gc
import importlib.util
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import programs
from tests.support.promise import Promise, skips
from tests.support.wheel import build, environment, once

if importlib.util.find_spec("tests.bench.fixtures"):
    pytest_plugins = ["tests.bench.fixtures"]

NEEDS = {
    "pulumi_cli": ("pulumi",),
    "pulumi": ("pulumi", "pulumi-resource-docker", "pulumi-language-python"),
}
"""Programs without which the tests of a marker are skipped."""
WEIGHT = {"pulumi": 20, "pulumi_cli": 20, "engine": 5}
"""About how many plain tests one test with a marker is worth in time."""


def pytest_configure(config: pytest.Config) -> None:
    """Look for garbage seldom, which takes long. Hold a run under CI to what it promises to run."""
    gc.set_threshold(50_000)
    if os.environ.get("CI") == "true":
        config.pluginmanager.register(Promise(config), "promise")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort long files first: each goes to the process that is free. Skip tests that lack a program."""
    missing = {
        marker: [program for program in needed if shutil.which(program) is None]
        for marker, needed in NEEDS.items()
    }
    weights = Counter[str]()
    for item in items:
        weights[item.location[0]] += 1 + sum(WEIGHT.get(mark.name, 0) for mark in item.iter_markers())
        for marker, lacking in missing.items():
            if lacking and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"no {', '.join(lacking)} on PATH"))
    # A process that shares a bench among its tests cannot open another one: first what has its own.
    shares = {item.location[0] for item in items if "bench" in getattr(item, "fixturenames", ())}
    alone = {item.location[0] for item in items if item.get_closest_marker("engine")} - shares
    items.sort(key=lambda item: (item.location[0] not in alone, -weights[item.location[0]]))


def pytest_collection_finish() -> None:
    """Take the tests out of the search for garbage: thousands of them stay until the end."""
    gc.freeze()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide a folder of all processes of this run, for parts that one of them makes for all."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def wheel(shared: Path) -> Path:
    """Provide the package as it is built for others."""
    folder = shared / "built"
    (found,) = once(folder, lambda: build(folder)).glob("wheels/*.whl")
    return found


@pytest.fixture(scope="session")
def installed(shared: Path, wheel: Path) -> Path:
    """Provide an environment with the wheel, and nothing else of ours. No test changes it."""
    folder = shared / "installed"
    return once(folder, lambda: environment(folder, wheel))


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Keep a figure for the end of the run."""
    return lambda line: record_property("note", line)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    """Print figures, found programs, reasons of skips and broken promises, after pytest's own summary."""
    yield
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is None or session.config.option.collectonly:
        return
    stats = terminal.stats
    terminal.section("result")
    for report in (*stats.get("passed", []), *stats.get("failed", [])):
        for name, line in report.user_properties:
            if name == "note":
                terminal.write_line(line)
    for line in programs.found():
        terminal.write_line(line)
    for reason, count in sorted(skips(stats).items()):
        terminal.write_line(f"skipped {count}: {reason}")
    promise = session.config.pluginmanager.get_plugin("promise")
    broken = promise.broken(stats) if promise else []
    for line in broken:
        terminal.write_line(f"promise broken: {line}")
    if broken and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    passed = len(stats.get("passed", []))
    failed = len(stats.get("failed", [])) + len(stats.get("error", [])) + len(broken)
    skipped = len(stats.get("skipped", []))
    terminal.write_line(f"{passed} passed, {failed} failed, {skipped} skipped")
