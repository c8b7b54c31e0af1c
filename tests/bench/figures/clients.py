"""Ordinary requests beside clients that do what they like, while replicas come and go.

    python -m tests.bench.figures.clients --minutes 60 --seed 7

For each kind, 100 ordinary requests a second beside 50 clients of tests.bench.clients, for so many minutes,
while replicas of two backends are replaced, stopped, restarted, killed and paused. No ordinary request may
fail, but one whose answer had begun when its replica died, and no answer may come from a container of the
other backend.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random, SystemRandom

from tests.bench import images
from tests.bench.clients import Clients
from tests.bench.disturbance import HOSTS, Stage
from tests.bench.figures.report import note, show
from tests.bench.hosts import Bench, Host
from tests.bench.load import Failure, Load, Report

RATE, CLIENTS = 100, 50
KINDS = ("haproxy", "nginx")
DEATHS = ("killed", "stopped", "restarted", "replaced", "scaled")
"""Disturbances in which a replica ends."""


@dataclass
class Seen:
    """Observations of clients, and the disturbances of replicas."""

    report: Report = field(default_factory=Report)
    """Of the ordinary requests."""
    failed: list[Failure] = field(default_factory=list)
    """Ordinary requests that failed, but for those whose replica died within their answer."""
    foreign: int = 0
    """Answers from a container of another backend than the host name's."""
    actions: Counter[str] = field(default_factory=Counter)
    disturbances: list[tuple[float, float, str]] = field(default_factory=list)
    """Begin and end, in seconds since the ordinary requests began, and what it was."""


def run(host: Host, kind: str, seed: int, *, seconds: float = 0.0, count: int = 0) -> Seen:
    """Disturb replicas for so many seconds, and at least so many times."""
    chance = Random(f"{seed}-{kind}")  # noqa: S311 — the same each time
    stage = Stage(host, kind, images.NEWER, chance)
    seen = Seen()
    load = Load(stage.url, rate=RATE, host_header=HOSTS["shop"], max_seconds=1e9, max_requests=10**9)
    try:
        stage.up()
        with Clients(stage.url, list(HOSTS.values()), CLIENTS, seed) as clients, load:
            load.wait_sent(RATE)
            began = time.monotonic() - load.sent / RATE
            while time.monotonic() < began + seconds or len(seen.disturbances) < count:
                start = time.monotonic() - began
                what = stage.disturb()
                seen.disturbances.append((start, time.monotonic() - began, what))
            load.stop()
        seen.report = load.report
        seen.actions = clients.done
        answers = clients.instances + Counter(
            {(HOSTS["shop"], instance): n for instance, n in load.report.instances.items() if instance}
        )
        seen.foreign = sum(_foreign(stage, answers))
        seen.failed = [each for each in load.report.failures if not _excused(each, seen)]
    finally:
        stage.destroy()
    return seen


def _foreign(stage: Stage, answers: Counter[tuple[str, str]]) -> Iterator[int]:
    for name, host in HOSTS.items():
        for (asked, instance), count in answers.items():
            if asked == host and instance not in stage.seen[name]:
                yield count


def _excused(failure: Failure, seen: Seen) -> bool:
    """Return whether the answer had begun and a replica ended meanwhile."""
    return failure.kind == "incomplete" and any(
        begin - 1 <= failure.offset <= end + 1 and what.split()[0] in DEATHS
        for begin, end, what in seen.disturbances
    )


def main() -> int:
    """Run what the command line says; 1 when something failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.figures.clients", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="for each kind; default: %(default)g")
    parser.add_argument("--seed", type=int, help="of an earlier run; default: by chance")
    parser.add_argument("--kind", choices=KINDS, action="append", help="may be repeated; default: all")
    given = parser.parse_args()
    seed = SystemRandom().randrange(10**6) if given.seed is None else given.seed
    rows = [["", "requests", "failed", "excused", "foreign", "p99 ms", "disturbances", "clients' actions"]]
    wrong = []
    with Bench() as bench:
        host = bench.hosts[0]
        images.ensure(host)
        images.ensure_newer(host)
        for kind in given.kind or KINDS:
            note(f"{kind}: {given.minutes:g} minutes, seed {seed}")
            seen = run(host, kind, seed, seconds=given.minutes * 60)
            report, failed = seen.report, len(seen.failed)
            figures = [report.sent, failed, report.failed - failed, seen.foreign, report.p99_ms]
            rows.append([kind, *map(str, [*figures, len(seen.disturbances), seen.actions.total()])])
            wrong += [f"{kind}: {each} during {_during(each, seen)}" for each in seen.failed]
            wrong += [f"{kind}: {seen.foreign} answers of another backend"] if seen.foreign else []
    show(f"Ordinary requests beside {CLIENTS} clients that do what they like, seed {seed}", rows)
    for problem in wrong:
        print(f"\n{problem}")
    return 1 if wrong else 0


def _during(failure: Failure, seen: Seen) -> str:
    return ", ".join(what for begin, end, what in seen.disturbances if begin - 1 <= failure.offset <= end + 1)


if __name__ == "__main__":
    sys.exit(main())
