"""Measure how long clients wait, and for how long new requests still fail, when a replica hangs."""

from tests.bench.faults import suffer
from tests.bench.hosts import Host

from .report import Ratio, show

DEADLINE = 1.0
WAIT_LIMIT = DEADLINE + 0.5
AVOIDED_WITHIN = 1.5


def measure(host: Host, quick: bool) -> tuple[list[Ratio], list[str]]:
    """Return the ratios of the measured to the allowed times; nothing is skipped."""
    ratios, rows = [], []
    for kind in ("haproxy",) if quick else ("haproxy", "nginx"):
        for fault in ("stopped", "cut"):
            seen = suffer(host, kind, fault, response_deadline=DEADLINE)
            longest = seen.report.max_ms / 1000
            rows.append([f"{kind}, {fault}", str(seen.report.failed), f"{longest:.2f} s", "-"])
            name = f"{kind}, {fault}: longest wait / (deadline + 0.5 s)"
            ratios.append(Ratio(name, longest / WAIT_LIMIT, 1.0))
    for fault in () if quick else ("stopped", "cut"):
        seen = suffer(host, "haproxy", fault)
        last = max((f.offset - seen.began for f in seen.report.failures), default=0.0)
        rows.append(
            [f"haproxy, {fault}, no deadline", str(seen.report.failed), "-", f"{max(0.0, last):.2f} s"]
        )
        name = f"haproxy, {fault}, no deadline: last failing request / 1.5 s"
        ratios.append(Ratio(name, max(0.0, last) / AVOIDED_WITHIN, 1.0))
    header = ["one replica of three", "failed", "longest wait", "last failing one sent after"]
    show("Faults", [header, *rows])
    return ratios, []
