"""A service whose replicas are one resource, beside an empty program, docker-compose and the engine alone."""

import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from tests.bench.figures import rivals
from tests.bench.figures.report import Ratio, note, ratio_of, seconds, show
from tests.bench.hosts import Host
from tests.support import program

COUNT = 50
OURS, EMPTY, COMPOSE = "longshore, in rounds", "an empty program", "docker-compose"
LIMITS = {
    ("up", COMPOSE): 1.05,
    ("up", rivals.EngineApi.name): 1.3,
    ("destroy", COMPOSE): 1.1,
    ("preview", EMPTY): 2.0,
    ("no-op up", EMPTY): 1.4,
}
"""Ours may take that many times as long."""


class Ours(program.Inline):
    """The repository's program."""

    as_a_user = True


class Rounds(rivals.Longshore):
    """`up` of a program inline, with `update`."""

    name = OURS

    def __init__(self, folder: Path, host: Host, count: int) -> None:
        services = {"web": program.service(replicas=count, update={})}
        self.program = Ours(folder, host, {"services": services})
        self.program.pulumi("stack", "init")


class Bare(Ours):
    """A program without a resource."""

    main = "import pulumi\n"


class Empty(Rounds):
    """The least that `up` can take."""

    name = EMPTY

    def __init__(self, folder: Path, host: Host, count: int) -> None:
        self.program = Bare(folder, host, {})
        self.program.pulumi("stack", "init")


def measure(host: Host, quick: bool) -> tuple[list[Ratio], list[str]]:
    """Return the ratios, and what was skipped with the reason."""
    if reason := program.unavailable() or rivals.unavailable("docker-compose"):
        return [], [f"rounds: {reason}"]
    count, turns = (10, 1) if quick else (COUNT, 5)
    makers: list[Callable[[Path], rivals.Rival]] = [
        lambda folder: Rounds(folder, host, count),
        lambda folder: Empty(folder, host, 0),
        lambda folder: rivals.Compose(folder, host, count),
        lambda folder: rivals.EngineApi(folder, host, count),
    ]
    times: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for turn in range(turns):
        for make in makers:
            # Each is alone on the host: health checks of another's replicas would be in the way.
            with tempfile.TemporaryDirectory(prefix="longshore-figures-") as folder:
                rival = make(Path(folder))
                note(f"turn {turn + 1} of {turns}: {rival.name}, {count} replicas")
                of = times[rival.name]
                of["up"].append(rival.up())
                if isinstance(rival, Rounds):
                    of["preview"].append(rival.preview() or 0)
                    of["no-op up"].append(rival.up())
                of["destroy"].append(rival.destroy())
    steps = ("up", "preview", "no-op up", "destroy")
    rows = [["", *steps]]
    for name, of in times.items():
        rows.append([name, *(seconds(of[step]) if of[step] else "-" for step in steps)])
    show(f"{count} replicas in rounds: seconds, median of {turns}", rows)
    return [
        Ratio(f"{step}: {OURS} / {other}", ratio_of(times[OURS][step], times[other][step]), limit)
        for (step, other), limit in LIMITS.items()
    ], []
