"""Requests by chance for routes by chance: every front end decides as the model does.

A hundred thousand of them is `python -m tests.bench.figures.routes`.
"""

from collections.abc import Callable
from random import SystemRandom

import pytest

from tests.bench import images
from tests.bench.figures.routes import run
from tests.bench.fixtures import skip_newer
from tests.bench.generations import GENERATIONS, OLD, Generation
from tests.bench.hosts import Bench
from tests.bench.process import BenchUnavailable
from tests.support.traffic.cases import SERVED
from tests.support.traffic.stage import Stage

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("generation", GENERATIONS, ids=lambda each: each.name)
def test_routes_lead_where_the_model_says(generation: Generation, note: Callable[[str], None]) -> None:
    """Backend, path and status of each answer are the model's."""
    seed = SystemRandom().randrange(10**6)
    try:
        with Bench(count=1) as bench:
            (host,) = bench.of(generation)
            images.ensure(host)
            stage = Stage(host)
            found = [each for kind in SERVED for each in run(stage, generation, kind, seed, 5, 60)]
    except BenchUnavailable as error:
        if generation is OLD:
            pytest.skip(str(error))
        skip_newer(error)

    note(f"{generation.name}, seed {seed}: {len(found)} answers are others than the model's")
    assert found == []
