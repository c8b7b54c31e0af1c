"""Time and memory of a first preview, and of an `up` in rounds, when the number of replicas grows.

With `update` the replicas are one resource; a program with pulumi-docker has a resource for each.
"""

import os
import signal
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import rivals, rounds
from tests.bench.figures.report import Ratio, note, show
from tests.bench.hosts import Host
from tests.bench.kills import plugins
from tests.support import program
from tests.support.program import Program

COUNTS = (50, 200, 1000)
REAL = (50, 200)
"""Replicas that are not only previewed."""
EVERY = 0.2
MIB = 2**20
AS_ONE = 0.2
"""A first preview in rounds may take that part of the seconds of the program with pulumi-docker."""
MOST = 300
"""MiB that the first preview of the most replicas in rounds may take, all together."""


@dataclass(frozen=True)
class Cost:
    """Time and memory that a command needed."""

    seconds: float
    largest: int
    """Bytes that its largest process had at most."""
    together: int
    """Bytes that it and all it started had at most; of a page that several share, each has its part."""
    plugin: int
    """Bytes of that which our plugin had at most."""


def measure(host: Host, quick: bool) -> tuple[list[Ratio], list[str]]:
    """Return the ratios at the most replicas, and what was skipped with the reason."""
    if reason := program.unavailable():
        return [], [f"growth: {reason}"]
    rows = [["", "", "seconds", "largest process, MiB", "all together, MiB"]]
    costs: dict[str, Cost] = {}
    counts = COUNTS[:2] if quick else COUNTS
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="longshore-figures-") as folder:
            for rival in (
                rivals.Longshore(Path(folder), host, count),
                rounds.Rounds(Path(folder), host, count),
                rivals.Plain(Path(folder), host, count, wait=True),
            ):
                note(f"first preview: {rival.name}, {count} replicas")
                cost = costs[rival.name] = watch(rival.program, "preview")
                sizes = [f"{size / MIB:.0f}" for size in (cost.largest, cost.together)]
                rows.append([rival.name, str(count), f"{cost.seconds:.1f}", *sizes])
    show("A first preview", rows)
    _real(host, REAL[:1] if quick else REAL)
    as_one, plain = costs[rounds.OURS], costs[rival.name]
    name = f"first preview of {counts[-1]} in rounds"
    return [
        Ratio(f"{name}: seconds / {rival.name}", as_one.seconds / plain.seconds, AS_ONE),
        Ratio(f"{name}: memory / {MOST} MiB", as_one.together / MIB / MOST, 1),
    ], []


def _real(host: Host, counts: Iterable[int]) -> None:
    rows = [["", "seconds", "our plugin, MiB", "state, KiB"]]
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="longshore-figures-") as folder:
            ours = rounds.Rounds(Path(folder), host, count)
            note(f"first up in rounds, {count} replicas")
            try:
                cost = watch(ours.program, "up", "--yes", "--skip-preview")
                (state,) = ours.program.state.glob(f".pulumi/stacks/*/{ours.program.stack}.json")
                size = state.stat().st_size
            finally:
                ours.destroy()
            rows.append([str(count), f"{cost.seconds:.1f}", f"{cost.plugin / MIB:.0f}", f"{size / 1024:.0f}"])
    show("A first up in rounds", rows)


def watch(what: Program, *arguments: str) -> Cost:
    """Run `pulumi <arguments>` and look at its processes all the time."""
    began = time.monotonic()
    process = what.start(*arguments)
    together, plugin, known = 0, 0, {process.pid}
    try:
        while True:
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            if time.monotonic() - began > rivals.MANY:
                raise TimeoutError(f"pulumi {arguments[0]} took more than {rivals.MANY:g} s")  # noqa: TRY301 — ends its processes, too
            sizes = tree(process.pid)
            known |= set(sizes)
            together = max(together, sum(sizes.values()))
            plugin = max([plugin, *(sizes.get(each, 0) for each in plugins(process, "plugin"))])
            time.sleep(EVERY)
    except BaseException:
        _kill(known)
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"pulumi {arguments[0]} failed: {what.log.read_text()[-2000:]}")
    return Cost(time.monotonic() - began, usage.ru_maxrss * 1024, together, plugin)


def tree(top: int) -> dict[int, int]:
    """Return bytes in memory of a process and of all it started, by process id; a part of shared pages."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it has ended meanwhile
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                children.setdefault(int(parent), []).append(int(entry.name))
    found, todo = {}, [top]
    while todo:
        each = todo.pop()
        found[each] = 0
        with suppress(OSError):
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
            found[each] = sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
        todo += children.get(each, [])
    return found


def _kill(processes: Iterable[int]) -> None:
    for each in processes:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
