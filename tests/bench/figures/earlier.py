"""Seconds of an `up` and of a preview that change nothing, beside an earlier commit of this repository."""

import io
import subprocess
import tarfile
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

from tests.bench.figures import rivals
from tests.bench.figures.report import Ratio, note, ratio_of, seconds, show
from tests.bench.hosts import Host
from tests.support import program

COMMIT = "442c8b6"
"""Before faults were hunted in build 0.2.0."""
COUNT = 20
LIMIT = 1.03
QUIET = {"preview": ("--expect-no-changes",), "up": ("--yes", "--skip-preview", "--expect-no-changes")}
"""Arguments of the commands that are measured."""


class Earlier(program.Program):
    """The repository's program as it was."""


def checkout(commit: str, folder: Path) -> None:
    """Put the files of a commit in `folder`. CalledProcessError in a checkout without history."""
    command = ["git", "archive", commit]
    archive = subprocess.run(command, cwd=program.ROOT, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


KINDS: dict[str, type[program.Program]] = {"now": program.Program, "before": Earlier}


def measure(host: Host, quick: bool) -> tuple[list[Ratio], list[str]]:
    """Return the ratios, and what was skipped with the reason."""
    if reason := program.unavailable():
        return [], [f"an earlier commit: {reason}"]
    rounds = 2 if quick else 10
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="longshore-figures-") as folder:
        try:
            Earlier.root = Path(folder, "earlier")
            checkout(COMMIT, Earlier.root)
        except subprocess.CalledProcessError:
            return [], [f"an earlier commit: {COMMIT} is not in the history of this checkout"]
        made: dict[str, program.Program] = {}
        with ExitStack() as stacks:
            for port, (name, kind) in enumerate(KINDS.items(), program.PORT):
                note(f"{name}: {COUNT} replicas come up")
                settings = {"web": program.service(replicas=COUNT, front_end={"port": port})}
                made[name] = kind(Path(folder), host, {"services": settings})
                stacks.callback(made[name].destroy)
                made[name].up()
                rivals.serves(host, port)
            # In turn, and each first in every other round. A fixed order met the health checks of 40
            # replicas at the same point of each round, and moved the ratio by 0.2.
            for turn in range(rounds):
                for command in ("preview", "up"):
                    for name in list(made)[:: 1 if turn % 2 else -1]:
                        run = made[name].pulumi(command, *QUIET[command])
                        times[name, command].append(run.seconds)
    rows = [["", "preview", "up"]]
    rows += [
        [name, *(seconds(times[name, what]) for what in ("preview", "up"))] for name in ("now", "before")
    ]
    show(f"Nothing changes, {COUNT} replicas: seconds, median of {rounds}", rows)
    return [
        Ratio(f"no-op {what}: now / {COMMIT}", ratio_of(times["now", what], times["before", what]), LIMIT)
        for what in ("preview", "up")
    ], []
