"""The conformance table of traffic: kind x generation x component x case, with real requests.

Cases are data, in cases/traffic/; CONTRIBUTING.md says how to add one.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import cache

import pytest

from components.arguments.parsing import ArgumentError
from tests.bench import images
from tests.bench.fixtures import skip_newer
from tests.bench.generations import GENERATIONS, OLD, Generation
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


@pytest.fixture(scope="module")
def found(stages: Stages, request: pytest.FixtureRequest) -> Iterator[Callable[[Case], list[str]]]:
    """Provide what is otherwise than a case says; it runs in all generations at once."""
    given = [
        item.callspec.params["case"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == test_traffic.__name__
    ]
    chosen = {case.id: case for case in given if isinstance(case, Case)}
    begun: dict[str, Future[list[str]]] = {}
    with ExitStack() as stack:
        pools = {each: stack.enter_context(ThreadPoolExecutor(1)) for each in GENERATIONS}

        def begin(case: Case) -> None:
            if case.id not in begun:
                begun[case.id] = pools[case.generation].submit(run, stages(case.generation), case)

        def of(case: Case) -> list[str]:
            begin(case)
            with suppress(pytest.skip.Exception):
                for other in case.elsewhere:
                    if other in chosen:
                        begin(chosen[other])
            return begun[case.id].result()

        yield of


@pytest.mark.engine
def test_traffic(found: Callable[[Case], list[str]], case: Case) -> None:
    """The client gets, the replicas see and the log says what the table says; nobody else notices."""
    differences = found(case)

    assert not differences, "\n".join(differences)


def test_refused(case: Case) -> None:
    """An argument that a kind cannot carry out is refused, with the reason."""
    with pytest.raises(ArgumentError) as error:
        rendered(case)

    assert case.refused is not None
    assert case.refused in str(error.value)
