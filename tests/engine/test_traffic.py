"""The conformance table of traffic: kind x generation x component x case, with real requests.

Cases are data, in cases/traffic/; CONTRIBUTING.md says how to add one.
"""

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from components.arguments.parsing import ArgumentError
from tests.bench import images
from tests.bench.fixtures import skip_newer
from tests.bench.generations import OLD, Generation
from tests.bench.hosts import Bench
from tests.bench.process import BenchUnavailable
from tests.support.traffic.cases import Case, read
from tests.support.traffic.run import run
from tests.support.traffic.stage import Stage, rendered

CASES = read()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make one test for each case; with `--engine`, those of one generation."""
    chosen = metafunc.config.getoption("--engine")
    refused = metafunc.function is test_refused
    found = [
        each for each in CASES if bool(each.refused) == refused and chosen in (None, each.generation.name)
    ]
    metafunc.parametrize("case", found, ids=[each.id for each in found])


@pytest.fixture(scope="module")
def own_bench() -> Iterator[Bench]:
    """Provide one host of a generation."""
    try:
        with Bench(count=1) as started:
            yield started
    except BenchUnavailable as error:
        pytest.skip(str(error))


Stages = Callable[[Generation], Stage]


@pytest.fixture(scope="module")
def stages(own_bench: Bench) -> Stages:
    """Provide the stage of each generation, made when it is first asked for."""

    @cache
    def of(generation: Generation) -> Stage:
        try:
            (host,) = own_bench.of(generation)
            images.ensure(host)
        except BenchUnavailable as error:
            if generation is OLD:
                pytest.skip(str(error))
            skip_newer(error)
        return Stage(host)

    return of


@pytest.mark.engine
def test_traffic(stages: Stages, case: Case) -> None:
    """The client gets, the replicas see and the log says what the table says; nobody else notices."""
    found = run(stages(case.generation), case)

    assert not found, "\n".join(found)


def test_refused(case: Case) -> None:
    """An argument that a kind cannot carry out is refused, with the reason."""
    with pytest.raises(ArgumentError) as error:
        rendered(case)

    assert case.refused is not None
    assert case.refused in str(error.value)
