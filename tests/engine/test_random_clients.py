"""Clients that do what they like, beside ordinary ones, while replicas come and go.

An hour of it is `python -m tests.bench.figures.clients`.
"""

from collections.abc import Callable
from random import SystemRandom

import pytest

from tests.bench.figures.clients import CLIENTS, run
from tests.bench.fixtures import require_newer
from tests.bench.hosts import Host

pytestmark = [pytest.mark.engine, pytest.mark.load]


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_ordinary_requests_are_answered_whatever_others_do(
    host: Host, kind: str, note: Callable[[str], None]
) -> None:
    """None fails, and none is answered by a container of another backend."""
    require_newer(host)
    seed = SystemRandom().randrange(10**6)

    seen = run(host, kind, seed, count=4)

    note(
        f"{kind}, seed {seed}: {seen.report.sent} requests, {len(seen.failed)} failed, {seen.foreign} foreign"
    )
    assert seen.failed == [], seen.disturbances
    assert seen.foreign == 0
    assert seen.report.instances
    assert seen.actions.total() >= CLIENTS
    assert [what for what in seen.actions if what.startswith("client ended")] == []
