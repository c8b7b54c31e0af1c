"""Certificates on a real engine: a change of them, a refused one, and HTTP/2."""

import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from components.engine.config_check import Configuration, problem
from components.engine.containers import EngineError
from components.engine.front_end_changes import Wanted
from components.engine.front_end_config import put_in_force
from components.load_balanced.validation import service
from components.proxies.certificates import known
from components.proxies.model import Service
from components.proxies.registry import kind_of
from tests.bench.generations import OLD
from tests.bench.hosts import Host
from tests.bench.images import APP, PROXY
from tests.bench.process import until
from tests.support import http2
from tests.support.certificates import Authority, files, made, of_client, soon
from tests.support.secure import Secure, asked, served, there
from tests.support.traffic.stage import COMPONENT, PORTS, TLS_PORTS, FrontEnd, Stage

pytestmark = [pytest.mark.engine, pytest.mark.every_engine]

FIRST, SECOND = made("a.example"), made("a.example", ends=soon(90))


@pytest.fixture(scope="module")
def stage(host: Host) -> Stage:
    found = Stage(host)
    found.replica("web-0")
    return found


@pytest.fixture(params=["haproxy", "nginx"])
def front_end(request: pytest.FixtureRequest, stage: Stage) -> Iterator[FrontEnd]:
    """Provide a front end that serves a.example with the first certificate."""
    found = stage.front_end(request.param)
    try:
        serve(stage, found, FIRST)
        until(lambda: Secure(*place(stage, found)).get() == 200, "the replica is found")
        yield found
    finally:
        found.forget()


def place(stage: Stage, front_end: FrontEnd) -> tuple[str, int]:
    return stage.host.address, TLS_PORTS[front_end.kind]


def declared(kind: str, pair: Any, old: bool, client_ca: str = "", **more: int) -> Service:
    tls: dict[str, Any] = {"port": TLS_PORTS[kind], "certificates": [pair._asdict()]}
    if client_ca:
        tls["client_ca"] = client_ca
    front_end = {"kind": kind, "port": PORTS[kind], "tls": tls, "resolve": not (old and kind == "nginx")}
    host = {"address": "unix:///run/docker.sock"}
    args = {"image": APP, "replicas": 1, "host_names": ["a.example"], "front_end": front_end, "host": host}
    return service(COMPONENT, {**args, **more})


def configuration(stage: Stage, kind: str, pair: Any, **more: Any) -> tuple[str, dict[str, str]]:
    what = declared(kind, pair, stage.host.generation is OLD, **more)
    return kind_of(kind).render(what, COMPONENT, {"web": 1}, known(what)), files(what)


def serve(stage: Stage, front_end: FrontEnd, pair: Any, **more: Any) -> None:
    front_end.serve(*configuration(stage, front_end.kind, pair, **more))


def deliver(stage: Stage, front_end: FrontEnd, text: str, given: dict[str, str]) -> None:
    wanted = Wanted(
        container=str(front_end.container.id), program=front_end.program, text=text, files=given, drain=1
    )
    put_in_force(stage.host.engine(), wanted)


def test_a_new_certificate_is_in_force_without_a_failed_request(stage: Stage, front_end: FrontEnd) -> None:
    """It takes a reload. The former file is gone then, and only the proxy's user can read the new one."""
    front_end.container.reload()
    process = front_end.container.attrs["State"]["Pid"]
    assert served(*place(stage, front_end)).split() == FIRST.certificate.split()
    text, given = configuration(stage, front_end.kind, SECOND)

    with asked(*place(stage, front_end)) as answers:
        deliver(stage, front_end, text, given)

    assert {*answers} == {200}
    assert served(*place(stage, front_end)).split() == SECOND.certificate.split()
    front_end.container.reload()
    assert front_end.container.attrs["State"]["Pid"] == process
    assert there(front_end.container) == [f"600 65534 {name}" for name in given]


def test_a_refused_certificate_leaves_the_former_in_force(stage: Stage, front_end: FrontEnd) -> None:
    """The program refuses a key of another certificate, where nobody has checked it; its file goes."""
    before = there(front_end.container)
    text, given = configuration(stage, front_end.kind, SECOND)
    broken = {name: made("b.example").private_key + SECOND.certificate for name in given}

    with pytest.raises(EngineError) as error, asked(*place(stage, front_end)) as answers:
        deliver(stage, front_end, text, broken)

    assert "the old configuration stays in force" in str(error.value)
    assert "PRIVATE KEY" not in str(error.value)
    assert {*answers} == {200}
    assert served(*place(stage, front_end)).split() == FIRST.certificate.split()
    assert there(front_end.container) == before


def test_a_check_has_the_certificates(stage: Stage, front_end: FrontEnd) -> None:
    """The program in the image accepts them, and refuses a key of another certificate."""
    text, given = configuration(stage, front_end.kind, SECOND)
    broken = {name: made("b.example").private_key + SECOND.certificate for name in given}
    engine, replicas = stage.host.engine(), ["site-web-0-g1"]

    right, wrong = (
        problem(engine, front_end.program, PROXY, Configuration(text, replicas, each), {}, 256)
        for each in (given, broken)
    )

    assert right is None
    assert wrong is not None
    assert "key" in wrong


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_clients_of_an_authority_that_is_dropped_are_out_and_others_see_nothing(
    stage: Stage, front_end: FrontEnd, version: ssl.TLSVersion
) -> None:
    """No session is resumed: nobody would verify its client again. The former file is gone then."""
    ours, theirs = Authority("ours"), Authority("theirs")
    one, other = of_client(ours, "CN=one"), of_client(theirs, "CN=other")
    serve(stage, front_end, FIRST, client_ca=ours.text + theirs.text)
    at = place(stage, front_end)
    leaving = Secure(*at, one)
    leaving.context.maximum_version = version
    for _ in range(2):
        assert leaving.get() == 200
        assert not leaving.sock.session_reused
        leaving.session = leaving.sock.session
        leaving.close()
    text, given = configuration(stage, front_end.kind, FIRST, client_ca=theirs.text)

    with asked(*at, other) as answers:
        deliver(stage, front_end, text, given)

    assert {*answers} == {200}
    assert leaving.refused()
    assert Secure(*at).refused()
    assert there(front_end.container) == sorted(f"600 65534 {name}" for name in given)


def test_http2_reaches_the_replica(stage: Stage, front_end: FrontEnd) -> None:
    address = (*place(stage, front_end), "a.example")

    echo = http2.ask(*address, path="/x%2Fy?do=echo")
    late = http2.ask(*address, path="/?do=status+404")

    assert echo.status == 200
    assert b"GET /x%2Fy?do=echo HTTP/1.1" in echo.body
    assert b"x-forwarded-proto: https" in echo.body.lower()
    assert b"host: a.example" in echo.body.lower()
    assert late.status == 404


def test_http2_bodies_without_a_length_reach_the_replica(stage: Stage, front_end: FrontEnd) -> None:
    address = (*place(stage, front_end), "a.example")

    answers = [
        http2.ask(*address, method=method, path="/b", body=b"x" * size, headers={"case": f"{method}{size}"})
        for method, size in (("POST", 10), ("POST", 40_000), ("GET", 10))
    ]

    assert [each.status for each in answers] == [200] * 3
    for case, size in (("POST10", 10), ("POST40000", 40_000), ("GET10", 10)):
        until(lambda: any(e.get("body") == size for e in stage.replica("web-0").seen(case)), case)  # noqa: B023


def test_a_limit_of_bodies_holds_over_http2(stage: Stage, front_end: FrontEnd) -> None:
    """A body without a length is refused; nginx counts that of a GET."""
    serve(stage, front_end, FIRST, max_request_body=1000)
    requests = [
        ("POST", 10, {}),
        ("POST", 0, {}),
        ("POST", 1001, {"content-length": "1001"}),
        ("GET", 1001, {}),
        ("POST", 1000, {"content-length": "1000"}),
        ("POST", 0, {"content-length": "0"}),
        ("GET", 0, {}),
        ("DELETE", 0, {}),
    ]

    answers = [
        http2.ask(
            *place(stage, front_end), "a.example", method=method, body=b"x" * size,
            headers={"case": f"limit{number}", **given},
        ).status
        for number, (method, size, given) in enumerate(requests)
    ]  # fmt: skip

    counted = 413 if front_end.kind == "nginx" else 411
    assert answers == [411, 411, 413, counted, 200, 200, 200, 200]
    assert [each for number in range(4) for each in stage.replica("web-0").seen(f"limit{number}")] == []
