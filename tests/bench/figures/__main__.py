"""`make bench`: measure, print, and end with 1 when a limit is missed."""

import argparse
import sys
from collections.abc import Callable

from tests.bench import images
from tests.bench.figures import (
    earlier,
    edge,
    faults,
    growth,
    inline,
    lifecycle,
    reports,
    rounds,
    slow,
    streams,
    throughput,
    vip,
)
from tests.bench.figures.report import Ratio, show
from tests.bench.hosts import Bench, Host
from tests.bench.process import BenchUnavailable

HOSTS = 3
ON_NONE: dict[str, Callable[[bool], tuple[list[Ratio], list[str]]]] = {
    "reports": reports.measure,
}
ON_ONE: dict[str, Callable[[Host, bool], tuple[list[Ratio], list[str]]]] = {
    "lifecycle": lifecycle.measure,
    "earlier": earlier.measure,
    "inline": inline.measure,
    "rounds": rounds.measure,
    "throughput": throughput.measure,
    "edge": edge.measure,
    "slow": slow.measure,
    "streams": streams.measure,
    "growth": growth.measure,
    "faults": faults.measure,
}
ON_SEVERAL: dict[str, Callable[[list[Host], bool], tuple[list[Ratio], list[str]]]] = {
    "vip": vip.measure,
}


def main() -> int:
    """Run what the command line says; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.figures", description=__doc__)
    parser.add_argument(
        "--only", choices=[*ON_NONE, *ON_ONE, *ON_SEVERAL], action="append", help="a part; may be repeated"
    )
    parser.add_argument(
        "--quick", action="store_true", help="small and once: to see that it runs, not a gate"
    )
    given = parser.parse_args()
    ratios, skipped = _measured(given.only or [*ON_NONE, *ON_ONE, *ON_SEVERAL], given.quick)
    if ratios:
        show("Limits", [["", "ratio", "limit", ""], *(ratio.row for ratio in ratios)])
    print()
    for reason in skipped:
        print(f"skipped {reason}")
    missed = [ratio for ratio in ratios if not ratio.kept]
    for ratio in missed:
        print(f"missed: {ratio.name}: {ratio.value:.2f}, limit {ratio.limit:.2f}")
    return 1 if missed and not given.quick else 0


def _measured(chosen: list[str], quick: bool) -> tuple[list[Ratio], list[str]]:
    """Measure the chosen parts; the ratios, and what was skipped and why."""
    ratios: list[Ratio] = []
    skipped: list[str] = []
    for measure_alone in [ON_NONE[name] for name in chosen if name in ON_NONE]:
        more, without = measure_alone(quick)
        ratios += more
        skipped += without
    try:
        if alone := [ON_ONE[name] for name in chosen if name in ON_ONE]:
            with Bench() as bench:
                images.ensure(bench.hosts[0])
                for measure in alone:
                    more, without = measure(bench.hosts[0], quick)
                    ratios += more
                    skipped += without
        if together := [ON_SEVERAL[name] for name in chosen if name in ON_SEVERAL]:
            with Bench(HOSTS) as bench:
                for host in bench.hosts:
                    images.ensure(host)
                for measure_all in together:
                    more, without = measure_all(bench.hosts, quick)
                    ratios += more
                    skipped += without
    except BenchUnavailable as error:
        skipped.append(f"all of it: {error}")
    return ratios, skipped


if __name__ == "__main__":
    sys.exit(main())
