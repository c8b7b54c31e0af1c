"""Services on a swarm of three real engines, without Pulumi."""

import functools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

from components.engine.containers import EngineError
from components.engine.swarm import overlay
from components.provider.handlers import HANDLERS
from tests.bench.images import APP, APP_2, APP_BROKEN, BROKEN_LINE
from tests.bench.process import until
from tests.support.rehearsal import Rehearsal
from tests.support.swarm import Swarm, answers
from tests.support.swarm_services import ASKED, PORTS, containers, get, kept, web

pytestmark = pytest.mark.engine

GOLDEN = Path(__file__).parents[1] / "golden" / "services"


@pytest.mark.every_engine
def test_a_service_over_two_nodes(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Tasks are asked at their interval from the beginning.

    Engines from 25 on have an interval of their own until a task is healthy; ours wins.
    """
    api: Any = swarm.first.engine().api
    rehearsal.up(lambda: web(swarm, replicas=4, health={"path": "/healthz", "interval": 0.5}))

    checks = [container.attrs["Config"]["Healthcheck"] for container in containers(swarm)]

    assert swarm.places("web") == ["host2", "host2", "host3", "host3"]
    knows = tuple(map(int, api.version()["ApiVersion"].split("."))) >= (1, 44)
    expected = 500_000_000 if knows else None
    assert [check.get("StartInterval") for check in checks] == [expected] * 4
    assert rehearsal.refresh() == {}


VALUES = {
    "A": "{{ name }}",
    "B": "{{.Node.Hostname}}",
    "C": '{{"{{"}}',
    "D": "{{{ x -}} }} {",
    "E": "{{/* x */}}\\n{{- .Bogus",
}


def variables(swarm: Swarm) -> list[dict[str, str]]:
    """Return the environment of each of the two tasks, by name, when those of before have ended."""
    until(lambda: len(containers(swarm)) == 2, "two containers run")
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
    stop: Any = {"order": "stop-first", "monitor": 1}
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
    other: Any = {**keys, "replicas": 1, "endpoint_mode": "dnsrr"}
    with pytest.raises(AssertionError, match=r"7 are needed .* 4 for tasks.* with all services on it"):
        rehearsal.up(lambda: (web(swarm, replicas=3, image=APP_2, **keys), web(swarm, "other", **other)))


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


def test_a_broken_image_stops_the_update(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """With failure action pause what is left of the former definition serves."""
    pause: Any = {**ASKED, "update": {"failure_action": "pause", "monitor": 1}}
    rehearsal.up(lambda: web(swarm, **pause))

    with pytest.raises(EngineError, match="was stopped, as its failure action says"):
        rehearsal.up(lambda: web(swarm, image=APP_BROKEN, **pause))

    assert len(swarm.tasks("web")) == 2
    rehearsal.up(lambda: web(swarm, image=APP_2, **pause))
    assert len(swarm.tasks("web")) == 2


def test_a_service_that_never_runs_is_an_error(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """At the first `up` there is nothing to go back to: it says why, and keeps what was made."""
    with pytest.raises(EngineError) as error:
        rehearsal.up(lambda: web(swarm, image=APP_BROKEN, restart={"delay": 0.1}, **ASKED))
    assert str(error.value).startswith("service web does not run: task ")
    assert BROKEN_LINE in str(error.value)

    with pytest.raises(
        EngineError, match=r"0 of 2 tasks of service web run, and no more for .*no suitable node"
    ):
        rehearsal.up(lambda: web(swarm, constraints=["node.labels.zone==moon"], start_timeout=1, **ASKED))

    rehearsal.up(lambda: web(swarm, **ASKED))
    assert swarm.places("web") == ["host2", "host3"]


def test_a_change_by_hand_is_read_and_repaired(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Scale and constraint are read and repaired; an update that is forced by hand is no drift. One that is
    forced by its number alone replaces all tasks.
    """
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

    until(lambda: len(swarm.tasks("web")) == 2, "the two that were forced run")
    before = {task["ID"] for task in swarm.tasks("web")}
    rehearsal.up(lambda: web(swarm, force_update=1))
    assert not before & {task["ID"] for task in swarm.tasks("web")}


def test_no_choice_is_a_drift(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Each choice is read as it was declared: the engine's own words for it are no difference."""
    for file in sorted(GOLDEN.glob("*.json")):
        arguments = json.loads(file.read_text())["arguments"]
        # Where it can be avoided no task has to run.
        arguments["replicas"] = None if arguments.get("mode") == "global" else 0
        networks = ["apps"] if "networks" in arguments else []
        choice = {**arguments, "networks": networks}
        rehearsal.up(functools.partial(web, swarm, **choice))

        assert rehearsal.refresh() == {}, file.stem


@pytest.mark.every_engine
def test_files_of_a_service(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Configs and secrets are files of the tasks. Another content replaces the tasks, and what was there
    before goes last, also when a change is taken back."""

    def files(config: str, secret: str) -> Any:
        return {
            **ASKED,
            "configs": {"site.conf": {"content": config, "path": "/etc/site.conf"}},
            "secrets": {"token": {"content": secret, "mode": "0400"}},
        }

    def has(path: str, content: str) -> bool:
        """Await two tasks with this content: those of before may take a moment to end."""

        def found() -> list[str]:
            with suppress(APIError):  # one of them has just ended
                return [each.exec_run(["cat", path]).output.decode() for each in containers(swarm)]
            return []

        return until(lambda: found() == [content] * 2, f"{path} is {content}")

    rehearsal.up(lambda: web(swarm, **files("one", "s3cret")))
    assert has("/etc/site.conf", "one")
    assert has("/run/secrets/token", "s3cret")
    assert kept(swarm) == ["web-site.conf-7692c3ad3540", "web-token-g1"]

    rehearsal.up(lambda: web(swarm, **files("two", "0ther")))
    assert has("/etc/site.conf", "two")
    assert has("/run/secrets/token", "0ther")
    assert kept(swarm) == ["web-site.conf-3fc4ccfe7458", "web-token-g2"]

    with pytest.raises(EngineError, match="rolled back"):
        rehearsal.up(lambda: web(swarm, image=APP_BROKEN, **files("three", "third")))
    rehearsal.up(lambda: web(swarm, **files("two", "0ther")))
    assert has("/etc/site.conf", "two")
    assert has("/run/secrets/token", "0ther")
    assert kept(swarm) == ["web-site.conf-3fc4ccfe7458", "web-token-g4"]
    assert rehearsal.refresh() == {}


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


NEEDS_IPVS = pytest.mark.skipif(
    not Path("/proc/net/ip_vs").exists(), reason="no IPVS in this kernel: no ingress, no VIP"
)


@NEEDS_IPVS
def test_a_published_port_of_every_node(swarm: Swarm, rehearsal: Rehearsal) -> None:
    """Every node leads to each of the tasks, also a node that has none, and so does the virtual address."""
    rehearsal.up(lambda: web(swarm, replicas=4, ports=[{"port": 80, "published": PORTS["haproxy"]}]))
    assert swarm.places("web") == ["host2", "host2", "host3", "host3"]

    def all_answer(good: int, ask: Callable[[], tuple[int, Any]]) -> bool:
        return len({answer for code, answer in (ask() for _ in range(8)) if code == good}) == 4

    for host in swarm.hosts:
        ask = functools.partial(get, swarm, "haproxy", on=host)
        answers(functools.partial(all_answer, 200, ask), f"all tasks answer on {host.name}")
    for host in swarm.hosts[1:]:
        task: Any = host.engine().containers.list(filters={"name": "web."})[0]
        inside = functools.partial(task.exec_run, ["curl", "-sf", "http://web/"])
        answers(functools.partial(all_answer, 0, inside), f"all tasks answer each other on {host.name}")
