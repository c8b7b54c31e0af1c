"""Requests by chance for routes by chance: both kinds of front end decide as the model does.

    python -m tests.bench.figures.routes --sets 100 --requests 250 --seed 7

For each kind and generation so many sets of routes, each with so many requests.
"""

import argparse
import sys
from http.client import HTTPConnection
from random import Random, SystemRandom

from tests.bench import images
from tests.bench.figures.report import note
from tests.bench.generations import GENERATIONS, Generation
from tests.bench.hosts import Bench
from tests.support.routes import Way, drawn, expected, request
from tests.support.traffic.cases import SERVED, Case
from tests.support.traffic.stage import Stage


def run(stage: Stage, generation: Generation, kind: str, seed: int, sets: int, requests: int) -> list[str]:
    """Return what a front end answers otherwise than the model says."""
    chance = Random(f"{seed}-{kind}-{generation.name}")  # noqa: S311 — the same each time
    front_end, found = stage.front_end(kind), list[str]()
    for _ in range(sets):
        settings = drawn(chance)
        case = Case("routes by chance", "routes", kind, generation, "service", settings, [])
        front_end.serve(stage.site(case)[1])
        connection = HTTPConnection(stage.host.address, front_end.port, timeout=10)
        for _ in range(requests):
            host, target = request(chance)
            wanted = expected(settings, host, target)
            if wanted is not None and (got := _asked(connection, host, target)) != wanted:
                found.append(f"{kind} {generation.name}: {host} {target}: {wanted}, got {got}: {settings}")
        connection.close()
    return found


def _asked(connection: HTTPConnection, host: str, target: str) -> Way:
    connection.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
    connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read().decode()
    if answer.status != 200:
        return Way(answer.status)
    name, _, seen = body.strip().split(" ", 2)
    return Way(200, name.rpartition("-")[0], seen)


def main() -> int:
    """Run what the command line says; 1 when an answer is another."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.figures.routes", description=__doc__)
    parser.add_argument("--sets", type=int, default=100, help="for each kind and generation; default: 100")
    parser.add_argument("--requests", type=int, default=250, help="for each set; default: 250")
    parser.add_argument("--seed", type=int, help="of an earlier run; default: by chance")
    given = parser.parse_args()
    seed = SystemRandom().randrange(10**6) if given.seed is None else given.seed
    wrong = []
    with Bench(count=1) as bench:
        for generation in GENERATIONS:
            (host,) = bench.of(generation)
            images.ensure(host)
            stage = Stage(host)
            for kind in SERVED:
                found = run(stage, generation, kind, seed, given.sets, given.requests)
                note(
                    f"{kind} {generation.name}, seed {seed}: {given.sets} sets of routes with "
                    f"{given.requests} requests each, {len(found)} answers of others"
                )
                wrong += found
    for problem in wrong[:20]:
        print(problem)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
