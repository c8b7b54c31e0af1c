"""Clients that are slow or idle cost the others nothing. Times are in `make bench`."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.bench import crowd, images
from tests.bench.crowd import Crowd, Manner
from tests.bench.fixtures import require_newer
from tests.bench.hosts import GATEWAY, Host
from tests.bench.load import Load
from tests.bench.process import until
from tests.support.program import PORT, service
from tests.support.rehearsal import Rehearsal

pytestmark = [pytest.mark.engine, pytest.mark.load]

RATE, REQUESTS = 100, 200
CROWDS: dict[str, list[tuple[Manner, int]]] = {
    "bodies": [(crowd.SLOW_BODY, 100)],
    "uploads": [(crowd.SLOW_UPLOAD, 100)],
    "chunks": [(crowd.SLOW_CHUNKS, 100)],
    "idle": [(crowd.IDLE, 1000), (crowd.KEPT, 1000)],
    "heads": [(crowd.UNFINISHED_HEAD, 1200)],
}
MORE = {"more than fit": [(crowd.IDLE, 5000)]}
CROWDS["all"] = [each for crowds in CROWDS.values() for each in crowds]
PROGRAMS = [(kind, image) for kind in ("haproxy", "nginx") for image in (images.PROXY, images.NEWER)]
IDS = ["haproxy", "haproxy-newer", "nginx", "nginx-newer"]


@contextmanager
def brought_up(host: Host, program: tuple[str, str], **keys: Any) -> Iterator[Rehearsal]:
    """Bring up two replicas behind a front end; `keys` are arguments."""
    kind, image = program
    if image == images.NEWER:
        require_newer(host)
    rehearsal = Rehearsal(host)
    front_end = {
        "kind": kind,
        "image": image,
        "resolve": kind == "haproxy" or image == images.NEWER,
        **keys.pop("front_end", {}),
    }
    try:
        rehearsal.serve("site", service(replicas=2, front_end=front_end, **keys))
        yield rehearsal
    finally:
        rehearsal.destroy()


@pytest.fixture(scope="module", params=PROGRAMS, ids=IDS)
def served(hosts: list[Host], request: pytest.FixtureRequest) -> Iterator[tuple[Host, Rehearsal]]:
    """Provide two replicas behind a front end with default settings."""
    with brought_up(hosts[0], request.param) as rehearsal:
        yield hosts[0], rehearsal


@contextmanager
def crowded(host: Host, name: str, addresses: list[str]) -> Iterator[None]:
    """Run clients of one of CROWDS or MORE."""
    with ExitStack() as stack:
        for manner, count in {**CROWDS, **MORE}[name]:
            stack.enter_context(Crowd(f"http://{host.address}:{PORT}/", manner, count, addresses))
        yield


@pytest.mark.parametrize(
    ("name", "addresses"),
    [*((name, 1) for name in CROWDS), ("bodies", 50), ("all", 50), ("more than fit", 50)],
)
def test_a_crowd_costs_the_others_nothing(
    served: tuple[Host, Rehearsal], name: str, addresses: int, note: Callable[[str], None]
) -> None:
    """Each ordinary request is answered, whatever the crowd does and wherever it comes from."""
    host, _ = served

    load = Load(f"http://{host.address}:{PORT}/", rate=RATE, max_requests=REQUESTS)
    with crowded(host, name, crowd.sources(addresses)), load:
        load.wait_sent(REQUESTS)

    note(f"{name} from {addresses}: {load.report.failed} failed, p99 {load.report.p99_ms} ms")
    assert load.report.failed == 0, load.report.failures[:5]


def test_a_replica_gets_a_small_body_whole(served: tuple[Host, Rehearsal]) -> None:
    """Until then the front end alone waits for it."""
    host, rehearsal = served

    with crowded(host, "bodies", crowd.sources(1)):
        until(lambda: connections(rehearsal) < 10, "no replica waits for a body", timeout=20)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_an_upload_of_any_size_passes(served: tuple[Host, Rehearsal], chunked: bool) -> None:
    """It is streamed, not held back."""
    host, _ = served

    statuses = {ask(host, body=b"x" * size, chunked=chunked) for size in (1, 15_000, 16_384, 1_000_000)}

    assert statuses == {200}


@pytest.mark.parametrize("program", PROGRAMS, ids=IDS)
def test_limits_are_those_of_the_arguments(hosts: list[Host], program: tuple[str, str]) -> None:
    """Uploads of a server, and connections of an address; other requests and other clients are served."""
    here, there = crowd.sources(2)
    host, url = hosts[0], f"http://{hosts[0].address}:{PORT}/"
    limits: Any = {"max_uploads": 2, "front_end": {"max_connections_per_client": 20}}
    with brought_up(host, program, **limits) as rehearsal:
        with Crowd(url, crowd.SLOW_UPLOAD, 10, [here]):
            until(lambda: ask(host, body=b"x" * 100_000) == 503, "no more uploads", timeout=20)

            assert ask(host) == 200
            assert ask(host, body=b"x" * 10_000) == 200
            assert connections(rehearsal) < 10

        with Crowd(url, crowd.SLOW_BODY, 30, [here]):
            until(lambda: ask(host, source=here) in (None, 429), "the address has enough", timeout=20)

            assert ask(host, source=there) == 200


def test_a_trusted_proxy_has_no_limit(host: Host) -> None:
    """Its connections are those of many clients."""
    (here,) = crowd.sources(1)
    front_end = {"max_connections_per_client": 20, "trusted_proxies": [f"{here}/32"]}
    for kind in ("haproxy", "nginx"):
        crowd_of_it = Crowd(f"http://{host.address}:{PORT}/", crowd.SLOW_BODY, 30, [here])
        with brought_up(host, (kind, images.PROXY), front_end=front_end), crowd_of_it:
            assert ask(host, source=here) == 200


def ask(host: Host, *, body: bytes | None = None, chunked: bool = False, source: str = GATEWAY) -> int | None:
    """Return status of the answer to a GET, or to a POST with a body; None when the connection is refused."""
    connection = HTTPConnection(host.address, PORT, timeout=60, source_address=(source, 0))
    try:
        sent = iter([body]) if chunked and body is not None else body
        connection.request("GET" if body is None else "POST", "/", sent)
        return connection.getresponse().status
    except (ConnectionError, BrokenPipeError):
        return None
    finally:
        connection.close()


def connections(rehearsal: Rehearsal) -> int:
    """Return connections to the port of the replicas, those of health checks among them."""
    found = 0
    for index in range(2):
        table: Any = rehearsal.container(f"site-web-{index}").exec_run(["cat", "/proc/net/tcp"]).output
        found += len(re.findall(rb"^ +\d+: \w+:0050 \w+:\w+ 01 ", table, re.MULTILINE))
    return found
