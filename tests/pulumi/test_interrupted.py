"""`pulumi` killed in the middle: the next `make up` or `make down` puts right what it left.

Each test kills the real command with SIGKILL at a point that it waits for, and then runs what
`make` runs. Converged means: the engine holds exactly what the state holds, the service answers,
and a preview is empty. Tests of changes have one stack, `running`, and leave it converged.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from components.engine.containers import read_file
from components.naming import LABEL
from components.operate import workspace
from components.proxies.registry import kind_of
from components.repair.leftovers import BEFORE
from tests.bench.hosts import Host
from tests.bench.images import APP, APP_2
from tests.bench.kills import KILLS
from tests.bench.process import run, until
from tests.support.interrupted import PORT, REPLICAS, Point, Stack, repaired
from tests.support.program import Inline, Program, service

pytestmark = [pytest.mark.pulumi, pytest.mark.engine, pytest.mark.slow]


@pytest.fixture
def stack(tmp_path: Path, host: Host) -> Iterator[Stack]:
    """Provide a stack with a service of two replicas, not made yet; removed at the end."""
    yield from provided(Inline(tmp_path, host, {}), host)


@pytest.fixture
def hosted(tmp_path: Path, host: Host) -> Iterator[Stack]:
    """Provide such a stack with a language host, which is left over, too, when `pulumi` is killed."""
    yield from provided(Program(tmp_path, host, {}), host)


def provided(program: Program, host: Host) -> Iterator[Stack]:
    stack = Stack(program, host)
    stack.configure()
    yield stack
    stack.clear()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, host: Host) -> Iterator[Stack]:
    """Provide a stack with a service, up. A test may leave either image and two or three replicas.

    After the last test, `down` leaves nothing of all that was killed.
    """
    stack = Stack(Inline(tmp_path_factory.mktemp("running"), host, {}), host, PORT + 1)
    stack.configure()
    stack.program.up()
    yield stack
    try:
        stack.program.operate("down")
        stack.assert_nothing_left()
    finally:
        stack.clear()


def change(stack: Stack, **keys: Any) -> None:
    """Declare other arguments; what is not given stays."""
    known = {"image": stack.image, "replicas": stack.replicas, "front_end": stack.front_end}
    stack.configure(**{**known, **keys})


def other_image(stack: Stack) -> str:
    return APP_2 if stack.image == APP else APP


def other_count(stack: Stack) -> int:
    return REPLICAS + 1 if stack.replicas == REPLICAS else REPLICAS


def lock_of(pid: int) -> str:
    return f"lock of pid {pid} (gone) removed"


IN_UP: dict[str, tuple[Point, str]] = {
    "network": (
        lambda s: bool(s.networks()),
        r"network op-net-\w+, created but not recorded, removed",
    ),
    "first replica": (
        lambda s: len(s.containers()) >= 1,
        r"container op-web-\d-\w+, created but not recorded, removed",
    ),
    "replicas": (lambda s: s.said("op-web-0 created") and s.said("op-web-1 created"), ""),
    "front end": (lambda s: bool(s.containers("front-end")), ""),
    "front end serves": (lambda s: is_running(s, "front-end"), ""),
}
"""Points in the first `up`, and what is repaired beside the lock."""


def is_running(stack: Stack, role: str) -> bool:
    return any(each["State"] == "running" for each in stack.containers(role).values())


def test_first_up_killed_again_and_again(stack: Stack) -> None:
    """An `up` killed at any point goes on with the next one, which says what it repaired; that is killed at
    the next point. The last one makes the stack whole.
    """
    points = list(IN_UP.values())
    killed = [stack.killed(points[0][0])]
    said = []
    for at, _ in points[1:]:
        killed.append(stack.killed_again(at))
        said.append(repaired(stack.program.log.read_text()))

    run = stack.program.operate("up")

    said.append(repaired(run.output))
    for (_, message), pid, lines in zip(points, killed, said, strict=True):
        assert lock_of(pid) in lines
        assert any(re.fullmatch(message, line) for line in lines) or not message
    assert run.stdout.splitlines()[-1] == f"op: http://localhost:{PORT}"
    stack.assert_converged()


IN_CHANGE: dict[str, Point] = {
    "new replica": lambda s: len(s.containers("replica-web")) > s.replicas,
    "front end": lambda s: s.said("op-lb-config updating"),
    "old replica gone": lambda s: s.said(r"op-web-\d deleted"),
}
"""Points in an `up` that replaces every replica."""


@pytest.mark.parametrize("point", IN_CHANGE)
def test_change_killed(point: str, running: Stack) -> None:
    """A change of the image killed at any point is finished by the next `up`."""
    change(running, image=other_image(running))
    pid = running.killed(IN_CHANGE[point])

    run = running.program.operate("up")

    assert lock_of(pid) in repaired(run.output)
    running.assert_converged()


@pytest.mark.parametrize("point", ["front end"])
def test_killed_change_taken_back(point: str, running: Stack) -> None:
    """A killed change that is taken back leaves the service as it was before."""
    before = running.image
    change(running, image=other_image(running))
    running.killed(IN_CHANGE[point])
    change(running, image=before)

    running.program.operate("up")

    running.assert_converged()


@pytest.fixture
def small_disk(stack: Stack) -> Iterator[Path]:
    """Provide the stack's state on a disk of its own, of 4 MiB."""
    state = stack.program.state
    run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(state)])
    yield state
    stack.clear()
    run(["umount", "--lazy", str(state)])


def test_a_full_disk_is_named_and_nothing_is_lost(stack: Stack, small_disk: Path) -> None:
    """Pulumi can write nothing any more; with room there, the next `up` goes on."""
    stack.program.up()
    stack.configure(image=APP_2)
    ballast = small_disk / "ballast"
    fill(ballast)

    full = stack.program.operate("up", check=False)
    ballast.unlink()
    stack.program.operate("up")

    assert full.code == 1
    assert "a disk is full" in full.output
    assert "Traceback" not in full.output
    stack.assert_converged()


def fill(file: Path) -> None:
    """Write zeros until the disk of `file` has no block left."""
    with file.open("wb", buffering=0) as zeros, contextlib.suppress(OSError):
        while True:
            zeros.write(bytes(4096))


def test_killed_front_end_is_set_right(running: Stack) -> None:
    """A front end killed in a change that is taken back is told the old configuration again."""
    (front_end,) = running.containers("front-end")
    before, count = configuration(running, front_end), running.replicas
    change(running, replicas=1)
    running.killed(lambda s: configuration(s, front_end) != before)
    change(running, replicas=count)

    run = running.program.operate("up")

    assert "front end op-lb-config, its change cut short, to be set right by this run" in repaired(run.output)
    assert configuration(running, front_end) == before
    running.assert_converged()


def configuration(stack: Stack, front_end: str) -> str | None:
    container = stack.host.engine().containers.get(front_end)
    return read_file(container, kind_of("haproxy").program.path)


CHECKS: Point = lambda s: bool(s.containers("check"))  # noqa: E731


def test_killed_check_leaves_no_container(running: Stack) -> None:
    """The throw-away container of a check cut short is removed by the next `up`."""
    change(running, replicas=other_count(running))
    running.killed(CHECKS)

    running.program.operate("up")

    assert running.containers("check") == {}
    running.assert_converged()


def test_our_plugin_killed_in_a_check(running: Stack) -> None:
    """Its throw-away container goes with the next `up`."""
    change(running, replicas=other_count(running))
    running.hurt("our plugin", CHECKS)

    running.program.operate("up")

    assert running.containers("check") == {}
    running.assert_converged()


IN_DESTROY: dict[str, Point] = {
    "front end": lambda s: not is_running(s, "front-end"),
    "replica": lambda s: s.said(r"op-web-\d+ deleting"),
    "network": lambda s: s.said("op-net deleting"),
}
"""Points in a `destroy`."""


def test_destroy_killed_again_and_again(stack: Stack) -> None:
    """A `destroy` killed at any point goes on with the next `down`, also when that is killed, too."""
    stack.program.up()
    first, *others = IN_DESTROY.values()
    killed = [stack.killed(first, "destroy", "--yes", "--skip-preview")]
    said = []
    for at in others:
        killed.append(stack.killed_again(at, "destroy"))
        said.append(repaired(stack.program.log.read_text()))

    run = stack.program.operate("down")

    said.append(repaired(run.output))
    for pid, lines in zip(killed, said, strict=True):
        assert lock_of(pid) in lines
    stack.assert_nothing_left()


@pytest.mark.parametrize("point", ["replica"])
def test_destroy_killed_and_regretted(point: str, running: Stack) -> None:
    """After a `destroy` killed at any point, `up` makes the service whole again."""
    running.killed(IN_DESTROY[point], "destroy", "--yes", "--skip-preview")

    running.program.operate("up")

    running.assert_converged()


# A part of a run is killed


FIRST: Point = lambda s: len(s.containers()) >= 1  # noqa: E731
CREATED = r"container op-web-\d-\w+, created but not recorded"


def test_docker_plugin_killed(stack: Stack) -> None:
    """Containers that a killed plugin has made and nobody recorded: `preview` names them and touches nothing,
    `up` removes them before it makes others.
    """
    stack.hurt("docker plugin", FIRST)
    orphans = stack.containers().keys()

    preview = stack.program.operate("preview")
    still = stack.containers().keys()
    run = stack.program.operate("up")

    assert orphans
    assert re.search(f"(?m)^`up` will remove {CREATED}$", preview.output)
    assert still == orphans
    assert any(re.fullmatch(f"{CREATED}, removed", line) for line in repaired(run.output))
    assert orphans.isdisjoint(stack.containers())
    stack.assert_converged()


def test_docker_plugin_killed_while_it_makes_the_network(stack: Stack) -> None:
    """A network that nobody recorded goes, too."""
    stack.hurt("docker plugin", lambda s: bool(s.networks()))

    stack.program.operate("up")

    stack.assert_converged()


def test_docker_plugin_killed_and_down(stack: Stack) -> None:
    """`down` removes what nobody recorded, and then the network on which it was."""
    stack.hurt("docker plugin", FIRST)

    run = stack.program.operate("down")

    assert any(re.fullmatch(f"{CREATED}, removed", line) for line in repaired(run.output))
    stack.assert_nothing_left()


@pytest.mark.parametrize("part", [part for part in KILLS if part != "pulumi"])
def test_part_killed_at_a_random_moment(part: str, running: Stack) -> None:
    """After any part dies in an `up` that replaces every replica, the next one converges.

    `make bench` has many more moments.
    """
    killed_at_a_random_moment(part, running)


def test_pulumi_killed_at_a_random_moment(hosted: Stack) -> None:
    """Likewise, where a language host is left over."""
    hosted.program.up()

    killed_at_a_random_moment("pulumi", hosted)

    hosted.program.operate("down")
    hosted.assert_nothing_left()


def killed_at_a_random_moment(part: str, stack: Stack) -> None:
    change(stack, image=other_image(stack))
    moment = Random(part).randint(1, 8)  # noqa: S311
    stack.hurt(part, lambda s: len(re.findall("op-", s.program.log.read_text())) >= moment)

    stack.program.operate("up")

    stack.assert_converged()


def test_things_of_another_state_are_left_alone(stack: Stack) -> None:
    """Another state may have a stack of this name: what no run of this one made is named, and stays."""
    labels = dict(label.split("=") for label in stack.program.labels)
    other = stack.host.engine().containers.create(APP, labels={**labels, f"{LABEL}.role": "replica-web"})
    created = time.time()
    until(lambda: time.time() > created + 2 * BEFORE, "it is older than clocks may differ")

    up = stack.program.operate("up")
    down = stack.program.operate("down")

    line = f"left alone: {other.name} carries the labels of this stack, but no run of this state has made it"
    assert line in up.output
    assert line in down.output
    assert list(stack.containers()) == [other.id]


# The engine, and what it forgets


KINDS: dict[str, dict[str, Any]] = {
    "haproxy": {"kind": "haproxy"},
    "nginx": {"kind": "nginx", "resolve": False},
}


def kill_engine(stack: Stack) -> None:
    os.kill(stack.host.pid, signal.SIGKILL)
    stack.host.stop_engine()
    stack.host.start_engine()


def serves(stack: Stack) -> bool:
    try:
        return requests.get(f"http://{stack.host.address}:{stack.port}/", timeout=5).status_code == 200
    except requests.RequestException:
        return False


@pytest.fixture(scope="module", params=list(KINDS))
def of_kind(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, host: Host
) -> Iterator[Stack]:
    """Provide a stack with a service behind a front end of a kind, up. A test may leave another number."""
    stack = Stack(Inline(tmp_path_factory.mktemp(request.param), host, {}), host, PORT + 2)
    stack.configure(front_end=KINDS[request.param])
    stack.program.up()
    yield stack
    stack.clear()


def test_up_repairs_a_stopped_service(of_kind: Stack) -> None:
    """Stopped or removed replicas and a stopped front end: `preview` says so, and `up` makes them run."""
    stack = of_kind
    replicas, (front_end,) = list(stack.containers("replica-web")), stack.containers("front-end")
    engine = stack.host.engine()
    engine.containers.get(front_end).stop(timeout=1)
    stopped = engine.containers.get(replicas[0])
    stopped.stop(timeout=1)
    engine.containers.get(replicas[1]).remove(force=True)

    preview = stack.program.operate("preview")
    run = stack.program.operate("up")

    assert f"`up` will start container {stopped.name}, which does not run" in preview.output
    assert f"container {stopped.name}, which did not run, started" in repaired(run.output)
    assert "op-lb-config, to be set right by this run" in repaired(run.output)
    assert run.stdout.splitlines()[-1] == f"op: http://localhost:{stack.port}"
    stack.assert_converged()


def test_killed_engine_brings_the_service_back(of_kind: Stack) -> None:
    """After a kill of the engine all of it runs again, a front end that was reloaded, too."""
    change(of_kind, replicas=other_count(of_kind))
    of_kind.program.up()

    kill_engine(of_kind)

    until(lambda: {each["State"] for each in of_kind.containers().values()} == {"running"}, "all run", 60)
    until(lambda: serves(of_kind), "the service answers", 60)


def test_refresh_killed(running: Stack) -> None:
    """A killed `refresh` leaves no more than its lock."""
    pid = running.killed(lambda s: s.said("refreshing"), "refresh", "--yes", "--skip-preview")

    run = running.program.operate("up")

    assert lock_of(pid) in repaired(run.output)
    running.assert_converged()


def test_state_cut_short_by_a_full_disk(running: Stack) -> None:
    """State and the backup beside it are cut: `up` goes on from an older whole one; nothing is left over."""
    change(running, replicas=other_count(running))
    running.program.up()
    folder = running.program.state / ".pulumi/stacks/longshore"
    for name in (f"{running.program.stack}.json", f"{running.program.stack}.json.bak"):
        text = (folder / name).read_text()
        (folder / name).write_text(text[: len(text) // 2])

    run = running.program.operate("up")

    assert "cut short as a full disk does, replaced by its newest whole backup" in run.output
    running.assert_converged()


UNREACHED = "image registry.invalid/app:1 is not on its host, and no registry can be reached from there: give"


def test_registry_that_nobody_reaches(stack: Stack) -> None:
    """Nothing is made before the images of replicas are there; one line has the remedy."""
    stack.configure(image="registry.invalid/app:1")

    run = stack.program.operate("up", check=False)

    (line,) = [line for line in run.output.splitlines() if "registry.invalid" in line]
    assert line.strip().startswith(f"error: {UNREACHED}")
    assert run.code == 1
    assert stack.containers() == {}
    assert stack.networks() == set()


def test_registry_of_the_front_end_that_nobody_reaches(stack: Stack) -> None:
    """Nothing is made either; one line in place of the provider's own, which `--debug` shows."""
    stack.configure(front_end={"port": PORT, "image": "registry.invalid/app:1"})

    run = stack.program.operate("up", check=False)
    debug = stack.program.operate("up", "--debug", check=False)

    (line,) = [line for line in run.output.splitlines() if "registry.invalid" in line]
    assert re.search(f"^error: up of stack .*: {UNREACHED}", line)
    assert stack.containers() == {}
    assert stack.networks() == set()
    assert run.code == debug.code == 1
    assert "sdk-v2/provider2.go" not in run.output
    assert "sdk-v2/provider2.go" in debug.output


def test_two_runs_at_once_on_a_stack_that_is_not_made_yet(stack: Stack) -> None:
    """The second says so in one line and touches nothing."""
    command = [sys.executable, "-m", "checkout", "up", "--stack", stack.program.stack]
    with workspace.alone(workspace.Project(stack.program.project, stack.program.stack)):
        second = subprocess.run(
            command,
            cwd=stack.program.project,
            env=stack.program.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert second.returncode == 1
    name = stack.program.stack
    assert second.stderr == (
        f"error: another run of stack {name} is under way on this machine: wait for it to end\n"
    )
    assert stack.containers() == {}


def test_running_update_is_left_alone(stack: Stack) -> None:
    """While another `up` runs, ours names it in one line, touches nothing and ends with code 1."""
    process = stack.program.start_up()
    until(lambda: len(stack.containers()) >= 1, "the other up makes replicas", 60)

    os.kill(process.pid, signal.SIGSTOP)  # it does not end meanwhile, however slow this machine is
    refused = stack.program.operate("up", check=False)
    os.kill(process.pid, signal.SIGCONT)

    assert refused.code == 1
    assert re.search(
        rf"(?m)^error: stack \w+ is locked by \S+ \(pid {process.pid}, .*still running: wait",
        refused.output,
    )
    assert repaired(refused.output) == []
    assert process.wait(300) == 0
    stack.assert_converged()


def test_engine_that_does_not_answer_is_named(tmp_path: Path) -> None:
    """Without an engine nothing begins: one line says which and what to do, code 1."""
    nowhere = SimpleNamespace(url=f"unix://{tmp_path}/none.sock")
    program = Program(tmp_path, nowhere, {"services": {"op": service()}})

    run = program.operate("up", check=False)

    assert run.code == 1
    (line,) = run.output.splitlines()
    assert line.startswith(f"error: cannot reach the Docker engine at {nowhere.url}")
    assert "start Docker there, or name another host in DOCKER_HOST or under longshore:host" in line


def test_first_up_of_a_user(hosted: Stack, tmp_path: Path) -> None:
    """Without any setting of Pulumi, state and passphrase are files of the user; `down` ends it."""
    environment = hosted.program.environment
    environment |= {"HOME": str(tmp_path), "PULUMI_BACKEND_URL": ""}
    del environment["PULUMI_CONFIG_PASSPHRASE"]

    up = hosted.program.operate("up")
    again = hosted.program.operate("up")
    preview = hosted.program.operate("preview")
    down = hosted.program.operate("down")

    passphrase = tmp_path / ".config/longshore/passphrase"
    assert "state: file://~ (not logged in to another Pulumi backend)" in up.output
    assert f"passphrase for secrets: a new one in {passphrase}" in up.output
    assert up.stdout.splitlines()[-1] == f"op: http://localhost:{PORT}"
    assert "unchanged" in again.output
    assert "unchanged" in preview.output
    assert "deleted" in down.output
    assert hosted.containers() == {}


@pytest.fixture(scope="module")
def rolled_out(tmp_path_factory: pytest.TempPathFactory, host: Host) -> Iterator[Stack]:
    """Provide a stack with a service of three replicas that are replaced in rounds, up. A test leaves it."""
    stack = Stack(Inline(tmp_path_factory.mktemp("rounds"), host, {}), host, PORT + 3)
    stack.configure(**ROUNDS)
    stack.program.operate("up")
    yield stack
    stack.clear()


ROUNDS: dict[str, Any] = {"replicas": 3, "update": {"parallelism": 1, "monitor": 0}}


@pytest.mark.parametrize("part", ["our plugin", "group"])
def test_a_killed_roll_out_is_taken_back(rolled_out: Stack, part: str) -> None:
    """The former program finds replicas of both images, and the front end sends to both: it repairs that."""
    stack = rolled_out
    before = text_of(stack)
    stack.configure(**ROUNDS, image=APP_2)

    stack.hurt(part, lambda s: bool(generations(text_of(s)) - generations(before)))
    stack.configure(**ROUNDS)
    said = stack.program.operate("up").output

    assert "op-web-replicas, to be set right by this run" in said
    assert text_of(stack) == before
    stack.assert_converged()


def text_of(stack: Stack) -> str:
    """Return the configuration that the front end has."""
    (front_end,) = stack.containers("front-end")
    return read_file(stack.host.engine().containers.get(front_end), kind_of("haproxy").program.path) or ""


def generations(text: str) -> set[str]:
    """Return the generations of the replicas in a configuration."""
    return set(re.findall(r"-(g\d+)", text))
