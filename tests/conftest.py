"""Parts of every test run: fixtures of the bench, skips with a reason, and a summary of the reasons."""

import gc
import importlib.util
import os
import resource
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support import programs
from tests.support.promise import THOROUGH, Promise, skips

if importlib.util.find_spec("tests.bench.fixtures"):
    pytest_plugins = ["tests.bench.fixtures"]

# The suite starts Python some hundred times: without bytecode each would compile the package anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

NEEDS = {
    "pulumi_cli": ("pulumi",),
    "pulumi": ("pulumi", "pulumi-resource-docker", "pulumi-language-python"),
}
"""Programs without which the tests of a marker are skipped."""
WEIGHT = {"pulumi": 20, "pulumi_cli": 20, "engine": 5}
"""About how many plain tests one test with a marker is worth in time."""
SLOW, SLOWER = 250, 4
"""Worth of a slow test with none of these markers, in plain tests; factor of a slow one that has some."""
MEMORY = 8 * 2**30
"""Bytes that a process of a run may hold: one that takes more fails its test, and not all on this machine."""


def pytest_configure(config: pytest.Config) -> None:
    """Look for garbage seldom, which takes long. Bound memory. Hold a run under CI to what it promises."""
    gc.set_threshold(200_000)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    if THOROUGH:
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
        weights[item.location[0]] += _weight({mark.name for mark in item.iter_markers()})
        for marker, lacking in missing.items():
            if lacking and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"no {', '.join(lacking)} on PATH"))
    # A process that shares a bench among its tests cannot open another one: first what has its own.
    shares = {item.location[0] for item in items if "bench" in getattr(item, "fixturenames", ())}
    alone = {item.location[0] for item in items if item.get_closest_marker("engine")} - shares
    items.sort(key=lambda item: (item.location[0] not in alone, -weights[item.location[0]]))


def _weight(markers: Collection[str]) -> int:
    """Return about how many plain tests a test with these markers is worth in time."""
    needs = sum(WEIGHT.get(each, 0) for each in markers)
    if "slow" in markers:
        return 1 + (SLOWER * needs or SLOW)
    return 1 + needs


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
    from tests.support.wheel import build, once  # it loads Pulumi, which not every run needs

    folder = shared / "built"
    (found,) = once(folder, lambda: build(folder)).glob("wheels/*.whl")
    return found


@pytest.fixture(scope="session")
def installed(shared: Path, wheel: Path) -> Path:
    """Provide an environment with the wheel, and nothing else of ours. No test changes it."""
    from tests.support.wheel import environment, once

    folder = shared / "installed"
    return once(folder, lambda: environment(folder, wheel))


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run programs of plans and exports in the test's process, with its package, one after the other."""
    from components.plan import command, program
    from tests.support.commands import AtOnce
    from tests.support.mocks import plan

    monkeypatch.setattr(command, "ThreadPoolExecutor", AtOnce)
    monkeypatch.setattr(program, "_run", plan)


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Keep a figure for the end of the run."""
    return lambda line: record_property("note", line)


def slowest(stats: Mapping[str, Sequence[Any]], count: int = 10) -> list[str]:
    """List the files whose tests took longest, with their seconds; fixtures count, too."""
    seconds = Counter[str]()
    for report in {each for reports in stats.values() for each in reports if hasattr(each, "duration")}:
        seconds[report.location[0]] += report.duration
    return [f"{file} {taken:.0f} s" for file, taken in seconds.most_common(count)]


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
    terminal.write_line(f"slowest files: {', '.join(slowest(stats))}")
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
