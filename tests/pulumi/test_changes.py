"""Every kind of change reaches a service under load without a failed request."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bench.hosts import Host
from tests.bench.load import Load
from tests.support.program import PORT, Inline, service

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.load]

RATE, BEFORE, AFTER = 800, 500, 2000
"""Requests a second, before a change and after it, beside those of all the time that it takes."""
CHANGES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "new image": lambda s: {**s, "image": "longshore-app:2"},
    "changed environment": lambda s: {**s, "environment": {"COLOUR": "blue"}},
    "3 to 6 replicas": lambda s: {**s, "replicas": 6},
    "6 to 2 replicas": lambda s: {**s, "replicas": 2},
    "a time-out changed": lambda s: {
        **s, "front_end": {**s["front_end"], "timeouts": {"server": 7}}
    },
    "a route added": lambda s: {
        "front_end": {**s["front_end"], "default_backend": "web"},
        "backends": {
            "web": {k: v for k, v in s.items() if k != "front_end"},
            "other": {"image": s["image"], "replicas": 2, "host_names": ["other.example"]},
        },
    },
}  # fmt: skip


Running = tuple[str, Inline, dict[str, Any]]
"""A service that is up: the kind of its front end, its program and its arguments."""


@pytest.fixture(scope="module", params=["haproxy", "nginx"])
def running(
    request: pytest.FixtureRequest, host: Host, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Provide a service that is up, with either kind of front end, and its arguments."""
    with up(request.param, host, tmp_path_factory.mktemp(request.param)) as found:
        yield found


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_change_fails_no_request(
    running: Running, change: str, host: Host, note: Callable[[str], None]
) -> None:
    """Under 800 requests a second, over new connections and kept ones, none fails, nor any of 2,000 more."""
    _, _, args = running
    changed = CHANGES[change](args)
    args.clear()
    args.update(changed)

    fails_no_request(running, host, change, note, seconds=90)


@contextmanager
def up(kind: str, host: Host, folder: Path, **keys: Any) -> Iterator[Running]:
    """Have a service with this kind of front end up; nothing of it is left afterwards."""
    args = service(front_end={"kind": kind, "resolve": kind == "haproxy"}, **keys)
    before = volumes(host)
    program = Inline(folder, host, {"services": {"site": args}})
    program.up()
    yield kind, program, args
    program.destroy()
    assert leftovers(host, program) == []
    assert volumes(host) == before


def fails_no_request(
    running: Running, host: Host, change: str, note: Callable[[str], None], seconds: float
) -> None:
    """Bring the service to its arguments under load, and check that no request fails; a preview is empty."""
    kind, program, args = running
    with Load(f"http://{host.address}:{PORT}/", rate=RATE, max_seconds=seconds) as load:
        load.wait_sent(BEFORE)
        program.configure({"services": {"site": args}})
        program.up()
        load.wait_sent(load.sent + AFTER)
        load.stop()

    report = load.report
    note(
        f"{kind}, {change}: {report.sent} requests, {report.failed} failed, "
        f"{report.retries} retried, longest {report.max_ms:.0f} ms"
    )
    assert report.failed == 0, report.failures
    assert report.sent > BEFORE + AFTER
    assert program.preview().changes == []


def leftovers(host: Host, program: Inline) -> list[str]:
    """Return the resources of the program that are still on the host."""
    engine = host.engine()
    filters: dict[str, Any] = {"label": program.labels}
    found = [c.name for c in engine.containers.list(all=True, filters=filters)]
    found += [n.name for n in engine.networks.list(filters=filters)]
    return [name for name in found if name]


def volumes(host: Host) -> set[str]:
    """Return names of all volumes on the host."""
    return {volume.name for volume in host.engine().volumes.list()}
