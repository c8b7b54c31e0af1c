"""One replica of three fails; the clients of the other two go on. Times are in `make bench`."""

from collections.abc import Callable

import pytest

from tests.bench.faults import suffer
from tests.bench.hosts import Host

pytestmark = [pytest.mark.engine, pytest.mark.load]

KINDS = ["haproxy", "nginx"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_replica_fails_no_get(host: Host, kind: str, note: Callable[[str], None]) -> None:
    """Requests in flight on it are tried elsewhere, and so are all later ones."""
    report = suffer(host, kind, "killed").report

    note(f"{kind}, replica killed: {report.sent} GETs, {report.failed} failed")
    assert report.failed == 0, report.failures[:5]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["stopped", "cut"])
def test_a_deadline_saves_every_get_from_a_hanging_replica(
    host: Host, kind: str, fault: str, note: Callable[[str], None]
) -> None:
    """When the deadline passes, the request is tried on another replica."""
    report = suffer(host, kind, fault, response_deadline=1).report

    note(
        f"{kind}, replica {fault}, deadline 1 s: {report.sent} GETs, {report.failed} failed, "
        f"longest {report.max_ms / 1000:.2f} s"
    )
    assert report.failed == 0, report.failures[:5]


@pytest.mark.parametrize("fault", ["stopped", "cut"])
def test_the_active_check_takes_a_hanging_replica_out(
    host: Host, fault: str, note: Callable[[str], None]
) -> None:
    """Without a deadline only what was sent to it by then suffers (HAProxy: nginx has no such check)."""
    seen = suffer(host, "haproxy", fault)

    last = max((failure.offset for failure in seen.report.failures), default=seen.began)
    note(
        f"haproxy, replica {fault}, no deadline: {seen.report.failed} of {seen.report.sent} GETs "
        f"failed, the last one sent {last - seen.began:.2f} s after the fault"
    )
    served = seen.report.sent - seen.report.failed
    assert seen.report.instances_by_second, "no answer at all"
    assert served > seen.report.sent * 0.9
