"""Swarms on three Docker hosts, brought up with the real pulumi."""

import functools
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker.errors
import pytest

from tests.bench import images
from tests.bench.hosts import Host
from tests.bench.kills import commands
from tests.bench.load import Load
from tests.bench.process import until
from tests.pulumi.test_stack import files_with
from tests.support.certificates import made, soon
from tests.support.floating import floating_address
from tests.support.mocks import SECRET, SIGNATURE
from tests.support.program import Inline, Program, PulumiError
from tests.support.secure import Secure, served
from tests.support.swarm import answers, asked, bare

pytestmark = [pytest.mark.engine, pytest.mark.pulumi_cli]

PORT, TLS_PORT, VIP = 8080, 8443, floating_address(50)


def cluster(hosts: list[Host], **keys: Any) -> dict[str, Any]:
    """Return settings of one manager and two workers, with an overlay."""
    nodes = {
        name: {"host": {"address": host.url}, "advertise_address": host.address, "drain_timeout": 20}
        for name, host in zip("abc", hosts, strict=True)
    }
    nodes["a"]["role"] = "manager"
    for name, more in keys.pop("nodes", {}).items():
        nodes[name] |= more
    return {"nodes": nodes, "networks": {"web": {"subnet": "172.100.0.0/24"}}, **keys}


def seen(host: Host) -> dict[str, dict[str, Any]]:
    """Return role, availability and labels of every node, by host name, as a manager sees them."""
    return {
        node.attrs["Description"]["Hostname"]: {
            key.lower(): node.attrs["Spec"].get(key) or {} for key in ("Role", "Availability", "Labels")
        }
        for node in host.engine().nodes.list()
    }


def node(role: str = "worker", availability: str = "active", **labels: str) -> dict[str, Any]:
    return {"role": role, "availability": availability, "labels": labels}


@pytest.fixture(autouse=True)
def _out_of_every_swarm(hosts: list[Host]) -> Iterator[None]:
    """Leave what a test that failed has left over, so that the next one can run."""
    yield
    for host in hosts:
        if host.engine().info()["Swarm"]["LocalNodeState"] != "inactive":
            host.engine().api.leave_swarm(force=True)


@pytest.mark.every_engine
def test_from_bare_hosts_to_a_swarm_and_back(tmp_path: Path, hosts: list[Host]) -> None:
    """Up, an empty preview, changes of labels, role and availability, and three bare hosts again."""
    program = Inline(tmp_path, hosts[0], {"swarms": {"main": cluster(hosts)}})
    try:
        program.up()
        assert seen(hosts[0]) == {"host1": node("manager"), "host2": node(), "host3": node()}
        assert program.preview().changes == []

        program.configure({"swarms": {"main": cluster(hosts, nodes={"b": {"labels": {"zone": "dmz"}}})}})
        assert program.preview().changes == [("update", "main-node-b")]
        assert "set labels zone=dmz of node host2: declared" in program.up().output
        assert seen(hosts[0])["host2"] == node(zone="dmz")
        assert program.preview().changes == []

        managers = {"b": {"role": "manager"}, "c": {"role": "manager", "availability": "drain"}}
        program.configure({"swarms": {"main": cluster(hosts, nodes=managers)}})
        program.up()
        assert seen(hosts[0])["host2"] == node("manager")
        assert seen(hosts[0])["host3"] == node("manager", "drain")
        assert program.preview().changes == []
    finally:
        program.destroy()
    assert bare(hosts)


def test_a_node_by_another_name_stays(tmp_path: Path, hosts: list[Host]) -> None:
    """A worker and the manager are renamed: no host leaves, no task is replaced, and a node that has left by
    hand is a difference without a refresh."""
    service = {"image": images.APP, "replicas": 4, "networks": ["web"]}

    def settings(*names: str) -> dict[str, Any]:
        made = cluster(hosts, services={"shop": service})
        nodes = dict(zip(names, made["nodes"].values(), strict=True))
        return {"swarms": {"main": {**made, "nodes": nodes}}}

    def there() -> tuple[set[str], set[str]]:
        containers = {each.id for host in hosts for each in host.engine().containers.list()}
        return {str(each.id) for each in hosts[0].engine().nodes.list()}, {str(each) for each in containers}

    program = Inline(tmp_path, hosts[0], settings("a", "b", "c"))
    try:
        program.up()
        before = there()
        program.configure(settings("boss", "b", "dmz3"))
        preview = program.preview()
        program.up()

        assert {("create", "main-node-dmz3"), ("delete", "main-node-c")} <= set(preview.changes)
        assert there() == before
        assert program.preview().changes == []

        hosts[2].engine().api.leave_swarm()
        until(lambda: "down" in states(hosts[0]), "the manager notices", timeout=60)
        assert program.preview().changes == [("update", "main-node-dmz3")]
        program.up()
        assert states(hosts[0]) == ["ready"] * 3
        assert program.preview().changes == []
    finally:
        program.destroy()
    assert bare(hosts)


def states(host: Host) -> list[str]:
    """Return the state of each node in the eyes of a manager."""
    return [each.attrs["Status"]["State"] for each in host.engine().nodes.list()]


def test_tasks_follow_a_label(tmp_path: Path, hosts: list[Host]) -> None:
    """Another label of a node is all that the preview shows; the tasks that may not stay there move.

    A label removed and a node drained by hand are read by a refresh, and `up` repairs both.
    """
    service = {
        "image": images.APP,
        "replicas": 2,
        "constraints": ["node.labels.zone==dmz"],
        "networks": ["web"],
        "endpoint_mode": "dnsrr",
    }

    def settings(zone: str) -> dict[str, Any]:
        labelled = {"b": {"labels": {"zone": "dmz"}}, "c": {"labels": {"zone": zone}}}
        return {"swarms": {"main": cluster(hosts, nodes=labelled, services={"shop": service})}}

    def running() -> list[int]:
        return [len(host.engine().containers.list()) for host in hosts]

    program = Inline(tmp_path, hosts[0], settings("dmz"))
    try:
        program.up()
        assert running() == [0, 1, 1]

        program.configure(settings("inner"))
        assert program.preview().changes == [("update", "main-node-c")]
        program.up()

        until(lambda: running() == [0, 2, 0], "both tasks run where they may")
        assert program.preview().changes == []

        (found,) = hosts[0].engine().nodes.list(filters={"name": "host3"})
        found.update({**found.attrs["Spec"], "Labels": {}, "Availability": "drain"})
        program.refresh()
        assert program.preview().changes == [("update", "main-node-c")]
        program.up()
        assert seen(hosts[0])["host3"] == node(zone="inner")
        program.refresh()
        assert program.preview().changes == []
    finally:
        program.destroy()
    assert bare(hosts)


def test_a_dead_manager_is_removed(tmp_path: Path, hosts: list[Host]) -> None:
    """Of three, the first one's engine is gone: taken out of the settings, the others remove it."""
    managers = {"b": {"role": "manager"}, "c": {"role": "manager"}}
    program = Inline(tmp_path, hosts[0], {"swarms": {"main": cluster(hosts, nodes=managers)}})
    left = cluster(hosts, nodes=managers, even_managers=True)
    del left["nodes"]["a"]

    def known_as_down() -> bool:
        with suppress(docker.errors.APIError):  # the others elect their leader
            return "down" in states(hosts[1])
        return False

    try:
        program.up()
        hosts[0].stop_engine()
        try:
            until(known_as_down, "the others notice", timeout=60)
            program.configure({"swarms": {"main": left}})
            program.up()

            assert seen(hosts[1]) == {"host2": node("manager"), "host3": node("manager")}
            program.refresh()
            assert program.preview().changes == []
        finally:
            hosts[0].start_engine()
        hosts[0].engine().swarm.leave(force=True)  # nobody could tell it
    finally:
        program.destroy()
    assert bare(hosts)


def test_a_host_of_another_swarm_is_refused(tmp_path: Path, hosts: list[Host]) -> None:
    """At preview, naming the host; nothing is touched."""
    hosts[1].engine().swarm.init(advertise_addr=hosts[1].address)
    program = Inline(tmp_path, hosts[0], {"swarms": {"main": cluster(hosts)}})
    try:
        with pytest.raises(PulumiError) as error:
            program.preview()
        assert f"the engine at {hosts[1].url} belongs to another swarm already" in str(error.value)
    finally:
        hosts[1].engine().api.leave_swarm(force=True)


def test_an_overlay_over_a_network_of_a_host_is_refused(tmp_path: Path, hosts: list[Host]) -> None:
    """At preview, naming both networks: with Docker alone its tasks would never start."""
    from docker.types import IPAMConfig, IPAMPool

    taken = (
        hosts[2]
        .engine()
        .networks.create("legacy", ipam=IPAMConfig(pool_configs=[IPAMPool(subnet="172.100.0.0/16")]))
    )
    program = Inline(tmp_path, hosts[0], {"swarms": {"main": cluster(hosts)}})
    try:
        with pytest.raises(PulumiError) as error:
            program.preview()
        assert "networks.web.subnet 172.100.0.0/24 overlaps network legacy 172.100.0.0/16 of node c" in str(
            error.value
        )
    finally:
        taken.remove()


@pytest.mark.slow
def test_tokens_that_are_rotated_and_a_manager_that_is_locked(tmp_path: Path, hosts: list[Host]) -> None:
    """Each by its setting alone; nothing of it is ever in clear."""
    first, _, other = hosts
    program = Inline(tmp_path, first, {})

    def configure(**keys: Any) -> None:
        what = cluster(hosts, **keys)
        del what["nodes"]["c"]
        program.configure({"swarms": {"main": what}})

    def tokens() -> dict[str, str]:
        return dict(first.engine().api.inspect_swarm()["JoinTokens"])

    def joins(token: str) -> None:
        other.engine().swarm.join(
            remote_addrs=[f"{first.address}:2377"], join_token=token, advertise_addr=other.address
        )

    def changed() -> str:
        """Return the output of preview and `up` for a change of the swarm alone."""
        assert program.preview().changes == [("update", "main-swarm")]
        said = program.pulumi("preview", "--diff").output + program.up().output
        assert program.preview().changes == []
        return said

    configure()
    try:
        said, old = program.up().output, tokens()

        configure(token_generation=2)
        said, new = said + changed(), tokens()
        for role in ("Worker", "Manager"):
            assert old[role] != new[role]
            with pytest.raises(docker.errors.APIError, match="A valid join token is necessary"):
                joins(old[role])
        joins(new["Worker"])
        leave(first, other)

        configure(token_generation=2, autolock=True)
        said += changed()
        key = first.engine().api.get_unlock_key()["UnlockKey"]
        assert key
        assert program.outputs()["unlock_keys"] == {"main": key}
        (component,) = [
            each for each in program.export()["resources"] if each["type"].endswith("SwarmCluster")
        ]
        for name in ("worker_token", "manager_token", "unlock_key"):
            assert component["outputs"][name][SIGNATURE] == SECRET

        first.stop_engine()
        first.start_engine(in_swarm=True)
        locked = program.pulumi("refresh", "--yes", "--skip-preview", check=False)
        first.engine().api.unlock_swarm(key)
        until(lambda: len(seen(first)) == 2, "it manages again")
        assert locked.code != 0
        advice = f"the engine at {first.url} is locked after a restart: run `docker swarm unlock`"
        assert advice in locked.output
        said += locked.output + program.refresh().output
        assert program.preview().changes == []

        for secret in (key, *old.values(), *new.values()):
            assert secret not in said
            assert files_with(program.folder, secret) == []
    finally:
        program.destroy()
    assert bare(hosts)


def leave(manager: Host, host: Host) -> None:
    """Take a host that nobody declared out of the swarm."""
    host.engine().swarm.leave()
    (node,) = manager.engine().nodes.list(filters={"name": host.name})
    node.remove(force=True)


def everything(hosts: list[Host], **keys: Any) -> dict[str, Any]:
    """Return a service on two labelled nodes, a gateway on both, and an address that one of them has."""
    dmz = {"labels": {"zone": "dmz"}}
    nodes = {name: {**dmz, **keys.get(name, {})} for name in "bc"}
    return cluster(
        hosts,
        nodes=nodes,
        services={
            "shop": {
                "image": images.APP,
                "replicas": 4,
                "constraints": ["node.labels.zone==dmz"],
                "networks": ["web"],
                "endpoint_mode": "dnsrr",
                "health": {"path": "/", "interval": 1},
                "update": {"parallelism": 1, "delay": 0, "monitor": 1},
            }
        },
        gateway={
            "networks": ["web"],
            "constraints": ["node.labels.zone==dmz"],
            "front_end": {"image": images.PROXY, "port": PORT},
            "backends": {"shop": {"host_names": ["shop.example"]}},
        },
        floating_addresses={
            "vip": {
                "nodes": {"b": {"interface": "eth0"}, "c": {"interface": "eth0"}},
                "addresses": [f"{VIP}/24"],
                "advert_interval": 0.1,
                "track": {"port": PORT},
                "image": images.KEEPALIVED,
            }
        },
    )


def answer(host_name: str = "shop.example") -> tuple[int, str]:
    """Return status and text of the gateway's answer at the floating address."""
    return asked(f"http://{VIP}:{PORT}/", host_name)


def test_a_gateway_behind_a_floating_address(
    tmp_path: Path, hosts: list[Host], note: Callable[[str], None]
) -> None:
    """Scenario 3 in one `up`; then the owner of the address is drained by a setting, under load."""
    program = Inline(tmp_path, hosts[0], {"swarms": {"main": everything(hosts)}})
    try:
        seconds = program.up().seconds
        assert answer()[0] == 200
        assert answer("nobody.example")[0] == 503
        assert program.preview().changes == []
        note(f"from three bare hosts to a gateway at the floating address: {seconds:.0f} s")

        drained = {"availability": "drain"}
        with Load(f"http://{VIP}:{PORT}/", rate=200, max_seconds=90, host_header="shop.example") as load:
            load.wait_sent(200)
            program.configure({"swarms": {"main": everything(hosts, b=drained)}})
            program.up()
            load.wait_sent(load.sent + 400)
            load.stop()
        note(f"the owner of the address drained: {load.report.failed} of {load.report.sent} failed")
        # Requests in flight as the address moves are cut, and no others: all of them run at one moment.
        cut = [failure.offset for failure in load.report.failures] or [0.0]
        assert max(cut) - min(cut) <= load.report.max_ms / 1000, load.report.failures
    finally:
        program.destroy()
    assert bare(hosts)


COMING = ("swarm", "node-b", "vip-node-c", "shop-service", "gateway-service")
GOING = ("shop-service", "node-b", "swarm")


@pytest.mark.slow
def test_bringing_up_and_removal_killed_again_and_again(tmp_path: Path, hosts: list[Host]) -> None:
    """`pulumi` is killed as each of these resources comes or goes. The last `up` makes the swarm whole, since
    it adopts what was made and not recorded; the last `down` leaves three bare hosts.
    """
    program = Inline(tmp_path, hosts[0], {"swarms": {"main": everything(hosts)}})
    program.pulumi("stack", "init")
    try:
        killed_at_each(program, "up", [f"main-{each} creating" for each in COMING])
        program.operate("up")

        assert answer()[0] == 200
        assert program.preview().changes == []
        assert {name: each["role"] for name, each in seen(hosts[0]).items()} == {
            "host1": "manager",
            "host2": "worker",
            "host3": "worker",
        }

        killed_at_each(program, "destroy", [f"main-{each} deleting" for each in GOING])
        program.operate("down")
    except BaseException:
        program.destroy(check=False)
        raise
    assert bare(hosts)


def killed_at_each(program: Program, command: str, points: list[str]) -> None:
    """Run `up` or `destroy` as `make` does, and kill `pulumi` at each of the points that it prints."""
    left = list(points)
    while left:
        process = program.start_to_operate({"destroy": "down"}.get(command, command))
        try:
            until(functools.partial(over, process, program, left), f"one of {left}", 120, 0.01)
        finally:
            for pid in commands(process, command):
                os.kill(pid, signal.SIGKILL)
            process.wait(60)
        assert printed(program, left), f"too late to kill it at {left}:\n{program.log.read_text()}"
        left.remove(printed(program, left)[0])


def over(process: "subprocess.Popen[str]", program: Program, texts: list[str]) -> bool:
    """Return whether a run has printed one of the texts, or has ended."""
    return bool(printed(program, texts)) or process.poll() is not None


def printed(program: Program, texts: list[str]) -> list[str]:
    """Return those of the texts that a run has printed."""
    log = program.log.read_text()
    return [text for text in texts if text in log]


def test_a_gateway_has_certificates_from_secrets(tmp_path: Path, hosts: list[Host]) -> None:
    """It serves HTTPS, a key of another certificate is refused, a new pair is served, and no key is shown."""
    pairs = [made("a.example"), made("a.example", ends=soon(90))]
    pair = {"certificate": {"secret": "certificate"}, "private_key": {"secret": "key"}}
    gateway = {
        "networks": ["web"],
        "constraints": ["node.role==manager"],
        "front_end": {"image": images.PROXY, "port": PORT, "tls": {"port": TLS_PORT, "certificates": [pair]}},
        "backends": {"a": {"host_names": ["a.example"]}},
    }
    services = {"a": {"image": images.APP, "networks": ["web"]}}
    settings = cluster(hosts, services=services, gateway=gateway)
    program = Inline(tmp_path, hosts[0], {"swarms": {"main": settings}})
    place = (hosts[0].address, TLS_PORT)

    def give(certificate: str, key: str) -> None:
        # The line break in front keeps the command from reading an option.
        program.set_secret("certificate", f"\n{certificate}")
        program.set_secret("key", f"\n{key}")

    try:
        for given in pairs:
            give(*given)
            program.up()
            answers(lambda: Secure(*place).get() == 200, "the gateway serves")
            assert served(*place).split() == given.certificate.split()
            assert program.preview().changes == []
        give(pairs[0].certificate, made("b.example").private_key)
        with pytest.raises(PulumiError) as refused:
            program.preview()
        assert "private_key is the key of another certificate" in str(refused.value)
        said = program.state_file.read_text() + str(refused.value)
        lines = [line for each in pairs for line in each.private_key.splitlines() if "-----" not in line]
        assert [line for line in lines if line in said] == []
    finally:
        program.destroy()
    assert bare(hosts)
