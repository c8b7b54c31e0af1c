"""Parts of runs killed at random moments; how many converge with the next run, and what stays behind.

    python -m tests.bench.figures.kills --moments 60 --minutes 30

Each part is killed in a first `up`, in an `up` that replaces every replica, and in a `destroy`, in turn.
After each kill the command is run again as `make` runs it: the host must hold what the state holds and serve,
or, after `down`, hold nothing.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

from tests.bench import images
from tests.bench.figures.report import note, show
from tests.bench.hosts import Bench, Host
from tests.bench.images import APP, APP_2
from tests.bench.kills import KILLS
from tests.support.interrupted import Stack
from tests.support.program import Program, PulumiError

MOMENTS, MINUTES = 12, 60.0
LONGEST = 12.0
"""Seconds of a run in which the moment falls; a run that ends before was not hurt."""
Result = tuple[str, bool, str]
"""In which command, whether the part was killed, and what did not converge; nothing when all did."""


def rounds(stack: Stack, part: str, chance: Random) -> Iterator[Result]:
    """Kill a part in a first `up`, in a change and in a `destroy`, for ever."""
    while True:
        stack.configure(image=APP)
        yield _hurt(stack, part, chance, "up")
        stack.configure(image=APP_2)
        yield _hurt(stack, part, chance, "up")
        yield _hurt(stack, part, chance, "destroy")


def _hurt(stack: Stack, part: str, chance: Random, command: str) -> Result:
    end = time.monotonic() + chance.uniform(0, LONGEST)
    arguments = (command, "--yes", "--skip-preview")
    killed = stack.hurt_if_running(part, lambda _: time.monotonic() >= end, *arguments)
    try:
        if command == "up":
            stack.program.operate("up")
            stack.assert_converged(image=stack.image)
        else:
            stack.program.operate("down")
            stack.assert_nothing_left()
    except (AssertionError, PulumiError) as error:
        return command, killed, str(error) or "the host holds something else than the state"
    return command, killed, ""


def measure(host: Host, part: str, moments: int, until: float) -> tuple[Counter[str], list[str]]:
    """Return counts by what happened, and what did not converge."""
    counts: Counter[str] = Counter()
    wrong = []
    with tempfile.TemporaryDirectory(prefix="longshore-kills-") as folder:
        stack = Stack(Program(Path(folder), host, {}), host)
        chance = Random(part)  # noqa: S311 — the same moments each time
        for command, killed, problem in islice(rounds(stack, part, chance), moments):
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
    given = parser.parse_args()
    parts = given.part or list(KILLS)
    began, rows, wrong = time.monotonic(), [["", "moments", "killed", "converged"]], []
    with Bench() as bench:
        host = bench.hosts[0]
        images.ensure(host)
        for number, part in enumerate(parts, 1):
            note(f"{part}: {given.moments} moments")
            end = began + given.minutes * 60 * number / len(parts)
            counts, failures = measure(host, part, given.moments, end)
            wrong += failures
            rows.append([part, *(str(counts[name]) for name in rows[0][1:])])
    show("Parts of a run killed at random moments", rows)
    for problem in wrong:
        print(f"\n{problem}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
