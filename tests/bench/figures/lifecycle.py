"""Seconds to bring a service up, to see that nothing changed, and to take it down again."""

import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from tests.bench.figures import rivals
from tests.bench.figures.report import Ratio, note, ratio_of, seconds, show
from tests.bench.hosts import Host
from tests.support import program

COUNT = 50
OURS, PLAIN = "longshore", "pulumi-docker, waits"
LIMITS = {"up": 1.15, "preview": 1.25, "destroy": 1.15}
"""Ours may take that much longer: it checks the configuration and reloads without a gap."""
Times = dict[str, list[float]]


def measure(host: Host, quick: bool) -> tuple[list[Ratio], list[str]]:
    """Return the ratios, and what was skipped with the reason."""
    count, rounds, previews = (10, 1, 1) if quick else (COUNT, 3, 3)
    makers, skipped = _rivals(host, count)
    times: dict[str, Times] = defaultdict(lambda: defaultdict(list))
    size: dict[str, int] = {}
    for turn in range(rounds):
        for make in makers:
            # Each is alone on the host: health checks of another's replicas would be in the way.
            with tempfile.TemporaryDirectory(prefix="longshore-figures-") as folder:
                rival = make(Path(folder))
                note(f"round {turn + 1} of {rounds}: {rival.name}, {count} replicas")
                of = times[rival.name]
                of["up"].append(rival.up())
                rivals.serves(host)
                found = [rival.preview() for _ in range(previews)]
                of["preview"] += [each for each in found if each is not None]
                if isinstance(rival, rivals.Longshore):
                    size[rival.name] = rival.state_bytes()
                of["destroy"].append(rival.destroy())
    _show(times, size, count, rounds)
    return _ratios(times), skipped


def _rivals(host: Host, count: int) -> tuple[list[Callable[[Path], rivals.Rival]], list[str]]:
    makers: list[Callable[[Path], rivals.Rival]] = []
    skipped = []
    if reason := program.unavailable():
        skipped.append(f"longshore and pulumi-docker: {reason}")
    else:
        makers += [
            lambda folder: rivals.Longshore(folder, host, count),
            lambda folder: rivals.Plain(folder, host, count, wait=True),
            lambda folder: rivals.Plain(folder, host, count, wait=False),
        ]
    if reason := rivals.unavailable("docker-compose"):
        skipped.append(f"docker-compose: {reason}")
    else:
        makers.append(lambda folder: rivals.Compose(folder, host, count))
    makers.append(lambda folder: rivals.EngineApi(folder, host, count))
    return makers, skipped


def _show(times: dict[str, Times], size: dict[str, int], count: int, rounds: int) -> None:
    rows = [["", "up", "preview", "destroy", "state, KiB"]]
    for name, of in times.items():
        cells = [seconds(of["up"]), seconds(of["preview"]), seconds(of["destroy"])]
        rows.append([name, *cells, f"{size[name] / 1024:.0f}" if name in size else "-"])
    show(f"{count} replicas behind HAProxy: seconds, median of {rounds}", rows)


def _ratios(times: dict[str, Times]) -> list[Ratio]:
    if OURS not in times:
        return []
    ours, plain = times[OURS], times[PLAIN]
    return [
        Ratio(f"{what}: {OURS} / {PLAIN}", ratio_of(ours[what], plain[what]), limit)
        for what, limit in LIMITS.items()
    ]
