"""`pulumi` killed in the middle: the next `make up` or `make down` puts right what it left.

Each test kills the real command with SIGKILL at a point that it waits for, and then runs what
`make` runs. Converged means: the engine holds exactly what the state holds, the service answers,
and a preview is empty.
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
from tests.support.program import Program, service

pytestmark = [pytest.mark.pulumi, pytest.mark.engine, pytest.mark.slow]


@pytest.fixture
def stack(tmp_path: Path, host: Host) -> Iterator[Stack]:
    """Provide a stack with a service of two replicas, not made yet; removed at the end."""
    program = Program(tmp_path, host, {})
    stack = Stack(program, host)
    stack.configure()
    yield stack
    stack.clear()


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


@pytest.mark.parametrize("point", IN_UP)
def test_first_up_killed(point: str, stack: Stack) -> None:
    """An `up` killed at any point is made whole by the next one, which says what it repaired."""
    at, message = IN_UP[point]
    pid = stack.killed(at)

    run = stack.program.operate("up")

    assert lock_of(pid) in repaired(run.output)
    assert any(re.fullmatch(message, line) for line in repaired(run.output)) or not message
    assert run.stdout.splitlines()[-1] == f"op: http://localhost:{PORT}"
    stack.assert_converged()


IN_CHANGE: dict[str, Point] = {
    "new replica": lambda s: len(s.containers("replica-web")) > REPLICAS,
    "front end": lambda s: s.said("op-lb-config updating"),
    "old replica gone": lambda s: s.said(r"op-web-\d deleted"),
}
"""Points in an `up` that replaces every replica."""


@pytest.mark.parametrize("point", IN_CHANGE)
def test_change_killed(point: str, stack: Stack) -> None:
    """A change of the image killed at any point is finished by the next `up`."""
    stack.program.up()
    stack.configure(image=APP_2)
    pid = stack.killed(IN_CHANGE[point])

    run = stack.program.operate("up")

    assert lock_of(pid) in repaired(run.output)
    stack.assert_converged(image=APP_2)


@pytest.mark.parametrize("point", ["front end"])
def test_killed_change_taken_back(point: str, stack: Stack) -> None:
    """A killed change that is taken back leaves the service as it was before."""
    stack.program.up()
    stack.configure(image=APP_2)
    stack.killed(IN_CHANGE[point])
    stack.configure()

    stack.program.operate("up")

    stack.assert_converged()


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
    stack.assert_converged(image=APP_2)


def fill(file: Path) -> None:
    """Write zeros until the disk of `file` has no block left."""
    with file.open("wb", buffering=0) as zeros, contextlib.suppress(OSError):
        while True:
            zeros.write(bytes(4096))


def test_killed_front_end_is_set_right(stack: Stack) -> None:
    """A front end killed in a change that is taken back is told the old configuration again."""
    stack.program.up()
    (front_end,) = stack.containers("front-end")
    before = configuration(stack, front_end)
    stack.configure(replicas=1)
    stack.killed(lambda s: configuration(s, front_end) != before)
    stack.configure()

    run = stack.program.operate("up")

    assert "front end op-lb-config, its change cut short, to be set right by this run" in repaired(run.output)
    assert configuration(stack, front_end) == before
    stack.assert_converged()


def configuration(stack: Stack, front_end: str) -> str | None:
    container = stack.host.engine().containers.get(front_end)
    return read_file(container, kind_of("haproxy").program.path)


def test_killed_check_leaves_no_container(stack: Stack) -> None:
    """The throw-away container of a check cut short is removed by the next `up`."""
    stack.program.up()
    stack.configure(replicas=REPLICAS + 1)
    stack.killed(lambda s: bool(s.containers("check")))

    stack.program.operate("up")

    assert stack.containers("check") == {}
    stack.assert_converged(replicas=REPLICAS + 1)


IN_DESTROY: dict[str, Point] = {
    "front end": lambda s: not is_running(s, "front-end"),
    "replica": lambda s: len(s.containers("replica-web")) < REPLICAS,
    "network": lambda s: s.said("op-net deleting"),
}
"""Points in a `destroy`."""


@pytest.mark.parametrize("point", IN_DESTROY)
def test_destroy_killed(point: str, stack: Stack) -> None:
    """A `destroy` killed at any point is finished by the next `down`."""
    stack.program.up()
    pid = stack.killed(IN_DESTROY[point], "destroy", "--yes", "--skip-preview")

    run = stack.program.operate("down")

    assert lock_of(pid) in repaired(run.output)
    stack.assert_nothing_left()


@pytest.mark.parametrize("point", ["replica"])
def test_destroy_killed_and_regretted(point: str, stack: Stack) -> None:
    """After a `destroy` killed at any point, `up` makes the service whole again."""
    stack.program.up()
    stack.killed(IN_DESTROY[point], "destroy", "--yes", "--skip-preview")

    stack.program.operate("up")

    stack.assert_converged()


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


def test_our_plugin_killed_in_a_check(stack: Stack) -> None:
    """Its throw-away container goes with the next `up`."""
    stack.program.up()
    stack.configure(replicas=REPLICAS + 1)
    stack.hurt("our plugin", lambda s: bool(s.containers("check")))

    stack.program.operate("up")

    assert stack.containers("check") == {}
    stack.assert_converged(replicas=REPLICAS + 1)


@pytest.mark.parametrize("part", KILLS)
def test_part_killed_at_a_random_moment(part: str, stack: Stack) -> None:
    """After any part dies in an `up` that replaces every replica, the next one converges.

    `make bench` has many more moments.
    """
    stack.program.up()
    stack.configure(image=APP_2)
    moment = Random(part).randint(1, 8)  # noqa: S311
    stack.hurt(part, lambda s: len(re.findall("op-", s.program.log.read_text())) >= moment)

    stack.program.operate("up")

    stack.assert_converged(image=APP_2)
    stack.program.operate("down")
    stack.assert_nothing_left()


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
        return requests.get(f"http://{stack.host.address}:{PORT}/", timeout=5).status_code == 200
    except requests.RequestException:
        return False


@pytest.mark.parametrize("kind", KINDS)
def test_killed_engine_brings_the_service_back(kind: str, stack: Stack) -> None:
    """After a kill of the engine all of it runs again, a front end that was reloaded, too."""
    front_end = {"port": PORT, **KINDS[kind]}
    stack.configure(front_end=front_end)
    stack.program.up()
    stack.configure(front_end=front_end, replicas=REPLICAS + 1)
    stack.program.up()

    kill_engine(stack)

    until(lambda: {each["State"] for each in stack.containers().values()} == {"running"}, "all run", 60)
    until(lambda: serves(stack), "the service answers", 60)


@pytest.mark.parametrize("kind", KINDS)
def test_up_repairs_a_stopped_service(kind: str, stack: Stack) -> None:
    """Stopped or removed replicas and a stopped front end: `preview` says so, and `up` makes them run."""
    stack.configure(front_end={"port": PORT, **KINDS[kind]})
    stack.program.up()
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
    assert run.stdout.splitlines()[-1] == f"op: http://localhost:{PORT}"
    stack.assert_converged()


def test_refresh_killed(stack: Stack) -> None:
    """A killed `refresh` leaves no more than its lock."""
    stack.program.up()
    pid = stack.killed(lambda s: s.said("refreshing"), "refresh", "--yes", "--skip-preview")

    run = stack.program.operate("up")

    assert lock_of(pid) in repaired(run.output)
    stack.assert_converged()


def test_killed_twice(stack: Stack) -> None:
    """A repairing `up` that is killed itself is repaired by the one after it."""
    stack.killed(lambda s: len(s.containers()) >= 1)
    command = [sys.executable, "-m", "checkout", "up", "--stack", stack.program.stack]
    with stack.program.log.open("w") as log:
        operate = subprocess.Popen(
            command,
            cwd=stack.program.project,
            env=stack.program.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    until(lambda: stack.said(r"op-web-\d creating"), "replicas are being made", 60, 0.003)
    os.killpg(operate.pid, signal.SIGKILL)
    operate.wait()

    stack.program.operate("up")

    stack.assert_converged()


def test_state_cut_short_by_a_full_disk(stack: Stack) -> None:
    """State and the backup beside it are cut: `up` goes on from an older whole one; nothing is left over."""
    stack.program.up()
    stack.configure(replicas=REPLICAS + 1)
    stack.program.up()
    folder = stack.program.state / ".pulumi/stacks/longshore"
    for name in (f"{stack.program.stack}.json", f"{stack.program.stack}.json.bak"):
        text = (folder / name).read_text()
        (folder / name).write_text(text[: len(text) // 2])

    run = stack.program.operate("up")

    assert "cut short as a full disk does, replaced by its newest whole backup" in run.output
    stack.assert_converged(replicas=REPLICAS + 1)
    stack.program.operate("down")
    stack.assert_nothing_left()


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


def test_first_up_of_a_user(stack: Stack, tmp_path: Path) -> None:
    """Without any setting of Pulumi, state and passphrase are files of the user; `down` ends it."""
    environment = stack.program.environment
    environment |= {"HOME": str(tmp_path), "PULUMI_BACKEND_URL": ""}
    del environment["PULUMI_CONFIG_PASSPHRASE"]

    up = stack.program.operate("up")
    again = stack.program.operate("up")
    preview = stack.program.operate("preview")
    down = stack.program.operate("down")

    passphrase = tmp_path / ".config/longshore/passphrase"
    assert "state: file://~ (not logged in to another Pulumi backend)" in up.output
    assert f"passphrase for secrets: a new one in {passphrase}" in up.output
    assert up.stdout.splitlines()[-1] == f"op: http://localhost:{PORT}"
    assert "unchanged" in again.output
    assert "unchanged" in preview.output
    assert "deleted" in down.output
    assert stack.containers() == {}


@pytest.mark.parametrize("part", ["our plugin", "group"])
def test_a_killed_roll_out_is_taken_back(stack: Stack, part: str) -> None:
    """The former program finds replicas of both images, and the front end sends to both: it repairs that."""
    rounds = {"replicas": 3, "update": {"parallelism": 1, "monitor": 0}}
    stack.configure(**rounds)
    stack.program.operate("up")
    before = text_of(stack)
    stack.configure(**rounds, image=APP_2)

    stack.hurt(part, lambda s: "-g3" in text_of(s))
    stack.configure(**rounds)
    said = stack.program.operate("up").output

    assert "op-web-replicas, to be set right by this run" in said
    assert text_of(stack) == before
    stack.assert_converged(replicas=3)


def text_of(stack: Stack) -> str:
    """Return the configuration that the front end has."""
    (front_end,) = stack.containers("front-end")
    return read_file(stack.host.engine().containers.get(front_end), kind_of("haproxy").program.path) or ""
