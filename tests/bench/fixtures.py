"""Fixtures of tests that need a real engine; they skip, with the reason, where there is none.

Each process of a run loads this module first: what is slow to load is imported where it is used.
"""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING, NoReturn

import pytest

from .generations import GENERATIONS, NO_NEWER, OLD
from .process import BenchUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .hosts import Bench, Host

EVERY_ENGINE = "every_engine"
"""Marks tests that also run on hosts of the second generation."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--engine`, which chooses the hosts of a run; by default each test has its own."""
    choices = [each.name for each in GENERATIONS]
    parser.addoption(
        "--engine", choices=choices, help="run every engine test on hosts of this generation only"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked `every_engine` on hosts of each generation, the rest on those of the first."""
    if "hosts" not in metafunc.fixturenames:
        return
    chosen = metafunc.config.getoption("--engine")
    everywhere = any(metafunc.definition.iter_markers(EVERY_ENGINE))
    generations = [
        each for each in GENERATIONS if each.name == chosen or (not chosen and (everywhere or each is OLD))
    ]
    # The names of the tests of the first are those of before.
    ids = [pytest.HIDDEN_PARAM if each is OLD else each.name for each in generations]
    metafunc.parametrize("hosts", generations, ids=ids, indirect=True, scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what uses the common bench last: only one bench runs at a time on a machine."""
    items.sort(key=lambda item: "bench" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def bench() -> Iterator[Bench]:
    """Provide a bench of three hosts of a generation, common to all tests of a run."""
    from .hosts import Bench

    try:
        with Bench(count=3) as started:
            yield started
    except BenchUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def hosts(bench: Bench, request: pytest.FixtureRequest) -> list[Host]:
    """Provide all three hosts, with the images, for a swarm; a test leaves them in none."""
    from . import images

    try:
        found = bench.of(request.param)
        for each in found:
            images.ensure(each)
    except BenchUnavailable as error:
        if request.param is OLD:
            pytest.skip(str(error))
        skip_newer(error)
    return found


def require_newer(*hosts: Host) -> None:
    """Have the image of newer proxies on the hosts; skip the test where it cannot be made."""
    from . import images

    try:
        for host in hosts:
            images.ensure_newer(host)
    except BenchUnavailable as error:
        skip_newer(error)


@pytest.fixture
def newer_image(host: Host) -> None:
    """Have the image of newer proxies on the first host, or skip the test."""
    require_newer(host)


def skip_newer(error: BenchUnavailable) -> NoReturn:
    """Skip for the one reason that newer programs are unavailable; a warning states the cause."""
    warnings.warn(str(error), stacklevel=2)
    pytest.skip(NO_NEWER)


@pytest.fixture(scope="module", autouse=True)
def cleared() -> Iterator[None]:
    """Leave nothing of a file on the common hosts, whose ports and addresses the next one needs.

    Nor a thread, which takes time and memory from all files that follow.
    """
    before = {*threading.enumerate()}
    yield
    from .hosts import Bench

    Bench.clear()
    left = [each for each in {*threading.enumerate()} - before if each.name.startswith("Thread")]
    for each in left:
        each.join(10)
    assert [each.name for each in left if each.is_alive()] == []


@pytest.fixture(scope="session")
def host(hosts: list[Host]) -> Host:
    """Provide the host that most tests use."""
    return hosts[0]


@pytest.fixture(scope="session")
def other_host(hosts: list[Host]) -> Host:
    """Provide another host, reached from the first."""
    return hosts[1]
