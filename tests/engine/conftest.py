"""Fixtures of engine tests without Pulumi."""

from collections.abc import Iterator

import pytest

from tests.bench.hosts import Host
from tests.support.rehearsal import Rehearsal


@pytest.fixture
def rehearsal(host: Host) -> Iterator[Rehearsal]:
    """Provide a program with the first host for its containers; nothing of it is left afterwards."""
    running = Rehearsal(host)
    yield running
    running.destroy()
