"""Fixtures of tests that need a real engine; they skip, with the reason, where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import images
from .hosts import Bench, Host
from .process import BenchUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what uses the common bench last: only one bench runs at a time on a machine."""
    items.sort(key=lambda item: "bench" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def bench() -> Iterator[Bench]:
    """A bench of three hosts that have the images, common to all tests of a run."""
    try:
        with Bench(count=3) as started:
            for each in started.hosts:
                images.ensure(each)
            yield started
    except BenchUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def host(bench: Bench) -> Host:
    """The host that most tests use."""
    return bench.hosts[0]


@pytest.fixture(scope="session")
def other_host(bench: Bench) -> Host:
    """Another one, reached from the first."""
    return bench.hosts[1]


@pytest.fixture(scope="session")
def hosts(bench: Bench) -> list[Host]:
    """All three, for a swarm; a test leaves them in none."""
    return bench.hosts
