"""Fixtures of engine tests without Pulumi."""

from collections.abc import Iterator

import pytest

from tests.bench.hosts import Host
from tests.support.rehearsal import Rehearsal
from tests.support.swarm import Swarm


@pytest.fixture
def rehearsal(host: Host) -> Iterator[Rehearsal]:
    """Provide a program with the first host for its containers; nothing of it is left afterwards."""
    running = Rehearsal(host)
    yield running
    running.destroy()


@pytest.fixture(scope="module")
def swarm(hosts: list[Host]) -> Iterator[Swarm]:
    """Provide a swarm of a manager (zone=inner), two workers (zone=dmz) and an overlay network `apps`."""
    with Swarm(hosts) as made:
        first, *others = made.hosts
        made.label(first, zone="inner")
        for host in others:
            made.label(host, zone="dmz")
        made.network("apps")
        yield made
