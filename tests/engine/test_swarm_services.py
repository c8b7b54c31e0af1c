"""Services and gateways on a swarm of three real engines, without Pulumi."""

import functools
import http.client
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components import SwarmGateway, SwarmService
from components.engine.containers import EngineError
from components.engine.swarm import overlay
from components.provider.handlers import HANDLERS
from tests.bench.hosts import GATEWAY, Host
from tests.bench.images import APP, APP_2, APP_BROKEN, BROKEN_LINE, PROXY
from tests.bench.load import Load
from tests.bench.process import until
from tests.support.program import Inline
from tests.support.rehearsal import Rehearsal
from tests.support.swarm import Swarm, answers

pytestmark = pytest.mark.engine

PORT = 8070
GOLDEN = Path(__file__).parents[1] / "golden" / "services"


@pytest.fixture(scope="module")
def swarm(hosts: list[Host]) -> Iterator[Swarm]:
    """Provide a swarm of a manager (zone=inner), two workers (zone=dmz) and an overlay network `apps`."""
    with Swarm(hosts) as made:
        first, *others = made.hosts
        made.label(first, zone="inner")
        for host in others:
            made.label(host, zone="dmz")
        made.network("apps")
        yield made


def web_arguments(swarm: Swarm) -> dict[str, Any]:
    return {
        "managers": swarm.managers,
        "image": APP,
        "replicas": 2,
        "networks": ["apps"],
        "constraints": ["node.labels.zone==dmz"],
        "health": {"path": "/healthz", "interval": 0.5},
    }


def web(swarm: Swarm, service: str = "web", **keys: Any) -> SwarmService:
    """Return the application on the workers."""
    args: Any = {**web_arguments(swarm), **keys}
    return SwarmService(service, args)


@pytest.mark.every_engine
def test_a_service_over_two_nodes(swarm: Swarm, rehearsal: Rehearsal) -> None:
    rehearsal.up(lambda: web(swarm, replicas=4))
    assert swarm.places("web") == ["host2", "host2", "host3", "host3"]
    assert rehearsal.refresh() == {}


VALUES = {
    "A": "{{ name }}",
    "B": "{{.Node.Hostname}}",
    "C": '{{"{{"}}',
    "D": "{{{ x -}} }} {",
    "E": "{{/* x */}}\\n{{- .Bogus",
}


def variables(swarm: Swarm) -> list[dict[str, str]]:
    """Return the environment of each task of the service, by name."""
    found = [container.attrs["Config"]["Env"] for container in containers(swarm)]
    return [dict(entry.split("=", 1) for entry in entries if entry[0] in VALUES) for entries in found]


def test_a_variable_is_what_was_given(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Texts that Swarm takes for templates pass unchanged, unless `templates` asks for them."""
    text = "host {{.Node.Hostname}} {{ name }}"
    configs = {"a": {"content": text, "path": "/tmp/a"}}

    rehearsal.up(lambda: web(swarm, environment=VALUES, configs=configs))
    literal = variables(swarm)
    inside = {container.exec_run("cat /tmp/a").output.decode() for container in containers(swarm)}
    drift = rehearsal.refresh()
    rehearsal.up(lambda: web(swarm, environment={"A": "at {{ .Node.Hostname }}"}, templates=True))

    assert literal == [VALUES, VALUES]
    assert inside == {text}
    assert drift == {}
    assert sorted(each["A"] for each in variables(swarm)) == [f"at {host}" for host in swarm.places("web")]


@pytest.mark.every_engine
def test_tasks_are_asked_at_their_interval_from_the_beginning(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Engines from 25 on have an interval of their own until a task is healthy; ours wins."""
    api: Any = swarm.first.engine().api
    rehearsal.up(lambda: web(swarm))

    checks = [container.attrs["Config"]["Healthcheck"] for container in containers(swarm)]

    knows = tuple(map(int, api.version()["ApiVersion"].split("."))) >= (1, 44)
    expected = 500_000_000 if knows else None
    assert [check.get("StartInterval") for check in checks] == [expected] * 2
    assert rehearsal.refresh() == {}


@pytest.fixture
def wide(swarm: Swarm) -> Iterator[str]:
    """Provide an overlay network of a subnet of its own."""
    network = swarm.network("wide", "172.100.0.0/24")
    yield "wide"
    overlay.remove(swarm.first.engine(), network.id)


@pytest.fixture
def narrow(swarm: Swarm) -> Iterator[str]:
    """Provide an overlay network of six addresses."""
    network = swarm.network("narrow", "172.100.1.0/29")
    yield "narrow"
    overlay.remove(swarm.first.engine(), network.id)


def test_a_network_without_addresses_is_refused_and_what_just_fits_runs(
    swarm: Swarm, narrow: str, rehearsal: Rehearsal
) -> None:
    """Counted with the other services on it, before anything is made; the last address is used."""
    stop: Any = {"order": "stop-first"}
    keys: Any = {
        "networks": [narrow],
        "constraints": ["node.labels.zone==inner"],
        "update": stop,
        "rollback": stop,
    }

    with pytest.raises(
        AssertionError, match=r"172.100.1.0/29 has 6 addresses, and 7 are needed .*4 for tasks"
    ):
        rehearsal.up(lambda: web(swarm, replicas=4, **keys))
    with pytest.raises(AssertionError, match="2 for tasks, 2 for tasks that replace others"):
        rehearsal.up(lambda: web(swarm, replicas=2, **{**keys, "update": {"parallelism": 0}}))
    assert rehearsal.resources == {}

    rehearsal.up(lambda: web(swarm, replicas=3, **keys))
    assert swarm.places("web") == ["host1"] * 3
    rehearsal.up(lambda: web(swarm, replicas=3, image=APP_2, **keys))
    other: Any = {**keys, "replicas": 1, "endpoint_mode": "dnsrr", "health": None}
    with pytest.raises(AssertionError, match=r"7 are needed .* 4 for tasks.* with all services on it"):
        rehearsal.up(lambda: (web(swarm, replicas=3, image=APP_2, **keys), web(swarm, "other", **other)))


def containers(swarm: Swarm, service: str = "web") -> list[Any]:
    """Return the containers of a service, on all hosts."""
    return [
        container
        for host in swarm.hosts
        for container in host.engine().containers.list(filters={"name": f"{service}."})
    ]


@pytest.mark.every_engine
@pytest.mark.parametrize(
    ("hostname", "pattern"),
    [(None, "[0-9a-f]{12}"), ("{{.Service.Name}}-{{.Task.Slot}}", "web-[1-4]")],
    ids=["an id", "a template"],
)
def test_containers_reach_each_other(
    hostname: str | None, pattern: str, swarm: Swarm, wide: str, rehearsal: Rehearsal
) -> None:
    """By address, host name and container's name, on the same host and across hosts; and by the service's."""
    rehearsal.up(lambda: web(swarm, replicas=4, networks=[wide], hostname=hostname))
    assert swarm.places("web") == ["host2", "host2", "host3", "host3"]

    found = containers(swarm)
    ways = {
        way: container.attrs["Config"]["Hostname"]
        for container in found
        for way in (
            container.attrs["NetworkSettings"]["Networks"][wide]["IPAddress"],
            container.attrs["Config"]["Hostname"],
            container.name,
        )
    }
    assert len(ways) == 12
    assert all(re.fullmatch(pattern, name) for name in ways.values())
    ask = "for way; do echo $way $(curl -s --max-time 5 --retry 3 --retry-all-errors http://$way/); done"
    for container in found:
        said = container.exec_run(["sh", "-c", ask, "sh", *ways, "tasks.web"]).output.decode().splitlines()
        answered = {line.split()[0]: line.split()[1:2] for line in said}
        assert set(answered.pop("tasks.web")) <= set(ways.values())
        assert answered == {way: [name] for way, name in ways.items()}


NEEDS_IPVS = pytest.mark.skipif(
    not Path("/proc/net/ip_vs").exists(), reason="no IPVS in this kernel: no ingress, no VIP"
)


KINDS = pytest.mark.parametrize("kind", ["haproxy", "nginx"])


HEALTH: dict[str, dict[str, Any]] = {"haproxy": {"health": {"path": "/healthz"}}, "nginx": {}}
"""Arguments about the health of tasks, for each kind of gateway."""


def gateway_arguments(swarm: Swarm, kind: str, *backends: str) -> dict[str, Any]:
    return {
        "managers": swarm.managers,
        "networks": ["apps"],
        "constraints": ["node.labels.zone==inner"],
        "front_end": {"kind": kind, "image": PROXY, "port": PORT, "max_connections": 1000},
        "backends": {
            name: {"host_names": [f"{name}.example"], **HEALTH[kind]} for name in backends or ("web",)
        },
    }


def gateway(swarm: Swarm, kind: str, *backends: str, **keys: Any) -> SwarmGateway:
    """Return a gateway on the manager, with a host name `<name>.example` for each backend."""
    args: Any = gateway_arguments(swarm, kind, *backends)
    args["front_end"] |= keys.pop("front_end", {})
    args |= keys
    return SwarmGateway("gate", args)


def get(swarm: Swarm, host: str = "web.example", path: str = "/", on: Host | None = None) -> tuple[int, str]:
    """Return status and text of an answer of the gateway, on the manager by default."""
    connection = http.client.HTTPConnection((on or swarm.first).address, PORT, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def load(swarm: Swarm, rate: float = 200, on: Host | None = None) -> Load:
    """Return a load on the gateway, on the manager by default; half of its requests use kept connections."""
    url = f"http://{(on or swarm.first).address}:{PORT}/"
    return Load(url, rate=rate, host_header="web.example", max_seconds=120)


UPDATES: dict[str, dict[str, Any]] = {
    "one by one": {},
    "all at once, without a health check, killed": {
        "health": None,
        "stop_signal": "SIGKILL",
        "update": {"parallelism": 0},
    },
    "one task": {"replicas": 1},
}


@pytest.mark.every_engine
@KINDS
@pytest.mark.parametrize("how", list(UPDATES))
def test_a_rolling_update_fails_no_request(
    how: str, kind: str, swarm: Swarm, rehearsal: Rehearsal, note: Callable[[str], None]
) -> None:
    """Another image under load, new connections and kept ones; whatever the tasks do when they stop."""

    def program(image: str) -> None:
        web(swarm, **{"image": image, "replicas": 3, **UPDATES[how]})
        gateway(swarm, kind)

    rehearsal.up(lambda: program(APP))
    answers(lambda: get(swarm)[0] == 200, "the gateway answers")

    with load(swarm) as running:
        running.wait_sent(400)
        rehearsal.up(lambda: program(APP_2))
        running.wait_sent(running.sent + 1000)
        running.stop()

    report = running.report
    note(
        f"rolling update behind {kind}, {how}: {report.sent} requests, {report.failed} failed, "
        f"{report.retries} retried, longest {report.max_ms:.0f} ms"
    )
    assert report.failed == 0, report.failures[:5]
    assert get(swarm)[1].split()[1] == "v2"


@pytest.mark.every_engine
@KINDS
def test_a_gateway_starts_before_its_services(kind: str, swarm: Swarm, rehearsal: Rehearsal) -> None:
    """A backend that is not there is answered 503, the others are served; it is found when it comes, and
    missed at once when it goes."""
    rehearsal.up(lambda: (web(swarm), gateway(swarm, kind, "web", "late")))
    answers(lambda: get(swarm)[0] == 200, "the gateway answers")
    assert get(swarm, "late.example")[0] == 503

    rehearsal.up(lambda: (web(swarm), gateway(swarm, kind, "web", "late"), web(swarm, "late")))

    answers(lambda: get(swarm, "late.example")[0] == 200, "the service is found", timeout=5)
    rehearsal.up(lambda: (web(swarm), gateway(swarm, kind, "web", "late")))
    assert get(swarm, "late.example")[0] == 503
    assert get(swarm)[0] == 200


def test_a_cookie_keeps_a_client_on_its_task(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Over tasks that have no name of their own."""
    backend = {"host_names": ["web.example"], "health": {"path": "/healthz"}, "cookie": "TASK"}
    rehearsal.up(lambda: (web(swarm, replicas=4), gateway(swarm, "haproxy", backends={"web": backend})))
    answers(lambda: get(swarm)[0] == 200, "the gateway answers")
    connection = http.client.HTTPConnection(swarm.first.address, PORT, timeout=10)
    connection.request("GET", "/", headers={"Host": "web.example"})
    first = connection.getresponse()
    instance, cookie = first.read().split()[0], first.headers["Set-Cookie"].partition(";")[0]

    for _ in range(20):
        connection.request("GET", "/", headers={"Host": "web.example", "Cookie": cookie})
        assert connection.getresponse().read().split()[0] == instance


@KINDS
def test_an_unknown_host_is_answered_as_declared(kind: str, swarm: Swarm, rehearsal: Rehearsal) -> None:
    """As with LoadBalancedService: 503, 421 or a closed connection."""
    rehearsal.up(lambda: gateway(swarm, kind))
    answers(lambda: get(swarm, "nobody.example")[0] == 503, "the gateway answers")

    rehearsal.up(lambda: gateway(swarm, kind, front_end={"unknown_host": "421"}))
    answers(lambda: get(swarm, "nobody.example")[0] == 421, "the other answer")


@pytest.mark.every_engine
@KINDS
def test_the_service_sees_who_asked(kind: str, swarm: Swarm, rehearsal: Rehearsal) -> None:
    """In host mode the client's own address; what a client says of itself is removed."""
    rehearsal.up(lambda: (web(swarm), gateway(swarm, kind)))
    answers(lambda: get(swarm)[0] == 200, "the gateway answers")

    seen = get(swarm, path="/headers")[1].lower()

    assert f"x-forwarded-for: {GATEWAY}" in seen
    assert "x-forwarded-host: web.example" in seen


@pytest.mark.every_engine
def test_a_broken_image_is_rolled_back(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """The update ends with the tasks' own words, and the service answers all the time.

    The next `up` does not take the state of the failed update for good: it fails again, and a good image
    repairs it.
    """
    rehearsal.up(lambda: (web(swarm), gateway(swarm, "haproxy")))
    answers(lambda: get(swarm)[0] == 200, "the gateway answers")
    broken: Any = {"image": APP_BROKEN, "environment": {"TOKEN": "hunter2-hunter2"}}

    with load(swarm) as running:
        running.wait_sent(100)
        for _ in range(2):
            with pytest.raises(EngineError) as error:
                rehearsal.up(lambda: (web(swarm, **broken), gateway(swarm, "haproxy")))
            said = str(error.value)
            assert "the update of service web was rolled back: the former definition serves" in said
            assert BROKEN_LINE in said
            assert "hunter2" not in said
        running.stop()

    assert running.report.failed == 0, running.report.failures[:5]
    rehearsal.up(lambda: (web(swarm), gateway(swarm, "haproxy")))
    assert get(swarm)[1].split()[1] == "v1"
    assert rehearsal.refresh() == {}


def test_a_broken_image_stops_the_update(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """With failure action pause what is left of the former definition serves."""
    pause: Any = {"update": {"failure_action": "pause"}}
    rehearsal.up(lambda: web(swarm, **pause))

    with pytest.raises(EngineError, match="was stopped, as its failure action says"):
        rehearsal.up(lambda: web(swarm, image=APP_BROKEN, **pause))

    assert len(swarm.tasks("web")) == 2
    rehearsal.up(lambda: web(swarm, image=APP_2, **pause))
    assert len(swarm.tasks("web")) == 2


def test_a_service_that_never_runs_is_an_error(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """At the first `up` there is nothing to go back to: it says why, and keeps what was made."""
    with pytest.raises(EngineError) as error:
        rehearsal.up(lambda: web(swarm, image=APP_BROKEN, restart={"delay": 0.1}))
    assert str(error.value).startswith("service web does not run: task ")
    assert BROKEN_LINE in str(error.value)

    with pytest.raises(
        EngineError, match=r"0 of 2 tasks of service web run, and no more for .*no suitable node"
    ):
        rehearsal.up(lambda: web(swarm, constraints=["node.labels.zone==moon"], start_timeout=1))

    rehearsal.up(lambda: web(swarm))
    assert swarm.places("web") == ["host2", "host3"]


def test_a_change_by_hand_is_read_and_repaired(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Scale and constraint are read and repaired; an update that is forced by hand is no drift."""
    rehearsal.up(lambda: web(swarm))
    (service,) = swarm.first.engine().services.list(filters={"name": "web"})

    service.scale(4)
    ((name, drift),) = rehearsal.refresh().items()
    assert name == "web-service"
    assert drift["spec"]["Mode"] == {"Replicated": {"Replicas": 4}}
    assert drift["spec"]["TaskTemplate"]["Networks"] == [{"Target": "apps"}]
    rehearsal.up(lambda: web(swarm))
    # Swarm chooses the two of the four that go.
    until(lambda: len(swarm.places("web")) == 2, "two tasks run")

    service.reload()
    force: Any = service.force_update
    force()
    assert rehearsal.refresh() == {}


def test_no_choice_is_a_drift(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Each choice is read as it was declared: the engine's own words for it are no difference."""
    for file in sorted(GOLDEN.glob("*.json")):
        arguments = json.loads(file.read_text())["arguments"]
        # Where it can be avoided no task has to run.
        arguments["replicas"] = None if arguments.get("mode") == "global" else 0
        networks = ["apps"] if "networks" in arguments else []
        choice = {"health": None, **arguments, "networks": networks}
        rehearsal.up(functools.partial(web, swarm, **choice))

        assert rehearsal.refresh() == {}, file.stem


@pytest.mark.every_engine
def test_files_of_a_service(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Configs and secrets are files of the tasks. Another content replaces the tasks, and what was there
    before goes last, also when a change is taken back."""

    def files(config: str, secret: str) -> Any:
        return {
            "configs": {"site.conf": {"content": config, "path": "/etc/site.conf"}},
            "secrets": {"token": {"content": secret, "mode": "0400"}},
        }

    def inside(path: str) -> set[str]:
        found: set[str] = set()
        for host in swarm.hosts[1:]:
            for container in host.engine().containers.list(filters={"name": "web."}):
                output: Any = container.exec_run(["cat", path]).output
                found.add(output.decode())
        return found

    rehearsal.up(lambda: web(swarm, **files("one", "s3cret")))
    assert inside("/etc/site.conf") == {"one"}
    assert inside("/run/secrets/token") == {"s3cret"}
    assert kept(swarm) == ["web-site.conf-7692c3ad3540", "web-token-g1"]

    rehearsal.up(lambda: web(swarm, **files("two", "0ther")))
    assert inside("/etc/site.conf") == {"two"}
    assert inside("/run/secrets/token") == {"0ther"}
    assert kept(swarm) == ["web-site.conf-3fc4ccfe7458", "web-token-g2"]

    with pytest.raises(EngineError, match="rolled back"):
        rehearsal.up(lambda: web(swarm, image=APP_BROKEN, **files("three", "third")))
    rehearsal.up(lambda: web(swarm, **files("two", "0ther")))
    assert inside("/etc/site.conf") == {"two"}
    assert inside("/run/secrets/token") == {"0ther"}
    assert kept(swarm) == ["web-site.conf-3fc4ccfe7458", "web-token-g4"]
    assert rehearsal.refresh() == {}


def test_a_forced_update_replaces_all_tasks(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Nothing has changed but the number."""
    rehearsal.up(lambda: web(swarm))
    before = {task["ID"] for task in swarm.tasks("web")}

    rehearsal.up(lambda: web(swarm, force_update=1))

    assert not before & {task["ID"] for task in swarm.tasks("web")}


def test_a_service_of_somebody_else_is_not_touched(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """The same name without our labels is an error; with them it is what an `up` that was killed has made."""
    services: Any = swarm.first.engine().services
    foreign = services.create(APP, name="web", networks=["apps"])
    try:
        with pytest.raises(
            EngineError, match="there is a service web in this swarm already, which is not ours"
        ):
            rehearsal.up(lambda: web(swarm))
    finally:
        foreign.remove()
    rehearsal.up(lambda: web(swarm))
    made = services.list()[0].id

    Rehearsal(swarm.first).up(lambda: web(swarm, replicas=1))

    assert services.list()[0].id == made
    assert len(swarm.tasks("web")) == 1


def test_files_that_nobody_remembers_are_found(swarm: Swarm) -> None:
    """A config is taken by its content; a secret does not show its own, so it is made anew."""
    files: Any = {"managers": swarm.managers, "swarmId": "", "labels": {"io.longshore.component": "web"}}
    config, secret = HANDLERS["SwarmConfig"], HANDLERS["SwarmSecret"]

    first, _ = config.create({**files, "name": "a", "data": "one"}, False)
    again, _ = config.create({**files, "name": "a", "data": "one"}, False)
    hidden, _ = secret.create({**files, "name": "b", "data": "one"}, False)
    other, _ = secret.create({**files, "name": "b", "data": "two"}, False)

    assert first == again
    assert hidden != other
    with pytest.raises(EngineError, match="there is a secret b in this swarm already, which is not ours"):
        secret.create({**files, "name": "b", "data": "two", "labels": {}}, False)
    config.delete({**files, "keptId": first})
    secret.delete({**files, "keptId": other})
    assert kept(swarm) == []


@pytest.mark.every_engine
@KINDS
def test_a_configuration_that_the_program_refuses(kind: str, swarm: Swarm, rehearsal: Rehearsal) -> None:
    """A manager says so at preview, in the program's own words; without the image it warns."""
    rehearsal.up(lambda: gateway(swarm, kind))
    _, inputs, _ = rehearsal.resources["gate-config"]
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
    assert [name for name in kept(swarm) if not name.startswith("gate-proxy-")] == []


@KINDS
def test_a_worker_that_dies(
    kind: str, swarm: Swarm, rehearsal: Rehearsal, note: Callable[[str], None]
) -> None:
    """Its tasks run elsewhere without a hand; clients see at most the requests in flight fail."""
    backend = {"host_names": ["web.example"], **HEALTH[kind], "response_deadline": 1}
    rehearsal.up(lambda: (web(swarm, replicas=4), gateway(swarm, kind, backends={"web": backend})))
    answers(lambda: get(swarm)[0] == 200, "the gateway answers")
    assert swarm.places("web") == ["host2", "host2", "host3", "host3"]
    dead = swarm.hosts[2]

    with load(swarm) as running:
        running.wait_sent(400)
        with dead.unplugged():
            until(lambda: swarm.places("web") == ["host2"] * 4, "all tasks run on the other", timeout=60)
            running.wait_sent(running.sent + 400)
            running.stop()

    report = running.report
    note(
        f"a worker dies behind {kind}: {report.sent} requests, {report.failed} failed, "
        f"{report.retries} retried, longest {report.max_ms:.0f} ms"
    )
    assert report.failed == 0, report.failures[:5]
    (node,) = swarm.first.engine().nodes.list(filters={"name": dead.name})

    def back() -> bool:
        node.reload()
        return bool(node.attrs["Status"]["State"] == "ready")

    until(back, "it is back")


@KINDS
def test_a_gateway_with_another_configuration(
    kind: str, swarm: Swarm, rehearsal: Rehearsal, note: Callable[[str], None]
) -> None:
    """In host mode a node is without a gateway for some seconds, as the preview warns; one node at a time."""
    two: Any = {"constraints": ["node.labels.zone==dmz"]}
    rehearsal.up(lambda: (web(swarm), gateway(swarm, kind, **two)))
    other = swarm.hosts[1]
    answers(lambda: get(swarm, on=other)[0] == 200, "the gateway answers")

    with load(swarm, rate=100, on=other) as running:
        running.wait_sent(100)
        rehearsal.up(lambda: (web(swarm), gateway(swarm, kind, front_end={"max_connections": 999}, **two)))
        running.wait_sent(running.sent + 100)
        running.stop()

    assert [warning.partition("(")[0] for warning in rehearsal.warnings] == [
        "the gateway's tasks are replaced "
    ]
    failures = running.report.failures
    gap = failures[-1].offset - failures[0].offset if failures else 0
    note(f"another configuration of a gateway with {kind} in host mode: a node is {gap:.1f} s without")
    assert gap < 5
    assert [failure for failure in failures if failure.kind == "status"] == []  # none is served wrongly


@NEEDS_IPVS
def test_a_published_port_of_every_node(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Every node leads to each of the tasks, also a node that has none, and so does the virtual address."""
    rehearsal.up(lambda: web(swarm, replicas=4, ports=[{"port": 80, "published": PORT}]))
    assert swarm.places("web") == ["host2", "host2", "host3", "host3"]

    def all_answer(good: int, ask: Callable[[], tuple[int, Any]]) -> bool:
        return len({answer for code, answer in (ask() for _ in range(8)) if code == good}) == 4

    for host in swarm.hosts:
        ask = functools.partial(get, swarm, on=host)
        answers(functools.partial(all_answer, 200, ask), f"all tasks answer on {host.name}")
    for host in swarm.hosts[1:]:
        task: Any = host.engine().containers.list(filters={"name": "web."})[0]
        inside = functools.partial(task.exec_run, ["curl", "-sf", "http://web/"])
        answers(functools.partial(all_answer, 0, inside), f"all tasks answer each other on {host.name}")


@NEEDS_IPVS
def test_a_gateway_behind_the_ingress(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Every node answers, whichever runs it; another configuration fails no request, new tasks come first."""

    def program(most: int) -> None:
        ingress: Any = {"publish": "ingress", "front_end": {"max_connections": most}}
        web(swarm)
        gateway(swarm, "haproxy", **ingress)

    rehearsal.up(lambda: program(1000))
    for host in swarm.hosts:
        answers(functools.partial(get, swarm, on=host), f"the gateway answers on {host.name}")
        assert get(swarm, on=host)[0] == 200

    with load(swarm) as running:
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


MAIN = """
import pulumi
from components import SwarmGateway, SwarmService

config = pulumi.Config()
token = config.require_secret("token")
for name, args in config.require_object("services").items():
    args["environment"] = {"TOKEN": token}
    args["secrets"] = {"token": {"content": token}}
    args["managers"][0]["registries"] = [{"address": "registry.example", "username": "me", "password": token}]
    SwarmService(name, args)
for name, args in config.require_object("gateways").items():
    pulumi.export(name, SwarmGateway(name, args).config)
"""
TOKEN = "a-token-of-nobody"


class Stack(Inline):
    """A program of services and gateways, each with its settings as arguments."""

    main = MAIN


@pytest.mark.every_engine
@pytest.mark.pulumi_cli
def test_with_the_real_pulumi(swarm: Swarm, tmp_path: Path) -> None:
    """Nothing changes twice, a drift is shown and repaired, a failed update is an exit code and an error, and
    no secret is in clear.
    """

    def settings(**keys: Any) -> dict[str, Any]:
        service = {**web_arguments(swarm), **keys}
        return {"services": {"web": service}, "gateways": {"gate": gateway_arguments(swarm, "nginx")}}

    stack = Stack(tmp_path, swarm.first, settings())
    stack._init()
    stack.pulumi("config", "set", "--secret", "token", TOKEN)
    try:
        said = stack.up().output
        answers(lambda: get(swarm)[0] == 200, "the gateway answers")
        assert get(swarm, path="/env/TOKEN")[1].strip() == TOKEN
        assert stack.preview().changes == []
        said += stack.refresh().output
        assert stack.preview().changes == []

        (service,) = swarm.first.engine().services.list(filters={"name": "web"})
        service.scale(5)
        said += stack.refresh().output
        assert stack.preview().changes == [("update", "web-service")]
        stack.up()
        stack.refresh()
        assert stack.preview().changes == []

        stack.configure(settings(image=APP_BROKEN))
        for _ in range(2):
            failed = stack.up(check=False)
            said += failed.output
            assert failed.code != 0
            assert "the update of service web was rolled back: the former definition serves" in failed.output
            assert BROKEN_LINE in failed.output
            assert get(swarm)[0] == 200
        stack.configure(settings(image=APP_2))
        said += stack.up().output
        assert get(swarm)[1].split()[1] == "v2"
        stack.refresh()
        assert stack.preview().changes == []

        # A new gateway's configuration beside the old one, and the old one goes last.
        changed = settings(image=APP_2)
        changed["gateways"]["gate"]["front_end"]["max_connections"] = 998
        stack.configure(changed)
        assert stack.preview().changes == [("replace", "gate-config"), ("update", "gate-service")]
        preview = stack.pulumi("preview", "--diff").output
        assert "the gateway's tasks are replaced (data), one node after the other" in preview
        said += preview
        stack.up()
        assert stack.preview().changes == []
        assert TOKEN not in said
        assert TOKEN not in "".join(
            file.read_text(errors="replace") for file in stack.state.rglob("*") if file.is_file()
        )
    finally:
        stack.destroy()
    assert kept(swarm) == []


def kept(swarm: Swarm) -> list[str]:
    """Return names of configs and secrets."""
    engine: Any = swarm.first.engine()
    return sorted(each.name for each in [*engine.configs.list(), *engine.secrets.list()])
