"""Demands of a service on its host, refused at preview while the old service goes on serving."""

import io
import re
import socket
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from components.engine import facts
from components.engine.connection import HostUnreachable
from components.engine.containers import EngineError
from components.engine.demands import refusals, replica_refusals
from components.engine.facts import Facts
from components.naming import LABEL
from tests.bench.hosts import Host
from tests.bench.load import Load
from tests.pulumi.test_stack import everything, get
from tests.support.program import APP, PORT, PROXY, Inline, service

OURS = {f"{LABEL}.project": "longshore", f"{LABEL}.stack": "dev", f"{LABEL}.component": "site"}
TCP6 = "00000000000000000000000000000000"
TABLES = {
    "/proc/net/route": "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    "eth0\t00000000\t01004D0A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    "eth0\t00004D0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    "tun0\t00000080\t01004D0A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n",
    "/proc/net/fib_trie": "Local:\n  +-- 10.77.0.0/24 2 0 2\n     |-- 10.77.0.11\n        /32 host LOCAL\n"
    "     |-- 10.77.0.255\n        /32 link BROADCAST\n     |-- 127.0.0.1\n        /32 host LOCAL\n",
    "/proc/net/if_inet6": f"{'0' * 31}1 01 80 10 80 lo\n",
    "/proc/net/tcp": "head\n 0: 0B004D0A:0016 00000000:0000 0A 0:0\n 1: 0100007F:1F90 0100007F:9999 01 0:0\n",
    "/proc/net/tcp6": f"head\n 0: {TCP6}:2378 {TCP6}:0000 0A 0:0\n",
    "/proc/sys/net/ipv4/ip_nonlocal_bind": "0\n",
    "/proc/self/limits": "Max open files            1024                 20000                files\n",
}


def container(name: str, ip: str, port: int, labels: dict[str, str]) -> dict[str, Any]:
    """Return a running container that publishes a port, as the engine lists it."""
    ports = [{"IP": ip, "PrivatePort": 80, "PublicPort": port, "Type": "tcp"}]
    return {"Names": [f"/{name}"], "Ports": ports, "Labels": labels}


def network(name: str, subnet: str, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a network, as the engine lists it."""
    return {"Name": name, "Id": f"{name}0a1b", "Labels": labels, "IPAM": {"Config": [{"Subnet": subnet}]}}


HAS = Facts(
    info={},
    networks=[network("office", "172.30.0.0/24"), network("site-net", "172.31.0.0/24", OURS)],
    containers=[
        container("proxy", "0.0.0.0", 8080, {}),
        container("web-lb", "10.77.0.11", 8090, {**OURS, f"{LABEL}.component": "web"}),
        container("site-lb", "0.0.0.0", 8091, OURS),
    ],
    files=TABLES,
)


def said(host: Facts = HAS, **asked: Any) -> str:
    """Return the answer of a host to a service that asks for that."""
    common = {"network": [], "networks": [], "files": 768, "memory": 256, "replicas": {}}
    demands: Any = {**common, **asked}
    return "; ".join(refusals(host, demands, OURS))


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"address": "0.0.0.0", "port": 80},
        {"address": "10.77.0.11", "port": 8091},
        {"address": "127.0.0.1", "port": 22},
        {"address": "127.0.0.1", "port": 8090},
        {"address": "127.0.0.7", "port": 80},
        {"address": "::1", "port": 80},
        {"address": "0.0.0.0", "port": 8080 + 1},
        {"network": ["office"], "networks": ["site-net0a"]},
        {"subnet": "172.31.0.0/24"},
        {"subnet": "192.168.0.0/24"},
        {"files": 20000},
    ],
    ids=str,
)
def test_a_demand_that_a_host_meets_is_accepted(asked: dict[str, Any]) -> None:
    """A port of its own front end, an address of the host, its own subnet, a way through a gateway."""
    assert said(**asked) == ""


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"address": "10.77.0.11", "port": 8080}, "port 8080 of the host is taken by container proxy"),
        ({"address": "0.0.0.0", "port": 22}, "taken by a program that listens on 10.77.0.11"),
        ({"address": "0.0.0.0", "port": 9080}, "taken by a program that listens on ::"),
        (
            {"address": "0.0.0.0", "port": 8090},
            ("container web-lb of 'web' in this stack, which would go only after 'site' has started. Either "
            "keep the name and port of 'web'; or run `up` twice"),
        ),
        (
            {"address": "192.0.2.9", "port": 80},
            "front_end.address must be an address of the host (10.77.0.11, 127.0.0.1, ::1), got 192.0.2.9",
        ),
        ({"networks": ["missing"]}, "front_end.networks must name a network of the host, which has none"),
        ({"network": ["missing"]}, "network.name must name a network of the host, which has none 'missing'"),
        ({"subnet": "172.30.0.0/16"}, "172.30.0.0/16 overlaps 172.30.0.0/24 of network office"),
        ({"subnet": "172.31.0.0/25"}, "overlaps 172.31.0.0/24 of network site-net on the host"),
        ({"subnet": "10.0.0.0/8"}, "overlaps 10.77.0.0/24, which the host is in (eth0)"),
        ({"files": 20001}, "needs 20001 open files, a container of the host may have 20000"),
    ],
    ids=str,
)  # fmt: skip
def test_a_demand_that_a_host_cannot_meet_is_refused(asked: dict[str, Any], words: str) -> None:
    """With what holds it, and what to do."""
    assert words in said(**asked)


@pytest.mark.parametrize(
    "host",
    [
        Facts(HAS.info, HAS.networks, HAS.containers, {}),
        Facts({"OperatingSystem": "Docker Desktop"}, HAS.networks, HAS.containers, TABLES),
        Facts({"SecurityOptions": ["name=rootless"]}, HAS.networks, HAS.containers, TABLES),
    ],
    ids=["unseen", "desktop", "rootless"],
)
def test_a_demand_that_cannot_be_checked_is_accepted(host: Facts) -> None:
    """Without an image that shows it, and where somebody else binds the ports."""
    assert said(host, address="192.0.2.9", port=22) == ""


def test_an_address_that_may_come_later() -> None:
    """A host that binds any address, as one with a floating address does, is not asked for it."""
    host = Facts(HAS.info, [], [], {**TABLES, "/proc/sys/net/ipv4/ip_nonlocal_bind": "1\n"})

    assert said(host, address="192.0.2.9", port=80) == ""


# On a real engine


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for the facts anew."""
    monkeypatch.setattr(facts, "FRESH_SECONDS", 0.0)


@pytest.mark.engine
def test_facts_of_a_host(host: Host, fresh: None) -> None:
    """Its addresses, subnets, limits and listening ports, and nothing is left behind."""
    before = everything(host)

    found = facts.of({"address": host.url}, OURS)

    assert {host.address, "127.0.0.1"} <= found.addresses
    assert any(host.address.rpartition(".")[0] in subnet for subnet in found.routes)
    assert "bridge" in [each["Name"] for each in found.networks]
    assert found.open_files
    assert found.binds_itself
    assert everything(host) == before


@pytest.mark.engine
def test_components_of_a_preview_ask_once(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same host gives the same answer to all."""
    gather = Mock(side_effect=facts.gather)
    monkeypatch.setattr(facts, "_asked", {})
    monkeypatch.setattr(facts, "gather", gather)

    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda _: facts.of({"address": host.url}, OURS), range(4)))

    assert all(each is found[0] for each in found)
    assert gather.call_count == 1


def test_a_host_that_hangs_has_a_deadline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It accepts and says nothing: one sentence, which a preview turns into a warning."""
    monkeypatch.setattr(facts, "DEADLINE_SECONDS", 0.2)
    path = tmp_path / "d.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        with pytest.raises((EngineError, HostUnreachable), match=f"Docker .*unix://{path}"):
            facts.of({"address": f"unix://{path}"}, OURS)


LIMITS: dict[str, Any] = {"image": APP, "memory": 64, "capabilities": ["CHOWN"], "user": "65534", "cpus": 0.5}


@pytest.mark.engine
@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, ""),
        ({"user": "root:root"}, ""),
        ({"image": "longshore-none:1", "user": "nosuch"}, ""),
        ({"user": "nosuch"}, r"unable to find user nosuch.*: name a user and a group of the image"),
        ({"user": "root:nosuch"}, r"unable to find group nosuch.*name a user and a group"),
        ({"cpus": 511.0}, r"only \d+ CPUs available: lower cpus"),
        ({"capabilities": ["NO_SUCH"]}, r"NO_SUCH.*drop it from capabilities"),
    ],
    ids=str,
)
def test_an_engine_is_asked_whether_it_would_run_replicas(
    host: Host, keys: dict[str, Any], words: str
) -> None:
    """Nothing of the image runs, and nothing is left."""
    before = everything(host)

    limits: Any = {**LIMITS, **keys}
    found = replica_refusals(host.engine(), {"web": limits}, OURS)

    assert everything(host) == before
    if words:
        assert re.search(
            f"^backends.web: the engine would not run its replicas: .*{words}", found[0], re.DOTALL
        )
    else:
        assert found == []


# With the real pulumi

KINDS = {"haproxy": PORT + 20, "nginx": PORT + 21}
TAKEN = PORT + 30
REFUSED: dict[str, Any] = {
    "front_end": {
        "port": TAKEN, "address": "192.0.2.9", "networks": ["missing"],
        "max_connections": 600_000, "memory": 100_000,
    },
    "network": {"subnet": "10.99.1.0/24"},
    "user": "nosuch",
}  # fmt: skip
SAID = (
    "must be an address of the host",
    "which has none 'missing'",
    r"overlaps 10\.99\.0\.0/16 of network taken",
    "open files, a container of the host may have",
    "unable to find user nosuch",
)


@pytest.fixture(scope="module")
def taken(host: Host) -> Iterator[None]:
    """Provide a port and a subnet that somebody else has."""
    from docker.types import IPAMConfig, IPAMPool

    engine = host.engine()
    ipam = IPAMConfig(pool_configs=[IPAMPool(subnet="10.99.0.0/16")])
    subnet = engine.networks.create("taken", driver="bridge", ipam=ipam)
    holder = engine.containers.run(APP, detach=True, ports={"80/tcp": TAKEN})
    yield
    holder.remove(force=True)
    subnet.remove()


class Two:
    """A service with each kind, up."""

    def __init__(self, folder: Path, host: Host) -> None:
        self.host = host
        self.services = {
            kind: service(
                replicas=1, drain=1, front_end={"kind": kind, "port": port, "resolve": kind == "haproxy"}
            )
            for kind, port in KINDS.items()
        }
        self.program = Inline(folder, host, {"services": self.services})

    def with_keys(self, name: str, keys: dict[str, Any]) -> dict[str, Any]:
        """Return arguments of one of them, with these keys set."""
        args = self.services[name]
        return {**args, **deepcopy(keys), "front_end": {**args["front_end"], **keys["front_end"]}}

    def change(self, keys: dict[str, Any]) -> None:
        """Set keys of both; their ports differ."""
        services = {name: self.with_keys(name, keys) for name in self.services}
        for number, args in enumerate(services.values()):
            if "port" in keys["front_end"]:
                args["front_end"]["port"] += number
            if "network" in keys:
                args["network"] = {"subnet": f"10.99.{number}.0/24"}
        self.program.configure({"services": services})

    def serve(self) -> bool:
        """Return whether both services answer."""
        return all("v1" in get(self.host, port=port) for port in KINDS.values())

    def load(self, kind: str) -> Load:
        return Load(f"http://{self.host.address}:{KINDS[kind]}/", rate=50, max_seconds=200)


@pytest.fixture(scope="module")
def two(host: Host, taken: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    """Provide both services, up."""
    before = everything(host)
    two = Two(tmp_path_factory.mktemp("two"), host)
    two.program.up()
    yield two
    two.program.destroy()
    assert everything(host) == before


@pytest.mark.engine
@pytest.mark.pulumi
@pytest.mark.slow
def test_a_change_that_the_host_cannot_carry_is_refused_while_the_old_one_serves(two: Two) -> None:
    """At preview, and at an `up` without one; the host is as it was, and nobody is turned away."""
    before = everything(two.host)

    with two.load("haproxy") as load, two.load("nginx") as other:
        two.change(REFUSED)
        preview = two.program.pulumi("preview", check=False)
        one = {"front_end": {"port": TAKEN}}
        two.program.configure({"services": {**two.services, "nginx": two.with_keys("nginx", one)}})
        up = two.program.up(check=False)

    two.program.configure({"services": two.services})
    assert preview.code != 0
    for words in SAID:
        assert re.search(words, preview.output), words
    assert up.code != 0
    assert re.search(rf"front_end\.port {TAKEN} of the host is taken by container", up.output)
    assert load.report.failed == other.report.failed == 0, load.report.failures + other.report.failures
    assert everything(two.host) == before


@pytest.mark.engine
@pytest.mark.pulumi
@pytest.mark.slow
def test_services_renamed_with_their_ports_are_refused_with_two_ways_out(two: Two) -> None:
    """The old ones would go last. With other ports first, it is done in two steps."""
    renamed = {f"site-{kind}": deepcopy(args) for kind, args in two.services.items()}
    elsewhere = deepcopy(renamed)
    for args in elsewhere.values():
        args["front_end"]["port"] += 5

    two.program.configure({"services": renamed})
    said = " ".join(two.program.pulumi("preview", check=False).output.split())

    assert re.search(
        r"of '(\w+)' in this stack, which would go only after 'site-\1' has started. Either keep the name "
        r"and port of '\1'; or run `up` twice: first with another port",
        said,
    )
    assert two.serve()
    for services in (elsewhere, renamed):
        two.program.configure({"services": services})
        two.program.up()
    assert two.serve()
    assert two.program.preview().changes == []
    two.services = renamed


@pytest.mark.engine
@pytest.mark.pulumi
@pytest.mark.slow
def test_a_front_end_that_cannot_start_never_replaces_one_that_serves(two: Two) -> None:
    """Its image passes the check, and ends at its start: the former one is started again, at each try."""
    engine = two.host.engine()
    programs_that_only_check(two.host)
    try:
        two.change({"front_end": {"image": ONLY_CHECKS}})
        runs, served = [], []
        for _ in range(2):
            runs.append(two.program.up(check=False))
            served.append(two.serve())
        two.program.configure({"services": two.services})
        with two.load("haproxy") as load, two.load("nginx") as other:
            two.program.up()
    finally:
        two.program.configure({"services": two.services})
        engine.images.remove(ONLY_CHECKS, force=True)

    assert [run.code != 0 for run in runs] == [True, True]
    assert all("the former front end serves again" in run.output for run in runs)
    assert served == [True, True]
    for report in (load.report, other.report):
        assert report.failed < report.ok
    assert two.program.preview().changes == []


ONLY_CHECKS = "longshore-proxy:only-checks"


def programs_that_only_check(host: Host) -> None:
    """Make an image whose proxies accept what they should, and end when they are to serve."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in KINDS:
            script = (
                f'#!/bin/sh\ncase "$1" in -c|-t) exec /usr/sbin/{name} "$@";; esac\necho broken >&2\nexit 1\n'
            )
            info = tarfile.TarInfo(f"usr/local/sbin/{name}")
            info.size, info.mode = len(script), 0o755
            tar.addfile(info, io.BytesIO(script.encode()))
    container = host.engine().containers.create(PROXY)
    container.put_archive("/", archive.getvalue())
    container.commit(*ONLY_CHECKS.split(":"))
    container.remove()
