"""What a review says, held against what then happens: the order of events, and how long who is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.review import Report, review
from components.review.consequences.load_balanced import GAP as FRONT_END_GAP
from tests.bench.hosts import Host
from tests.bench.load import Load
from tests.program import PORT, Program, Run, service
from tests.test_swarm_cluster import PORT as GATEWAY_PORT
from tests.test_swarm_cluster import everything

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.load]

RATE = 200


def reviewed(program: Program) -> Report:
    return review(program.pulumi("preview", "--json", "--show-sames").stdout)


def carried_out(program: Program, url: str, **load: Any) -> tuple[Run, float, int]:
    """The `up`, how many seconds somebody was refused, and how many requests were sent."""
    with Load(url, rate=RATE, max_seconds=90, **load) as running:
        running.wait_sent(RATE)
        done = program.up()
        running.wait_sent(running.sent + RATE)
        running.stop()
    failures = running.report.failures
    gap = failures[-1].offset - failures[0].offset if failures else 0.0
    return done, gap, running.report.sent


def order(run: Run, *events: str) -> list[int]:
    """Where the events stand in what `up` printed."""
    return [run.output.index(event) for event in events]


def test_a_new_image_and_a_replaced_front_end(
    tmp_path: Path, host: Host, note: Callable[[str], None]
) -> None:
    """Replicas: no gap, new ones first. The front end: about a second, and what kept connections add."""
    args = service()
    program = Program(tmp_path, host, {"services": {"site": args}})
    url = f"http://{host.address}:{PORT}/"
    try:
        program.up()

        program.configure({"services": {"site": {**args, "image": "longshore-app:2"}}})
        said = reviewed(program)
        done, gap, sent = carried_out(program, url)
        assert not said.refuses
        assert gap == 0, f"{gap} s of {sent} requests"
        events = order(done, "site-web-0 created replacement", "site-lb-config updated", "site-web-0 deleted")
        assert events == sorted(events)

        for memory, drain in ((300, 10), (320, 1)):
            # A short drain time is a short gap.
            changed = {**args, "image": "longshore-app:2", "drain": drain}
            program.configure({"services": {"site": changed}})
            program.up()
            front_end = {**args["front_end"], "memory": memory}
            program.configure({"services": {"site": {**changed, "front_end": front_end}}})
            (change,) = reviewed(program).changes
            _, gap, _ = carried_out(program, url)
            note(
                f"a replaced front end: a gap of up to {change.gap:g} s was foretold, {gap:.2f} s were "
                "measured"
            )
            assert FRONT_END_GAP / 2 <= gap <= change.gap
    finally:
        program.destroy()


def test_another_route_of_a_gateway(tmp_path: Path, hosts: list[Host], note: Callable[[str], None]) -> None:
    """A node's gap is within a factor of two of the one foretold."""
    settings = everything(hosts)
    program = Program(tmp_path, hosts[0], {"swarms": {"main": settings}})
    try:
        program.up()

        settings = json.loads(json.dumps(settings))
        settings["gateway"]["backends"]["shop"]["host_names"].append("www.shop.example")
        program.configure({"swarms": {"main": settings}})
        said = {change.name: change for change in reviewed(program).changes}
        url = f"http://{hosts[1].address}:{GATEWAY_PORT}/"
        _, gap, _ = carried_out(program, url, host_header="shop.example")
        note(
            f"another route of a gateway: {said['main-gateway'].gap:g} s were foretold, {gap:.2f} s measured"
        )
        assert set(said) == {"main-gateway"}
        assert said["main-gateway"].gap / 2 <= gap <= said["main-gateway"].gap * 2
    finally:
        program.destroy()
