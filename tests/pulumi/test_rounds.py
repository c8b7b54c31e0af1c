"""Services whose replicas are replaced in rounds (`update`), under load and the real `pulumi`."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.hosts import Host
from tests.bench.images import APP_2, APP_SICK
from tests.bench.load import Load
from tests.pulumi.test_changes import Running, fails_no_request, leftovers, up
from tests.support.program import PORT, Inline, PulumiError, service

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.load]

CHANGES: dict[str, dict[str, Any]] = {
    "rounds begin": {"update": {"monitor": 0}},
    "new image": {"image": APP_2},
    "two at once, watched": {"environment": {"COLOUR": "blue"}, "update": {"parallelism": 2, "monitor": 1}},
    "3 to 5 replicas and an image": {"image": "longshore-app:1", "replicas": 5},
    "stop-first": {"image": APP_2, "update": {"order": "stop-first", "parallelism": 2, "monitor": 0}},
    "5 to 2 replicas": {"replicas": 2},
    "another health check": {"image": "longshore-app:1", "health": {"path": "/healthz"}},
    "rounds end": {"update": None},
}


@pytest.fixture(scope="module", params=["haproxy", "nginx"])
def running(
    request: pytest.FixtureRequest, host: Host, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Provide a service that is up, with either kind of front end, and its arguments."""
    with up(request.param, host, tmp_path_factory.mktemp(request.param), drain=2) as found:
        yield found


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_change_fails_no_request(
    running: Running, change: str, host: Host, note: Callable[[str], None]
) -> None:
    """Under 800 requests a second, over new connections and kept ones, none fails, nor any of 2,000 more."""
    _, _, args = running
    args |= CHANGES[change]

    fails_no_request(running, host, f"rounds, {change}", note, seconds=120)


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_replicas_that_answer_errors_are_rolled_back(kind: str, host: Host, tmp_path: Path) -> None:
    """They are healthy, and the front end sees that one of three answers clients with errors."""
    # The service of the other tests may still be up.
    front_end = {"kind": kind, "port": PORT + 1, "resolve": kind == "haproxy"}
    args = service(drain=1, front_end=front_end, health={"command": ["true"]}, update={"monitor": 5})
    program = Inline(tmp_path, host, {"services": {"site": args}})
    try:
        program.up()
        with Load(f"http://{host.address}:{PORT + 1}/", rate=200, max_seconds=120) as load:
            load.wait_sent(1500)
            program.configure({"services": {"site": {**args, "image": APP_SICK}}})
            with pytest.raises(PulumiError) as error:
                program.up()
            sent = load.sent
            load.stop()

        said = " ".join(error.value.run.output.split())
        assert re.search(
            r"1 of 3 replicas of site-web failed; "
            r"rolled back to site-web-0-g\d, site-web-1-g\d, site-web-2-g\d; "
            r"the first: site-web-0-g\d \(container \S+\): \d+ of \d+ answers have a status from 500 on, "
            r"0 of \d+ had one in the 5 s before; its last log lines:",
            said,
        ), said
        assert {failure.detail for failure in load.report.failures} == {"500"}
        assert load.report.failed < sent / 3
        program.configure({"services": {"site": args}})
        assert program.preview().changes == []
        with Load(f"http://{host.address}:{PORT + 1}/", rate=200, max_seconds=30) as load:
            load.wait_sent(500)
            load.stop()
        assert load.report.failed == 0
    finally:
        program.destroy()
    assert leftovers(host, program) == []
