"""The bench itself: what other tests take for granted about hosts, images, load and faults."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from components.connection import connect
from tests.bench import images, slots
from tests.bench.hosts import BRIDGE, SLOT, Bench, Host, bench_directory
from tests.bench.load import Load, Settings
from tests.bench.process import BenchUnavailable, until
from tests.program import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker.models.containers import Container

PORT = 8080


def get(host: Host, path: str = "/", port: int = PORT, timeout: float = 5.0) -> str:
    url = f"http://{host.address}:{port}{path}"
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return str(answer.read().decode())


def serves(host: Host, port: int = PORT) -> bool:
    try:
        return bool(get(host, "/healthz", port, timeout=1.0))
    except OSError:
        return False


@contextmanager
def container(host: Host, image: str = images.APP, **settings: Any) -> Iterator[Container]:
    name = f"bench-{uuid.uuid4().hex[:8]}"
    running = host.engine().containers.run(image, detach=True, name=name, **settings)
    try:
        yield running
    finally:
        running.remove(force=True)


@pytest.fixture
def app(host: Host) -> Iterator[Container]:
    """The application, published on PORT."""
    with container(host, ports={"80/tcp": PORT}, environment={"INSTANCE": "one"}) as running:
        until(lambda: serves(host), "the application serves")
        yield running


def traces() -> list[str]:
    """Processes, interfaces, namespaces and filter rules of this process's bench."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{BRIDGE}-" in command or str(bench_directory() / str(SLOT)) in command:
            found.append(command)
    found += [str(link) for link in Path("/sys/class/net").glob(f"{BRIDGE}*")]
    found += [str(name) for name in Path("/run/netns").glob(f"{BRIDGE}-*")]
    rules = subprocess.run(["iptables", "-S", "FORWARD"], capture_output=True, text=True).stdout
    return found + [rule for rule in rules.splitlines() if BRIDGE in rule]


@pytest.mark.engine
class TestLife:
    """These make benches of their own; see `pytest_collection_modifyitems` for their turn."""

    def test_two_hosts_come_up_and_leave_nothing(self) -> None:
        """Two hosts have engines of their own with equal images, and no trace is left of them."""
        try:
            with Bench(count=2) as bench:
                ids = [images.ensure(host).ids for host in bench.hosts]
                names = [host.engine().info()["Name"] for host in bench.hosts]
                assert traces()
        except BenchUnavailable as error:
            pytest.skip(str(error))

        assert names == ["host1", "host2"]
        assert ids[0] == ids[1]
        assert len(set(ids[0].values())) == len(images.TAGS)
        assert traces() == []

    def test_two_processes_have_a_bench_each(self) -> None:
        """Another process gets another slot, whose hosts answer beside this one's."""
        script = (
            "from tests.bench.hosts import Bench\n"
            "with Bench() as bench:\n"
            "    print(bench.hosts[0].address, bench.hosts[0].engine().info()['Name'])\n"
        )
        try:
            with Bench() as bench:
                command = [sys.executable, "-c", script]
                done = subprocess.run(command, cwd=ROOT, timeout=90, capture_output=True, text=True)
                mine = bench.hosts[0].address
                assert bench.hosts[0].engine().ping()
        except BenchUnavailable as error:
            pytest.skip(str(error))

        assert done.returncode == 0, done.stderr
        theirs, name = done.stdout.split()
        assert theirs != mine
        assert name == "host1"

    def test_a_process_has_one_bench(self) -> None:
        """A second bench in one process is an error, not a reason to skip."""
        try:
            with Bench(), pytest.raises(RuntimeError, match="this process has a bench already"):
                Bench().__enter__()
        except BenchUnavailable as error:
            pytest.skip(str(error))

    def test_no_slot_left_is_an_error(self) -> None:
        """When other processes have all slots, the error names them and is no reason to skip."""
        script = (
            "import fcntl\n"
            "from tests.bench import slots\n"
            "locks = [slots._lock(slot) for slot in range(slots.SLOTS)]\n"
            "slots.mine()\n"
            "try:\n"
            "    slots.require()\n"
            "except slots.BenchBusy as error:\n"
            "    print(error)\n"
        )

        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, timeout=60, capture_output=True, text=True
        )

        assert f"all {slots.SLOTS} benches of this machine are in use" in done.stdout
        assert str(os.getpid()) in done.stdout

    def test_a_killed_run_is_cleaned_up_by_the_next(self) -> None:
        """A bench killed with a container running is removed by the next one, container and all."""
        script = (
            "from tests.bench.hosts import Bench\n"
            "from tests.bench import images\n"
            "import os, signal\n"
            "with Bench() as bench:\n"
            "    host = bench.hosts[0]\n"
            "    images.ensure(host)\n"
            "    host.engine().networks.create('left')\n"
            "    always = {'Name': 'always'}\n"
            "    host.engine().containers.run(images.APP, detach=True, restart_policy=always)\n"
            "    print(host.netns, flush=True)\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        try:
            with Bench():
                pass
        except BenchUnavailable as error:
            pytest.skip(str(error))

        command = [sys.executable, "-c", script]
        killed = subprocess.run(
            command, cwd=ROOT, timeout=120, check=False, capture_output=True, text=True
        ).stdout.strip()

        assert Path("/run/netns", killed).exists()
        with Bench() as bench:
            assert not Path("/run/netns", killed).exists()
            engine = bench.hosts[0].engine()
            assert engine.containers.list(all=True) == []
            assert {network.name for network in engine.networks.list()} == {
                "bridge",
                "host",
                "none",
            }
        assert traces() == []


@pytest.mark.engine
class TestHost:
    def test_a_published_port_answers(self, host: Host, app: Container) -> None:
        """The test process reaches a container over the host's address."""
        assert get(host, "/some/path") == "one v1 /some/path\n"

    def test_containers_find_each_other_by_name(self, host: Host) -> None:
        """The embedded DNS of a user-defined network works."""
        network = host.engine().networks.create("bench-dns")
        try:
            with (
                container(host, network="bench-dns", environment={"INSTANCE": "two"}) as one,
                container(host, network="bench-dns") as other,
            ):
                command = ["curl", "-sS", "--retry", "3", f"http://{one.name}/"]
                answer = other.exec_run(command)
        finally:
            network.remove()

        assert (answer.exit_code, answer.output) == (0, b"two v1 /\n")

    @pytest.mark.parametrize("network", ["bridge", "none"])
    @pytest.mark.parametrize(("start", "works"), [("0", True), ("1024", False)])
    def test_a_low_port_needs_the_sysctl(self, host: Host, network: str, start: str, works: bool) -> None:
        """A user other than root binds port 80 when ip_unprivileged_port_start allows it."""
        sysctls = {"net.ipv4.ip_unprivileged_port_start": start}

        with container(host, user="65534", network=network, sysctls=sysctls) as running:
            log = until(lambda: running.logs().decode(), "the application logs")

        assert ("listening on 80" in log) is works

    def test_memory_is_limited(self, host: Host) -> None:
        """A container that takes more memory than allowed is killed for it."""
        command = ["perl", "-e", "my $x = 'x' x 100_000_000; sleep 60"]

        with container(host, command=command, mem_limit="32m", memswap_limit="32m") as running:
            running.wait(timeout=30)
            running.reload()

            assert running.attrs["State"]["OOMKilled"]

    def test_a_restart_policy_acts_on_a_crash(self, host: Host) -> None:
        """A container whose process dies comes back, as its policy says."""
        always = {"Name": "always"}
        with container(host, ports={"80/tcp": PORT}, restart_policy=always) as running:
            until(lambda: serves(host), "the application serves")

            host.crash(str(running.id))

            def restarted() -> bool:
                running.reload()
                return int(running.attrs["RestartCount"]) == 1

            until(restarted, "the engine restarts the container")
            until(lambda: serves(host), "the application serves again")

    def test_the_broken_image_exits_with_a_reason(self, host: Host) -> None:
        """longshore-app:broken writes why to its error output and exits 1."""
        with container(host, images.APP_BROKEN, user="65534") as running:
            status = running.wait(timeout=10)["StatusCode"]
            errors = running.logs(stdout=False).decode()

        assert (status, errors) == (1, f"{images.BROKEN_LINE}\n")

    def test_the_sick_image_runs_and_answers_500(self, host: Host) -> None:
        """longshore-app:sick listens but is never healthy."""
        with container(host, images.APP_SICK, ports={"80/tcp": PORT}) as running:
            until(lambda: b"listening" in running.logs(), "the application listens")
            codes = []
            for path in ("/", "/healthz"):
                with pytest.raises(urllib.error.HTTPError) as error:
                    get(host, path)
                codes.append(error.value.code)

        assert codes == [500, 500]

    def test_ssh_reaches_the_engine(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        """Our connection and the docker command both talk to the engine over ssh."""
        with host.serve_ssh() as server:
            monkeypatch.setenv("PATH", f"{server.bin_dir}{os.pathsep}{os.environ['PATH']}")
            with connect({"address": server.url}) as engine:
                ours = engine.info()["Name"]
            by_command = subprocess.run(
                ["docker", "-H", server.url, "info", "--format", "{{.Name}}"],
                capture_output=True,
                text=True,
                timeout=30,
            )

        assert ours == host.name
        assert by_command.stdout.strip() == host.name, by_command.stderr


@pytest.mark.engine
class TestFaults:
    def test_a_cut_container_neither_answers_nor_refuses(self, host: Host, app: Container) -> None:
        """While cut, requests meet silence; afterwards they are answered."""
        with host.cut(str(app.id)), pytest.raises(TimeoutError):
            raise_reason(lambda: get(host, timeout=1.0))

        assert until(lambda: serves(host), "the application serves again")

    def test_a_stopped_process_holds_requests(self, host: Host, app: Container) -> None:
        """SIGSTOP leaves connections open without an answer until SIGCONT."""
        host.signal(str(app.id), "SIGSTOP")

        with pytest.raises(TimeoutError):
            raise_reason(lambda: get(host, timeout=1.0))
        host.signal(str(app.id), "SIGCONT")

        assert serves(host)


def raise_reason(request: Callable[[], object]) -> None:
    """Make a request; what a `URLError` was caused by is raised in its place."""
    try:
        request()
    except urllib.error.URLError as error:
        if isinstance(error.reason, OSError):
            raise error.reason from None
        raise


@pytest.mark.engine
class TestLoad:
    def test_requests_are_counted_where_they_arrive(self, host: Host, app: Container) -> None:
        """Two seconds at 200 a second are 400 requests, all ok, half of them on new connections."""
        url = f"http://{host.address}:{PORT}/"

        with Load(url, rate=200, max_seconds=2.0, connections=10) as load:
            assert load.wait_sent(400) == 400
            report = load.stop()

        assert (report.sent, report.ok, report.failed, report.retries) == (400, 400, 0, 0)
        assert report.statuses == {"200": 400}
        assert report.instances == {"one": 400}
        assert 210 <= report.opened < 260

    def test_failed_requests_are_reported(self, host: Host, app: Container) -> None:
        """When the target is killed, every request is still either ok or failed, with a kind."""
        with Load(f"http://{host.address}:{PORT}/", rate=100, timeout=2.0) as load:
            load.wait_sent(50)
            host.signal(str(app.id), "SIGKILL")
            load.wait_sent(load.sent + 50)
            report = load.stop()

        assert report.sent == report.ok + report.failed
        assert report.ok >= 40
        assert report.failed >= 40
        assert {failure.kind for failure in report.failures} <= {"connect", "reset", "timeout"}

    def test_a_graceful_stop_fails_no_request_in_flight(self, host: Host, app: Container) -> None:
        """On SIGTERM the application answers what it has accepted, then exits 0."""
        url = f"http://{host.address}:{PORT}/slow?ms=500"
        with Load(url, rate=100, max_requests=20) as load:
            load.wait_sent(20)
            app.kill(signal="SIGTERM")
            status = app.wait(timeout=10)["StatusCode"]
            report = load.stop()

        assert status == 0
        assert (report.ok, report.failed) == (20, 0)


@pytest.mark.parametrize("url", ["http://192.0.2.1/", "http://localhost/", "https://127.0.0.1/"])
def test_load_on_other_machines_is_refused(url: str) -> None:
    """Only loopback and the bench's network, by number, are allowed."""
    with pytest.raises(ValueError, match="refused; allowed is"):
        Settings(url)
