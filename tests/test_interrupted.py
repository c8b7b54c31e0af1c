"""`pulumi` killed in the middle: the next `make up` or `make down` puts right what it left.

Each test kills the real command with SIGKILL at a point that it waits for, and then runs what
`make` runs. Converged means: the engine holds exactly what the state holds, the service answers,
and a preview is empty.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from components.load_balanced.frontends import kind_of
from components.naming import LABEL
from components.operate import processes, repair
from components.provider.engine import read_file

from .bench.hosts import Host
from .bench.images import APP, APP_2
from .bench.process import until
from .program import Program, kill, service

pytestmark = [pytest.mark.pulumi, pytest.mark.engine, pytest.mark.slow]

PORT = 18090
REPLICAS = 2
Point = Callable[["Stack"], bool]
"""Whether a run has come to the point where it is to be killed."""


class Stack:
    """A program on a host, and what the engine holds of it."""

    def __init__(self, program: Program, host: Host) -> None:
        self.program = program
        self.host = host

    def configure(self, **keys: Any) -> None:
        keys = {"replicas": REPLICAS, "front_end": {"port": PORT}} | keys
        self.program.configure({"services": {"op": service(**keys)}})

    def containers(self, role: str = "") -> dict[str, Any]:
        """Containers of the stack, by id, as the engine lists them; of a role only when given."""
        labels = [*self.program.labels, *([f"{LABEL}.role={role}"] if role else [])]
        listed = self.host.engine().api.containers(all=True, filters={"label": labels})
        return {each["Id"]: each for each in listed}

    def networks(self) -> set[str]:
        listed = self.host.engine().api.networks(filters={"label": self.program.labels})
        return {each["Id"] for each in listed}

    def killed(self, at: Point, *command: str) -> int:
        """Run `pulumi <command>`, `up` by default, and kill it at the point; its process id."""
        start = self.program.start if command else self.program.start_up
        process = start(*command)
        try:
            until(lambda: at(self) or process.poll() is not None, "the point", 120, 0.003)
            assert process.poll() is None, f"too late to kill it:\n{self.program.log.read_text()}"
        finally:
            if process.poll() is None:
                kill(process)
        return process.pid

    def said(self, text: str) -> bool:
        """Whether the run has printed a text that matches."""
        return re.search(text, self.program.log.read_text()) is not None

    def assert_converged(self, image: str = APP, replicas: int = REPLICAS) -> None:
        """The engine holds what the state holds, it is what was asked for, and it serves."""
        resources = self.program.export()["resources"]
        found = self.containers()

        def recorded(kind: str) -> set[str]:
            return {each["id"] for each in resources if each["type"] == kind}

        assert set(found) == recorded(repair.CONTAINER)
        assert self.networks() == recorded(repair.NETWORK)
        assert sorted((each["Labels"][f"{LABEL}.role"], each["State"]) for each in found.values()) == [
            ("front-end", "running"),
            *[("replica-web", "running")] * replicas,
        ]
        assert {each["Image"] for each in self.containers("replica-web").values()} == {image}
        for _ in range(2 * replicas):
            answer = requests.get(f"http://{self.host.address}:{PORT}/", timeout=5)
            assert answer.status_code == 200
        assert self.program.preview().changes == []
        assert processes._orphans(self.program.project) == {}

    def assert_nothing_left(self) -> None:
        """Neither the engine nor the state holds anything of the stack."""
        assert self.containers() == {}
        assert self.networks() == set()
        assert self.program.export().get("resources", []) == []


@pytest.fixture
def stack(tmp_path: Path, host: Host) -> Iterator[Stack]:
    """A stack with a service of two replicas, not made yet; removed at the end."""
    program = Program(tmp_path, host, {})
    stack = Stack(program, host)
    stack.configure()
    yield stack
    for container in stack.containers():
        host.engine().containers.get(container).remove(force=True, v=True)
    for network in stack.networks():
        host.engine().networks.get(network).remove()
    processes.end_orphans(program.project)


def repaired(output: str) -> list[str]:
    """What a run says it has repaired."""
    return re.findall(r"(?m)^repaired: (.*)$", output)


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
    command = [sys.executable, "-m", "components.operate", "up", "--stack", stack.program.stack]
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


def test_running_update_is_left_alone(stack: Stack) -> None:
    """While another `up` runs, ours names it in one line, touches nothing and ends with code 1."""
    process = stack.program.start_up()
    until(lambda: len(stack.containers()) >= 1, "the other up makes replicas", 60)

    refused = stack.program.operate("up", check=False)

    assert refused.code == 1
    assert re.search(
        rf"(?m)^error: stack \w+ is locked by \S+ \(pid {process.pid}, .*still running: wait",
        refused.output,
    )
    assert repaired(refused.output) == []
    assert process.wait(60) == 0
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
