"""Time and memory of a first preview, when the number of replicas grows."""

import os
import signal
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import rivals
from tests.bench.figures.report import Ratio, note, show
from tests.bench.hosts import Host
from tests.support import program
from tests.support.program import Program

COUNTS = (50, 200, 1000)
EVERY = 0.2
PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 2**20


@dataclass(frozen=True)
class Cost:
    """Time and memory that a command needed."""

    seconds: float
    largest: int
    """Bytes that its largest process had at most."""
    together: int
    """Bytes that it and all it started had at most, shared pages counted once for each."""


def measure(host: Host, quick: bool) -> tuple[list[Ratio], list[str]]:
    """Return no ratios, and what was skipped with the reason."""
    if reason := program.unavailable():
        return [], [f"growth: {reason}"]
    rows = [["", "", "seconds", "largest process, MiB", "all together, MiB"]]
    for count in COUNTS[:2] if quick else COUNTS:
        with tempfile.TemporaryDirectory(prefix="longshore-figures-") as folder:
            for rival in (
                rivals.Longshore(Path(folder), host, count),
                rivals.Plain(Path(folder), host, count, wait=True),
            ):
                note(f"first preview: {rival.name}, {count} replicas")
                cost = watch(rival.program, "preview")
                sizes = [f"{size / MIB:.0f}" for size in (cost.largest, cost.together)]
                rows.append([rival.name, str(count), f"{cost.seconds:.1f}", *sizes])
    show("A first preview", rows)
    return [], []


def watch(what: Program, *arguments: str) -> Cost:
    """Run `pulumi <arguments>` and look at its processes all the time."""
    began = time.monotonic()
    process = what.start(*arguments)
    together, known = 0, {process.pid}
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
            time.sleep(EVERY)
    except BaseException:
        _kill(known)
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"pulumi {arguments[0]} failed: {what.log.read_text()[-2000:]}")
    return Cost(time.monotonic() - began, usage.ru_maxrss * 1024, together)


def tree(top: int) -> dict[int, int]:
    """Return bytes in memory of a process and of all it started, by process id."""
    children: dict[int, list[int]] = {}
    sizes: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it has ended meanwhile
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(entry.name))
                sizes[int(entry.name)] = int(fields[21]) * PAGE
    found, todo = {}, [top]
    while todo:
        each = todo.pop()
        found[each] = sizes.get(each, 0)
        todo += children.get(each, [])
    return found


def _kill(processes: Iterable[int]) -> None:
    for each in processes:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
