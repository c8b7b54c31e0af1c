"""`longshore migrate`: replicas that are a resource each become one resource, and back, under load."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.naming import LABEL
from components.repair import processes
from tests.bench.hosts import Host
from tests.bench.images import APP, APP_2
from tests.bench.load import Load
from tests.bench.process import until
from tests.pulumi.test_changes import leftovers, volumes
from tests.support.program import PORT, Inline, Run, service

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.load, pytest.mark.slow]

RATE = 50
UPDATE = {"update": {"monitor": 0}}
SECRET = "correct-horse-battery"
Arguments = dict[str, Any]


class Stack(Inline):
    """A service `site`, in either form."""

    arguments: Arguments

    def declare(self, **keys: Any) -> None:
        """Change arguments of the service; None takes one away."""
        changed = {key: value for key, value in {**self.arguments, **keys}.items() if value is not None}
        self.arguments = changed
        self.configure({"services": {"site": changed}})

    def migrate(self, *options: str, check: bool = True) -> Run:
        """Run `longshore migrate` as a user with a home of his own."""
        self.environment["HOME"] = str(self.folder)
        command = (sys.executable, "-m", "components.migrate", *options, "--stack", self.stack)
        return self._run(command, check, 300)

    def refused(self, *options: str) -> str:
        """Return the one line with which `longshore migrate` ends."""
        run = self.migrate(*options, check=False)
        assert run.code == 1, run.output
        return run.output.removeprefix(run.stdout).strip()


@pytest.fixture(params=["haproxy", "nginx"])
def stack(request: pytest.FixtureRequest, host: Host, tmp_path: Path) -> Iterator[Stack]:
    """Provide a service that is up, a resource for each replica; nothing of it is left afterwards."""
    kind = request.param
    before = volumes(host)
    program = Stack(tmp_path, host, {})
    program.arguments = service(
        drain=1,
        cpus=1.5,
        environment={"TOKEN": {"secret": "token"}},
        front_end={"kind": kind, "resolve": kind == "haproxy"},
    )
    program.declare()
    program.set_secret("token", SECRET)
    program.up()
    yield program
    processes.end_orphans(program.project)
    program.destroy()
    assert leftovers(host, program) == []
    assert volumes(host) == before


def replicas(program: Stack, host: Host) -> dict[str, str]:
    """Return the network name of each replica, by the id of its container."""
    engine = host.engine()
    labels = [*program.labels, f"{LABEL}.role=replica-web"]
    found = {}
    for each in engine.api.containers(all=True, filters={"label": labels}):
        networks = engine.api.inspect_container(each["Id"])["NetworkSettings"]["Networks"].values()
        (found[each["Id"]],) = {
            alias
            for network in networks
            for alias in network["Aliases"] or ()
            if alias.startswith("site-web-") and alias.rpartition("-g")[2].isdecimal()
        }
    return found


def recorded(program: Stack) -> dict[str, str]:
    """Return the ids of the replicas by name, as the state has them."""
    for each in program.export()["resources"]:
        if each["type"] == "longshore:index:Replicas":
            return dict(each["outputs"]["containers"])
    return {}


def ids(program: Stack) -> dict[str, str]:
    """Return the id of each resource in the state, by URN."""
    return {each["urn"]: each.get("id", "") for each in program.export()["resources"]}


def is_unchanged(program: Stack, host: Host, there: dict[str, str]) -> None:
    """Check that `up` notes the settings in the history alone, and `refresh` nothing: the containers stay."""
    (step,) = program.preview().steps
    assert (step["op"], step["diffReasons"]) == ("update", ["settings"])
    program.up()
    assert program.preview().changes == []
    program.refresh()
    assert program.preview().changes == []
    assert replicas(program, host) == there


@contextmanager
def unfailing(host: Host, note: Callable[[str], None]) -> Iterator[None]:
    """Send requests meanwhile, over new connections and kept ones, of which none may fail."""
    with Load(f"http://{host.address}:{PORT}/", rate=RATE, max_seconds=600) as load:
        load.wait_sent(100)
        yield
        load.wait_sent(load.sent + 100)
        load.stop()
    report = load.report
    note(f"{report.sent} requests, {report.failed} failed, longest {report.max_ms:.0f} ms")
    assert report.failed == 0, report.failures


def test_replicas_are_kept_in_both_directions(stack: Stack, host: Host, note: Callable[[str], None]) -> None:
    """Each container stays, and afterwards nothing is to change: in a preview, in `up` and in `refresh`."""
    there, before = replicas(stack, host), stack.export()
    stack.declare(**UPDATE)

    with unfailing(host, note):
        shown = stack.migrate()
        assert stack.export() == before
        stack.migrate("--yes")
        is_unchanged(stack, host, there)
        assert {*recorded(stack).values()} == {*there}
        stack.declare(update=None)
        stack.migrate("--back", "--yes")
        is_unchanged(stack, host, there)
        assert recorded(stack) == {}

    assert (
        "site-web: 3 containers stay as they are, and become one resource, site-web-replicas; generation 1\n"
        "nothing is changed yet: `longshore migrate --yes` does this\n"
    ) in shown.stdout
    kept = {file.stat().st_mode & 0o777 for file in stack.folder.glob(".config/longshore/states/*/*")}
    assert kept == {0o600}
    assert not [file for file in stack.folder.rglob("*.json*") if SECRET in file.read_text()]


def test_the_first_change_replaces_adopted_replicas(
    stack: Stack, host: Host, note: Callable[[str], None]
) -> None:
    """In rounds; more and fewer replicas of the same definition are beside them."""
    there = replicas(stack, host)
    stack.declare(**UPDATE)

    with unfailing(host, note):
        stack.migrate("--yes")
        stack.declare(replicas=5)
        stack.up()
        grown = replicas(stack, host)
        stack.declare(replicas=4)
        stack.up()
        stack.declare(image=APP_2)
        stack.up()

    rolled = replicas(stack, host)
    assert there.items() < grown.items()
    assert sorted(grown.values()) == [f"site-web-{index}-g1" for index in range(5)]
    assert sorted(rolled.values()) == [f"site-web-{index}-g2" for index in range(4)]
    assert not {*rolled} & {*grown}
    assert stack.preview().changes == []
    assert "adopted" not in json.dumps(stack.export())


def test_the_other_form_takes_names_that_are_free(
    stack: Stack, host: Host, note: Callable[[str], None]
) -> None:
    """Without the way back `update` is dropped by an ordinary roll-out, and no name is there twice."""
    stack.declare(**UPDATE)
    stack.migrate("--yes")
    stack.declare(update=None)

    with unfailing(host, note):
        stack.up()

    assert sorted(replicas(stack, host).values()) == ["site-web-0-g2", "site-web-1-g2", "site-web-2-g2"]
    assert stack.preview().changes == []


def test_adopted_replicas_survive_a_killed_change(
    stack: Stack, host: Host, note: Callable[[str], None]
) -> None:
    """The next `up` goes on; a front end that reaches replicas in another way removes them, too."""
    stack.declare(**UPDATE)
    stack.migrate("--yes")
    there = replicas(stack, host)
    stack.declare(image=APP_2, health={"path": "/healthz"})

    with unfailing(host, note):
        process = stack.start_up()
        until(lambda: len(replicas(stack, host)) > len(there), "a new replica", 120)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        stack.pulumi("cancel", "--yes")
        stack.up()

    assert not {*replicas(stack, host)} & {*there}
    assert len(replicas(stack, host)) == 3
    assert stack.preview().changes == []


@pytest.mark.parametrize("stack", ["haproxy"], indirect=True)
def test_a_move_that_cannot_be_is_refused(stack: Stack, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one sentence; the state stays, and `up` says that there is a way to keep the replicas."""
    before = ids(stack)

    assert "no backend of this program has the key `update`: add `update: {}`" in stack.refused("--yes")
    stack.declare(**UPDATE, image=APP_2)
    assert "site-web change more than the key `update` (image): take that back" in stack.refused("--yes")
    stack.declare(image=APP, front_end={**stack.arguments["front_end"], "timeouts": {"server": 7}})
    assert "change more than the key `update` (site-lb-config: config" in stack.refused("--yes")
    assert ids(stack) == before
    for id_, name in replicas(stack, host).items():
        if "-0-" in name:
            host.engine().api.remove_container(id_, force=True)
    assert "the host shows no container of site-web-0: see that it answers" in stack.refused("--yes")
    assert "are a resource each: `longshore migrate` keeps them; without it" in stack.up().output
    assert "site-web: one resource already" in stack.refused("--yes")
    stack.declare(update=None)
    assert "replicas of site-web have been created since they are one" in stack.refused("--back", "--yes")
    settings = stack.settings_file.read_text()
    monkeypatch.setattr(stack, "stack", "another")
    stack.settings_file.write_text(settings)
    assert "there is no stack another: nothing to move" in stack.refused("--yes")
    monkeypatch.undo()
