"""A floating address on three real hosts, without Pulumi: its owner, and the takeovers.

`make bench` measures the time of a takeover.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from components.engine import keepalived, keepalived_steps
from components.engine.containers import EngineError, Unfinished, read_file, write_file
from components.provider.handlers import HANDLERS
from components.proxies.keepalived import FILE, KEEPALIVED
from components.proxies.program import FOLDER
from tests.bench import images
from tests.bench.hosts import Host
from tests.bench.process import until
from tests.support.floating import (
    FAST,
    NAME,
    PORT,
    Floating,
    client,
    cut_off,
    floating_address,
    gateways,
    unplugged,
)

pytestmark = pytest.mark.engine

NODE, GROUP = HANDLERS["FloatingAddressNode"], HANDLERS["FloatingAddressGroup"]
TRACK: Any = {"track": {"port": PORT, "path": "/healthz"}}


@contextmanager
def leaving_nothing(hosts: list[Host]) -> Iterator[Floating]:
    """Provide a group that is not there yet, and check that it leaves nothing behind."""
    made = Floating(hosts)
    yield made
    made.destroy()
    assert made.owners() == ""
    assert [each.name for host in hosts for each in host.engine().containers.list(all=True)] == []
    assert [each.name for host in hosts for each in host.engine().volumes.list()] == []


@pytest.fixture(scope="class")
def running(hosts: list[Host]) -> Iterator[Floating]:
    """Provide a group of three nodes that is up. Each test leaves its containers and texts as they were."""
    with leaving_nothing(hosts) as made:
        made.roll_out(**FAST)
        yield made


@pytest.fixture
def group(hosts: list[Host]) -> Iterator[Floating]:
    """Provide a group that is not there yet; it leaves nothing behind."""
    with leaving_nothing(hosts) as made:
        yield made


def stays(group: Floating, owner: str) -> None:
    """Check that no node but `owner` has had the address since it got it."""
    assert group.owners() == owner
    assert taken(group) == {name: int(name == owner) for name in group.hosts}


def taken(group: Floating) -> dict[str, int]:
    """Return how often each node has taken the address."""
    return {name: group.keepalived(name).logs().decode().count("Entering MASTER") for name in group.hosts}


class TestTakeOver:
    def test_the_first_node_has_the_address(self, group: Floating) -> None:
        """When the group is made, exactly one node has the address: that with the highest priority."""
        group.roll_out()

        stays(group, "a")

    def test_priorities_decide(self, group: Floating) -> None:
        """Not the names, where priorities are given."""
        nodes = {"a": {"priority": 100}, "b": {"priority": 120}, "c": {"priority": 110}}

        group.roll_out(nodes=nodes, **FAST)

        stays(group, "b")

    @pytest.mark.every_engine
    @pytest.mark.parametrize("keys", [{}, {"multicast": True}, {"version": 2, "password": "hunter2"}])
    def test_a_killed_keepalived_is_followed(self, group: Floating, keys: dict[str, Any]) -> None:
        """The next node takes over; the engine starts the killed one again, which gives the stale address
        up and takes it back when it may. In the end there is one owner."""
        group.roll_out(**keys)
        first = group.keepalived("a").attrs["State"]["Pid"]

        group.hosts["a"].crash(str(group.keepalived("a").id))

        until(lambda: group.owners() == "b", "the next node takes over")
        group.settled("a")
        assert group.keepalived("a").attrs["State"]["Pid"] != first

    @pytest.mark.parametrize("fault", [unplugged, cut_off])
    def test_a_host_that_is_cut_off_is_followed(self, group: Floating, fault: Any) -> None:
        """The next node takes over; two seconds after the host is back exactly one has the address."""
        group.roll_out(**FAST)

        broken: AbstractContextManager[None] = fault(group.hosts["a"])
        with broken:
            until(lambda: "b" in group.owners(), "the next node takes over")

        until(lambda: group.owners() == "a", "the owner is back", 2)

    @pytest.mark.every_engine
    @pytest.mark.parametrize("track", [{"port": PORT}, {"port": PORT, "path": "/healthz"}])
    def test_a_node_without_gateway_gives_the_address_up(
        self, group: Floating, track: dict[str, Any]
    ) -> None:
        """The next node with a healthy gateway takes over, until the first one is healthy again."""
        with gateways(group.hosts) as gateway:
            group.roll_out(track=track)
            group.settled("a")
            gateway["b"].kill()
            gateway["a"].kill()

            group.settled("c")
            gateway["a"].start()

            group.settled("a")

    def test_a_sick_gateway_is_a_dead_one(self, group: Floating) -> None:
        """It accepts connections and answers 500."""
        with gateways({"a": group.hosts["a"]}, images.APP_SICK), gateways({"b": group.hosts["b"]}):
            group.roll_out(**TRACK, **FAST)

            group.settled("b")

    def test_without_any_gateway_the_owner_keeps_the_address(self, group: Floating) -> None:
        """It would be dead at any other node, too; and it can be made before there is a gateway."""
        group.roll_out(**TRACK, **FAST)
        group.settled("a")

        with gateways(group.hosts):
            group.settled("a")

        assert group.owners() == "a"

    def test_a_node_without_preempt_does_not_take_the_address_back(self, group: Floating) -> None:
        """The address stays where it went, until that node fails."""
        with gateways(group.hosts) as gateway:
            group.roll_out(**TRACK, **FAST, preempt=False)
            group.settled("a")
            gateway["a"].kill()
            group.settled("b")
            gateway["a"].start()
            until(lambda: keepalived.role(group.keepalived("a")) == "BACKUP", "it is well again")

            assert group.owners() == "b"
            gateway["b"].kill()
            group.settled("a")

    def test_preemption_can_be_delayed(self, group: Floating) -> None:
        """A node that returns waits before it takes the address back."""
        group.roll_out(**FAST, preempt_delay=6)
        group.keepalived("a").restart(timeout=10)
        group.settled("b")

        with pytest.raises(TimeoutError):
            group.settled("a", 1.5)
        group.settled("a", 12)

    def test_several_groups_share_hosts(self, hosts: list[Host], group: Floating) -> None:
        """Each node is the owner of one of them."""
        group.roll_out(**FAST, nodes={"a": {"priority": 9}, "b": {"priority": 8}, "c": {"priority": 7}})
        other = Floating(hosts)
        try:
            nodes = {"a": {"priority": 7}, "b": {"priority": 8}, "c": {"priority": 9}}
            other.roll_out(**FAST, nodes=nodes, addresses=[floating_address(1)], name="second")

            assert group.owners() == "a"
            assert group.owners(1) == "c"
        finally:
            other.destroy()


class TestChange:
    @pytest.mark.every_engine
    @pytest.mark.parametrize(
        "keys",
        [
            {"nodes": {"a": {"priority": 250}, "b": {"priority": 20}, "c": {"priority": 30}}},
            {"addresses": [floating_address(), floating_address(1), f"{floating_address(2)}/24", "fd00::9"]},
            {"advert_interval": 0.2},
        ],
        ids=["priority", "addresses", "interval"],
    )
    def test_a_change_does_not_move_the_address(self, group: Floating, keys: dict[str, Any]) -> None:
        """It is reloaded: no client sees anything of it."""
        with gateways(group.hosts):
            group.roll_out(**FAST)
            group.settled("a")
            before = {name: group.keepalived(name).id for name in group.hosts}

            with client() as seen:
                group.roll_out(**{**FAST, **keys})

            stays(group, "a")
            assert seen.heard() == "a"
            assert {name: group.keepalived(name).id for name in group.hosts} == before

    def test_new_addresses_are_there_and_old_ones_gone(self, group: Floating) -> None:
        """On the owner alone."""
        group.roll_out(**FAST, addresses=[floating_address(), floating_address(1)])
        group.roll_out(**FAST, addresses=[floating_address(), floating_address(2)])

        assert [group.owners(index) for index in range(3)] == ["a", "", "a"]

    def test_a_change_with_a_track_does_not_move_the_address(self, group: Floating) -> None:
        """A reload does not take the gateway for dead."""
        with gateways(group.hosts):
            group.roll_out(**TRACK, **FAST)
            group.settled("a")
            until(lambda: "succeeded" in group.keepalived("a").logs().decode(), "the gateway is well")
            moved = group.keepalived("a").logs().decode().count("Entering BACKUP")

            with client() as seen:
                group.roll_out(**TRACK, **FAST, addresses=[floating_address(), floating_address(1)])

            assert seen.heard() == "a"
            assert group.keepalived("a").logs().decode().count("Entering BACKUP") == moved

    def test_a_new_node_starts_when_the_others_know_it(self, group: Floating) -> None:
        """Else it would hear nobody and take the address, too."""
        group.roll_out("ab", **FAST)

        group.roll_out("abc", **FAST)

        stays(group, "a")

    def test_an_owner_that_is_removed_hands_over(self, group: Floating) -> None:
        """The others respect it until it is gone; then the next one takes over, at once."""
        with gateways(group.hosts):
            group.roll_out(**FAST)

            with client() as seen:
                group.roll_out("bc", **FAST)
                group.settled("b")
                until(lambda: seen.heard() == "ab", "the other one answers")

        assert seen.longest_gap() < 1
        assert len(group.hosts["a"].engine().containers.list(all=True)) == 0

    def test_a_node_that_is_removed_takes_nothing(
        self, group: Floating, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It stops before anything is removed: it hears nobody, and would take the address to a host that may
        be drained next."""
        group.roll_out("ab", **FAST)
        group.settled("a")
        owners: list[str] = []
        delete = group._delete

        def look_and_delete(name: str) -> None:
            owners.append(group.owners())
            delete(name)

        monkeypatch.setattr(group, "_delete", look_and_delete)

        group.roll_out("a", **FAST)

        assert owners == ["a"]

    @pytest.mark.every_engine
    def test_a_node_is_back_with_its_engine(self, group: Floating) -> None:
        """As after a reboot of the host: keepalived runs again without anybody's help."""
        group.roll_out("a", **FAST)
        group.settled("a")

        group.hosts["a"].stop_engine()
        gone = group.owners()
        group.hosts["a"].start_engine()

        assert gone == ""
        group.settled("a", seconds=30)

    def test_one_node_is_a_group(self, group: Floating) -> None:
        """As when the other host is dead and removed."""
        group.roll_out("ab", **FAST)

        group.roll_out("b", **FAST)

        group.settled("b")

    def test_another_limit_is_another_container(self, group: Floating) -> None:
        """Backup nodes first, the owner last: the address goes away once and comes back."""
        group.roll_out(**FAST)
        before = {name: group.keepalived(name).id for name in group.hosts}

        group.roll_out(**FAST, memory=65)

        group.settled("a")
        assert not set(before.values()) & {group.keepalived(name).id for name in group.hosts}
        took = {name: group.keepalived(name).logs().decode().count("Entering MASTER") for name in "bc"}
        assert took == {"b": 1, "c": 0}

    def test_an_image_that_does_not_start_changes_nothing(
        self, group: Floating, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its check passes, it does not run: the old container is started again."""
        group.roll_out(**FAST)
        monkeypatch.setattr(keepalived_steps, "KEEPALIVED", replace(KEEPALIVED, run=("/bin/false",)))
        monkeypatch.setattr(keepalived_steps, "START_SECONDS", 2)
        new = {**group.state("a"), "memory": 65}

        with pytest.raises(EngineError, match="did not start"):
            NODE.update(new, group.state("a"), False)

        group.settled("a")
        assert len(group.hosts["a"].engine().containers.list(all=True)) == 1


class TestNeighbours:
    """Two stacks on the same hosts."""

    @pytest.mark.parametrize(
        ("keys", "said"),
        [
            (
                {"router_id": 100, "addresses": [floating_address(1)]},
                "router_id 100 on eth0 is that of FloatingAddress 'vip' of stack 'rehearsal' .project 'long",
            ),
            ({"router_id": 7}, f"addresses: {floating_address()} belongs to FloatingAddress 'vip' of stack"),
            (
                {"router_id": 7, "addresses": [floating_address(1), floating_address()]},
                f"addresses: {floating_address()} belongs to FloatingAddress 'vip' of stack",
            ),
        ],
        ids=["number", "address", "further address"],
    )
    def test_a_number_or_address_of_another_stack_is_refused(
        self, running: Floating, hosts: list[Host], keys: dict[str, Any], said: str
    ) -> None:
        """At preview, and once more at `up`; also where the other one's keepalived has been stopped."""
        running.keepalived("b").stop()
        other = of_another_stack(running, **keys)

        for name in "ab":
            assert re.search(said, NODE.check(other(name), {}, print) or "")
        with pytest.raises(EngineError, match=said):
            NODE.create(other("a"), False)

        assert [len(host.engine().containers.list(all=True)) for host in hosts] == [1, 1, 1]
        running.keepalived("b").start()

    def test_a_number_and_address_of_its_own_are_taken(self, running: Floating) -> None:
        """Another number and address; the same number with IPv6; and our own, changed."""
        node = running.state("a")
        apart = of_another_stack(running, router_id=7, addresses=[floating_address(1)])("a")
        sixth = {
            **apart,
            "config": apart["config"].replace("_id 7", "_id 100").replace("_src_ip 10", "_src_ip fd00::10"),
        }
        changed = {**node, "config": node["config"].replace("advert_int 0.1", "advert_int 0.2")}

        assert [NODE.check(each, {}, print) for each in (apart, changed)] == [None, None]
        assert "router_id" not in str(NODE.check(sixth, {}, print))


def of_another_stack(group: Floating, **keys: Any) -> Callable[[str], dict[str, Any]]:
    """Return inputs of a node by its name: of the same group, declared by the stack `other`."""
    args = group.args(**FAST, **keys)

    def inputs(name: str) -> dict[str, Any]:
        node = group.state(name)
        labels = {**node["labels"], "io.longshore.stack": "other"}
        return {**node, "labels": labels, "config": group.configuration(name, args)}

    return inputs


class TestConfiguration:
    def test_a_good_one_passes_and_leaves_nothing(self, running: Floating) -> None:
        """The check is made on the host, with its interfaces, in a container that goes."""
        node = running.state("a")
        engine = running.hosts["a"].engine()
        before = {each.id for each in engine.containers.list(all=True)}

        assert NODE.check({**node, "config": node["config"] + "\n"}, node, print) is None

        assert {each.id for each in engine.containers.list(all=True)} == before

    def test_an_interface_that_is_not_there_is_refused_at_preview(self, running: Floating) -> None:
        """keepalived names the interface, and the error names the remedy."""
        node = running.state("a")

        said = NODE.check({**node, "config": node["config"].replace("eth0", "eth7")}, node, print)

        assert said is not None
        assert "interface eth7 for vrrp_instance vip doesn't exist" in said
        assert "give nodes.<name>.interface one that this host has" in said

    def test_an_image_that_is_not_there_is_a_warning(self, running: Floating) -> None:
        """`up` pulls it and checks then."""
        node = running.state("a")
        warnings: list[str] = []

        assert NODE.check({**node, "image": "longshore-none:1"}, node, warnings.append) is None

        assert "keepalived is replaced on this node" in warnings[0]
        assert "configuration not checked at this preview: image longshore-none:1" in warnings[1]

    def test_a_refused_one_changes_nothing(self, running: Floating) -> None:
        """The error has the reason; the old text is in the file and in force."""
        node, before = running.state("a"), taken(running)

        wrong = node["config"].replace("advert_int 0.1", "advert_int bananas")
        with pytest.raises(EngineError, match=r"nothing was changed: .*invalid number 'bananas'"):
            NODE.update({**node, "config": wrong}, node, False)

        assert NODE.read(node) == {"config": node["config"], "running": True}
        assert (running.owners(), taken(running)) == ("a", before)

    def test_a_refused_new_one_leaves_nothing(self, running: Floating) -> None:
        """As when the image was not there at the preview: `up` checks before it makes a container."""
        node = running.state("a")
        engine = running.hosts["a"].engine()

        with pytest.raises(EngineError, match="keepalived refuses the configuration"):
            NODE.create({**node, "config": "nonsense {\n", "labels": {"io.longshore.role": "new"}}, False)

        assert [each.id for each in engine.containers.list(all=True)] == [node["containerId"]]

    @pytest.mark.every_engine
    def test_a_failed_reload_is_taken_back(self, running: Floating, monkeypatch: pytest.MonkeyPatch) -> None:
        """A text that passes the check and ends keepalived is taken back: it runs again with the old text."""
        node = running.state("b")
        monkeypatch.setattr(keepalived_steps, "objection", lambda engine, spec: None)

        with pytest.raises(EngineError, match="the old configuration is in force again"):
            NODE.update({**node, "config": node["config"].replace("eth0", "eth7")}, node, False)

        until(lambda: NODE.read(node) == {"config": node["config"], "running": True}, "it is as before")
        assert running.owners() == "a"

    @pytest.mark.every_engine
    def test_drift_is_read_and_repaired(self, running: Floating) -> None:
        """keepalived stopped by hand, or its text edited: a refresh shows it, an update repairs it."""
        node = running.state("a")
        running.keepalived("a").stop()
        stopped = NODE.read(node)
        running.settled("b")

        NODE.update(node, {**node, **(stopped or {})}, False)
        running.settled("a")
        write_file(running.keepalived("a"), FOLDER, FILE, "# mine\n")
        edited = NODE.read(node)
        NODE.update(node, {**node, **(edited or {})}, False)
        running.settled("a")

        assert stopped == {"config": node["config"], "running": False}
        assert NODE.drifted({**node, **stopped}) == {"running"}
        assert edited == {"config": "# mine\n", "running": True}
        assert NODE.read(node) == {"config": node["config"], "running": True}

    def test_a_removed_container_is_made_again(self, running: Floating) -> None:
        """Removed by hand: it is read as gone, and a create makes another one."""
        node = running.state("c")
        running.keepalived("c").remove(force=True, v=True)

        assert NODE.read(node) is None
        made, outputs = NODE.create(node, False)
        running.resources[f"{NAME}-node-c"][2].update(outputs)
        assert running.keepalived("c").id == made
        running.keepalived("c").start()

    def test_the_orphan_of_a_killed_run_goes(self, running: Floating) -> None:
        """A create that nobody remembers: the next one takes its place."""
        node = running.state("c")

        made, outputs = NODE.create(node, False)
        running.resources[f"{NAME}-node-c"][2].update(outputs)

        engine = running.hosts["c"].engine()
        assert [each.id for each in engine.containers.list(all=True)] == [made]
        running.keepalived("c").start()

    @pytest.mark.every_engine
    def test_no_more_rights_than_needed(self, running: Floating) -> None:
        """Process 1 is keepalived, with three capabilities and nothing to write to but memory."""
        container = running.keepalived("a")
        host = container.attrs["HostConfig"]

        assert host["CapDrop"] == ["ALL"]
        assert sorted(host["CapAdd"]) == ["NET_ADMIN", "NET_BROADCAST", "NET_RAW"]
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert host["ReadonlyRootfs"] is True
        assert host["Privileged"] is False
        assert host["RestartPolicy"]["Name"] == "always"
        assert host["Memory"] == 64 * 2**20
        assert container.attrs["Config"]["StopSignal"] == "SIGTERM"
        assert container.attrs["Path"] == "keepalived"
        assert [each["Destination"] for each in container.attrs["Mounts"]] == [FOLDER]
        assert read_file(container, KEEPALIVED.path) == running.state("a")["config"]

    def test_nothing_to_do_is_nothing_done(self, running: Floating) -> None:
        """The same again touches no container."""
        before = {name: running.keepalived(name).attrs["State"] for name in running.hosts}

        running.roll_out(**FAST)

        assert {name: running.keepalived(name).attrs["State"] for name in running.hosts} == before

    def test_an_image_that_is_nowhere_changes_nothing(self, running: Floating) -> None:
        """The error says how to build it; the old container goes on."""
        before = taken(running)
        new = {**running.state("a"), "image": "registry.invalid/keepalived:1"}

        with pytest.raises(EngineError, match=r"no registry can be reached .* build it with `docker build"):
            NODE.update(new, running.state("a"), False)

        assert (running.owners(), taken(running)) == ("a", before)

    def test_a_host_that_does_not_answer_does_not_run(self, running: Floating) -> None:
        """A refresh goes on, and shows it."""
        node = {**running.state("a"), "host": {"address": "unix:///nonexistent/docker.sock"}}

        assert NODE.read(node) == {"running": False}


class TestDeadHost:
    def test_a_dead_host_can_be_removed(self, group: Floating) -> None:
        """Its engine does not answer: the others go on without it, and a warning says what is left."""
        group.roll_out(**FAST)
        node, dead = group.state("a"), group.hosts["a"]
        with unplugged(dead):
            until(lambda: "b" in group.owners(), "the next node takes over")
            warning = NODE.delete({**node, "host": {"address": "unix:///nonexistent/docker.sock"}})
            group.resources.pop(f"{NAME}-node-a")

            group.roll_out("bc", **FAST)
            group.settled("b")

        assert warning is not None
        assert "should this host come back, remove that container" in warning
        assert NODE.delete(node) is None

    def test_a_node_that_takes_no_part_is_an_error(self, group: Floating) -> None:
        """As one whose own address is not on the host; the state keeps what was made."""
        with pytest.raises(Unfinished, match=r"vip-a-\w+ takes no part: .*src address not configured"):
            group.roll_out("ab", nodes={"a": {"address": "192.0.2.7"}}, **FAST)

        group.settled("b")
