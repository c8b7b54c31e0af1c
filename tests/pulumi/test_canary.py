"""Canaries of a service, under load and the real `pulumi`: promoted, refused, and without requests."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.bench.hosts import Host
from tests.bench.images import APP, APP_2
from tests.bench.load import Load, Report
from tests.bench.process import until
from tests.pulumi.test_changes import Running, fails_no_request, up
from tests.pulumi.test_rounds_interrupted import configuration, containers
from tests.support.program import PORT, Run

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.load]

RATE = 100
TERMS: dict[str, Any] = {
    "steps": [5, 25, 50],
    "interval": 3,
    "min_requests": 20,
    "max_latency_ratio": 1000,  # a busy machine is no reason
    "on_no_traffic": "fail",
}
KEYS: dict[str, Any] = {
    "drain": 1,
    "health": {"command": ["true"]},
    "update": {"monitor": 0},
    "canary": TERMS,
}


@pytest.fixture(scope="module", params=["haproxy", "nginx"])
def running(
    request: pytest.FixtureRequest, host: Host, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Provide a service that is up, with either kind of front end, and its arguments."""
    with up(request.param, host, tmp_path_factory.mktemp(request.param), **KEYS) as found:
        yield found


def test_a_canary_that_is_promoted_fails_no_request(
    running: Running, host: Host, note: Callable[[str], None]
) -> None:
    """Under 800 requests a second, in three steps and the rounds after them.

    One replica of four gets a quarter at most: no more than it can answer.
    """
    _, _, args = running
    args |= {"image": APP_2, "canary": {**TERMS, "steps": [5, 15, 25]}}

    fails_no_request(running, host, "canary", note, seconds=180)


def changed(running: Running, host: Host, **change: Any) -> tuple[Run, Report]:
    """Change the service under load, and take it back afterwards; return the run and the load."""
    _, program, args = running
    with Load(f"http://{host.address}:{PORT}/", rate=RATE, max_seconds=180) as load:
        load.wait_sent(200)
        program.configure({"services": {"site": {**args, **change}}})
        run = program.up(check=False)
        load.stop()
    program.configure({"services": {"site": args}})
    return run, load.report


def refused(running: Running, host: Host, change: Callable[[], tuple[Run, Report]]) -> tuple[str, Report]:
    """Return the message of a refused canary and the load; all is as before, byte for byte."""
    _, program, args = running
    before = configuration(program, host, args), containers(program, host)

    run, report = change()

    assert run.code != 0
    assert (configuration(program, host, args), containers(program, host)) == before
    assert program.preview().changes == []
    (said,) = re.findall(
        r"(?ms)^    (?:error:|\t\*) (\d of 3 replicas of site-web failed; .*?)\n\n", run.output
    )
    assert said.startswith("1 of 3 replicas of site-web failed; rolled back to site-web-0-g")
    assert "its last log lines:\n        listening on 80" in said
    return " ".join(said.split()), report


def test_a_canary_that_answers_errors_is_refused(
    running: Running, host: Host, note: Callable[[str], None]
) -> None:
    """Clients see errors in the first step only, of its share of the requests; all others are answered."""
    change = {"environment": {"SICK": "1"}, "canary": {**TERMS, "steps": [20, 50]}}

    said, report = refused(running, host, lambda: changed(running, host, **change))

    note(f"{running[0]}: {report.failed} of {report.sent} requests failed")
    assert re.search(
        r"web: canary at 20 %: (\d+) of \1 answers have a status from 500 on, of the former replicas 0 of ",
        said,
    )
    assert {failure.detail for failure in report.failures} == {"500"}
    assert 0 < report.failed < 0.22 * report.sent


def test_a_slow_canary_is_refused(running: Running, host: Host) -> None:
    """Its requests are answered, late."""
    change = {
        "environment": {"SLOW_MS": "1000"},
        "canary": {**TERMS, "steps": [20, 50], "max_latency_ratio": 2},
    }

    said, report = refused(running, host, lambda: changed(running, host, **change))

    assert re.search(
        r"web: canary at 20 %: 50 % of \d+ answers took up to 1\d{3} ms, of \d+ of the former", said
    )
    assert report.failed == 0, report.failures


# No requests


def quiet(running: Running, on_no_traffic: str) -> Run:
    """Change the service without a request."""
    _, program, args = running
    image = APP if args["image"] == APP_2 else APP_2
    declared = {
        **args,
        "image": image,
        "canary": {"steps": [10], "interval": 1, "on_no_traffic": on_no_traffic},
    }
    program.configure({"services": {"site": declared}})
    run = program.up(check=False)
    if run.code == 0:
        args |= declared
    program.configure({"services": {"site": args}})
    return run


def test_without_requests_a_canary_is_promoted_with_a_warning(running: Running) -> None:
    run = quiet(running, "promote")

    assert run.code == 0, run.output
    said = " ".join(run.output.split())
    assert re.search(
        r"warning: web: canary at 10 %: only 0 of 50 answers came within \d+ s; it goes on \(on_no_traffic",
        said,
    ), said
    assert running[1].preview().changes == []


def test_without_requests_a_canary_is_refused_where_the_user_says_so(running: Running, host: Host) -> None:
    said, _ = refused(running, host, lambda: (quiet(running, "fail"), Report()))

    assert re.search(r"web: canary at 10 %: 0 of 50 answers came within \d+ s \(on_no_traffic: fail\)", said)


def test_without_requests_a_canary_waits_where_the_user_says_so(running: Running, host: Host) -> None:
    """Requests come once it has its share, and it is promoted."""
    _, program, args = running

    def has_a_share() -> bool:
        return "# canary" in str(configuration(program, host, args))

    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(quiet, running, "wait")
        until(has_a_share, "its share", 120)
        with Load(f"http://{host.address}:{PORT}/", rate=RATE, max_seconds=180) as load:
            until(run.done, "the end of the run", 180)
            load.stop()

    assert run.result().code == 0, run.result().output
    assert load.report.failed == 0, load.report.failures
    assert "came within" not in run.result().output
    assert program.preview().changes == []
