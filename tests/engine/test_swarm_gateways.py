"""Gateways before services on a swarm of three real engines, without Pulumi."""

import functools
import http.client
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.engine.containers import EngineError
from components.provider.handlers import HANDLERS
from tests.bench.hosts import GATEWAY
from tests.bench.images import APP, APP_2, APP_BROKEN, BROKEN_LINE
from tests.bench.process import until
from tests.support.rehearsal import Rehearsal
from tests.support.swarm import Swarm, answers
from tests.support.swarm_services import (
    ASKED,
    HEALTH,
    PORTS,
    await_answers,
    gateway,
    gateways,
    get,
    kept,
    load,
    web,
)

pytestmark = [pytest.mark.engine, pytest.mark.slow]

KINDS = pytest.mark.parametrize("kind", list(PORTS))
NEEDS_IPVS = pytest.mark.skipif(
    not Path("/proc/net/ip_vs").exists(), reason="no IPVS in this kernel: no ingress, no VIP"
)
UPDATES: dict[str, dict[str, Any]] = {
    "one by one": ASKED,
    "all at once, without a health check, killed": {
        "stop_signal": "SIGKILL",
        "update": {"parallelism": 0, "monitor": 1},
    },
    "one task": {**ASKED, "replicas": 1},
}


def is_served(swarm: Swarm, kind: str, host: str) -> bool:
    return get(swarm, kind, host)[0] == 200


class Served(Rehearsal):
    """A service behind a gateway of each kind; the gateways know a service `late`, too, and stay."""

    def __init__(self, swarm: Swarm) -> None:
        super().__init__(swarm.first)
        self.swarm = swarm

    def serve_web(self, *, late: bool = False, **keys: Any) -> None:
        """Make the service `web` what the keys say."""

        def program() -> None:
            web(self.swarm, **keys)
            if late:
                web(self.swarm, "late")
            gateways(self.swarm, "web", "late")

        self.up(program)


@pytest.fixture(scope="class")
def served(swarm: Swarm) -> Iterator[Served]:
    """Provide such a service, up."""
    made = Served(swarm)
    made.serve_web()
    await_answers(swarm)
    yield made
    made.destroy()


@pytest.mark.every_engine
class TestAService:
    """Each test says of the service what it needs, and leaves the gateways as they are."""

    @KINDS
    def test_the_service_sees_who_asked(self, kind: str, served: Served) -> None:
        """In host mode the client's own address; what a client says of itself is removed."""
        seen = get(served.swarm, kind, path="/headers")[1].lower()

        assert f"x-forwarded-for: {GATEWAY}" in seen
        assert "x-forwarded-host: web.example" in seen

    def test_a_gateway_starts_before_its_services(self, served: Served) -> None:
        """A backend that is not there is answered 503, the others are served; it is found when it comes, and
        missed at once when it goes."""
        swarm = served.swarm
        for kind in PORTS:
            assert get(swarm, kind, "late.example")[0] == 503

        served.serve_web(late=True)

        for kind in PORTS:
            answers(functools.partial(is_served, swarm, kind, "late.example"), "it is found", timeout=5)
        served.serve_web()
        for kind in PORTS:
            assert get(swarm, kind, "late.example")[0] == 503
            assert get(swarm, kind)[0] == 200

    @pytest.mark.parametrize("how", list(UPDATES))
    def test_a_rolling_update_fails_no_request(
        self, how: str, served: Served, note: Callable[[str], None]
    ) -> None:
        """Another image under load, new connections and kept ones; whatever the tasks do when they stop."""
        update = {"replicas": 3, **UPDATES[how]}
        served.serve_web(image=APP, **update)
        await_answers(served.swarm)

        with loads(served.swarm, note, f"rolling update, {how}") as sent:
            sent(200)
            served.serve_web(image=APP_2, **update)
            sent(500)

        for kind in PORTS:
            assert get(served.swarm, kind)[1].split()[1] == "v2"

    def test_a_broken_image_is_rolled_back(self, served: Served, note: Callable[[str], None]) -> None:
        """The update ends with the tasks' own words, and the service answers all the time. The next `up`
        repairs it."""
        served.serve_web(**ASKED)
        await_answers(served.swarm)
        broken: Any = {**ASKED, "image": APP_BROKEN, "environment": {"TOKEN": "hunter2-hunter2"}}

        with loads(served.swarm, note, "a broken image") as sent:
            sent(100)
            with pytest.raises(EngineError) as error:
                served.serve_web(**broken)

        said = str(error.value)
        assert "the update of service web was rolled back: the former definition serves" in said
        assert BROKEN_LINE in said
        assert "hunter2" not in said
        served.serve_web(**ASKED)
        assert get(served.swarm, "haproxy")[1].split()[1] == "v1"
        assert served.refresh() == {}

    @KINDS
    def test_a_configuration_that_the_program_refuses(self, kind: str, served: Served) -> None:
        """A manager says so at preview, in the program's own words; without the image it warns."""
        _, inputs, _ = served.resources[f"gate-{kind}-config"]
        handler = HANDLERS["GatewayConfig"]
        broken = {**inputs, "data": "no-such-directive yes;\n" + inputs["data"]}
        warnings: list[str] = []

        problem = handler.check(broken, inputs, warnings.append)

        assert problem is not None
        assert "no-such-directive" in problem
        assert warnings[0].startswith("the gateway's tasks are replaced (data), one node after the other")
        with pytest.raises(EngineError, match="no-such-directive"):
            handler.create({**broken, "name": "gate-broken"}, False)
        assert handler.check({**inputs, "image": "nobody/has:this"}, {}, warnings.append) is None
        assert "image nobody/has:this is not on unix://" in warnings[1]
        assert [name for name in kept(served.swarm) if "-proxy-" not in name] == []


@contextmanager
def loads(swarm: Swarm, note: Callable[[str], None], what: str) -> Iterator[Callable[[int], None]]:
    """Send requests to the gateway of each kind, of which none may fail; yields what awaits more of them."""
    with ExitStack() as stack:
        running = {kind: stack.enter_context(load(swarm, kind)) for kind in PORTS}

        def sent(more: int) -> None:
            for each in running.values():
                each.wait_sent(each.sent + more)

        yield sent
        for kind, each in running.items():
            report = each.stop()
            note(
                f"{what} behind {kind}: {report.sent} requests, {report.failed} failed, "
                f"{report.retries} retried, longest {report.max_ms:.0f} ms"
            )
    for each in running.values():
        assert each.report.failed == 0, each.report.failures[:5]


def test_a_cookie_keeps_a_client_on_its_task(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Over tasks that have no name of their own."""
    backend = {"host_names": ["web.example"], "health": {"path": "/healthz"}, "cookie": "TASK"}
    rehearsal.up(lambda: (web(swarm), gateway(swarm, "haproxy", backends={"web": backend})))
    await_answers(swarm, "haproxy")
    connection = http.client.HTTPConnection(swarm.first.address, PORTS["haproxy"], timeout=10)
    connection.request("GET", "/", headers={"Host": "web.example"})
    first = connection.getresponse()
    instance, cookie = first.read().split()[0], first.headers["Set-Cookie"].partition(";")[0]

    for _ in range(20):
        connection.request("GET", "/", headers={"Host": "web.example", "Cookie": cookie})
        assert connection.getresponse().read().split()[0] == instance


def test_a_worker_that_dies(swarm: Swarm, rehearsal: Rehearsal, note: Callable[[str], None]) -> None:
    """Its tasks run elsewhere without a hand, and no request fails behind either kind of gateway."""

    def program() -> None:
        web(swarm, replicas=4, **ASKED)
        for kind in PORTS:
            backend = {"host_names": ["web.example"], **HEALTH[kind], "response_deadline": 1}
            gateway(swarm, kind, backends={"web": backend})

    rehearsal.up(program)
    await_answers(swarm)
    assert swarm.places("web") == ["host2", "host2", "host3", "host3"]
    dead = swarm.hosts[2]

    with loads(swarm, note, "a worker dies") as sent:
        sent(200)
        with dead.unplugged():
            until(lambda: swarm.places("web") == ["host2"] * 4, "all tasks run on the other", timeout=60)
            sent(200)

    (node,) = swarm.first.engine().nodes.list(filters={"name": dead.name})

    def back() -> bool:
        node.reload()
        return bool(node.attrs["Status"]["State"] == "ready")

    until(back, "it is back", timeout=60)


def test_a_gateway_with_another_configuration(
    swarm: Swarm, rehearsal: Rehearsal, note: Callable[[str], None]
) -> None:
    """In host mode a node is without a gateway for some seconds, as the preview warns; one node at a time.

    Before it and after it an unknown host is answered as declared, as with LoadBalancedService.
    """
    two: Any = {"constraints": ["node.labels.zone==dmz"]}

    def program(**keys: Any) -> None:
        web(swarm)
        gateways(swarm, **keys, **two)

    rehearsal.up(program)
    other = swarm.hosts[1]
    await_answers(swarm, on=other)
    assert {get(swarm, kind, "nobody.example", on=other)[0] for kind in PORTS} == {503}

    with ExitStack() as stack:
        running = {kind: stack.enter_context(load(swarm, kind, on=other)) for kind in PORTS}
        for each in running.values():
            each.wait_sent(100)
        rehearsal.up(functools.partial(program, front_end={"unknown_host": "421"}))
        for each in running.values():
            each.wait_sent(each.sent + 100)
            each.stop()

    assert [warning.partition("(")[0] for warning in rehearsal.warnings] == [
        "the gateway's tasks are replaced "
    ] * 2
    for kind, each in running.items():
        failures = each.report.failures
        gap = failures[-1].offset - failures[0].offset if failures else 0
        note(f"another configuration of a gateway with {kind} in host mode: a node is {gap:.1f} s without")
        assert gap < 5
        assert [failure for failure in failures if failure.kind == "status"] == []  # none is served wrongly
    answers(
        lambda: {get(swarm, kind, "nobody.example", on=other)[0] for kind in PORTS} == {421},
        "the other answer",
    )


@NEEDS_IPVS
def test_a_gateway_behind_the_ingress(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Every node answers, whichever runs it; another configuration fails no request, new tasks come first."""

    def program(most: int) -> None:
        ingress: Any = {"publish": "ingress", "front_end": {"max_connections": most}}
        web(swarm)
        gateway(swarm, "haproxy", **ingress)

    rehearsal.up(lambda: program(1000))
    for host in swarm.hosts:
        answers(functools.partial(get, swarm, "haproxy", on=host), f"the gateway answers on {host.name}")
        assert get(swarm, "haproxy", on=host)[0] == 200

    with load(swarm, "haproxy", rate=200) as running:
        running.wait_sent(400)
        rehearsal.up(lambda: program(999))
        running.wait_sent(running.sent + 400)
        running.stop()

    assert running.report.failed == 0, running.report.failures[:5]
    assert rehearsal.warnings == []


def test_nothing_is_left(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """After a destroy there is no service, task, container, config or secret."""
    files: Any = {"configs": {"a": {"content": "a"}}, "secrets": {"b": {"content": "b"}}}
    rehearsal.up(lambda: (web(swarm, **files), gateway(swarm, "haproxy")))

    rehearsal.destroy()

    engine: Any = swarm.first.engine()
    assert kept(swarm) == []
    assert engine.services.list() == []
    assert not [t for t in engine.api.tasks() if t["Status"]["State"] == "running"]
    until(
        lambda: not any(host.engine().containers.list() for host in swarm.hosts), "containers end", timeout=5
    )
