"""Configurations and replicas on a real engine, without Pulumi: what is done to a front end's container."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from docker import DockerClient
from docker.models.containers import Container
from docker.models.networks import Network

from components.engine.config_check import Configuration, ImageMissing, problem
from components.engine.containers import EngineError, ErrorLog, find, read_file, workers, write_file
from components.engine.front_end_changes import Wanted
from components.engine.front_end_config import Found, put_in_force, state
from components.engine.replicas import AT_ONCE, wait_until_well
from components.load_balanced.validation import service as validated
from components.naming import LABEL
from components.provider.handlers import HANDLERS
from components.proxies.model import Service
from components.proxies.program import FOLDER
from components.proxies.registry import Program, kind_of
from components.proxies.views import server_addresses
from tests.bench import front_ends
from tests.bench.generations import OLD
from tests.bench.hosts import Host
from tests.bench.images import APP, APP_BROKEN, APP_SICK, BROKEN_LINE, PROXY
from tests.bench.process import until

pytestmark = [pytest.mark.engine, pytest.mark.every_engine]

PORT = 8090
DRAIN = 5.0
MEMORY = 256
RESTART: Any = {"Name": "always"}
WRONG = "no-such-directive yes;\n"
"""A first line that neither program knows."""


class FrontEnd:
    """A front end's container as the component makes it, and one replica behind it."""

    def __init__(self, host: Host, kind: str, network: Network, **options: Any) -> None:
        self.host, self.kind = host, kind
        self.engine = host.engine()
        self.program: Program = kind_of(kind).program
        self.container: Container = front_ends.create(
            host,
            kind,
            network.name,
            PORT,
            dns_opt=["timeout:1", "attempts:1"],  # the name of a dead replica costs a second, not ten
            restart_policy=RESTART,
            stop_signal=self.program.stop_signal,
            **options,
        )
        self.id = str(self.container.id)

    def text(self, **keys: Any) -> str:
        """Return a good configuration."""
        return kind_of(self.kind).render(service(self.kind, **keys), "site", {"web": 1})

    def put(self, text: str, drain: float = DRAIN) -> None:
        wanted = Wanted(container=self.id, program=self.program, text=text, drain=drain)
        put_in_force(self.engine, wanted)

    def refused(self, text: str) -> str:
        """Return the error when `text` is delivered, which the program refuses."""
        with pytest.raises(EngineError) as error:
            self.put(text)
        return str(error.value)

    def state(self) -> Found | None:
        return state(self.engine, self.program, self.id)

    def file(self) -> str | None:
        """Return the configuration in the container."""
        return read_file(self.container, self.program.path)

    def process(self) -> int:
        """Return the first process, as the machine sees it; 0 when it does not run."""
        self.container.reload()
        return int(self.container.attrs["State"]["Pid"])

    def limit(self, name: str) -> str:
        """Return a hard limit of its first process."""
        table: Any = self.container.exec_run(["cat", "/proc/1/limits"]).output
        (row,) = (line for line in table.decode().splitlines() if line.startswith(name))
        return str(row.split()[4])

    def too_many_files(self) -> str:
        """Return a configuration that asks for more files than the container may open."""
        found = {"haproxy": r"(    maxconn )\d+", "nginx": r"(worker_rlimit_nofile )\d+"}[self.kind]
        most = int(self.limit("Max open files"))
        return re.sub(found, rf"\g<1>{most + 1}", self.text(), count=1)

    def connections(self) -> int:
        """Return the number of client connections of the front end."""
        table: Any = self.container.exec_run(["cat", "/proc/net/tcp"]).output
        rows = [line.split() for line in table.decode().splitlines()[1:]]
        return sum(row[1].endswith(f":{PORT:04X}") and row[3] == "01" for row in rows)

    def get(self, path: str = "/", timeout: float = 10) -> str:
        url = f"http://{self.host.address}:{PORT}{path}"
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            return str(answer.read().decode())

    def status(self) -> int:
        """Return status of an answer; 0 when there is none."""
        try:
            self.get(timeout=1)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0
        return 200

    def inputs(self, text: str) -> dict[str, Any]:
        """Return inputs of its FrontEndConfig."""
        host = {"address": self.host.url}
        return {
            "host": host, "kind": self.kind, "container": self.id, "config": text,
            "replicas": {}, "drain": DRAIN,
        }  # fmt: skip


def service(kind: str, **keys: Any) -> Service:
    """Return a service of one replica; `front_end` is added to the needs of the bench."""
    front_end = {"kind": kind, "image": PROXY, "port": PORT, "resolve": kind == "haproxy"}
    front_end |= keys.pop("front_end", {})
    args = {"image": APP, "replicas": 1, "drain": DRAIN, "front_end": front_end, **keys}
    return validated("site", {"host": {"address": "unix:///run/docker.sock"}, **args})


@pytest.fixture(scope="module")
def engine(host: Host) -> DockerClient:
    """Provide the host's engine."""
    return host.engine()


@pytest.fixture(scope="module")
def network(engine: DockerClient) -> Iterator[Network]:
    """Provide a network with the replica `site-web-0-g1` on it."""
    made = engine.networks.create("front-end-config")
    with container(engine, APP, environment={"INSTANCE": "app"}, start=False) as app:
        made.connect(app, aliases=["site-web-0-g1"])
        app.start()
        yield made
    made.remove()


@pytest.fixture(params=["haproxy", "nginx"])
def front_end(request: pytest.FixtureRequest, host: Host, network: Network) -> Iterator[FrontEnd]:
    """Provide a front end of either kind, made and not started."""
    made = FrontEnd(host, request.param, network)
    yield made
    if left := find(made.engine, made.id):
        left.remove(force=True, v=True)


@pytest.fixture
def running(front_end: FrontEnd) -> FrontEnd:
    """Provide a front end that serves."""
    front_end.put(front_end.text())
    return front_end


@pytest.fixture(params=["haproxy", "nginx"])
def kind(request: pytest.FixtureRequest) -> str:
    """Provide a kind of front end."""
    return str(request.param)


only_haproxy = pytest.mark.parametrize("front_end", ["haproxy"], indirect=True)


@contextmanager
def container(engine: DockerClient, image: str, *, start: bool = True, **options: Any) -> Iterator[Container]:
    """Yield a container for a while."""
    options.setdefault("restart_policy", RESTART)
    made = engine.containers.create(image, **options)
    try:
        if start:
            made.start()
        yield made
    finally:
        if left := find(engine, str(made.id)):
            left.remove(force=True, v=True)


def everything(engine: DockerClient) -> set[str]:
    """Return containers, volumes, networks and images of an engine."""
    found = {str(each.id) for each in engine.containers.list(all=True)}
    found |= {str(each.id) for each in engine.volumes.list()}
    found |= {str(each.id) for each in engine.networks.list()}
    return found | {str(each.id) for each in engine.images.list(all=True)}


class TestProblem:
    """The check, before anything is touched."""

    @pytest.fixture(params=["haproxy", "nginx"])
    def kind(self, request: pytest.FixtureRequest, engine: DockerClient) -> Iterator[str]:
        """Provide a kind; whatever the check finds, it leaves nothing behind."""
        before = everything(engine)
        yield str(request.param)
        assert everything(engine) == before

    @staticmethod
    def check(engine: DockerClient, what: Service, first: str = "") -> str | None:
        kind = kind_of(what.front_end.kind)
        text = first + kind.render(what, "site", {"web": 1})
        configuration = Configuration(text, server_addresses(what, "site", {"web": 1}))
        return problem(engine, kind.program, PROXY, configuration, {}, MEMORY)

    def test_a_good_configuration_passes(self, engine: DockerClient, kind: str) -> None:
        """Names of replicas need not resolve; a low port needs no privilege and no publishing."""
        what = service(kind, replicas=3, front_end={"port": 80})

        assert self.check(engine, what) is None

    def test_tcp_passes(self, engine: DockerClient, kind: str) -> None:
        """Mode tcp is checked like mode http."""
        assert self.check(engine, service(kind, front_end={"mode": "tcp"})) is None

    def test_a_wrong_directive_is_named_with_its_line(self, engine: DockerClient, kind: str) -> None:
        """The message is the program's own."""
        said = self.check(engine, service(kind), first=f"\n{WRONG}")

        assert said is not None
        assert "no-such-directive" in said
        assert ("haproxy.cfg:2]" if kind == "haproxy" else "nginx.conf:2") in said

    def test_the_remedies_are_named(self, host: Host, engine: DockerClient) -> None:
        """`resolve` with an nginx too old for it comes with the remedies; a newer one has it."""
        said = self.check(engine, service("nginx", front_end={"resolve": True}))

        if host.generation is not OLD:
            assert said is None
            return
        assert said is not None
        assert "older than 1.27.4" in said
        assert "front_end.resolve: false" in said

    def test_an_image_that_is_not_there(self, engine: DockerClient, kind: str) -> None:
        """It cannot be checked yet, which is not the same as wrong."""
        with pytest.raises(ImageMissing):
            problem(engine, kind_of(kind).program, "longshore-none:1", Configuration(""), {}, MEMORY)

    def test_an_image_without_the_program(self, engine: DockerClient, kind: str) -> None:
        """The preview says so, for instance where `front_end.kind` and `front_end.image` do not match."""
        program = replace(kind_of(kind).program, check=("no-such-program",))

        said = problem(engine, program, PROXY, Configuration(""), {}, MEMORY)

        assert said == f"image {PROXY} has no program no-such-program: name an image that has it"

    def test_too_little_memory(self, engine: DockerClient) -> None:
        """It is checked with the memory that it will have."""
        kind = "haproxy"
        what = service(kind, replicas=1000)
        text = kind_of(kind).render(what, "site", {"web": 1})
        names = server_addresses(what, "site", {"web": 1})

        said = problem(engine, kind_of(kind).program, PROXY, Configuration(text, names), {}, memory=6)

        assert "6 MiB of memory are too little" in str(said)

    def test_several_at_once(self, engine: DockerClient, kind: str) -> None:
        """Previews do not get into each other's way."""
        with ThreadPoolExecutor() as pool:
            checks = [pool.submit(self.check, engine, service(kind)) for _ in range(4)]

        assert [each.result() for each in checks] == [None] * 4


class TestDeliver:
    def test_a_created_container_is_started(self, front_end: FrontEnd) -> None:
        """It serves when the call returns."""
        assert front_end.container.status == "created"

        front_end.put(front_end.text())

        assert front_end.get() == "app v1 /\n"
        assert front_end.file() == front_end.text()

    def test_a_running_one_is_reloaded(self, running: FrontEnd) -> None:
        """When the call returns the new text is in force, and the first process is the same."""
        old, first = workers(running.container), running.process()
        changed = running.text(host_names=["other.example"])

        running.put(changed)

        assert running.status() == 503
        assert running.file() == changed
        assert running.process() == first
        assert not old.keys() & workers(running.container).keys()

    def test_a_refused_start_is_an_error_with_the_reason(self, front_end: FrontEnd) -> None:
        """The container does not restart for ever; a good text starts it."""
        said = front_end.refused(WRONG + front_end.text())
        found = front_end.state()

        assert "did not start" in said
        assert "no-such-directive" in said
        assert found is not None
        assert found["running"] is False
        front_end.put(front_end.text())
        assert front_end.status() == 200

    def test_a_failed_reload_changes_nothing(self, running: FrontEnd) -> None:
        """The error has the reason, the old configuration serves, its text is back in the file."""
        # haproxy's check cannot see it: the address is not there.
        bad = {"haproxy": ("bind *:", "bind 192.0.2.9:"), "nginx": ("listen ", "listn ")}
        right, wrong = bad[running.kind]

        said = running.refused(running.text(host_names=["other.example"]).replace(right, wrong))

        assert "the old configuration stays in force" in said
        assert wrong.split()[-1].strip(":") in said
        assert running.status() == 200
        assert running.file() == running.text()
        running.put(running.text(host_names=["other.example"]))
        assert running.status() == 503

    def test_workers_that_do_not_stay_are_taken_back(self, host: Host, network: Network) -> None:
        """nginx starts workers again and again that its memory cannot hold: the old text is put back."""
        limited = FrontEnd(host, "nginx", network, mem_limit="64m", memswap_limit="64m")
        try:
            limited.put(limited.text())
            good = limited.text()

            said = limited.refused(re.sub(r"worker_connections \d+", "worker_connections 900000", good))

            assert "the old configuration is in force again: " in said
            assert "exited on signal 9" in said
            assert limited.status() == 200
            assert limited.file() == good
        finally:
            limited.container.remove(force=True, v=True)

    def test_more_connections_than_files_are_taken_back(self, running: FrontEnd) -> None:
        """Neither program's own check finds them."""
        said = running.refused(running.too_many_files())

        assert "the old configuration" in said
        assert running.status() == 200
        assert running.file() == running.text()

    def test_one_that_cannot_start_gives_the_port_back(self, host: Host, network: Network, kind: str) -> None:
        """The one it was to follow serves again, with what it had."""
        labels = {f"{LABEL}.component": "site", f"{LABEL}.role": "front-end"}
        former = FrontEnd(host, kind, network, labels=labels)
        follower = FrontEnd(host, kind, network, labels=labels)
        try:
            former.put(former.text())

            said = follower.refused(former.too_many_files())

            assert "the front end did not start" in said
            assert said.endswith("; the former front end serves again")
            assert former.status() == 200
            state = follower.state()
            assert state is not None
            assert state["running"] is False
        finally:
            follower.container.remove(force=True, v=True)
            former.container.remove(force=True, v=True)

    def test_an_alert_about_a_backend_is_not_a_failed_reload(self, running: FrontEnd) -> None:
        """A backend that is dead from the start is complained about, and in force nevertheless."""
        health = {} if running.kind == "nginx" else {"interval": 0.05, "fall": 1}
        nobody = running.text(port=81, health=health)

        running.put(nobody)

        assert running.status() == 503
        assert running.file() == nobody

    def test_a_request_in_flight_is_finished(self, running: FrontEnd) -> None:
        """It is answered by the old worker, and the call returns after it."""
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(running.get, "/slow?ms=1500")
            until(lambda: running.connections() == 1, "the request is under way")

            running.put(running.text(host_names=["other.example"]))
            done, now = asked.done(), running.status()

        assert done
        assert asked.result() == "app v1 /slow\n"
        assert now == 503

    def test_the_drain_time_is_the_longest_wait(self, running: FrontEnd) -> None:
        """A request that takes longer is cut, and the call returns."""
        running.put(running.text(drain=0.5))
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(running.get, "/slow?ms=4500")
            until(lambda: running.connections() == 1, "the request is under way")

            running.put(running.text(drain=0.5), drain=0.5)
            error = asked.exception(timeout=2)

        assert isinstance(error, OSError)
        assert running.status() == 200

    def test_a_stopped_one_is_started(self, running: FrontEnd) -> None:
        """A front end that was stopped by hand runs again, with the text."""
        running.container.stop(timeout=1)

        running.put(running.text(host_names=["other.example"]))

        assert running.status() == 503

    def test_a_container_that_is_gone_is_an_error(self, running: FrontEnd) -> None:
        """The message says what to do."""
        running.container.remove(force=True, v=True)

        assert "is gone: refresh" in running.refused(running.text())

    @only_haproxy
    def test_a_dead_replica_is_in_nobodys_way(self, running: FrontEnd) -> None:
        """A name that does not resolve hinders neither reload nor start; requests go elsewhere."""
        text = running.text(replicas=2)

        running.put(text)
        reloaded = {running.status() for _ in range(4)}
        running.container.stop(timeout=1)
        running.put(text)

        assert reloaded == {200}
        assert {running.status() for _ in range(4)} == {200}


class TestErrorLog:
    """The end of a reload is seen in what the program writes to standard error."""

    @pytest.fixture
    def writer(self, engine: DockerClient) -> Iterator[Container]:
        """Provide a writer to both outputs: at SIGUSR1 a line to standard error, then 1000 others."""
        script = (
            "trap 'echo after >&2; seq 1000; echo all' USR1; "
            "echo before >&2; echo request; while :; do sleep 0.05; done"
        )
        with container(engine, APP, command=["sh", "-c", script]) as made:
            until(lambda: b"request" in made.logs(), "it has written")
            yield made

    def test_lines_of_before_are_not_new(self, writer: Container) -> None:
        """Also when the last line of all is one of standard output."""
        assert ErrorLog(writer).new() == []

    def test_new_lines_are_found_among_many_requests(self, writer: Container) -> None:
        """A thousand lines of access log do not hide the one that says how the reload ended."""
        log = ErrorLog(writer)

        writer.kill("SIGUSR1")
        # The engine takes each of the two streams for itself.
        until(lambda: b"all\n" in writer.logs(tail=2), "it has written all")

        assert until(log.new, "the line is there") == ["after"]


class TestResource:
    """FrontEndConfig, as the provider carries it out."""

    HANDLER = HANDLERS["FrontEndConfig"]

    def test_create_takes_over_what_is_there(self, running: FrontEnd) -> None:
        """After a killed `up` it is made again: with the same text, and with another."""
        same, outputs = self.HANDLER.create(running.inputs(running.text()), preview=False)
        once = running.status()
        other = running.text(host_names=["other.example"])
        id_, again = self.HANDLER.create(running.inputs(other), preview=False)

        assert (same, once) == (running.id, 200)
        assert (id_, running.status()) == (running.id, 503)
        assert outputs == again
        assert outputs["running"] is True
        assert list(outputs["addresses"]) == ["front-end-config"]

    def test_a_preview_touches_nothing(self, front_end: FrontEnd) -> None:
        """Neither the file nor the container."""
        inputs = front_end.inputs(front_end.text())

        self.HANDLER.create(inputs, preview=True)
        self.HANDLER.update(inputs, {**inputs, "addresses": {}}, preview=True)

        front_end.container.reload()
        assert front_end.container.status == "created"
        assert front_end.file() is None

    def test_update_puts_another_text_in_force(self, running: FrontEnd) -> None:
        """And says where the front end is."""
        old = running.inputs(running.text())
        new = running.inputs(running.text(host_names=["other.example"]))

        outputs = self.HANDLER.update(new, {**old, "addresses": {}, "running": True}, preview=False)

        assert running.status() == 503
        assert outputs["addresses"]["front-end-config"].startswith("172.")

    def test_a_read_shows_the_real_state(self, running: FrontEnd) -> None:
        """An edited file, a stopped container, no container."""
        inputs = running.inputs(running.text())
        write_file(running.container, FOLDER, running.program.file, "edited\n")

        edited = self.HANDLER.read(inputs)
        running.container.stop(timeout=1)
        stopped = self.HANDLER.read(inputs)
        running.container.remove(v=True)
        gone = self.HANDLER.read(inputs)

        assert edited is not None
        assert (edited["config"], edited["running"]) == ("edited\n", True)
        assert stopped is not None
        assert stopped["running"] is False
        assert self.HANDLER.drifted(stopped) == {"running"}
        assert self.HANDLER.drifted(edited) == set()
        assert gone is None

    def test_delete_stops_it(self, running: FrontEnd) -> None:
        """The port is free; a second time, or when it is gone, there is nothing to do."""
        inputs = running.inputs(running.text())

        self.HANDLER.delete(inputs)
        running.container.reload()
        status = running.container.status
        self.HANDLER.delete(inputs)
        running.container.remove(v=True)
        self.HANDLER.delete(inputs)

        assert status == "exited"
        assert running.status() == 0

    def test_a_request_in_flight_survives_delete(self, running: FrontEnd) -> None:
        """It is answered before the program ends."""
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(running.get, "/slow?ms=1000")
            until(lambda: running.connections() == 1, "the request is under way")

            self.HANDLER.delete(running.inputs(running.text()))

            assert asked.result() == "app v1 /slow\n"


class TestComingBack:
    def test_after_a_crash(self, running: FrontEnd) -> None:
        """The engine restarts it, with its configuration."""
        first = running.process()

        running.host.crash(running.id)

        until(lambda: running.process() not in (first, 0), "the engine restarts it")
        until(lambda: running.status() == 200, "it serves")
        assert running.file() == running.text()

    def test_after_a_restart_of_the_engine(self, running: FrontEnd) -> None:
        """As after a reboot of the host: it serves again without anybody's help."""
        running.host.stop_engine()
        running.host.start_engine()

        until(lambda: running.status() == 200, "it serves")
        running.engine = running.host.engine()
        running.container = running.engine.containers.get(running.id)
        assert running.file() == running.text()


class TestWell:
    """New replicas are waited for before anybody is sent to them."""

    CHECK = {"test": ["CMD", "curl", "-fsS", "http://127.0.0.1/healthz"], "interval": 600 * 10**9}

    def failure(self, engine: DockerClient, replicas: dict[str, str], seconds: float = 2) -> str:
        with pytest.raises(EngineError) as error:
            wait_until_well(engine, replicas, seconds)
        return str(error.value)

    def test_a_healthy_replica(self, engine: DockerClient) -> None:
        """Its check is run at once, not at the engine's next turn in ten minutes."""
        with container(engine, APP, healthcheck=self.CHECK) as replica:
            wait_until_well(engine, {"web-0": str(replica.id)}, 20)

            replica.reload()
            assert replica.attrs["State"]["Health"]["Status"] == "starting"

    def test_a_slow_starter_becomes_healthy(self, engine: DockerClient) -> None:
        """It has the whole start time-out for it."""
        command = ["sh", "-c", "sleep 1.5; exec /usr/local/bin/app"]
        with container(engine, APP, command=command, healthcheck=self.CHECK) as replica:
            wait_until_well(engine, {"web-0": str(replica.id)}, 20)

            assert b"listening" in replica.logs()

    def test_one_that_ends_is_named_with_reason_and_log(self, engine: DockerClient) -> None:
        """The error has name, reason and last lines; not the values of the environment."""
        environment = {"TOKEN": "correct-horse"}
        command = ["sh", "-c", "echo token $TOKEN; exec /usr/local/bin/app"]
        with (
            container(engine, APP, healthcheck=self.CHECK) as good,
            container(
                engine, APP_BROKEN, command=command, environment=environment, healthcheck=self.CHECK
            ) as bad,
        ):
            ids = {"web-0": str(good.id), "web-1": str(bad.id)}
            said = self.failure(engine, ids, seconds=20)

        assert said.startswith("1 of 2 new replicas are unhealthy")
        assert f"web-1 (container {bad.name}): it ended with exit code 1" in said
        assert BROKEN_LINE in said
        assert "token [TOKEN]" in said
        assert "correct-horse" not in said

    def test_one_that_ends_for_good_is_not_waited_for(self, engine: DockerClient) -> None:
        """Without a restart policy there is nothing to wait for."""
        never = {"Name": "no"}
        with container(engine, APP_BROKEN, restart_policy=never, healthcheck=self.CHECK) as bad:
            said = self.failure(engine, {"web-0": str(bad.id)}, seconds=600)

        assert "it ended with exit code 1" in said

    def test_one_that_answers_badly_is_named_with_the_answer(self, engine: DockerClient) -> None:
        """It runs, but its check never passes in the time it has."""
        with container(engine, APP_SICK, healthcheck=self.CHECK) as sick:
            said = self.failure(engine, {"web-0": str(sick.id)})

        assert "its health check ended with 22" in said
        assert "500" in said
        assert "listening on 80" in said

    def test_no_value_is_in_the_answer_of_a_check(self, engine: DockerClient) -> None:
        """Neither as it is nor encoded, nor cut in two where the answer is cut."""
        print_it = "echo $TOKEN, encoded $(printf me:$TOKEN | base64)"
        check = {"test": ["CMD-SHELL", f"{print_it}; exit 3"], "interval": 600 * 10**9}
        long = {"test": ["CMD-SHELL", "echo $TOKEN; seq -s. 100 147; exit 3"], "interval": 600 * 10**9}
        environment = {"TOKEN": "correct-horse"}
        with container(engine, APP, environment=environment, healthcheck=check) as replica:
            said = self.failure(engine, {"web-0": str(replica.id)})
        with container(engine, APP, environment=environment, healthcheck=long) as replica:
            cut = self.failure(engine, {"web-0": str(replica.id)})

        assert "its health check ended with 3: [TOKEN], encoded bWU6[TOKEN]" in said
        assert "its health check ended with 3: " in cut
        assert "orse" not in said + cut

    def test_one_without_the_check_s_program(self, engine: DockerClient) -> None:
        """The reason is what the engine says of it."""
        check = {"test": ["CMD", "no-such-program"], "interval": 600 * 10**9}
        with container(engine, APP, healthcheck=check) as replica:
            said = self.failure(engine, {"web-0": str(replica.id)})

        assert "no-such-program" in said

    def test_one_that_was_removed(self, engine: DockerClient) -> None:
        """The error comes at once."""
        with container(engine, APP) as replica:
            replica.remove(force=True)
            said = self.failure(engine, {"web-0": str(replica.id)}, seconds=600)

        assert "web-0: its container" in said
        assert "was removed" in said

    def test_one_that_was_never_started(self, engine: DockerClient) -> None:
        """It does not count as healthy."""
        with container(engine, APP, start=False) as replica:
            said = self.failure(engine, {"web-0": str(replica.id)})

        assert f"web-0 (container {replica.name})" in said

    def test_many_are_asked_at_once(self, engine: DockerClient) -> None:
        """More than are asked at the same time, all of them well."""
        with ExitStack() as stack:
            made = [
                stack.enter_context(container(engine, APP, healthcheck=self.CHECK))
                for _ in range(AT_ONCE + 2)
            ]
            wait_until_well(engine, {f"web-{i}": str(c.id) for i, c in enumerate(made)}, 30)


def limit(container: Container) -> str:
    """Return the limit of processes that the kernel holds it to."""
    container.reload()
    command = ["sh", "-c", "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null"]
    output: Any = container.exec_run(command).output
    return str(output.decode().strip())


class TestReadiness:
    """Readiness, as the provider carries it out."""

    HANDLER = HANDLERS["Readiness"]

    def inputs(self, engine_of: Host, **keys: Any) -> dict[str, Any]:
        kind, what = kind_of("haproxy"), service("haproxy")
        return {
            "host": {"address": engine_of.url},
            "kind": "haproxy",
            "image": PROXY,
            "config": kind.render(what, "site", {"web": 1}),
            "names": server_addresses(what, "site", {"web": 1}),
            "labels": {},
            "container": {},
            "replicas": {},
            "startTimeout": 2,
            "demands": {"network": [], "networks": [], "files": 768, "memory": 256, "replicas": {}},
            **keys,
        }

    def test_a_preview_says_what_the_program_refuses(self, host: Host) -> None:
        """In its own words."""
        said = self.HANDLER.check(self.inputs(host, config=WRONG), {}, print)

        assert said is not None
        assert "no-such-directive" in said

    @pytest.mark.parametrize(
        ("keys", "reason"),
        [
            ({"host": {"address": "unix:///nobody.sock"}}, "cannot reach the Docker engine"),
            ({"image": "longshore-none:1"}, "image longshore-none:1 is not on the host"),
        ],
    )
    def test_a_preview_that_cannot_check_says_so(self, host: Host, keys: dict[str, Any], reason: str) -> None:
        """It is a warning, and the preview goes on."""
        warnings: list[str] = []

        said = self.HANDLER.check(self.inputs(host, **keys), {}, warnings.append)

        assert said is None
        assert "configuration not checked" in warnings[0]
        assert reason in warnings[0]

    def test_a_replica_is_limited_while_it_runs(self, host: Host, engine: DockerClient) -> None:
        """One of an older state, which has no limits, as well as a new one; neither is restarted."""
        with container(engine, APP, healthcheck=TestWell.CHECK) as replica:
            replica.reload()
            began = replica.attrs["State"]["StartedAt"]
            inputs = self.inputs(host, replicas={"web-0": str(replica.id)}, startTimeout=20)

            self.HANDLER.create({**inputs, "pidsLimits": {"web-0": 100}}, preview=False)
            first = limit(replica)
            self.HANDLER.update({**inputs, "pidsLimits": {"web-0": 200}}, inputs, preview=False)

            assert (first, limit(replica)) == ("100", "200")
            assert replica.attrs["HostConfig"]["PidsLimit"] == 200
            assert replica.attrs["State"]["StartedAt"] == began

    def test_only_new_replicas_are_waited_for(self, host: Host, engine: DockerClient) -> None:
        """A replica that was healthy before is the engine's and the front end's business."""
        with container(engine, APP_SICK, healthcheck=TestWell.CHECK) as sick:
            inputs = self.inputs(host, replicas={"web-0": str(sick.id)}, pidsLimits={"web-0": 200})

            self.HANDLER.update(inputs, inputs, preview=False)
            self.HANDLER.create(inputs, preview=True)
            with pytest.raises(EngineError, match="web-0"):
                self.HANDLER.create(inputs, preview=False)
