"""A swarm and its nodes on real engines, without Pulumi: what our resources do with them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from docker.errors import APIError
from pulumi.runtime.rpc import UNKNOWN

from components.arguments.connections import Connection
from components.engine.connection import EngineRefused
from components.engine.containers import EngineError, Unfinished
from components.engine.swarm import membership
from components.provider import server
from components.provider.handlers import HANDLERS, AnyHandler
from components.provider.handlers.swarm import SwarmNode
from components.provider.values import Values
from tests.bench.hosts import Host
from tests.bench.process import run, until

pytestmark = pytest.mark.engine

LABELS = {"io.longshore.component": "main"}
GONE: Connection = {"address": "unix:///nonexistent/docker.sock"}


class Nodes:
    """The three hosts as a swarm, by way of our handlers."""

    def __init__(self, hosts: list[Host]) -> None:
        self.hosts = dict(zip("abc", hosts, strict=True))
        self.managers = ["a"]
        self.swarm: Values = {}
        self.states: dict[str, Values] = {}

    def connections(self) -> list[Values]:
        return [{"address": self.hosts[name].url} for name in self.managers]

    def swarm_inputs(self, **keys: Any) -> Values:
        return {
            "managers": self.connections(),
            "labels": LABELS,
            "autolock": False,
            "tokenGeneration": 1,
            "advertiseAddress": self.hosts[self.managers[0]].address,
            "listenAddress": "0.0.0.0:2377",
            "dataPathAddress": "",
            "addressPools": [],
            "poolMask": 24,
            **keys,
        }

    def inputs(self, name: str, **keys: Any) -> Values:
        return {
            "host": {"address": self.hosts[name].url},
            "managers": self.connections(),
            "swarmId": self.swarm["swarmId"],
            "role": "manager" if name in self.managers else "worker",
            "availability": "active",
            "labels": {},
            "advertiseAddress": self.hosts[name].address,
            "listenAddress": "0.0.0.0:2377",
            "dataPathAddress": "",
            "drainTimeout": 20,
            **keys,
        }

    def up(self, *names: str) -> None:
        """Make the swarm, and these hosts nodes of it."""
        inputs = self.swarm_inputs()
        self.swarm = {**inputs, **HANDLERS["Swarm"].create(inputs, False)[1]}
        for name in names:
            self.join(name)

    def join(self, name: str, **keys: Any) -> None:
        inputs = self.inputs(name, **keys)
        self.states[name] = {**inputs, **HANDLERS["SwarmNode"].create(inputs, False)[1]}

    def change(self, name: str, **keys: Any) -> None:
        inputs, old = self.inputs(name, **keys), self.states[name]
        self.states[name] = {**inputs, **HANDLERS["SwarmNode"].update(inputs, old, False)}

    def remove(self, name: str) -> None:
        HANDLERS["SwarmNode"].delete({**self.states[name], "managers": self.connections()})
        del self.states[name]

    def dissolve(self) -> None:
        HANDLERS["Swarm"].delete({**self.swarm, "managers": self.connections()})

    def seen(self, name: str) -> Mapping[str, object] | None:
        return HANDLERS["SwarmNode"].read(self.states[name])

    def check(self, kind: str, new: Values, old: Values | None = None) -> str | None:
        return server.problem(HANDLERS[kind], new, old or {}, lambda _: None)

    def member(self, name: str) -> bool:
        return bool(self.hosts[name].engine().info()["Swarm"]["LocalNodeState"] != "inactive")


@pytest.fixture
def nodes(hosts: list[Host]) -> Iterator[Nodes]:
    yield Nodes(hosts)
    for host in hosts:
        if host.engine().info()["Swarm"]["LocalNodeState"] != "inactive":
            host.engine().api.leave_swarm(force=True)


@pytest.mark.every_engine
def test_a_swarm_of_three_and_back(nodes: Nodes) -> None:
    """Every node has the role that was declared; taken down in order, no host is in a swarm."""
    nodes.managers = ["a", "b", "c"]
    nodes.up("a", "b", "c")
    roles = {name: (nodes.seen(name) or {})["role"] for name in "abc"}

    for name in "cba":
        nodes.remove(name)
    nodes.dissolve()

    assert roles == dict.fromkeys("abc", "manager")
    assert not any(map(nodes.member, "abc"))


@pytest.mark.every_engine
def test_an_existing_swarm_is_adopted(nodes: Nodes) -> None:
    """After a run that was killed: the same swarm, the same node, and no error."""
    nodes.up("a", "b")
    swarm, states = nodes.swarm["swarmId"], dict(nodes.states)

    refused = nodes.check("Swarm", nodes.swarm_inputs())
    also_refused = nodes.check("SwarmNode", nodes.inputs("b"))
    nodes.up("a", "b")

    assert (refused, also_refused) == (None, None)
    assert nodes.swarm["swarmId"] == swarm
    assert [nodes.states[name]["nodeId"] for name in "ab"] == [states[name]["nodeId"] for name in "ab"]


@pytest.fixture
def restoring(hosts: list[Host]) -> Iterator[None]:
    """Run the second engine with live-restore."""
    set_live_restore(hosts[1], True)
    yield
    set_live_restore(hosts[1], False)


def set_live_restore(host: Host, on: bool) -> None:
    inside = ["nsenter", "--mount", f"--target={host.pid}", "sh", "-c"]
    run([*inside, f"echo '{{\"live-restore\": {json.dumps(on)}}}' > /run/daemon.json"])
    run(["kill", "-HUP", str(host.pid)])
    until(lambda: host.engine().info()["LiveRestoreEnabled"] is on, f"live-restore is {on}")


@pytest.mark.usefixtures("restoring")
def test_an_engine_with_live_restore_is_refused_before_anything_is_made(nodes: Nodes) -> None:
    """By all that is asked before there is a swarm: the plan of its addresses, the swarm, the node."""
    plan = {
        "hosts": {name: {"address": host.url} for name, host in nodes.hosts.items()},
        "plan": {},
        "networks": [],
        "labels": LABELS,
    }
    nodes.managers = ["b"]
    nodes.swarm = {"swarmId": UNKNOWN}

    said = [
        nodes.check("AddressPlan", plan),
        nodes.check("Swarm", nodes.swarm_inputs()),
        nodes.check("SwarmNode", nodes.inputs("b")),
    ]

    expected = f"the engine at {nodes.hosts['b'].url} runs with live-restore, so it cannot be in a swarm: "
    assert [str(each).partition('set "')[0] for each in said] == [expected] * 3
    assert not any(map(nodes.member, "abc"))


def test_a_node_that_left_is_a_difference_and_joins_again(nodes: Nodes) -> None:
    """Without a refresh: a preview knows that it left, and `up` brings it back; one that is dead is none."""
    nodes.up("a", "b", "c")
    handler: AnyHandler = SwarmNode()
    before = {name: handler.drifted(nodes.states[name]) for name in "abc"}
    nodes.hosts["b"].engine().api.leave_swarm()
    nodes.hosts["c"].stop_engine()
    try:
        until(lambda: {"b", "c"} == down(nodes), "the managers notice", timeout=90)
        fresh: AnyHandler = SwarmNode()
        after = {name: fresh.drifted(nodes.states[name]) for name in "abc"}
    finally:
        nodes.hosts["c"].start_engine()

    former = nodes.states["b"]["nodeId"]
    nodes.change("b", labels={"zone": "dmz"})
    known = [node.id for node in nodes.hosts["a"].engine().nodes.list()]

    assert before == {name: set() for name in "abc"}
    assert after == {"a": set(), "b": {"nodeId"}, "c": set()}
    assert (nodes.seen("b") or {})["labels"] == {"zone": "dmz"}
    assert nodes.states["b"]["nodeId"] in known
    assert former not in known


def test_a_host_of_another_swarm_is_refused_and_left_alone(nodes: Nodes) -> None:
    """At preview and when it is asked to join; it stays where it is."""
    nodes.up("a")
    other = nodes.hosts["b"].engine()
    other.swarm.init(advertise_addr=nodes.hosts["b"].address)
    before = other.swarm.attrs["ID"]

    said = nodes.check("SwarmNode", nodes.inputs("b"))
    with pytest.raises(EngineError, match="belongs to another swarm already"):
        nodes.join("b")

    assert f"the engine at {nodes.hosts['b'].url} belongs to another swarm already" in str(said)
    other.swarm.reload()
    assert other.swarm.attrs["ID"] == before


def test_a_swarm_that_is_not_ours_is_refused(nodes: Nodes) -> None:
    """A first manager that is in a swarm without our labels."""
    nodes.hosts["a"].engine().swarm.init(advertise_addr=nodes.hosts["a"].address)

    said = nodes.check("Swarm", nodes.swarm_inputs())
    with pytest.raises(EngineError, match="belongs to another swarm already"):
        nodes.up()

    assert "belongs to another swarm already" in str(said)


def test_a_host_of_another_swarm_is_refused_before_there_is_ours(nodes: Nodes) -> None:
    """No manager of ours answers yet."""
    other = nodes.hosts["b"].engine()
    other.swarm.init(advertise_addr=nodes.hosts["b"].address)
    nodes.swarm = {"swarmId": UNKNOWN}

    said = nodes.check("SwarmNode", nodes.inputs("b"))
    silent = nodes.check("SwarmNode", nodes.inputs("b", managers=[GONE]))

    assert "belongs to another swarm already" in str(said)
    assert "no manager of a swarm answers: cannot reach" in str(silent)


def test_a_node_that_joined_but_is_not_as_declared_is_kept(nodes: Nodes) -> None:
    """The state has it, so that the next update goes on and a removal takes it out."""
    nodes.up("a")

    with pytest.raises(Unfinished, match="bogus") as error:
        nodes.join("b", availability="bogus")
    made = nodes.hosts["b"].engine().info()["Swarm"]["NodeID"]
    nodes.states["b"] = {**nodes.inputs("b"), **error.value.outputs}
    known = HANDLERS["SwarmNode"].update(nodes.inputs("b"), nodes.states["b"], True)
    nodes.change("b")
    seen = nodes.seen("b") or {}
    nodes.remove("b")

    assert (error.value.made, error.value.outputs) == (made, {"nodeId": made})
    assert known == {"nodeId": made, "hostName": UNKNOWN, "address": UNKNOWN}
    assert (seen["role"], seen["availability"]) == ("worker", "active")
    assert not nodes.member("b")


def test_another_machine_is_not_the_node(nodes: Nodes) -> None:
    """At preview, too; nothing is done to it."""
    nodes.up("a", "b")

    for preview in (True, False):
        moved = nodes.inputs("b", host={"address": nodes.hosts["c"].url})
        with pytest.raises(EngineError, match="is another machine than this node was"):
            HANDLERS["SwarmNode"].update(moved, nodes.states["b"], preview)

    assert not nodes.member("c")


@pytest.mark.every_engine
def test_roles_labels_and_availability(nodes: Nodes) -> None:
    """Each is what was declared when the update returns; what was set by hand goes."""
    nodes.up("a", "b")
    nodes.change("b", labels={"zone": "dmz"}, availability="pause")
    labelled = nodes.seen("b")
    nodes.managers = ["a", "b"]
    nodes.change("b", labels={"disk": "ssd"})
    promoted = nodes.seen("b")
    nodes.managers = ["a"]
    nodes.change("b")
    demoted = nodes.seen("b")

    keys = ("role", "availability", "labels")
    found = [tuple((each or {})[key] for key in keys) for each in (labelled, promoted, demoted)]
    assert found == [
        ("worker", "pause", {"zone": "dmz"}),
        ("manager", "active", {"disk": "ssd"}),
        ("worker", "active", {}),
    ]


@pytest.mark.every_engine
def test_a_drained_node_has_no_task_when_the_update_returns(nodes: Nodes) -> None:
    """The same for one that is removed; its tasks run elsewhere."""
    nodes.up("a", "b", "c")
    nodes.change("a", availability="drain")
    services: Any = nodes.hosts["a"].engine().services
    service = services.create("longshore-app:1", name="app", mode=replicated(2))
    try:
        until(lambda: len(running(nodes, "b") + running(nodes, "c")) == 2, "both tasks run")
        nodes.change("b", availability="drain")
        drained = running(nodes, "b")
        nodes.change("b")
        nodes.remove("c")
        until(lambda: len(running(nodes, "b")) == 2, "both tasks run elsewhere")
        left = nodes.hosts["c"].engine().containers.list()
    finally:
        service.remove()

    assert drained == left == []
    assert not nodes.member("c")


def test_the_last_manager_of_others_stays(nodes: Nodes) -> None:
    """It is refused before anything is touched."""
    nodes.up("a", "b")

    with pytest.raises(EngineError, match="host1 is the last manager of host2: promote another one first"):
        nodes.remove("a")

    assert (nodes.seen("a") or {})["availability"] == "active"


@pytest.mark.every_engine
def test_a_swarm_with_a_node_that_nobody_declared_is_not_dissolved(nodes: Nodes) -> None:
    """It would be left alone."""
    nodes.up("a", "b")

    with pytest.raises(EngineError, match="still has other nodes, which would be left alone: host2"):
        nodes.dissolve()

    assert nodes.member("a")


def test_the_quorum_is_kept(nodes: Nodes) -> None:
    """With one of three managers dead, neither of the others can go; with it removed, one can."""
    nodes.managers = ["a", "b", "c"]
    nodes.up("a", "b", "c")
    nodes.hosts["c"].stop_engine()
    try:
        until(lambda: unreachable(nodes, "c"), "the managers notice", timeout=60)
        with pytest.raises(EngineError, match="1 of 2 could be reached, and 2 are needed"):
            nodes.remove("b")
        nodes.managers = ["a", "b"]
        nodes.remove("c")  # its host is dead: the managers remove it without its help
        nodes.remove("b")
    finally:
        nodes.hosts["c"].start_engine()

    nodes.managers = ["a"]
    assert [node.attrs["Description"]["Hostname"] for node in nodes.hosts["a"].engine().nodes.list()] == [
        "host1"
    ]


def test_any_manager_will_do(nodes: Nodes) -> None:
    """With the first one dead, the others still change the swarm."""
    nodes.managers = ["a", "b", "c"]
    nodes.up("a", "b", "c")
    nodes.hosts["a"].stop_engine()
    try:
        until(lambda: unreachable(nodes, "a"), "the managers notice", timeout=60)
        nodes.change("c", labels={"zone": "dmz"})
        assert (nodes.seen("c") or {})["labels"] == {"zone": "dmz"}
    finally:
        nodes.hosts["a"].start_engine()


def test_no_leader(nodes: Nodes) -> None:
    """With two of three managers dead nothing can be changed, no node counts as gone, and the error names the
    remedy."""
    nodes.managers = ["a", "b", "c"]
    nodes.up("a", "b", "c")
    dead = [nodes.hosts["a"], nodes.hosts["b"]]
    for host in dead:
        host.stop_engine()
    try:
        nodes.managers = ["c"]
        with pytest.raises((EngineError, EngineRefused), match="have no leader"):
            nodes.change("c", labels={"zone": "dmz"})
        nodes.states["c"] |= {"managers": nodes.connections()}
        with pytest.raises((EngineError, EngineRefused), match="have no leader"):
            nodes.seen("c")
    finally:
        for host in dead:
            host.start_engine()


@pytest.mark.every_engine
def test_tokens_are_made_anew_and_the_lock_is_set(nodes: Nodes) -> None:
    """The old tokens admit nobody any more; the key is there as soon as it is needed."""
    nodes.up("a")
    before = nodes.swarm
    inputs = nodes.swarm_inputs(tokenGeneration=2, autolock=True)

    after = HANDLERS["Swarm"].update(inputs, before, False)
    read = HANDLERS["Swarm"].read({**inputs, **after})

    assert after["workerToken"] != before["workerToken"]
    assert after["managerToken"] != before["managerToken"]
    assert before["unlockKey"] == ""
    assert after["unlockKey"].startswith("SWMKEY-1-")
    assert read is not None
    assert read["autolock"] is True


def test_nobody_answers(nodes: Nodes) -> None:
    """The error says of each manager why not."""
    with (
        pytest.raises(EngineError, match=r"no manager of swarm k1x answers: .*nonexistent.*; .*inactive"),
        membership.manager([GONE, {"address": nodes.hosts["a"].url}], "k1x"),
    ):
        pass


def down(nodes: Nodes) -> set[str]:
    """Return the hosts that the first manager does not hear."""
    names = {host.name: name for name, host in nodes.hosts.items()}
    return {
        names[node.attrs["Description"]["Hostname"]]
        for node in nodes.hosts["a"].engine().nodes.list()
        if node.attrs["Status"]["State"] == "down"
    }


def replicated(count: int) -> Any:
    from docker.types import ServiceMode

    return ServiceMode("replicated", replicas=count)


def running(nodes: Nodes, name: str) -> list[str]:
    """Return containers that run on a host."""
    return [str(each.id) for each in nodes.hosts[name].engine().containers.list()]


def unreachable(nodes: Nodes, name: str) -> bool:
    """Return whether the managers know that this host is gone. While they choose a leader, none answers."""
    asked = next(each for each in nodes.managers if each != name)
    try:
        found = nodes.hosts[asked].engine().nodes.list()
    except APIError:
        return False
    for node in found:
        if node.attrs["Description"]["Hostname"] == nodes.hosts[name].name:
            status = node.attrs.get("ManagerStatus") or {}
            return bool(status.get("Reachability") != "reachable" and node.attrs["Status"]["State"] == "down")
    return False
