"""Parts of runs killed at random moments; how many converge with the next run, and what stays behind.

    python -m tests.bench.figures.kills --moments 60 --minutes 30

Each part is killed in a first `up`, in an `up` that replaces every replica, and in a `destroy`, in turn.
After each kill the command is run again as `make` runs it: the host must hold what the state holds and serve,
or, after `down`, hold nothing. With `--rounds` each `up` replaces the replicas of a service with `update`,
under load: no request may fail, unless the part is the engine.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from random import Random

from tests.bench import images
from tests.bench.figures.report import note, show
from tests.bench.hosts import Bench, Host
from tests.bench.images import APP, APP_2
from tests.bench.kills import KILLS
from tests.bench.load import Load
from tests.support.interrupted import PORT, Stack
from tests.support.program import Program, PulumiError

MOMENTS, MINUTES = 12, 60.0
RATE = 50
IN_ROUNDS = {"update": {"monitor": 1}, "drain": 1}
LONGEST = 12.0
"""Seconds of a run in which the moment falls; a run that ends before was not hurt."""
Result = tuple[str, bool, str]
"""In which command, whether the part was killed, and what did not converge; nothing when all did."""


def lives(stack: Stack, part: str, chance: Random) -> Iterator[Result]:
    """Kill a part in a first `up`, in a change and in a `destroy`, for ever."""
    while True:
        stack.configure(image=APP)
        yield _hurt(stack, part, chance, "up")
        stack.configure(image=APP_2)
        yield _hurt(stack, part, chance, "up")
        yield _hurt(stack, part, chance, "destroy")


def roll_outs(stack: Stack, part: str, chance: Random) -> Iterator[Result]:
    """Kill a part in changes of a service whose replicas are replaced in rounds, for ever."""
    stack.configure(image=APP, **IN_ROUNDS)
    stack.program.operate("up")
    for image in cycle((APP_2, APP)):
        stack.configure(image=image, **IN_ROUNDS)
        with Load(f"http://{stack.host.address}:{PORT}/", rate=RATE, max_seconds=600) as load:
            load.wait_sent(RATE)
            command, killed, problem = _hurt(stack, part, chance, "up")
            load.stop()
        report = load.report
        if report.failed and part != "engine" and not problem:
            problem = f"{report.failed} of {report.sent} requests failed: {report.failures[0]}"
        yield command, killed, problem


def _hurt(stack: Stack, part: str, chance: Random, command: str) -> Result:
    end = time.monotonic() + chance.uniform(0, LONGEST)
    arguments = (command, "--yes", "--skip-preview")
    killed = stack.hurt_if_running(part, lambda _: time.monotonic() >= end, *arguments)
    try:
        if command == "up":
            stack.program.operate("up")
            stack.assert_converged()
        else:
            stack.program.operate("down")
            stack.assert_nothing_left()
    except (AssertionError, PulumiError) as error:
        return command, killed, str(error) or "the host holds something else than the state"
    return command, killed, ""


def measure(
    host: Host, part: str, moments: int, until: float, kill: Callable[[Stack, str, Random], Iterator[Result]]
) -> tuple[Counter[str], list[str]]:
    """Return counts by what happened, and what did not converge."""
    counts: Counter[str] = Counter()
    wrong = []
    with tempfile.TemporaryDirectory(prefix="longshore-kills-") as folder:
        stack = Stack(Program(Path(folder), host, {}), host)
        chance = Random(part)  # noqa: S311 — the same moments each time
        for command, killed, problem in islice(kill(stack, part, chance), moments):
            counts["moments"] += 1
            counts["killed"] += killed
            counts["converged"] += not problem
            if problem:
                wrong.append(f"{part} in {command}: {problem}")
                stack.clear()
                break
            if time.monotonic() > until:
                break
        stack.program.operate("down", check=False)
        stack.clear()
    return counts, wrong


def main() -> int:
    """Run what the command line says; 1 when something did not converge."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.figures.kills", description=__doc__)
    parser.add_argument("--moments", type=int, default=MOMENTS, help=f"for each part; default: {MOMENTS}")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="in all; default: %(default)g")
    parser.add_argument("--part", choices=list(KILLS), action="append", help="may be repeated; default: all")
    parser.add_argument("--rounds", action="store_true", help="changes of a service with update, under load")
    given = parser.parse_args()
    parts, kill = given.part or list(KILLS), roll_outs if given.rounds else lives
    began, rows, wrong = time.monotonic(), [["", "moments", "killed", "converged"]], []
    with Bench() as bench:
        host = bench.hosts[0]
        images.ensure(host)
        for number, part in enumerate(parts, 1):
            note(f"{part}: {given.moments} moments")
            end = began + given.minutes * 60 * number / len(parts)
            counts, failures = measure(host, part, given.moments, end, kill)
            wrong += failures
            rows.append([part, *(str(counts[name]) for name in rows[0][1:])])
    show("Parts of a run killed at random moments", rows)
    for problem in wrong:
        print(f"\n{problem}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
