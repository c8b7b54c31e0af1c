"""Work of `make up` around Pulumi, without Pulumi. test_interrupted.py runs the real one."""

import errno
import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError

import pytest
from docker.errors import NotFound
from pulumi import automation

from checkout import command
from components.engine import config_check, facts
from components.naming import LABEL
from components.operate import causes, run, serving, workspace
from components.operate.run import HostsUnchecked
from components.proxies.registry import kind_of
from components.repair import leftovers, lock, processes, repair, survey
from components.repair.telling import CannotGoOn
from components.resources.home import expanded, pulumi_home
from tests.bench.process import until
from tests.support.program import Program, service

OWNER = survey.Owner("longshore", "dev")
STATE = "urn:pulumi:dev::longshore"
PROVIDER = f"{STATE}::pulumi:providers:docker::web-host::1234"


# Owner of a lock


def a_lock(state: Path, **content: Any) -> Path:
    """Return a lock as Pulumi's file backend writes it."""
    folder = state / ".pulumi/locks/organization/longshore/dev"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "0d6f.json"
    known = {"pid": 1, "username": "ann", "hostname": "far", "timestamp": "2026-01-02T03:04:05.6Z"}
    file.write_text(json.dumps(known | content))
    return file


def test_lock_file_names_its_holder(tmp_path: Path) -> None:
    """The holder of a lock in a file backend is the one that its file names."""
    a_lock(tmp_path, pid=77)

    holders = lock.holders_in(f"file://{tmp_path}", "longshore", "dev")

    assert [str(holder) for holder in holders] == ["ann@far (pid 77, since 2026-01-02T03:04:05)"]


def test_locks_of_others_are_not_ours(tmp_path: Path) -> None:
    """A lock of another stack, or another kind of backend, is none of this stack."""
    a_lock(tmp_path)

    assert lock.holders_in(f"file://{tmp_path}", "longshore", "prod") == []
    assert lock.holders_in("s3://bucket", "longshore", "dev") == []


def test_error_of_pulumi_names_the_holders() -> None:
    """The holders of locks in other backends are those that Pulumi's error names."""
    error = (
        "error: the stack is currently locked by 2 lock(s). Either wait …\n"
        "  s3://b/.pulumi/locks/a.json: created by ann@far (pid 7) at 2026-01-02T03:04:05Z\n"
        "  s3://b/.pulumi/locks/b.json: created by bob@near (pid 8) at 2026-01-02T03:04:06Z\n"
    )

    assert [(h.user, h.machine, h.pid) for h in lock.holders_said(error)] == [
        ("ann", "far", 7),
        ("bob", "near", 8),
    ]


def test_lock_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A broken lock file is not taken for a free stack: the error names it."""
    file = a_lock(tmp_path)
    file.write_text("{")

    with pytest.raises(CannotGoOn, match=f"the lock {file} cannot be read"):
        lock.holders_in(f"file://{tmp_path}", "longshore", "dev")


def here(pid: int) -> lock.Holder:
    return lock.Holder("ann", socket.gethostname(), pid, "2026-01-02T03:04:05Z")


@pytest.fixture
def pulumi(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Provide a process by the name of pulumi."""
    program = tmp_path / "pulumi"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as process:
        yield process
        process.kill()


def test_running_pulumi_is_not_gone(pulumi: "subprocess.Popen[bytes]") -> None:
    """A lock of a living pulumi on this machine is refused, naming the holder and what to do."""
    with pytest.raises(CannotGoOn, match=rf"\(pid {pulumi.pid}, .*still running: wait for it"):
        lock.refuse_unless_gone("dev", [here(pulumi.pid)])


def test_killed_pulumi_is_gone(pulumi: "subprocess.Popen[bytes]") -> None:
    """A killed pulumi is gone, also while its parent has not asked how it ended."""
    pulumi.kill()
    os.waitid(os.P_PID, pulumi.pid, os.WEXITED | os.WNOWAIT)

    lock.refuse_unless_gone("dev", [here(pulumi.pid)])


def test_process_that_got_the_id_later_is_not_the_holder() -> None:
    """A process of another name that now has the holder's id does not hold the lock."""
    lock.refuse_unless_gone("dev", [here(os.getpid())])


def test_holder_on_another_machine_is_not_judged() -> None:
    """Nothing is known of another machine's processes: the lock stays, the error says what to do."""
    holder = lock.Holder("ann", "far", 99999999, "2026-01-02T03:04:05Z")

    with pytest.raises(CannotGoOn, match=r"ann@far .*another machine.*`pulumi cancel --stack dev`"):
        lock.refuse_unless_gone("dev", [here(99999999), holder])


WHOLE = '{"version": 3, "checkpoint": {"latest": {"resources": []}}}'


def test_half_written_attributes_are_removed(tmp_path: Path) -> None:
    """Attributes of the state that a kill cut short go, with unfinished copies; all else stays."""
    folder = tmp_path / ".pulumi/stacks/longshore"
    folder.mkdir(parents=True)
    for name, content in {
        "dev.json": WHOLE,
        "dev.json.attrs": "",
        "dev.json.18e9fb.tmp": "{",
        "dev.json.bak.attrs": "{}",
        "dev2.json.attrs": "",
    }.items():
        (folder / name).write_text(content)

    mended = lock.mend(f"file://{tmp_path}", "longshore", "dev")

    assert mended == ["state's file dev.json.attrs, written half, removed: it is not needed"]
    assert sorted(file.name for file in folder.iterdir()) == [
        "dev.json",
        "dev.json.bak.attrs",
        "dev2.json.attrs",
    ]


def states(folder: Path, **files: str) -> Path:
    """Make a backend's folder with files of a stack, the last one the newest; return that of the state."""
    stacks, backups = (folder / ".pulumi" / each / "longshore" for each in ("stacks", "backups"))
    for age, (name, content) in enumerate(files.items()):
        place = backups / "dev" if name.startswith("backup") else stacks
        place.mkdir(parents=True, exist_ok=True)
        names = {"state": "dev.json", "bak": "dev.json.bak"}
        file = place / names.get(name, f"dev.{name}.json")
        file.write_text(content)
        os.utime(file, (age, age))
    return stacks


def test_a_lock_written_half_is_removed_once_no_run_can_be_writing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk leaves it without a name, and every command of Pulumi fails to read it: also the next one,
    which may come at once. One that a run is writing gets its name meanwhile."""
    locks = tmp_path / ".pulumi/locks/organization/longshore/dev"
    locks.mkdir(parents=True)
    old, young, writing, held = (
        locks / name for name in ("a.json.18ec.tmp", "b.json.18ed.tmp", "d.json.18ee.tmp", "c.json")
    )
    for file in (old, young, writing, held):
        file.touch()
    os.utime(old, (0, 0))

    def sleep(seconds: float) -> None:
        assert seconds <= lock.WRITTEN_SECONDS
        if writing.exists():
            writing.rename(locks / "d.json")

    monkeypatch.setattr(time, "sleep", sleep)
    mended = lock.mend(f"file://{tmp_path}", "longshore", "dev")

    assert sorted(mended) == [
        f"lock {name}.json.18e{letter}.tmp, written half, removed: no run has it"
        for name, letter in (("a", "c"), ("b", "d"))
    ]
    assert sorted(locks.iterdir()) == [held, locks / "d.json"]


@pytest.mark.parametrize("cut", ["", '{"version": 3, "checkp', "{}"])
def test_state_cut_short_is_replaced_by_its_newest_whole_backup(cut: str, tmp_path: Path) -> None:
    """A full disk cuts the state and the backup beside it; an older whole one takes its place."""
    old, new = WHOLE, WHOLE.replace("[]", '[{"urn": "u"}]')
    folder = states(tmp_path, backup1=old, backup2=new, backup3=cut, bak=cut, state=cut)

    (mended,) = lock.mend(f"file://{tmp_path}", "longshore", "dev")
    again = lock.mend(f"file://{tmp_path}", "longshore", "dev")

    assert (
        "state's file dev.json, cut short as a full disk does, replaced by its newest whole backup" in mended
    )
    assert "(dev.backup2.json, " in mended
    assert (folder / "dev.json").read_text() == new
    assert (folder / "dev.cut").read_text() == cut
    assert again == []


def test_whole_backup_beside_the_state_is_the_newest(tmp_path: Path) -> None:
    """Pulumi's own copy of the state before is preferred where it is whole and newer."""
    folder = states(tmp_path, backup1=WHOLE, bak=f"{WHOLE} ", state="{")

    lock.mend(f"file://{tmp_path}", "longshore", "dev")

    assert (folder / "dev.json").read_text() == f"{WHOLE} "


def test_state_cut_short_without_a_backup_is_named(tmp_path: Path) -> None:
    """One line names the file and the disk, and nothing is touched."""
    folder = states(tmp_path, bak="", state="{")

    with pytest.raises(CannotGoOn, match=r"dev\.json is cut short \(by a full disk\?\), .* no whole backup"):
        lock.mend(f"file://{tmp_path}", "longshore", "dev")

    assert (folder / "dev.json").read_text() == "{"


# Plugins that a killed run left


def shown(process: "subprocess.Popen[bytes]") -> None:
    """Await its command line: it is empty for a moment while a process executes its program."""
    until(lambda: Path(f"/proc/{process.pid}/cmdline").read_bytes(), "the command line is there")


@contextmanager
def a_plugin(folder: Path, engine: int, name: str) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a process that looks like a plugin in `folder`, of an engine at a port of this machine."""
    folder.mkdir(exist_ok=True)
    command = [f"/bin/{name}", "-c", "import time; time.sleep(60)", f"127.0.0.1:{engine}"]
    with subprocess.Popen(command, executable=sys.executable, cwd=folder) as process:
        shown(process)
        try:
            yield process
        finally:
            process.kill()


def test_plugins_without_engine_are_ended(tmp_path: Path) -> None:
    """A plugin of this project whose engine answers no more is ended, and said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with a_plugin(tmp_path, port, "pulumi-resource-docker") as plugin:
        ended = processes.end_orphans(tmp_path)

        assert ended == [f"pulumi-resource-docker (pid {plugin.pid}), left by a run that is gone, ended"]
        assert plugin.wait(10) != 0


def test_only_plugins_that_stay_are_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The number of one that has ended may be another process's by then."""
    there, sent = {1: "pulumi-resource-docker", 2: "longshore"}, []

    def send(pid: int, number: signal.Signals) -> None:
        sent.append((pid, number))
        if pid == 1:
            there.pop(pid, None)

    monkeypatch.setattr(processes, "GRACE", 0)
    monkeypatch.setattr(processes, "PATIENCE", 0)
    monkeypatch.setattr(processes, "_orphans", lambda _: dict(there))
    monkeypatch.setattr(processes, "_signal", send)

    ended = processes.end_orphans(tmp_path)

    assert len(ended) == 2
    assert sent == [(1, signal.SIGTERM), (2, signal.SIGTERM), (2, signal.SIGKILL)]


def test_our_own_plugin_is_ended(tmp_path: Path) -> None:
    """Python runs it as a folder of the project: its name is not in the name of the program."""
    (tmp_path / "plugin").mkdir()
    (tmp_path / "plugin/__main__.py").write_text("import time\ntime.sleep(60)\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [sys.executable, str(tmp_path / "plugin"), f"127.0.0.1:{port}"]
    with subprocess.Popen(command, cwd=tmp_path) as plugin:
        shown(plugin)
        ended = processes.end_orphans(tmp_path)

    assert ended == [f"longshore (pid {plugin.pid}), left by a run that is gone, ended"]


def test_other_processes_are_left_alone(tmp_path: Path) -> None:
    """A plugin whose engine answers, one of another project, and another program stay."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        alive = server.getsockname()[1]
        with (
            a_plugin(tmp_path / "a", alive, "pulumi-resource-docker") as one,
            a_plugin(tmp_path / "b", 1, "pulumi-resource-docker") as two,
            a_plugin(tmp_path / "a", 1, "something-else") as three,
        ):
            assert processes.end_orphans(tmp_path / "a") == []
            assert [one.poll(), two.poll(), three.poll()] == [None, None, None]


# Repairs of pending operations


def a_resource(kind: str, name: str, **keys: Any) -> dict[str, Any]:
    return {"urn": f"{STATE}::{kind}::{name}", "type": kind, "provider": PROVIDER, **keys}


def a_container(name: str, *, stack: str = "dev", **keys: Any) -> dict[str, Any]:
    return a_resource(survey.CONTAINER, name, inputs=inputs(f"{name}-ab12", stack), **keys)


def inputs(name: str, stack: str = "dev") -> dict[str, Any]:
    labels = {f"{LABEL}.project": "longshore", f"{LABEL}.stack": stack}
    listed = [{"label": key, "value": value} for key, value in labels.items()]
    return {"name": name, "labels": listed, "destroyGraceSeconds": 4}


def a_deployment(*pending: tuple[str, dict[str, Any]], **resources: Any) -> dict[str, Any]:
    provider = {
        "urn": PROVIDER.rpartition("::")[0],
        "id": "1234",
        "type": survey.PROVIDER,
        "inputs": {"host": "unix:///d.sock", **resources.pop("host", {})},
    }
    return {
        "resources": [provider, *resources.pop("recorded", [])],
        "pending_operations": [{"type": doing, "resource": what} for doing, what in pending],
    }


def test_creations_of_ours_are_found_with_their_host() -> None:
    """A container and a network being created are looked for by name, at their provider's host."""
    network = a_resource(survey.NETWORK, "web-net", inputs=inputs("web-net-cd34"))
    deployment = a_deployment(("creating", network), ("creating", a_container("web-0")))

    plan = repair.plan(deployment, OWNER)

    assert [(each.name, each.id, each.host) for each in plan.leftovers] == [
        ("web-net-cd34", "", '{"address": "unix:///d.sock"}'),
        ("web-0-ab12", "", '{"address": "unix:///d.sock"}'),
    ]
    assert str(plan.leftovers[1]) == "container web-0-ab12, created but not recorded"
    assert plan.deployment["pending_operations"] == []
    assert plan.deployment["resources"] == deployment["resources"]


def test_key_of_a_host_is_read_in_clear() -> None:
    """A host behind TLS is reached with the certificates in the state; the key is a secret there."""
    secret = {survey._SECRET: "1b47061264138c4ac30d75fd1eb44270", "plaintext": '"KEY"'}
    host = {"host": "tcp://h:2376", "caMaterial": "CA", "certMaterial": "C", "keyMaterial": secret}
    deployment = a_deployment(("creating", a_container("web-0")), host=host)

    (leftover,) = repair.plan(deployment, OWNER).leftovers

    assert json.loads(leftover.host) == {
        "address": "tcp://h:2376",
        "caCertificate": "CA",
        "clientCertificate": "C",
        "clientKey": "KEY",
    }


def test_containers_of_others_are_not_touched() -> None:
    """Containers without our labels, and other kinds, are left; the user is told where to look."""
    foreign = a_container("db", stack="other")
    bucket = a_resource("aws:s3/bucket:Bucket", "logs", inputs={})

    plan = repair.plan(a_deployment(("creating", foreign), ("creating", bucket)), OWNER)

    assert plan.leftovers == ()
    assert plan.notes == (
        "docker:index/container:Container db may exist without being recorded: look for it by hand",
        "aws:s3/bucket:Bucket logs may exist without being recorded: look for it by hand",
    )


def test_a_resource_that_adopts_needs_no_repair() -> None:
    """Resources of ours and images take what is there when made again: nothing to do or to say."""
    ready = a_resource("longshore:index:Readiness", "web-lb-ready", inputs={})
    image = a_resource(repair.IMAGE, "web-lb-image", inputs={})

    plan = repair.plan(a_deployment(("creating", ready), ("creating", image)), OWNER)

    assert (plan.leftovers, plan.notes) == ((), ())


def test_removal_of_a_replaced_container_is_finished() -> None:
    """A replaced container whose removal was cut short is removed and forgotten."""
    old, new = a_container("web-0", id="c1", delete=True), a_container("web-0", id="c2")
    deployment = a_deployment(("deleting", old), recorded=[new, old])

    plan = repair.plan(deployment, OWNER)

    assert [(each.id, each.grace) for each in plan.leftovers] == [("c1", 4)]
    assert plan.deployment["resources"][1:] == [new]


def test_removed_container_that_may_be_wanted_is_made_anew() -> None:
    """One that others may refer to stays in the state, marked for the next run to make anew."""
    container = a_container("web-0", id="c1")

    plan = repair.plan(a_deployment(("deleting", container), recorded=[container]), OWNER)

    assert plan.deployment["resources"][1:] == [{**container, "pendingReplacement": True}]


def test_container_to_be_kept_is_kept() -> None:
    """A container with `retainOnDelete` stays."""
    container = a_container("web-0", id="c1", retainOnDelete=True)

    plan = repair.plan(a_deployment(("deleting", container), recorded=[container]), OWNER)

    assert plan.leftovers == ()
    assert plan.deployment["resources"][1:] == [container]


@pytest.mark.parametrize(("doing", "id_"), [("updating", ""), ("deleting", "c9")])
def test_front_end_cut_short_is_set_right(doing: str, id_: str) -> None:
    """A front end in the middle of a change differs for the next run, whatever that one wants."""
    front_end = a_resource(leftovers.FRONT_END, "web-lb-config", id="c9", outputs={"config": "x"})
    pending = (doing, {**front_end, "id": id_})

    plan = repair.plan(a_deployment(pending, recorded=[front_end]), OWNER)

    assert plan.deployment["resources"][1]["outputs"] == {"config": "x", "running": False}
    assert plan.notes == ("front end web-lb-config, its change cut short, to be set right by this run",)


def test_state_of_an_empty_stack_needs_nothing() -> None:
    """A stack without resources has nothing to repair."""
    assert repair.plan({"manifest": {}}, OWNER).leftovers == ()


# Removal from the engine


class Engine:
    """Stands for a Docker engine: things with names, labels and ids, and what was removed."""

    def __init__(self, *things: SimpleNamespace) -> None:
        self.removed: list[str] = []
        for thing in things:
            thing.remove = self._remover(thing.name)
            thing.stop = lambda timeout: None
        self._things = things
        self.containers = SimpleNamespace(get=self._get)
        self.networks = SimpleNamespace(list=self._containing, get=self._get)

    def _remover(self, name: str) -> Callable[..., None]:
        return lambda **options: self.removed.append(name)

    def _get(self, key: str) -> SimpleNamespace:
        for thing in self._things:
            if key in (thing.name, thing.id):
                return thing
        raise NotFound(key)

    def _containing(self, names: list[str]) -> list[SimpleNamespace]:
        return [thing for thing in self._things if names[0] in thing.name]


def a_thing(name: str, *, stack: str = "dev") -> SimpleNamespace:
    labels = {f"{LABEL}.project": "longshore", f"{LABEL}.stack": stack}
    return SimpleNamespace(name=name, id=f"id-{name}", attrs={"Labels": labels})


@pytest.fixture
def remove(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Provide a function that removes leftovers by kind and name from an engine and returns its output."""

    def from_engine(engine: Engine, *wanted: tuple[str, str], recorded: str = "") -> list[str]:
        @contextmanager
        def connect(host: Any) -> Iterator[Engine]:
            assert host == {"address": "unix:///d.sock"}
            yield engine

        monkeypatch.setattr(repair, "connect", connect)
        leftovers = [repair.Leftover(kind, name, '{"address": "unix:///d.sock"}') for kind, name in wanted]
        return [str(each) for each in repair.remove(leftovers, OWNER, frozenset({recorded}))]

    return from_engine


def test_exactly_the_named_are_removed_containers_first(remove: Callable[..., list[str]]) -> None:
    """Each container or network of that name is removed, networks last; longer names stay."""
    engine = Engine(a_thing("web-net-1"), a_thing("web-net-12"), a_thing("web-0-1"))

    said = remove(
        engine,
        (survey.NETWORK, "web-net-1"),
        (survey.CONTAINER, "web-0-1"),
        (survey.CONTAINER, "web-1-1"),
    )

    assert engine.removed == ["web-0-1", "web-net-1"]
    assert said == [
        "container web-0-1, created but not recorded",
        "network web-net-1, created but not recorded",
    ]


def test_same_name_without_our_labels_stays(remove: Callable[..., list[str]]) -> None:
    """A container or network of that name that belongs to another stack stays."""
    engine = Engine(a_thing("web-net-1", stack="prod"), a_thing("web-0-1", stack="prod"))

    assert remove(engine, (survey.NETWORK, "web-net-1"), (survey.CONTAINER, "web-0-1")) == []
    assert engine.removed == []


def test_a_recorded_container_stays(remove: Callable[..., list[str]]) -> None:
    """A container that was recorded after all stays."""
    engine = Engine(a_thing("web-0-1"))

    assert remove(engine, (survey.CONTAINER, "web-0-1"), recorded="id-web-0-1") == []
    assert engine.removed == []


def test_hosts_of_our_own_resources_are_known() -> None:
    """One, several, by name, or in a pending operation: a check may have been cut short on any."""

    def ours(kind: str, **inputs: Any) -> dict[str, Any]:
        return a_resource(f"longshore:index:{kind}", kind, inputs=inputs)

    a, b, c, d = ({"address": f"ssh://{name}"} for name in "abcd")
    plan, node = ours("AddressPlan", hosts={"a": a, "b": b}), ours("SwarmNode", host=c, managers=[a])
    pending = ours("FloatingAddressNode", host=d)
    deployment = a_deployment(("creating", pending), recorded=[plan, node])

    assert survey.hosts(deployment) == [{"address": "unix:///d.sock"}, a, b, c, d]


def test_pending_operations_of_our_own_resources_repair_themselves() -> None:
    """They adopt what is there; their labels are a mapping, not the docker provider's list."""
    node = a_resource("longshore:index:SwarmConfig", "site", inputs={"labels": dict(OWNER.labels)})

    plan = repair.plan(a_deployment(("creating", node)), OWNER)

    assert (plan.leftovers, plan.notes) == ((), ())


# Differences between hosts and the state


HOST = '{"address": "unix:///d.sock"}'


def seen(name: str, **keys: Any) -> survey.Thing:
    """Return a container as a survey finds it."""
    known: dict[str, Any] = {
        "kind": survey.CONTAINER,
        "component": "web",
        "role": "replica-web",
        "status": "running",
        "networks": frozenset(),
        "created": 1000.0,
    }
    return survey.Thing(name=name, id=f"id-{name}", **{**known, **keys})


def names(found: Any) -> list[str]:
    return [thing.name for _, thing in found]


def test_an_unrecorded_container_of_a_run_is_ours() -> None:
    """By the time of a run, or by a network that is recorded; what is recorded is none of it."""
    network = a_resource(survey.NETWORK, "web-net", id="n1", inputs=inputs("web-net-cd34"))
    deployment = a_deployment(recorded=[network, a_container("web-0", id="id-known")])
    things = [
        seen("known"),
        seen("in-run"),
        seen("long-ago", created=10.0),
        seen("on-net", created=10.0, networks=frozenset({"web-net-cd34"})),
        seen("check", created=10.0, role="check"),
        seen("lost-net", kind=survey.NETWORK, role="network"),
    ]

    found = leftovers.unrecorded({HOST: things}, deployment, lambda: [(999.0, 1001.0)])

    assert names(found.ours) == ["on-net", "in-run", "lost-net"]
    assert names(found.checks) == ["check"]
    assert names(found.others) == ["long-ago"]


def test_container_of_our_own_resource_is_recorded() -> None:
    """A keepalived's container has its id in an output."""
    node = a_resource("longshore:index:FloatingAddressNode", "vip", outputs={"containerId": "id-vip"})

    found = leftovers.unrecorded({HOST: [seen("vip")]}, a_deployment(recorded=[node]), list)

    assert found == leftovers.Unrecorded()


def test_replicas_of_a_killed_roll_out_are_left_to_their_resource() -> None:
    """It takes them over at its next change: they may be the only ones of their index that serve."""
    labels = {f"{LABEL}.component": "web", f"{LABEL}.role": "replica-web"}
    recorded = a_resource(
        leftovers.REPLICAS, "web", inputs={"labels": labels}, outputs={"containers": {"web-0": "id-known"}}
    )
    ours = {"component": "web", "role": "replica-web"}
    things = [seen("known"), seen("new", **ours), seen("other", role="replica-api", component="web")]

    found = leftovers.unrecorded({HOST: things}, a_deployment(recorded=[recorded]), lambda: [(999.0, 1001.0)])

    assert names(found.ours) == ["other"]


def test_a_stopped_container_is_started_or_marked() -> None:
    """A stopped replica is started, one that is gone is made anew, the front end is told all of it again."""
    replicas = {"web-0": "id-down", "web-1": "id-gone"}
    config = a_resource(
        leftovers.FRONT_END,
        "web-lb-config",
        id="id-lb",
        inputs={"host": json.loads(HOST), "container": "id-lb", "replicas": replicas},
        outputs={"running": True},
    )
    old = a_container("web-0", id="id-old", delete=True)
    recorded = [a_container("web-0", id="id-down"), a_container("web-1", id="id-gone"), old, config]
    things = [seen("down", status="exited"), seen("lb", role="front-end"), seen("old", status="exited")]

    found = leftovers.drift({HOST: things}, a_deployment(recorded=recorded), OWNER.labels)
    changed = repair.corrected(a_deployment(recorded=recorded), found)["resources"]

    assert names(found.stopped) == ["down"]
    assert found.notes == [
        "web-1, whose container is gone, to be made anew by this run",
        "web-lb-config, to be set right by this run",
    ]
    assert changed[2]["pendingReplacement"] is True
    assert changed[4]["outputs"]["running"] is False


REPLICA_LABELS = {f"{LABEL}.component": "web", f"{LABEL}.role": "replica-web"}


def replicas_of(*ids: str) -> dict[str, Any]:
    """Return a recorded resource `Replicas` with containers of these ids, `web-web-0` and so on."""
    containers = {f"web-web-{index}": id_ for index, id_ in enumerate(ids)}
    each = dict.fromkeys(containers, "running")
    inputs = {"labels": REPLICA_LABELS, "host": json.loads(HOST), "each": each}
    outputs = {**inputs, "containers": containers, "generation": 1}
    return a_resource(leftovers.REPLICAS, "web-web-replicas", id="web-web", inputs=inputs, outputs=outputs)


@pytest.mark.parametrize(
    ("things", "each"),
    [
        ([seen("a"), seen("b")], None),
        ([seen("a", status="restarting"), seen("b")], None),
        ([seen("a"), seen("b", status="exited")], {"web-web-0": "running", "web-web-1": "exited"}),
        ([seen("a")], {"web-web-0": "running"}),
        ([seen("a"), seen("c")], {"web-web-0": "running", "c": "running"}),
        ([seen("a"), seen("c", status="created")], {"web-web-0": "running", "c": "created"}),
        ([seen("a"), seen("b"), seen("c", role="replica-api"), seen("docker")], None),
        ([], {}),
    ],
    ids=["as recorded", "restarts", "stopped", "removed", "killed", "created", "of others", "all gone"],
)  # fmt: skip
def test_replicas_that_are_not_as_recorded_are_marked(
    things: list[survey.Thing], each: dict[str, str] | None
) -> None:
    """A killed change that is taken back is no change for Pulumi: the mark makes it one."""
    recorded = [replicas_of("id-a", "id-b"), a_container("web-0", id="id-docker")]
    deployment = a_deployment(recorded=recorded)
    docker = [] if any(thing.name == "docker" for thing in things) else [seen("docker")]

    found = leftovers.drift({HOST: [*things, *docker]}, deployment, OWNER.labels)
    changed = repair.corrected(deployment, found)["resources"]

    assert found.marked is (each is not None)
    assert found.notes == (["web-web-replicas, to be set right by this run"] if found.marked else [])
    assert changed[1]["outputs"]["each"] == (recorded[0]["outputs"]["each"] if each is None else each)


def test_a_front_end_whose_replica_in_rounds_was_down_is_told_again() -> None:
    """It has another address once it runs."""
    inputs = {"host": json.loads(HOST), "container": "id-lb", "replicas": {"web-web-0": "id-a"}}
    config = a_resource(
        leftovers.FRONT_END, "web-lb-config", id="id-lb", inputs=inputs, outputs={"running": True}
    )
    things = [seen("a", status="exited"), seen("lb", role="front-end")]

    found = leftovers.drift(
        {HOST: things}, a_deployment(recorded=[replicas_of("id-a"), config]), OWNER.labels
    )

    assert found.notes == [
        "web-lb-config, to be set right by this run",
        "web-web-replicas, to be set right by this run",
    ]


def test_a_host_that_does_not_answer_is_left_out() -> None:
    """Nothing is known of its containers, so none of them is gone."""
    deployment = a_deployment(recorded=[a_container("web-0", id="c1"), replicas_of("c2")])

    assert leftovers.drift({}, deployment, OWNER.labels) == leftovers.Drift()


def test_a_service_without_running_parts_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The part is named; a page that somebody else serves there proves nothing."""
    monkeypatch.setattr(serving, "PATIENCE", 0)
    monkeypatch.setattr(serving, "answers", lambda url: True)
    front_end, replica = seen("lb", role="front-end"), seen("web-0", status="exited")

    down = serving.problem("web", "http://h:80", lambda: {HOST: [front_end, replica]})
    up = serving.problem("web", "http://h:80", lambda: {HOST: [front_end, seen("web-1"), replica]})

    assert down == "no replica web runs"
    assert up is None


def test_a_service_that_nobody_reaches_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither from this machine nor on its own host."""
    monkeypatch.setattr(serving, "PATIENCE", 0)
    monkeypatch.setattr(serving, "answers", lambda url: False)
    monkeypatch.setattr(serving, "_listens", lambda host, front_end, port: front_end.name == "good")

    def problem(name: str) -> str | None:
        return serving.problem(
            "web", "http://h:80", lambda: {HOST: [seen(name, role="front-end"), seen("a")]}
        )

    assert problem("bad") == "nothing listens there"
    assert problem("good") is None


# Raw errors in one line


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (
            "error: Detected that /p/pulumi-resource-docker exited prematurely.\n This is *always* a bug",
            "a plugin of Pulumi ended in the middle of its work (killed, or out of memory): run the same",
        ),
        (
            (
                "unable to pull image haproxy:3.0: error pulling image haproxy:3.0: Error response from "
                'daemon: Get "https://registry-1.docker.io/v2/": dial udp 10.0.0.1:53: connect: network is '
                "unreachable"
            ),
            "image haproxy:3.0 is not on its host, and no registry can be reached from there",
        ),
        (
            "unable to pull image x/y:1: error pulling image x/y:1: pull access denied for x/y",
            "image x/y:1 is not on its host, and its registry does not give it",
        ),
        (
            "error: write /s/.pulumi/stacks/p/dev.json: no space left on device",
            "a disk is full (error: write /s/.pulumi/stacks/p/dev.json: no space left on device)",
        ),
        (
            "error: 2 errors occurred:\n\t* open /p/Pulumi.dev.yaml: permission denied",
            "/p/Pulumi.dev.yaml cannot be written",
        ),
        ("  open /p/Pulumi.dev.yaml: read-only file system", "/p/Pulumi.dev.yaml cannot be written"),
        (
            "timeout while waiting for state to become 'removed' (last state: 'pending')",
            "a network cannot be",
        ),
        ("rpc error: code = Unavailable desc = connection error", "a plugin of Pulumi ended"),
    ],
)
def test_known_errors_have_their_remedy(said: str, instead: str) -> None:
    """In one line."""
    found = causes.cause(said)

    assert found is not None
    assert found.startswith(instead)
    assert "\n" not in found


@pytest.mark.parametrize(
    ("address", "said", "way"),
    [
        ("unix:///var/run/docker.sock", "(tried the socket): [Errno 13] Permission denied", "group docker"),
        ("ssh://ann@h", "(tried the ssh program): Host key verification failed.", "run `ssh ann@h` once"),
        ("ssh://ann@h", "ann@h: Permission denied (publickey).", "let ssh in with a key of yours"),
        ("ssh://h", "bash: line 1: docker: command not found", "install Docker there"),
    ],
)
def test_the_way_in_is_named(address: str, said: str, way: str) -> None:
    """An engine that is there, and does not let us in."""
    assert way in str(causes.way_in(address, said))


def test_an_engine_that_is_not_there_has_no_way_in() -> None:
    """Then it is to be started."""
    assert causes.way_in("unix:///d.sock", "[Errno 2] No such file or directory") is None


RAW = """\
Updating (dev):
 +  docker:index:Container web-0 creating (0s)
 +  docker:index:Container web-0 creating (0s) error:   sdk-v2/provider2.go:571: sdk.helper_schema: odd: \
provider=docker@5.2.0
 +  docker:index:Container web-0 **creating failed** error: 1 error occurred:
Diagnostics:
  docker:index:Container (web-0):
    error:   sdk-v2/provider2.go:571: sdk.helper_schema: odd: provider=docker@5.2.0
    error: 1 error occurred:
    \t* odd

  docker:index:Container (web-1):
    error: error reading from server: EOF

  longshore:index:Readiness (web-lb-ready):
    error: unhealthy; its last log lines:
        panic: port is already allocated

  pulumi:pulumi:Stack (dev):
    error: update failed
    error: Resource monitor has terminated, shutting down

Resources:
    + 1 created
"""
PLAIN = """\
Updating (dev):
 +  docker:index:Container web-0 creating (0s)
 +  docker:index:Container web-0 **creating failed**
Diagnostics:
  docker:index:Container (web-0):
    error: odd

  longshore:index:Readiness (web-lb-ready):
    error: unhealthy; its last log lines:
        panic: port is already allocated

Resources:
    + 1 created
"""


@pytest.mark.parametrize(("debug", "shown"), [(False, PLAIN), (True, RAW)])
def test_each_error_is_printed_once(debug: bool, shown: str) -> None:
    """Without what its provider puts around it; a known cause comes at the end. With debug all as it is."""
    lines: list[str] = []
    output = causes.Output(lines.append, lines.append, debug=debug)

    for line in RAW.splitlines():
        output.line(line)
    output.end()

    assert lines == shown.splitlines()
    known, rest = output.reason.split("; ")
    assert known.startswith("a plugin of Pulumi ended in the middle of its work")
    assert rest == "as said above of web-0, web-lb-ready"


def test_the_last_line_names_a_few_of_many_failures() -> None:
    """The rest is a number: a line is for reading."""
    output = causes.Output(lambda _: None, lambda _: None, debug=False)
    for line in ["Diagnostics:", *(f"  longshore:index:X (x-{n}):\n    error: odd" for n in range(5))]:
        for each in line.splitlines():
            output.line(each)
    output.end()

    assert output.reason == "as said above of x-0, x-1, x-2 and 2 more"


# Checks


@pytest.mark.parametrize(
    "check",
    [
        lambda engine, labels: config_check.problem(
            engine, kind_of("nginx").program, "nginx", config_check.Configuration(""), labels, 256
        ),
        facts.files,
    ],
    ids=["configuration", "facts of the host"],
)
def test_every_check_can_be_found_when_it_is_cut_short(check: Any) -> None:
    """The checked resource may have each of the roles."""
    made = []

    def create(*args: Any, **options: Any) -> None:
        made.append(options["labels"])
        raise KeyboardInterrupt

    engine = SimpleNamespace(
        containers=SimpleNamespace(create=create),
        images=SimpleNamespace(list=lambda: [SimpleNamespace(id="sha256:1a2b")]),
    )
    with pytest.raises(KeyboardInterrupt):
        check(engine, {**OWNER.labels, f"{LABEL}.role": "plan"})

    assert made == [{**OWNER.labels, f"{LABEL}.role": "check"}]


# Where the state is, and its passphrase


@pytest.mark.parametrize(
    ("environment", "about", "credentials", "chosen"),
    [
        ({}, {}, None, None),
        ({}, {}, {"current": ""}, None),
        ({"PULUMI_BACKEND_URL": "s3://b"}, {"backend": {"url": "gs://c"}}, {"current": "x"}, "s3://b"),
        ({}, {"backend": {"url": "gs://c"}}, {"current": "file://~"}, "gs://c"),
        ({"PULUMI_ACCESS_TOKEN": "t"}, {}, {"current": "file://~"}, "file://~"),
        ({"PULUMI_ACCESS_TOKEN": "t"}, {}, None, "https://api.pulumi.com"),
        ({}, {}, {"version": 1, "ciphertext": "…"}, "https://api.pulumi.com"),
    ],
)
def test_backend_is_the_one_logged_in_to(
    environment: dict[str, str], about: Any, credentials: Any, chosen: str | None, tmp_path: Path
) -> None:
    """Pulumi's own order: the variable, the project, what the user logged in to, a token."""
    if credentials is not None:
        (tmp_path / "credentials.json").write_text(json.dumps(credentials))

    assert workspace.backend({**environment, "PULUMI_HOME": str(tmp_path)}, about) == chosen


def test_passphrase_is_made_once_for_the_user_alone(tmp_path: Path) -> None:
    """Without a passphrase one is made in a file that only the user reads; the next time it is used."""
    folder = tmp_path / "longshore"

    file, told = workspace.passphrase({}, "file://~", {}, folder)
    again, told_again = workspace.passphrase({}, "file://~", {"encryptionsalt": "v1:x"}, folder)

    assert file == again == folder / "passphrase"
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(file.read_text().strip()) > 40
    assert "a new one" in told
    assert "a new one" not in told_again


@pytest.mark.parametrize(
    ("environment", "url", "settings"),
    [
        ({"PULUMI_CONFIG_PASSPHRASE": ""}, "file://~", {}),
        ({"PULUMI_CONFIG_PASSPHRASE_FILE": "/f"}, "file://~", {}),
        ({}, "https://api.pulumi.com", {}),
        ({}, "file://~", {"secretsprovider": "awskms://alias/x"}),
    ],
)
def test_no_passphrase_is_made_where_none_is_needed(
    environment: dict[str, str], url: str, settings: dict[str, str], tmp_path: Path
) -> None:
    """One that is set, an empty one too, another kind of secrets, and the cloud's need none."""
    assert workspace.passphrase(environment, url, settings, tmp_path) == (None, "")
    assert list(tmp_path.iterdir()) == []


def test_unknown_passphrase_is_asked_for(tmp_path: Path) -> None:
    """A stack that is encrypted already does not get another passphrase."""
    with pytest.raises(CannotGoOn, match="set PULUMI_CONFIG_PASSPHRASE or"):
        workspace.passphrase({}, "file://~", {"encryptionsalt": "v1:x"}, tmp_path)


@pytest.mark.parametrize("named", [True, False])
def test_empty_passphrase_file_is_refused(named: bool, tmp_path: Path) -> None:
    """A full disk makes one; it would be used in silence."""
    file = tmp_path / "passphrase"
    file.write_text("\n")
    environment = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)} if named else {}

    with pytest.raises(CannotGoOn, match=f"passphrase file {file} is empty: put your copy"):
        workspace.passphrase(environment, "file://~", {}, tmp_path)


def test_passphrase_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full when it is written leaves no file."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space left"):
        workspace.passphrase({}, "file://~", {}, tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_one_run_of_a_stack_at_a_time(tmp_path: Path) -> None:
    """Also before there is a stack that Pulumi could lock; other stacks go on."""
    (tmp_path / "Pulumi.yaml").write_text("name: own\nruntime: python\n")
    dev, prod = (workspace.Project(tmp_path, name) for name in ("dev", "prod"))
    for project in (dev, prod):
        project.settings_file.write_text("config: {}\n")

    busy = "another run of stack dev is under way on this machine: wait"
    with workspace.alone(dev), workspace.alone(prod), pytest.raises(CannotGoOn, match=busy):
        workspace.alone(dev).__enter__()
    with workspace.alone(dev):
        pass


# Missing parts, in one line


def test_missing_pulumi_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without pulumi, and without a way to its installer, one line says so and what to do."""

    def no_network() -> None:
        raise URLError("no network")

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(automation.PulumiCommand, "install", no_network)

    with pytest.raises(CannotGoOn) as error:
        workspace.command()

    assert "there is no usable pulumi" in str(error.value)
    assert "https://www.pulumi.com/docs/install/" in str(error.value)
    assert "\n" not in str(error.value)


def test_error_is_one_line_and_code_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that cannot begin ends with code 1 and one line on standard error."""
    monkeypatch.chdir(tmp_path)

    assert command.main(["up"]) == 1
    assert capsys.readouterr().err == (
        f"error: no Pulumi.yaml in {tmp_path}: run this in the project's folder\n"
    )


@pytest.mark.parametrize(
    ("options", "code", "begins"), [([], 3, "error"), (["--allow-unchecked"], 0, "warning")]
)
def test_a_preview_of_hosts_that_did_not_answer_has_a_code_of_its_own(
    options: list[str],
    code: int,
    begins: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def preview(*_: object, debug: bool) -> None:
        raise HostsUnchecked("this preview is not checked against ssh://b")

    monkeypatch.setattr(command, "_operate", preview)

    assert command.main(["preview", *options]) == code
    assert capsys.readouterr().err == f"{begins}: this preview is not checked against ssh://b\n"


@pytest.mark.pulumi
@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "options", "code", "begins"),
    [("unix", (), 3, "error"), ("ssh", ("--allow-unchecked",), 0, "warning")],
)
def test_a_preview_of_a_host_that_hangs_ends(
    way: str, options: tuple[str, ...], code: int, begins: str, tmp_path: Path
) -> None:
    """The plan is whole, and the exit code says that the host was not asked."""
    with socket.socket(socket.AF_UNIX if way == "unix" else socket.AF_INET) as hanging:
        hanging.bind(str(tmp_path / "engine.sock") if way == "unix" else ("127.0.0.1", 0))
        hanging.listen(64)
        name = hanging.getsockname()
        url = f"unix://{name}" if way == "unix" else f"ssh://root@127.0.0.1:{name[1]}"
        host: Any = SimpleNamespace(url=url)
        program = Program(tmp_path, host, {"services": {"web": service()}})

        run = program.operate("preview", *options, check=False)

    assert run.code == code
    assert f"{begins}: this preview is not checked against {url}: try again when the host" in run.output
    assert "web-web-0" in run.stdout


@pytest.mark.parametrize("action", ["up", "preview"])
def test_a_stack_that_is_misspelt_is_not_made(
    action: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither its settings file nor a stack; the others are named."""
    (tmp_path / "Pulumi.yaml").write_text("name: own\nruntime: python\n")
    for name in ("dev", "prod"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    before = sorted(tmp_path.iterdir())
    monkeypatch.chdir(tmp_path)

    assert command.main([action, "--stack", "prd"]) == 1
    assert capsys.readouterr().err == (
        f"error: no Pulumi.prd.yaml in {tmp_path}: name one of its stacks (dev, prod), or write that file\n"
    )
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("stack", ["prd", "prod"])
def test_a_stack_to_remove_that_was_never_made(
    stack: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt one is an error, so that a script does not take it for removed."""

    def select(name: str, workspace: object) -> None:
        raise automation.StackNotFoundError(automation.CommandResult("", f"no stack named {name}", 255))

    (tmp_path / "Pulumi.prod.yaml").write_text("config: {}\n")
    monkeypatch.setattr(automation.Stack, "select", select)
    monkeypatch.setattr(run.Run, "__init__", lambda *_, **__: None)
    monkeypatch.setattr(run.Run, "_begin", lambda _: None)
    there: Any = run.Run(workspace.Project(tmp_path, stack))
    there._project, there._name, there._workspace = workspace.Project(tmp_path, stack), stack, None

    with pytest.raises(CannotGoOn, match="name one of its stacks") if stack == "prd" else nullcontext():
        there.down()

    assert capsys.readouterr().out.endswith("" if stack == "prd" else "nothing to remove\n")


def test_home_is_where_pulumi_finds_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """HOME is not asked: Pulumi looks in the list of users, and locks and plugins would be missed."""
    monkeypatch.setenv("HOME", str(tmp_path))
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)

    assert expanded("~") == home
    assert expanded("~/states") == home / "states"
    assert expanded("/srv/states") == Path("/srv/states")
    assert pulumi_home({}) == home / ".pulumi"
    assert pulumi_home({"PULUMI_HOME": str(tmp_path)}) == tmp_path


def test_hosts_of_the_settings_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engines that have to answer: each service's, else the stack's, else DOCKER_HOST."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///env.sock")
    tls = {"address": "tcp://h:2376", "client_key": {"secret": "key"}}
    services = {"a": {"host": {"address": "ssh://u@h"}}, "b": {}, "c": {"host": tls}, "d": None}

    own = run.addresses({"longshore:services": services})
    common = run.addresses({"longshore:host": {"address": "unix:///s.sock"}, "longshore:services": services})

    assert own == ["ssh://u@h", "unix:///env.sock"]
    assert common == ["ssh://u@h", "unix:///s.sock"]
    assert run.addresses({"longshore:services": "nonsense"}) == []
