"""A floating address on three real hosts with the real `pulumi`: previews, drift, secrets, a dead host."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bench.hosts import Host
from tests.support.floating import FAST, Floating, floating_address
from tests.support.program import Inline, PulumiError

pytestmark = [pytest.mark.engine, pytest.mark.pulumi_cli, pytest.mark.slow]

SOURCE = """
import pulumi
from components import FloatingAddress

config = pulumi.Config()
args = config.require_object("vip")
if password := config.get_secret("password"):
    args["password"] = password
vip = FloatingAddress("vip", args)
pulumi.export("address", vip.address)
pulumi.export("config", vip.config)
"""


class Stack(Inline):
    """A program of the one floating address."""

    main = SOURCE


@pytest.fixture(scope="module")
def group(hosts: list[Host]) -> Floating:
    """Return the owner of the address."""
    return Floating(hosts)


@contextmanager
def up(folder: Path, group: Floating) -> Iterator[Inline]:
    """Have a program up; it leaves nothing behind."""
    made = Stack(folder, group.hosts["a"], {"vip": group.args(**FAST)})
    try:
        made.up()
        yield made
    finally:
        made.destroy()
    assert [
        each.name for host in group.hosts.values() for each in host.engine().containers.list(all=True)
    ] == []


@pytest.fixture
def fresh(tmp_path: Path, group: Floating) -> Iterator[Inline]:
    """Provide a program that is up, of a test of its own."""
    with up(tmp_path, group) as made:
        yield made


@pytest.fixture(scope="class")
def common(tmp_path_factory: pytest.TempPathFactory, group: Floating) -> Iterator[Inline]:
    """Provide a program that is up, of several tests."""
    with up(tmp_path_factory.mktemp("common"), group) as made:
        yield made


@pytest.fixture
def program(common: Inline, group: Floating) -> Iterator[Inline]:
    """Provide the common program; its settings are restored, what a test brings up it restores itself."""
    yield common
    common.configure({"vip": group.args(**FAST)})


def drift(program: Inline) -> list[tuple[str, str]]:
    """Return the changes that `up` would make after a look at the hosts."""
    return [change for change in program.preview("--refresh").changes if change[0] != "refresh"]


class TestOneProgram:
    """Each test leaves the program up, as it was."""

    @pytest.mark.every_engine
    def test_life(self, program: Inline, group: Floating) -> None:
        """One owner after `up`; a second preview is empty; a change is shown line by line and is an update of
        each node, which moves nothing."""
        assert group.owners() == "a"
        assert program.outputs()["address"] == floating_address()
        assert program.preview().changes == []

        program.configure({"vip": group.args(**FAST, addresses=[floating_address(), floating_address(1)])})
        preview = program.preview()

        assert preview.changes == [("update", f"vip-node-{name}") for name in "abc"]
        assert not [line for line in preview.diagnostics if "$PATH" not in line]
        program.up()
        assert (group.owners(), group.owners(1)) == ("a", "a")
        assert drift(program) == []

        program.configure({"vip": group.args(**FAST)})
        program.up()
        assert (group.owners(), group.owners(1)) == ("a", "")

    def test_drift(self, program: Inline, group: Floating, hosts: list[Host]) -> None:
        """keepalived stopped by hand: `refresh` sees it, a preview shows that alone, `up` repairs it."""
        (container,) = hosts[0].engine().containers.list()
        container.stop()
        group.settled("b")

        program.refresh()

        assert program.preview().changes == [("update", "vip-node-a")]
        program.up()
        group.settled("a")
        assert drift(program) == []

    def test_a_wrong_interface_fails_the_preview(self, program: Inline, group: Floating) -> None:
        """With keepalived's own words; nothing is touched."""
        program.configure({"vip": group.args(**FAST, nodes={"b": {"interface": "eth7"}})})

        with pytest.raises(PulumiError, match="interface eth7 for vrrp_instance vip doesn't exist"):
            program.preview()

        assert group.owners() == "a"

    def test_consequences_are_told(self, program: Inline, group: Floating) -> None:
        """A preview warns when keepalived is replaced, and when nodes cannot hear each other."""
        program.configure({"vip": group.args(**FAST, memory=65, router_id=77)})

        said = "\n".join(program.preview().diagnostics)

        assert "keepalived is replaced on this node (memory: 64 → 65)" in said
        assert "nodes that differ in this do not hear each other (router_id: 100 → 77)" in said


def test_a_password_is_nowhere_in_clear(fresh: Inline, group: Floating) -> None:
    """Neither in what a preview and an update print, nor in the state."""
    password = "hunter22"
    fresh.pulumi("config", "set", "--secret", "longshore:password", password)
    fresh.configure({"vip": group.args(version=2)})

    preview = fresh.pulumi("preview", "--diff")
    up = fresh.up()
    state = fresh.pulumi("stack", "export")

    assert not [run.arguments for run in (preview, up, state) if password in run.output]
    assert password in fresh.outputs()["config"]["a"]
    group.settled("a")


def test_a_dead_host_is_removed(fresh: Inline, group: Floating, hosts: list[Host]) -> None:
    """Its engine is gone: a refresh goes on, `up` without it succeeds, and says what may come back."""
    before: Any = hosts[0].engine().containers.list()[0].id
    hosts[0].stop_engine()
    try:
        fresh.refresh()
        fresh.configure({"vip": group.args("bc", **FAST)})

        run = fresh.up()

        assert "should this host come back, remove that container" in run.output
        assert fresh.preview().changes == []
    finally:
        hosts[0].start_engine()
    hosts[0].engine().containers.get(before).remove(force=True, v=True)
    group.settled("b")
