"""The stacks of examples/, on a real engine, with either kind of front end, brought up either way: as
Pulumi does it, or exported and by `docker-compose`."""

import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Protocol

import pytest
from docker.models.containers import Container

from components.arguments.parsing import ArgumentError
from components.load_balanced.validation import service as validated
from components.proxies import requests
from components.proxies.registry import kind_of
from tests.bench.hosts import BRIDGE, GATEWAY, NETWORK, Host, clear
from tests.bench.images import APP, PROXY
from tests.bench.process import run, until
from tests.support.compose import TOKEN, ComposeProject
from tests.support.examples import example
from tests.support.rehearsal import Rehearsal

pytestmark = pytest.mark.engine

KINDS = ["haproxy", "nginx"]
CLIENTS = [str(NETWORK[number]) for number in range(200, 212)]
"""More addresses of this machine on the bench's network: clients that differ."""


@dataclass(frozen=True)
class Answer:
    """An answer; status 0 when the connection was closed without an answer."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def instance(self) -> str:
        """Host name of the replica that answered: the first 12 digits of its container's id."""
        return self.headers.get("x-instance", "")


class Deployed(Protocol):
    """Services that are up, whichever way."""

    def names(self) -> list[str]:
        """Return names of the containers' resources."""
        ...

    def container(self, name: str) -> Container:
        """Return the container of the resource `name`."""
        ...

    def network(self, name: str) -> str:
        """Return the name of the network of the resource `name` on the engine."""
        ...

    def address(self, name: str, network: str) -> str:
        """Return address of the front end `name` on a network."""
        ...


@dataclass(frozen=True)
class Site:
    """A service that is up."""

    host: Host
    kind: str
    name: str
    args: dict[str, Any]
    deployed: Deployed

    @property
    def port(self) -> int:
        return int(self.args["front_end"]["port"])

    @property
    def front_end(self) -> Container:
        return self.deployed.container(f"{self.name}-lb")

    @property
    def rehearsal(self) -> Rehearsal:
        """Rehearsal that brought it up: only a rehearsal can change it."""
        assert isinstance(self.deployed, Rehearsal)
        return self.deployed

    def up(self, **keys: Any) -> None:
        """Change arguments: one `up`."""
        self.args.update(keys)
        self.rehearsal.serve(self.name, self.args)

    def get(self, host_name: str = "site.example", path: str = "/", **how: Any) -> Answer:
        """Send one request over a connection of its own."""
        return ask(self.host.address, self.port, host_name, path, **how)

    def replica(self, name: str) -> Container:
        """Return the container of a replica, such as `web-0`."""
        return self.deployed.container(f"{self.name}-{name}")

    def instance(self, name: str) -> str:
        """Return the name that the replica `name` answers with."""
        return str(self.replica(name).id)[:12]

    def replicas(self) -> list[Container]:
        """Return every replica's container."""
        mine = [name for name in self.deployed.names() if name.startswith(f"{self.name}-")]
        return [self.deployed.container(name) for name in mine if name != f"{self.name}-lb"]

    def connections(self) -> int:
        """Return the number of client connections of the front end."""
        sandbox = self.front_end.attrs["NetworkSettings"]["SandboxKey"]
        # Many times as fast as a command that the engine runs in the container.
        enter = ["nsenter", f"--net=/proc/{self.host.pid}/root{sandbox}"]
        rows = [line.split() for line in run([*enter, "cat", "/proc/net/tcp"]).splitlines()[1:]]
        return sum(row[1].endswith(f":{self.port:04X}") and row[3] == "01" for row in rows)

    def said(self, text: str) -> str:
        """Wait for the front end's first log line with `text` in it; return it."""

        def line() -> str:
            lines = self.front_end.logs(stdout=True, stderr=False).decode().splitlines()
            return next((line for line in lines if text in line), "")

        return until(line, f"a log line with {text!r}", timeout=5)


def ask(  # noqa: PLR0913 — what makes up a request
    address: str,
    port: int,
    host_name: str,
    path: str = "/",
    *,
    method: str = "GET",
    headers: Iterable[str] = (),
    source: str = GATEWAY,
    timeout: float = 20,
) -> Answer:
    """Send one request, its Host header as it is given, over a connection of its own."""
    lines = (f"{method} {path} HTTP/1.1", f"Host: {host_name}", *headers, "Connection: close")
    request = "".join(f"{line}\r\n" for line in (*lines, "")).encode()
    with socket.create_connection((address, port), timeout, (source, 0)) as connection:
        connection.sendall(request)
        answer = HTTPResponse(connection)
        try:
            answer.begin()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read().decode())
        except (HTTPException, ConnectionResetError):
            return Answer(0)


def counted(answers: Iterable[Answer]) -> Counter[str]:
    """Return the number of answers of each replica; all are good ones."""
    found = list(answers)
    assert {answer.status for answer in found} == {200}
    return Counter(answer.instance for answer in found)


def one_host_args(kind: str) -> dict[str, Any]:
    """Return examples/stacks/one-host.yaml."""
    args = example("one-host", kind)
    if kind == "nginx":
        del args["max_connections"]
    return args


def virtual_args(kind: str, token: Any) -> dict[str, Any]:
    """Return examples/stacks/virtual-hosts.yaml on port 8081, with a secret."""
    args = example("virtual-hosts", kind, port=8081)
    args["backends"]["shop"]["environment"] = {"TOKEN": token}
    return args


def policies_args(kind: str) -> dict[str, Any]:
    """Return examples/stacks/policies.yaml on port 8082, with short time-outs and a few more backends."""
    timeouts = {"connect": 0.5, "server": 1, "request": 1}
    args = example("policies", kind, port=8082, trusted_proxies=[GATEWAY], timeouts=timeouts)
    one = {"image": APP, "replicas": 1}
    args["backends"]["least"]["response_deadline"] = 10
    args["backends"]["deadline"]["response_deadline"] = 1
    args["backends"]["single"] = {**one, "host_names": ["single.example"]}
    if kind == "haproxy":
        args["backends"]["queued"] = {
            **one, "max_connections": 1, "host_names": ["queued.example"],
        }  # fmt: skip
        args["backends"]["cookie"] = {
            **one, "replicas": 2, "cookie": "REPLICA", "host_names": ["cookie.example"],
        }  # fmt: skip
        args["backends"]["passive"] = {
            **one, "replicas": 2, "cookie": "REPLICA", "host_names": ["passive.example"],
            "max_fails": 3, "health": {"interval": 600},
        }  # fmt: skip
    return args


def echo_args(kind: str) -> dict[str, Any]:
    """Return the arguments of a TCP service on port 8083, in an existing network."""
    return {
        "image": APP,
        "replicas": 2,
        "environment": {"MODE": "echo"},
        "network": {"name": "given"},
        "front_end": {
            "kind": kind, "image": PROXY, "mode": "tcp", "port": 8083, "resolve": kind == "haproxy",
        },
    }  # fmt: skip


def services(kind: str, token: Any) -> dict[str, dict[str, Any]]:
    """Return all services with one kind of front end; `token` is the secret of one, or its path."""
    return {
        "one-host": one_host_args(kind),
        "virtual": virtual_args(kind, token),
        "policies": policies_args(kind),
        "echo": echo_args(kind),
    }


def rehearsed(host: Host, kind: str, folder: Path) -> Callable[[str], Site]:
    """Return a function that brings each service up as Pulumi does, when it is asked for."""
    known = services(kind, TOKEN)

    def bring_up(name: str) -> Site:
        rehearsal = Rehearsal(host)
        rehearsal.serve(name, known[name])
        return Site(host, kind, name, known[name], rehearsal)

    return bring_up


def composed(host: Host, kind: str, folder: Path) -> Callable[[str], Site]:
    """Return all services as one exported project."""
    known = services(kind, {"secret": "token"})
    project = ComposeProject(host, known, folder)
    project.up()
    return lambda name: Site(host, kind, name, known[name], project)


WAYS = {"pulumi": rehearsed, "compose": composed}


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """Provide the way to bring services up."""
    return str(request.param)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Provide the kind of front end."""
    return str(request.param)


only_haproxy = pytest.mark.parametrize("kind", ["haproxy"], scope="module")
only_nginx = pytest.mark.parametrize("kind", ["nginx"], scope="module")
only_pulumi = pytest.mark.parametrize("way", ["pulumi"], scope="module")


@pytest.fixture(scope="module")
def site(
    host: Host, way: str, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Site]]:
    """Provide each of the services by its name, up; the networks `routable` and `given` are there before."""
    try:
        for name in ("routable", "given"):
            host.engine().networks.create(name)
        yield WAYS[way](host, kind, tmp_path_factory.mktemp(way))
    finally:
        # By force: nobody is served any more, and two dozen replicas would take their time.
        clear(host.engine())


@pytest.fixture(scope="module")
def one_host(site: Callable[[str], Site]) -> Site:
    """Provide examples/stacks/one-host.yaml, also in the network `routable`."""
    return site("one-host")


@pytest.fixture(scope="module")
def virtual(site: Callable[[str], Site]) -> Site:
    """Provide examples/stacks/virtual-hosts.yaml."""
    return site("virtual")


@pytest.fixture(scope="module")
def policies(site: Callable[[str], Site]) -> Site:
    """Provide examples/stacks/policies.yaml and more."""
    return site("policies")


@pytest.fixture(scope="module")
def echo(site: Callable[[str], Site]) -> Site:
    """Provide a TCP service in the network `given`."""
    return site("echo")


@pytest.fixture(scope="module")
def clients(host: Host) -> Iterator[list[str]]:
    """Provide addresses to send from."""
    for address in CLIENTS:
        run(["ip", "address", "add", f"{address}/24", "dev", BRIDGE])
    yield CLIENTS
    for address in CLIENTS:
        run(["ip", "address", "del", f"{address}/24", "dev", BRIDGE])


class TestOneHost:
    def test_it_answers_on_every_network_of_the_front_end(self, one_host: Site) -> None:
        """The front end serves on the host's port and on its address in the external network."""
        address = one_host.deployed.address("one-host-lb", "routable")

        published = one_host.get()
        inside = one_host.host.run_in(["curl", "-sS", "-i", f"http://{address}/"])

        names = {one_host.instance(f"web-{index}") for index in range(3)}
        assert published.status == 200
        assert published.instance in names
        assert re.search(r"X-Instance: (\w+)", inside.stdout, re.IGNORECASE)[1] in names  # type: ignore[index]

    def test_replicas_are_on_their_own_bridge_and_published_nowhere(self, one_host: Site) -> None:
        """Only the front end is on the external network and has a port of the host."""
        own = one_host.deployed.network("one-host-net")

        networks = [set(networks_of(replica)) for replica in one_host.replicas()]
        ports = [replica.attrs["HostConfig"]["PortBindings"] for replica in one_host.replicas()]

        assert networks == [{own}] * 3
        assert not any(ports)
        assert networks_of(one_host.front_end) == {own, "routable"}
        assert one_host.host.engine().networks.get(own).attrs["Driver"] == "bridge"

    @only_haproxy
    def test_the_configuration_is_that_of_the_scenario(self, one_host: Site) -> None:
        """Connection limit, log target, time-outs, and a server line with maxconn for each."""
        path = kind_of(one_host.kind).program.path
        output: Any = one_host.front_end.exec_run(["cat", path]).output

        text = output.decode()
        sections = dict(re.findall(r"^(\w+(?: \w+)?)$\n((?:[ ].*\n|\n)+)", text, re.MULTILINE))

        assert "maxconn 256\n" in sections["global"]
        assert "log 127.0.0.1:514 local0\n" in sections["global"]
        assert "mode http\n" in sections["defaults"]
        assert "timeout client 50000ms\n" in sections["defaults"]
        assert "bind *:80\n" in sections["frontend entry"]
        assert "timeout connect 5000ms\n" in sections["backend web"]
        assert "timeout server 5000ms\n" in sections["backend web"]
        assert re.search(r"default-server .*\bmaxconn 32\b", sections["backend web"])
        assert len(re.findall(r"^ +server web-\d ", text, re.MULTILINE)) == 3

    def test_nginx_refuses_a_queue_with_the_reason(self) -> None:
        """`max_connections` of a replica means a queue, which nginx does not have."""
        args = example("one-host", "nginx")

        with pytest.raises(ArgumentError, match=r"max_connections: nginx .* has no queue"):
            validated("site", args)

    def test_containers_have_least_privilege(self, one_host: Site) -> None:
        """As the engine sees it: no capability, no new privileges, not root, read-only, bounded."""
        front_end = one_host.front_end.attrs
        replica = one_host.replica("web-0").attrs["HostConfig"]
        limits = front_end["HostConfig"]

        assert limits["CapDrop"] == ["ALL"]
        assert not limits["CapAdd"]
        assert limits["SecurityOpt"] == ["no-new-privileges"]
        assert limits["ReadonlyRootfs"] is True
        assert limits["Privileged"] is False
        assert limits["Memory"] == limits["MemorySwap"] == 256 * 2**20
        assert front_end["Config"]["User"] == "65534:65534"
        assert replica["CapDrop"] == ["ALL"]
        assert sorted(replica["CapAdd"]) == ["CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"]
        assert replica["SecurityOpt"] == ["no-new-privileges"]
        assert replica["Memory"] == replica["MemorySwap"] == 512 * 2**20

    def test_the_serving_process_has_no_capability(self, one_host: Site) -> None:
        """The kernel agrees: every set of the front end's first process is empty."""
        status: Any = one_host.front_end.exec_run(["cat", "/proc/1/status"]).output

        sets = dict(re.findall(r"^(Cap\w+|NoNewPrivs|Uid):\s+(\w+)", status.decode(), re.MULTILINE))

        assert {int(sets[name], 16) for name in sets if name.startswith("Cap")} == {0}
        assert (sets["NoNewPrivs"], sets["Uid"]) == ("1", "65534")

    @only_pulumi
    def test_the_number_of_instances_is_one_setting(self, one_host: Site) -> None:
        """One `up` makes what is missing and removes what is too much; the others stay."""
        before = {replica.id for replica in one_host.replicas()}

        one_host.up(replicas=5)
        more = {replica.id for replica in one_host.replicas()}
        served = counted(one_host.get() for _ in range(20))
        one_host.up(replicas=3)
        after = {replica.id for replica in one_host.replicas()}

        assert before < more
        assert set(served) == {str(id_)[:12] for id_ in more}
        assert before == after
        assert set(counted(one_host.get() for _ in range(12))) == {str(i)[:12] for i in after}
        for gone in more - after:
            assert not one_host.host.engine().containers.list(all=True, filters={"id": str(gone)})


class TestVirtualHosts:
    @pytest.mark.parametrize(
        ("host_name", "backend"),
        [
            ("shop.example", "shop"),
            ("a.shop.example", "shop"),
            ("a.b.shop.example", "shop"),
            ("SHOP.example", "shop"),
            ("shop.example:8081", "shop"),
            ("blog.example", "blog"),
        ],
    )
    def test_the_host_header_chooses_the_backend(self, virtual: Site, host_name: str, backend: str) -> None:
        """By name, by wildcard, whatever the case, with and without the port."""
        answers = counted(virtual.get(host_name) for _ in range(4))

        assert set(answers) == {virtual.instance(f"{backend}-{index}") for index in range(2)}

    def test_round_robin_is_even(self, virtual: Site) -> None:
        """Two replicas get 10 of 20 requests each, whichever worker or thread takes them."""
        answers = counted(virtual.get("shop.example") for _ in range(20))

        assert sorted(answers.values()) == [10, 10]

    @pytest.mark.parametrize(
        "host_name",
        [
            "unknown.example",
            "notshop.example",
            "shop.example.evil",
            'a"b',
            "{{7*7}}",
            "$host",
            "a b",
            "shop.example,blog.example",
            pytest.param(f"{NETWORK[11]}:8081", id="the host's address"),
            f"{'a' * 3000}.example",
            "",
        ],
        ids=lambda name: name[:20],
    )
    def test_an_unknown_host_gets_the_chosen_answer(self, virtual: Site, host_name: str) -> None:
        """With each kind of answer nothing is evaluated, no backend sees it, and others are served on."""
        answer = virtual.get(host_name)

        # A text that cannot be a host is a bad request.
        assert answer.status == (503 if re.fullmatch(requests.HOST, host_name) else 400)
        assert not answer.instance
        assert "49" not in answer.body
        assert virtual.get("shop.example").status == 200

    def test_a_secret_arrives_where_it_belongs(self, virtual: Site) -> None:
        """In the replicas of the backend that names it, and nowhere else."""
        shop = virtual.get("shop.example", "/env/TOKEN").body
        blog = virtual.get("blog.example", "/env/TOKEN").body

        assert (shop, blog) == (f"{TOKEN}\n", "\n")

    def test_the_access_log_names_the_virtual_host(self, virtual: Site) -> None:
        """One line a request on standard output, also for an unknown host."""
        virtual.get("blog.example", "/logged-known")
        virtual.get("nobody.example", "/logged-unknown")

        known, unknown = virtual.said("/logged-known"), virtual.said("/logged-unknown")

        assert " vhost=blog.example " in known
        assert " backend=blog " in known
        assert " status=200 " in known
        assert " vhost=nobody.example " in unknown
        assert " status=503 " in unknown

    @only_pulumi
    def test_no_container_has_the_docker_socket(self, one_host: Site, virtual: Site, echo: Site) -> None:
        """Nothing of the host is mounted anywhere, least of all its engine."""
        containers = virtual.host.engine().containers.list(all=True)

        mounts = [mount for container in containers for mount in container.attrs["Mounts"]]

        assert len(containers) > 10
        assert {mount["Type"] for mount in mounts} == {"volume"}
        assert {mount["Destination"] for mount in mounts} == {"/etc/longshore"}

    def test_two_services_share_a_host(self, one_host: Site, virtual: Site) -> None:
        """Each front end sends to its own replicas, on a network that the other is not on."""
        shop = {virtual.instance(f"shop-{index}") for index in range(2)}
        web = {one_host.instance(f"web-{index}") for index in range(3)}

        assert set(counted(virtual.get("shop.example") for _ in range(6))) == shop
        assert set(counted(one_host.get("shop.example") for _ in range(6))) == web
        assert not networks_of(one_host.replica("web-0")) & networks_of(virtual.front_end)

    @only_pulumi
    def test_routes_follow_services(self, virtual: Site) -> None:
        """A new backend gets its route, a dead one answers 503, a gone one is unknown again."""
        backends = virtual.args["backends"]
        news = {
            "image": APP,
            "replicas": 1,
            "host_names": ["news.example"],
            "restart": {"policy": "no"},
        }
        front_end = {**virtual.args["front_end"], "unknown_host": 421, "timeouts": {"connect": 0.5}}

        before = virtual.get("news.example").status
        virtual.up(front_end=front_end, backends={**backends, "news": news})
        there = virtual.get("news.example")
        expected = virtual.instance("news-0")
        virtual.host.crash(str(virtual.replica("news-0").id))

        def dead() -> bool:
            return virtual.get("news.example").status == 503

        until(dead, "the dead replica is noticed", timeout=10)
        others = virtual.get("shop.example").status
        virtual.up(backends=backends)

        assert before == 503
        assert (there.status, there.instance) == (200, expected)
        assert others == 200
        assert virtual.get("news.example").status == 421

    @only_pulumi
    def test_an_unknown_host_can_be_hung_up_on(self, virtual: Site) -> None:
        """`close`: no answer, but a line in the log."""
        virtual.up(front_end={**virtual.args["front_end"], "unknown_host": "close"})

        assert virtual.get("nobody.example", "/hung-up").status == 0
        assert virtual.get("shop.example").status == 200
        assert " vhost=nobody.example " in virtual.said("/hung-up")

    @only_pulumi
    def test_an_unknown_host_can_have_a_backend(self, virtual: Site) -> None:
        """`default_backend` answers what no other backend is for."""
        unknown = {key: v for key, v in virtual.args["front_end"].items() if key != "unknown_host"}
        virtual.up(front_end={**unknown, "default_backend": "blog"})

        blog = {virtual.instance(f"blog-{index}") for index in range(2)}
        assert set(counted(virtual.get("nobody.example") for _ in range(4))) == blog
        assert virtual.get("shop.example").instance not in blog


class TestSharing:
    def test_weights(self, policies: Site) -> None:
        """3 to 1: of 24 requests 12 go to the first, 4 to each other, none to the backup."""
        answers = counted(policies.get("weighted.example") for _ in range(24))

        by_index = [answers[policies.instance(f"weighted-{index}")] for index in range(5)]
        assert by_index == [12, 4, 4, 4, 0]

    def test_least_connections(self, policies: Site) -> None:
        """While two replicas have work, all others go to the third.

        Each request comes when the one before has arrived, or has ended: two threads of HAProxy may see
        the same numbers at the same moment.
        """

        def quick_one() -> Answer:
            until(lambda: policies.connections() == 2, "only these two are under way", timeout=5)
            return policies.get("least.example")

        with ThreadPoolExecutor() as pool:
            busy = [pool.submit(policies.get, "least.example", "/slow?ms=4000")]
            until(lambda: policies.connections() == 1, "the first is under way", timeout=5)
            busy.append(pool.submit(policies.get, "least.example", "/slow?ms=4000"))
            until(lambda: policies.connections() == 2, "both are under way", timeout=5)
            quick = counted(quick_one() for _ in range(6))
            assert not any(each.done() for each in busy), "this machine is too busy"
            slow = counted(each.result() for each in busy)

        assert (len(slow), len(quick)) == (2, 1)
        assert not set(slow) & set(quick)

    def test_source_affinity(self, policies: Site, clients: list[str]) -> None:
        """A client always meets the same replica, and not all clients the same."""
        chosen = []
        for client in clients:
            answers = [policies.get("sticky.example", source=client) for _ in range(4)]
            assert len(counted(answers)) == 1
            chosen.append(answers[0].instance)

        assert len(set(chosen)) > 1

    @only_haproxy
    def test_cookie_affinity(self, policies: Site) -> None:
        """A client stays on its replica by cookie, and gets another when that one dies."""
        first = policies.get("cookie.example")
        cookie = f"Cookie: {first.headers['set-cookie'].partition(';')[0]}"
        again = [policies.get("cookie.example", headers=[cookie]) for _ in range(6)]
        replica = policies.host.engine().containers.get(first.instance)
        replica.stop(timeout=0)
        moved = policies.get("cookie.example", headers=[cookie])

        assert "httponly" in first.headers["set-cookie"].lower()
        assert counted(again) == {first.instance: 6}
        assert moved.status == 200
        assert moved.instance != first.instance
        assert moved.headers["set-cookie"].startswith("REPLICA=")

    @only_haproxy
    def test_requests_beyond_the_limit_of_a_replica_wait(self, policies: Site) -> None:
        """Four requests of 0.2 s at once to a replica that takes one: all succeed, in turn."""
        began = time.monotonic()
        with ThreadPoolExecutor() as pool:
            asked = [pool.submit(policies.get, "queued.example", "/slow?ms=200") for _ in range(4)]
            statuses = [each.result().status for each in asked]

        assert statuses == [200] * 4
        assert time.monotonic() - began > 0.8

    @only_haproxy
    def test_passive_health(self, policies: Site) -> None:
        """A replica that fails max_fails times in a row is avoided until its check is good again."""
        first = policies.get("passive.example")
        headers = [f"Cookie: {first.headers['set-cookie'].partition(';')[0]}"]

        for _ in range(3):
            policies.get("passive.example", "/status/500", headers=headers)

        answers = counted(policies.get("passive.example", headers=headers) for _ in range(4))
        assert len(answers) == 1
        assert first.instance not in answers

    @only_nginx
    def test_nginx_avoids_what_failed(self, policies: Site) -> None:
        """Requests to a dead replica are tried elsewhere, and after the first it is not asked."""
        dead = policies.replica("deadline-0")
        addresses = [each["IPAddress"] for each in dead.attrs["NetworkSettings"]["Networks"].values()]
        dead.stop(timeout=0)

        answers = [policies.get("deadline.example", f"/passive-{index}") for index in range(9)]

        tried = [policies.said(f"/passive-{index} ") for index in range(9)]
        assert len(counted(answers)) == 2
        assert sum(any(each in line for each in addresses) for line in tried) == 1

    def test_backups_serve_when_the_others_are_dead(self, policies: Site) -> None:
        """The backup gets requests only then."""
        backup = policies.instance("weighted-4")
        with ThreadPoolExecutor() as pool:
            stop = [policies.replica(f"weighted-{index}").stop for index in range(4)]
            list(pool.map(lambda each: each(timeout=0), stop))

        until(lambda: policies.get("weighted.example").instance == backup, "the backup serves")

        assert counted(policies.get("weighted.example") for _ in range(4)) == {backup: 4}


class TestHeaders:
    SPOOFED = (
        "X-Forwarded-For: 192.0.2.66",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.example",
        "X-Real-IP: 192.0.2.66",
        "Forwarded: for=192.0.2.66",
    )

    def test_a_replica_learns_who_asked(self, policies: Site, clients: list[str]) -> None:
        """The client's address, the host name it asked for and the protocol."""
        seen = headers_seen(policies.get("single.example", "/headers", source=clients[0]))

        assert seen["host"] == "single.example"
        assert seen["x-forwarded-for"] == seen["x-real-ip"] == clients[0]
        assert seen["x-forwarded-host"] == "single.example"
        assert seen["x-forwarded-proto"] == "http"
        assert "forwarded" not in seen

    def test_forwarded_headers_of_a_client_are_removed(self, policies: Site, clients: list[str]) -> None:
        """Forwarded headers of one that is not a trusted proxy do not reach a replica."""
        answer = policies.get("single.example", "/headers", headers=self.SPOOFED, source=clients[0])

        seen = headers_seen(answer)
        assert seen["x-forwarded-for"] == seen["x-real-ip"] == clients[0]
        assert seen["x-forwarded-host"] == "single.example"
        assert seen["x-forwarded-proto"] == "http"
        assert "forwarded" not in seen

    def test_a_trusted_proxy_is_believed(self, policies: Site) -> None:
        """Its forwarded headers are passed on, with its own address added."""
        answer = policies.get("single.example", "/headers", headers=self.SPOOFED, source=GATEWAY)

        seen = headers_seen(answer)
        assert seen["x-forwarded-for"] == f"192.0.2.66, {GATEWAY}"
        assert seen["x-forwarded-host"] == "evil.example"
        assert seen["x-forwarded-proto"] == "https"
        assert seen["forwarded"] == "for=192.0.2.66"
        assert seen["x-real-ip"] == GATEWAY


class TestTime:
    def test_a_late_answer_is_an_error_at_the_server_time_out(self, policies: Site) -> None:
        """504 after a second, as set."""
        began = time.monotonic()
        answer = policies.get("single.example", "/slow?ms=5000")
        took = time.monotonic() - began

        assert answer.status == 504
        assert 0.9 < took < 2

    def test_a_slow_client_is_cut(self, policies: Site) -> None:
        """One that sends its headers byte by byte has the request time-out for all of them."""
        began = time.monotonic()
        with socket.create_connection((policies.host.address, policies.port), 10) as client:
            client.settimeout(0.2)  # the pace: a byte each time nothing came
            said: bytes | None = None
            for byte in b"GET / HTTP/1.1\r\nHost: single.example\r\nX-Slow: " + b"a" * 100:
                with suppress(TimeoutError, BrokenPipeError):
                    client.sendall(bytes([byte]))
                    said = client.recv(1000)
                    break
        took = time.monotonic() - began

        assert said is not None
        assert said == b"" or said.startswith(b"HTTP/1.1 408")
        assert took < 4

    def test_a_hung_replica_is_got_around_by_the_deadline(self, policies: Site) -> None:
        """With `response_deadline`, a request to a replica that hangs is answered by another."""
        hung = policies.replica("deadline-1")
        policies.host.signal(str(hung.id), "SIGSTOP")

        try:
            answers = counted(policies.get("deadline.example") for _ in range(6))
        finally:
            policies.host.signal(str(hung.id), "SIGCONT")

        assert str(hung.id)[:12] not in answers

    def test_a_web_socket_outlives_the_server_time_out(self, policies: Site) -> None:
        """The upgrade passes, frames come back, and silence longer than that closes nothing."""
        with closing(web_socket(policies)) as client:
            client.sendall(frame(b"one"))
            first = client.recv(100)
            client.settimeout(1.2)
            with pytest.raises(TimeoutError):  # the server time-out is 1 s
                client.recv(100)
            client.sendall(frame(b"two"))
            second = client.recv(100)

        assert (first, second) == (b"\x81\x03one", b"\x81\x03two")


class TestRestart:
    def test_the_policy_is_set_on_the_container(self, policies: Site) -> None:
        """The engine has the policy, for a given value and by default."""
        weighted = policies.replica("weighted-0").attrs["HostConfig"]["RestartPolicy"]
        least = policies.replica("least-0").attrs["HostConfig"]["RestartPolicy"]
        front_end = policies.front_end.attrs["HostConfig"]["RestartPolicy"]

        assert weighted == {"Name": "on-failure", "MaximumRetryCount": 5}
        assert least["Name"] == front_end["Name"] == "always"

    @only_haproxy
    def test_a_crashed_replica_comes_back_and_serves(self, policies: Site) -> None:
        """The engine restarts it, and requests reach it again."""
        before = policies.replica("least-1").attrs["State"]["StartedAt"]
        policies.host.crash(str(policies.replica("least-1").id))

        def restarted() -> bool:
            state = policies.replica("least-1").attrs["State"]
            return bool(state["Running"] and state["StartedAt"] != before)

        until(restarted, "the engine restarts it")
        instance = policies.instance("least-1")
        until(lambda: policies.get("least.example").instance == instance, "it serves again")


class TestTcp:
    def test_connections_pass_both_ways(self, echo: Site) -> None:
        """Each byte that is sent comes back, and connections are shared among the replicas."""
        greetings = []
        for number in range(4):
            with socket.create_connection((echo.host.address, echo.port), 5) as client:
                lines = client.makefile("r")
                greetings.append(lines.readline().strip())
                client.sendall(f"line {number}\n".encode())
                assert lines.readline() == f"line {number}\n"

        assert Counter(greetings) == {echo.instance(f"web-{index}"): 2 for index in range(2)}

    def test_a_silent_connection_is_kept(self, echo: Site) -> None:
        """The replica's end closes it, or the tunnel time-out of an hour."""
        with socket.create_connection((echo.host.address, echo.port), 5) as client:
            client.recv(100)
            client.settimeout(1.0)
            with pytest.raises(TimeoutError):
                client.recv(100)
            client.sendall(b"still here\n")
            client.settimeout(5.0)

            assert client.recv(100) == b"still here\n"

    def test_a_given_network_is_used(self, echo: Site) -> None:
        """Replicas and front end are on the network that was named, and on one that nobody else is on."""
        found = [networks_of(container) for container in (*echo.replicas(), echo.front_end)]

        (other,) = found[0] - {"given"}
        assert all(each == {"given", other} for each in found)
        assert len(echo.host.engine().networks.get(other).containers) == len(found)

    @only_pulumi
    def test_it_leaves_nothing(self, echo: Site) -> None:
        """After `destroy` there is no container of it; the given network is still there."""
        mine = {container.id for container in (*echo.replicas(), echo.front_end)}
        volumes = {mount["Name"] for mount in echo.front_end.attrs["Mounts"]}

        echo.rehearsal.destroy()

        engine = echo.host.engine()
        assert not mine & {container.id for container in engine.containers.list(all=True)}
        assert not volumes & {volume.name for volume in engine.volumes.list()}
        assert engine.networks.get("given")


def networks_of(container: Container) -> set[str]:
    """Return names of the networks the container is on."""
    return set(container.attrs["NetworkSettings"]["Networks"])


def headers_seen(answer: Answer) -> dict[str, str]:
    """Return the headers that a replica got; lines of one name are one list."""
    assert answer.status == 200
    found: dict[str, str] = {}
    for line in answer.body.splitlines():
        name, _, value = line.partition(":")
        key = name.lower()
        found[key] = f"{found[key]}, {value.strip()}" if key in found else value.strip()
    return found


def web_socket(site: Site) -> socket.socket:
    """Open a WebSocket to the backend `single`, upgraded."""
    client = socket.create_connection((site.host.address, site.port), 5)
    client.sendall(
        b"GET /ws HTTP/1.1\r\nHost: single.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    assert head.startswith(b"HTTP/1.1 101")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head  # RFC 6455, 1.3
    return client


def frame(text: bytes) -> bytes:
    """Return a masked text frame."""
    mask = struct.pack("!I", 0x11223344)
    return bytes([0x81, 0x80 | len(text)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text))
