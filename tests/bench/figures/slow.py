"""Measure how long ordinary requests take beside slow and idle clients, and without them."""

from tests.bench import crowd, images
from tests.bench.hosts import Host
from tests.bench.load import Load
from tests.engine.test_slow_clients import CROWDS, brought_up, crowded
from tests.support.program import PORT

from .report import Ratio, note, show

RATE, SECONDS = 100, 20
LIMIT = 2.0


def measure(host: Host, quick: bool) -> tuple[list[Ratio], list[str]]:
    """Return ratios of each kind and crowd; nothing is skipped."""
    ratios, rows = [], [["", "from", "failed", "p99 ms", "p99 ms without"]]
    for kind in ("haproxy", "nginx"):
        with brought_up(host, (kind, images.PROXY)):
            for name in ["all"] if quick else CROWDS:
                for addresses in (1, 50):
                    note(f"{kind}: {name} from {addresses} addresses")
                    without = _load(host)
                    with crowded(host, name, crowd.sources(addresses)):
                        beside = _load(host)
                    rows.append(
                        [f"{kind}, {name}", str(addresses), str(beside.report.failed)]
                        + [str(each.report.p99_ms) for each in (beside, without)]
                    )
                    what = f"{kind}, {name} from {addresses}"
                    value = beside.report.p99_ms / without.report.p99_ms
                    ratios.append(Ratio(f"{what}: p99 beside / without", value, LIMIT))
                    ratios.append(Ratio(f"{what}: failed requests", float(beside.report.failed), 0.0))
    show(f"{RATE} requests a second for {SECONDS} s", rows)
    return ratios, []


def _load(host: Host) -> Load:
    with Load(f"http://{host.address}:{PORT}/", rate=RATE, max_requests=RATE * SECONDS) as load:
        load.wait_sent(RATE * SECONDS)
    return load
