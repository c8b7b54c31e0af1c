"""Routes and policies of a front end with the real `pulumi`: they change while others are served."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.review import review
from tests.bench.hosts import Host
from tests.bench.load import Load
from tests.pulumi.test_scenarios import Answer, ask
from tests.support.examples import example
from tests.support.program import PORT, Inline

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.load]

RATE, AROUND = 100, 100
"""Requests a second, and how many come before the first change and after the last."""


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_policies_of_one_backend_change_while_the_other_serves(
    kind: str, host: Host, tmp_path: Path, note: Callable[[str], None]
) -> None:
    """Each is in force after its `up`; what drops one is a line of the review; no request of others fails."""
    args = example("api-and-site", kind, port=PORT)
    api = args["backends"]["api"]
    for each in args["backends"].values():
        each.update(replicas=2, drain=1)
    program = Inline(tmp_path, host, {"services": {"site": args}})

    def up(changes: dict[str, Any]) -> Answer:
        api.update(changes)
        program.configure({"services": {"site": args}})
        program.up()
        return ask(host.address, PORT, "shop.example", "/api/env")

    try:
        program.up()
        assert program.preview().changes == []
        first = ask(host.address, PORT, "shop.example", "/api/env")
        long = ask(host.address, PORT, "shop.example", "/api/", headers=["Content-Length: 1048577"])
        moved = ask(host.address, PORT, "www.shop.example", "/a?b")
        with Load(f"http://{host.address}:{PORT}/", rate=RATE, host_header="shop.example") as load:
            load.wait_sent(AROUND)
            closed = up({"maintenance": {}})
            refused = up({"maintenance": None, "allow_from": ["192.0.2.0/24"]})
            api.update(allow_from=None, rate_limit=None)
            program.configure({"services": {"site": args}})
            (change,) = review(program.pulumi("preview", "--json", "--show-sames").stdout).changes
            opened = [up({})] + [ask(host.address, PORT, "shop.example", "/api/env") for _ in range(40)]
            load.wait_sent(load.sent + AROUND)
            load.stop()
        changes_nothing = program.preview().changes == []
    finally:
        program.destroy()

    assert (first.status, first.headers["cache-control"]) == (200, "no-store")
    assert long.status == 413
    assert (moved.status, moved.headers["location"]) == (308, "https://shop.example/a?b")
    assert (closed.status, closed.headers["retry-after"]) == (503, "600")
    assert refused.status == 403
    assert {each.status for each in opened} == {200}
    assert [each.text.partition(",")[0] for each in change.consequences if each.protection] == [
        "backends.api.allow_from is dropped",
        "backends.api.rate_limit is dropped",
    ]
    assert changes_nothing
    report = load.report
    note(f"{kind}, policies: {report.sent} requests of others, {report.failed} failed")
    assert report.failed == 0, report.failures
