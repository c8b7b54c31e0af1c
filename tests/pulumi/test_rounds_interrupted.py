"""Rounds that fail or are killed, under load and the real `pulumi`: no request fails, and nothing is left."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.engine.containers import read_file
from components.engine.rounds_record import FILE
from components.naming import LABEL
from components.proxies.program import FOLDER
from components.proxies.registry import kind_of
from tests.bench.hosts import Host
from tests.bench.images import APP, APP_2, APP_SICK
from tests.bench.load import Load
from tests.pulumi.test_changes import leftovers, volumes
from tests.support.interrupted import PORT as STACK_PORT
from tests.support.interrupted import Point, Stack
from tests.support.program import PORT, Inline, Program, service

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.load]

RATE = 100
OTHER = PORT + 1
"""Port of a second service, while the first one is up."""
SECRET = "correct-horse-battery"
UPDATE = {"monitor": 1}
Arguments = dict[str, Any]


@contextmanager
def unfailing(host: Host, port: int, note: Callable[[str], None], host_name: str = "") -> Iterator[None]:
    """Send requests meanwhile, over new connections and kept ones, of which none may fail."""
    url = f"http://{host.address}:{port}/"
    with Load(url, rate=RATE, max_seconds=300, host_header=host_name) as load:
        load.wait_sent(100)
        yield
        load.wait_sent(load.sent + 100)
        load.stop()
    report = load.report
    note(
        f"{host_name or port}: {report.sent} requests, {report.failed} failed, longest {report.max_ms:.0f} ms"
    )
    assert report.failed == 0, report.failures


@pytest.fixture(scope="module", params=["haproxy", "nginx"])
def running(
    request: pytest.FixtureRequest, host: Host, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Inline, Arguments]]:
    """Provide a service with `update` that is up, with either kind of front end, and its arguments."""
    kind = request.param
    args = service(
        drain=2,
        update=UPDATE,
        start_timeout=5,
        environment={"TOKEN": {"secret": "token"}},
        front_end={"kind": kind, "resolve": kind == "haproxy"},
    )
    before = volumes(host)
    program = Inline(tmp_path_factory.mktemp(kind), host, {"services": {"site": args}})
    program.set_secret("token", SECRET)
    program.up()
    yield program, args
    program.destroy()
    assert leftovers(host, program) == []
    assert volumes(host) == before


BAD: dict[str, tuple[Arguments, str]] = {
    "unhealthy": ({"image": APP_SICK}, "its health check ended with 1: GET / of localhost: 500"),
    "ends while it is watched": (
        {"command": ["sh", "-c", "timeout 10 /usr/local/bin/app; exit 7"], "update": {"monitor": 60}},
        "): it ended ",  # the engine may have started it again, and has forgotten the exit code then
    ),
    "stop-first": (
        {"image": APP_SICK, "update": {"order": "stop-first", "parallelism": 2, "monitor": 0}},
        "its health check ended with 1: GET / of localhost: 500",
    ),
}


@pytest.mark.parametrize("bad", list(BAD))
def test_a_bad_change_is_rolled_back(
    running: tuple[Inline, Arguments], bad: str, host: Host, note: Callable[[str], None]
) -> None:
    """`up` fails with one message; configuration, preview and host are as before, and no request fails."""
    program, args = running
    change, reason = BAD[bad]
    before, replicas = configuration(program, host, args), containers(program, host)

    with unfailing(host, PORT, note):
        program.configure({"services": {"site": {**args, **change}}})
        run = program.up(check=False)

    assert run.code != 0
    (said,) = re.findall(
        r"(?ms)^    (?:error:|\t\*) (\d of 3 replicas of site-web failed; .*?)\n\n", run.output
    )
    assert re.match(r"\d of 3 replicas of site-web failed; rolled back to site-web-0-g2, site-web-1-g2", said)
    assert "the first: site-web-0-g" in said
    assert reason in said
    assert "its last log lines:\n        listening on 80" in said
    assert SECRET not in run.output
    assert not [file for file in program.folder.rglob("*.json*") if SECRET in file.read_text()]
    assert SECRET not in str(file_of(program, host, f"{FOLDER}/{FILE}"))
    assert configuration(program, host, args) == before
    assert len(containers(program, host)) == 3
    assert (containers(program, host) == replicas) is (bad != "stop-first")
    program.configure({"services": {"site": args}})
    program.up()  # with stop-first, the state has two new ids
    assert program.preview().changes == []


def containers(program: Program, host: Host, role: str = "replica-web") -> set[str]:
    labels = [*program.labels, f"{LABEL}.role={role}"]
    return {each["Id"] for each in host.engine().api.containers(all=True, filters={"label": labels})}


def configuration(program: Program, host: Host, args: Arguments) -> str | None:
    return file_of(program, host, kind_of(args["front_end"]["kind"]).program.path)


def file_of(program: Program, host: Host, path: str) -> str | None:
    (front_end,) = containers(program, host, "front-end")
    return read_file(host.engine().containers.get(front_end), path)


# Two backends at the same time

NAMES = ("a.example", "b.example")


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_two_backends_change_at_the_same_time(
    kind: str, host: Host, tmp_path: Path, note: Callable[[str], None]
) -> None:
    """Each in its rounds; the configuration at the end is the one that a preview expects."""
    args: Arguments = {
        "front_end": {**service()["front_end"], "port": OTHER, "kind": kind, "resolve": kind == "haproxy"},
        "backends": {
            name[0]: {"image": APP, "replicas": 2, "host_names": [name], "update": UPDATE, "drain": 2}
            for name in NAMES
        },
    }
    program = Inline(tmp_path, host, {"services": {"site": args}})
    try:
        program.up()
        first, second = args["backends"].values()
        first |= {"image": APP_2, "update": {"monitor": 0}}
        second |= {"image": APP_2, "update": {"monitor": 1, "order": "stop-first"}}
        with unfailing(host, OTHER, note, NAMES[0]), unfailing(host, OTHER, note, NAMES[1]):
            program.configure({"services": {"site": args}})
            program.up()
        program.refresh()
        assert program.preview().changes == []
        (declared,) = (
            each["outputs"]["config"]
            for each in program.export()["resources"]
            if each["type"] == "longshore:index:FrontEndConfig"
        )
        assert configuration(program, host, args) == declared
    finally:
        program.destroy()
    assert leftovers(host, program) == []


# Killed runs


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory, host: Host) -> Iterator[dict[str, Stack]]:
    """Provide a stack for each kind of front end, with a service of two replicas and `update`, up."""
    made = {}
    for number, kind in enumerate(("haproxy", "nginx")):
        made[kind] = Stack(Inline(tmp_path_factory.mktemp(kind), host, {}), host, STACK_PORT + number)
        made[kind].kind = kind
        rounds(made[kind], APP)
        made[kind].program.up()
    yield made
    for each in made.values():
        each.clear()


@pytest.fixture
def stack(request: pytest.FixtureRequest, stacks: dict[str, Stack]) -> Stack:
    """Provide the stack of a kind. A test may leave either image."""
    return stacks[request.param]


def rounds(stack: Stack, image: str, **keys: Any) -> None:
    front_end = {"kind": stack.kind, "resolve": stack.kind == "haproxy"}
    stack.configure(image=image, drain=1, update=UPDATE, front_end=front_end, **keys)


def other(stack: Stack) -> str:
    return APP_2 if stack.image == APP else APP


def made(stack: Stack, count: int) -> bool:
    """Return whether so many replicas have the new image."""
    return [each["Image"] for each in stack.containers("replica-web").values()].count(stack.image) >= count


IN_ROUNDS: dict[str, Point] = {
    "first round": lambda s: made(s, 1),
    "second round": lambda s: made(s, 2),
}


@pytest.mark.parametrize(
    ("stack", "part", "point"),
    [
        ("haproxy", "group", "first round"),
        ("nginx", "group", "second round"),
        ("nginx", "pulumi", "first round"),
        ("haproxy", "pulumi", "second round"),
        ("nginx", "our plugin", "first round"),
        ("haproxy", "our plugin", "second round"),
        ("haproxy", "docker plugin", "first round"),
    ],
    indirect=["stack"],
)
def test_killed_rounds_go_on(stack: Stack, part: str, point: str, note: Callable[[str], None]) -> None:
    """The next `up` as `make` runs it brings the rest; no request fails in either run."""
    rounds(stack, other(stack))

    with unfailing(stack.host, stack.port, note):
        stack.hurt(part, IN_ROUNDS[point])
        stack.program.operate("up")

    stack.assert_converged()


@pytest.mark.parametrize(("stack", "part"), [("nginx", "our plugin")], indirect=["stack"])
def test_killed_rounds_are_taken_back(stack: Stack, part: str, note: Callable[[str], None]) -> None:
    """With the former settings, the replicas of the killed change are gone, and the former ones serve."""
    before = stack.image
    rounds(stack, other(stack))

    with unfailing(stack.host, stack.port, note):
        stack.hurt(part, IN_ROUNDS["second round"])
        rounds(stack, before)
        stack.program.operate("up")

    stack.assert_converged()


@pytest.mark.parametrize("stack", ["haproxy", "nginx"], indirect=True)
def test_a_killed_canary_is_tried_again(stack: Stack, note: Callable[[str], None]) -> None:
    """It has its share when the plugin is killed; the next `up` begins anew, and no request fails."""
    rounds(stack, other(stack), canary={"steps": [20, 50], "interval": 2, "min_requests": 1})

    def has_a_share(stack: Stack) -> bool:
        args = {"front_end": {"kind": stack.kind}}
        return "# canary" in str(configuration(stack.program, stack.host, args))

    with unfailing(stack.host, stack.port, note):
        stack.hurt("our plugin", has_a_share)
        stack.program.operate("up")

    stack.assert_converged()
