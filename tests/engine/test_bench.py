"""The bench itself: what other tests take for granted about hosts, images, load and faults."""

from __future__ import annotations

import os
import subprocess
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from components.engine.connection import connect
from tests.bench import images
from tests.bench.hosts import Host
from tests.bench.load import Load, Settings
from tests.bench.process import until

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
    """Provide the application, published on PORT."""
    with container(host, ports={"80/tcp": PORT}, environment={"INSTANCE": "one"}) as running:
        until(lambda: serves(host), "the application serves")
        yield running


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
