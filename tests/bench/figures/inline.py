"""Seconds of a `make preview` that changes nothing, beside the commit before programs ran inline."""

import resource
import subprocess
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

from tests.bench.figures import rivals
from tests.bench.figures.earlier import checkout
from tests.bench.figures.report import Ratio, note, ratio_of, seconds, show
from tests.bench.hosts import Host
from tests.support import program

COMMIT = "119dd1c"
"""The last one with a language host in `make preview`."""
LIMIT = 0.75


class Hosted(program.Program):
    """The repository's program as it was."""


KINDS: dict[str, type[program.Program]] = {"inline": program.Program, "with a language host": Hosted}


def measure(host: Host, quick: bool) -> tuple[list[Ratio], list[str]]:
    """Return the ratio, and what was skipped with the reason."""
    if reason := program.unavailable():
        return [], [f"inline: {reason}"]
    rounds = 2 if quick else 5
    times: dict[str, list[float]] = defaultdict(list)
    busy: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="longshore-figures-") as folder, ExitStack() as stacks:
        try:
            Hosted.root = Path(folder, "hosted")
            checkout(COMMIT, Hosted.root)
        except subprocess.CalledProcessError:
            return [], [f"inline: {COMMIT} is not in the history of this checkout"]
        made: dict[str, program.Program] = {}
        for port, (name, kind) in enumerate(KINDS.items(), program.PORT):
            note(f"{name}: a service comes up")
            settings = {"web": program.service(replicas=2, front_end={"port": port})}
            made[name] = kind(Path(folder), host, {"services": settings})
            stacks.callback(made[name].operate, "down")
            made[name].operate("up")
            rivals.serves(host, port)
        for turn in range(rounds):
            for name in list(made)[:: 1 if turn % 2 else -1]:
                before = _busy()
                times[name].append(made[name].operate("preview").seconds)
                busy[name].append(_busy() - before)
    rows = [["", "seconds", "seconds of a processor"]]
    rows += [[name, seconds(times[name]), seconds(busy[name])] for name in KINDS]
    show(f"No-op preview of one service by `make preview`: median of {rounds}", rows)
    ratio = ratio_of(*(times[name] for name in KINDS))
    return [Ratio("no-op preview of one service: inline / with a language host", ratio, LIMIT)], []


def _busy() -> float:
    """Return the processor time of all that has been started and has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
