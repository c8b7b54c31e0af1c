"""`make up` and `make down` without `pulumi`: what this machine lacks, and a stack run by Compose."""

import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import docker.errors
import pytest
import yaml

from checkout import debian, machine, stand_ins
from checkout.compose import ComposeStack
from checkout.machine import Consent
from components.arguments.hosts import LOCAL_SOCKET
from components.engine.containers import EngineError
from components.operate.workspace import Project
from components.repair.telling import CannotGoOn
from tests.bench.hosts import Host
from tests.pulumi.test_scenarios import ask
from tests.pulumi.test_stack import everything
from tests.support.program import APP, PROXY
from tests.support.wheel import checkout

AGREED, UNASKED = Consent(True), Consent(False)


# Packages that this machine lacks


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Provide a Debian machine without an engine; return the list of steps, which change nothing really."""
    happened: list[str] = []

    def start() -> None:
        happened.append("start")
        monkeypatch.setattr(machine, "answers", lambda address: True)

    monkeypatch.setattr(machine, "answers", lambda address: False)
    monkeypatch.setattr(debian, "is_ours_to_change", lambda: True)
    monkeypatch.setattr(debian, "PATH", "")
    monkeypatch.setattr(debian, "install", lambda packages: happened.append(f"install {' '.join(packages)}"))
    monkeypatch.setattr(debian, "start_docker", start)
    return happened


def test_an_engine_is_installed_and_started(done: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With consent; one line names the reason and the packages."""
    machine.provide([LOCAL_SOCKET], AGREED, compose=True)

    assert done == ["install docker.io docker-compose", "start"]
    assert capsys.readouterr().out == (
        f"no Docker engine answers at {LOCAL_SOCKET} and there is no Docker Compose: going to install "
        "Debian's docker.io and docker-compose and start the engine\n"
    )


def test_an_engine_that_is_installed_is_started(done: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing else."""
    monkeypatch.setattr("shutil.which", lambda name, path: f"/usr/sbin/{name}")

    machine.provide([LOCAL_SOCKET], AGREED, compose=False)

    assert done == ["start"]


def test_nobody_is_there_to_ask(done: list[str]) -> None:
    """One line names the steps and the option that allows them; nothing is done."""
    with pytest.raises(CannotGoOn, match=r"`make up YES=1` would install Debian's docker\.io and start the"):
        machine.provide([LOCAL_SOCKET], UNASKED, compose=False)

    assert done == []


@pytest.mark.parametrize("answer", ["y", "Yes ", "", "n"])
def test_somebody_is_asked(done: list[str], monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """At a terminal; no answer is a no."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: answer)
    refused = pytest.raises(CannotGoOn, match="nothing was changed")

    with nullcontext() if answer[:1] in ("y", "Y") else refused:
        machine.provide([LOCAL_SOCKET], UNASKED, compose=False)

    assert bool(done) == (answer[:1] in ("y", "Y"))


@pytest.mark.parametrize(
    ("address", "ours", "running"),
    [("ssh://deploy@web-1.example", True, False), (LOCAL_SOCKET, False, False), (LOCAL_SOCKET, True, True)],
)
def test_nothing_is_offered(
    done: list[str], monkeypatch: pytest.MonkeyPatch, address: str, ours: bool, running: bool
) -> None:
    """For another machine, without root or apt, and where an engine answers."""
    monkeypatch.setattr(debian, "is_ours_to_change", lambda: ours)
    monkeypatch.setattr(machine, "answers", lambda address: running)

    machine.provide([address], AGREED, compose=False)

    assert done == []


# Images


class Registry:
    """An engine without images; `answer` is what comes of a pull."""

    def __init__(self, answer: Exception) -> None:
        self.images = self.api = self
        self._answer = answer

    def get(self, name: str) -> Any:
        raise docker.errors.ImageNotFound(name)

    def pull(self, name: str, **how: Any) -> Any:
        raise self._answer

    def list(self, name: str) -> list[str]:
        return []


UNREACHABLE = docker.errors.APIError("dial tcp: no such host", explanation="dial tcp: no such host")
UNKNOWN = docker.errors.NotFound("manifest unknown", explanation="manifest unknown")


@pytest.mark.parametrize(
    ("image", "answer"),
    [
        ("httpd:2.5", UNKNOWN),
        ("shop:1", UNREACHABLE),
        ("registry.example/httpd:2.4", UNREACHABLE),
        ("someone/httpd:2.4", UNREACHABLE),
    ],
)
def test_nothing_stands_in_for_other_images(done: list[str], image: str, answer: Exception) -> None:
    """For one that a registry does not have, and for anybody's own."""
    engine: Any = Registry(answer)

    with pytest.raises(
        CannotGoOn, match=f"image {image} is not on its host, and .*(look at its name and tag|docker load)"
    ):
        stand_ins.provide(engine, [image], AGREED)


@pytest.mark.parametrize(
    "image", ["httpd", "httpd:2.4", "docker.io/library/httpd:2.4", f"httpd@sha256:{'0' * 64}"]
)
def test_stand_ins_are_built_with_consent_only(done: list[str], image: str) -> None:
    """For the demonstration's images, however they are written."""
    engine: Any = Registry(UNREACHABLE)

    with pytest.raises(CannotGoOn, match="YES=1` would build stand-ins from Debian's apache2"):
        stand_ins.provide(engine, [image], UNASKED)

    assert done == []


@pytest.mark.engine
def test_stand_ins_say_what_they_are(done: list[str], host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """One root file system for both, names of their own, and nothing else stays; they are built once."""

    def root_file_system(suite: str, packages: list[str], archive: Path, source: str) -> None:
        done.append(f"root file system with {' '.join(packages)}")
        with tarfile.open(archive, "w") as tar:
            tar.addfile(tarfile.TarInfo("usr/local/bin/true"))

    monkeypatch.setattr(debian, "suite", lambda: "bookworm")
    monkeypatch.setattr(debian, "mirror", lambda suite: "")
    monkeypatch.setattr(debian, "root_file_system", root_file_system)
    monkeypatch.setattr(stand_ins, "pull_missing", unreachable)
    engine = host.engine()
    base = "longshore-stand-in:bookworm"
    names = ["longshore-stand-in-apache2:bookworm", "longshore-stand-in-haproxy:bookworm"]
    before = everything(host)
    try:
        found = stand_ins.provide(engine, ["httpd:2.4", "haproxy:3.2"], AGREED)
        again = stand_ins.provide(engine, ["httpd:2.4", "haproxy:3.2"], UNASKED)

        assert dict(found) == dict(again) == {"httpd:2.4": names[0], "haproxy:3.2": names[1]}
        assert done == ["install debootstrap", "root file system with apache2 haproxy"]
        assert engine.images.get(names[0]).attrs["Config"]["Cmd"] == ["httpd-foreground"]
        assert everything(host) - before == {("image", name) for name in (*names, base)}
    finally:
        for name in (*names, base):
            engine.images.remove(name)


def unreachable(engine: Any, image: str, registries: Any) -> None:
    """Return the answer of `pull_missing` where no registry answers."""
    raise EngineError(f"image {image} cannot be pulled") from UNREACHABLE


# A stack run by Compose


def stack(folder: Path, **settings: Any) -> ComposeStack:
    """Return the stack `dev` of a checkout, with other settings."""
    keys = {f"longshore:{key}": value for key, value in settings.items()}
    (folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": keys}))
    return ComposeStack(Project(folder, "dev"), UNASKED)


WEB: dict[str, Any] = {"image": APP, "replicas": 3, "front_end": {"image": PROXY, "port": 8080}}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"services": {"web": {**WEB, "replicas": 0}}}, "replicas must be between 1 and 1000, got 0"),
        (
            {"services": {"web": {**WEB, "host": {"address": "ssh://deploy@web-1.example"}}}},
            "it is for ssh://deploy@web-1.example: install pulumi, or run there what",
        ),
        (
            {
                "services": {"web": {**WEB, "environment": {"TOKEN": {"secret": "token"}}}},
                "secrets": {"token": {"secure": "v1:abc:def"}},
            },
            "only pulumi knows some values: set WEB_WEB_TOKEN (",
        ),
    ],
)
@pytest.mark.usefixtures("in_process")
def test_a_stack_that_compose_cannot_run_is_one_error(
    tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    """One clear error, and nothing is made."""
    found = stack(checkout(tmp_path), **settings)

    with pytest.raises(CannotGoOn) as error:
        found.up()

    assert said in str(error.value)
    assert not found.is_up


@pytest.fixture(scope="module")
def operate(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Provide `python -m checkout <action>` on the host, with settings of the service `web` if any."""
    folder = checkout(tmp_path_factory.mktemp("reader"))
    path = folder / "bin"
    path.mkdir()
    (path / "docker-compose").symlink_to("/usr/bin/docker-compose")
    environment = [f"HOME={folder}", f"PATH={path}", f"DOCKER_HOST={host.url}"]

    def typed(action: str, check: bool = True, **settings: Any) -> str:
        if settings:
            services = {"services": {"web": {**WEB, **settings}}}
            stack(folder, **services)
        command = ["env", "-i", *environment, sys.executable, "-m", "checkout", action]
        found = host.run_in(command, check=False, cwd=folder, timeout=200)
        assert (found.returncode == 0) == check, found.stdout + found.stderr
        return found.stdout or found.stderr

    before = everything(host)
    yield typed
    typed("down")
    assert everything(host) == before
    assert not (folder / ".longshore/dev").exists()


@pytest.mark.engine
class TestCompose:
    """A checkout on a host whose engine has the images."""

    def test_up(self, operate: Callable[..., str], host: Host) -> None:
        """It says why it is Compose, and ends with the address where three replicas answer."""
        said = operate("up", replicas=3).splitlines()

        assert "there is no usable pulumi" in said[0]
        assert said[0].endswith("stack dev is brought up through Compose")
        assert said[-1] == "web: http://localhost:8080"
        assert len({ask(host.address, 8080, "any").instance for _ in range(12)}) == 3

    def test_up_again_carries_out_a_change(self, operate: Callable[..., str], host: Host) -> None:
        """Of the replicas, and of nothing but the front end's configuration."""
        operate("up", replicas=2, host_names=["web.example"])
        replicas = {ask(host.address, 8080, "web.example").instance for _ in range(12)}
        operate("up", replicas=2, host_names=["web.example", "www.example"])

        assert len(replicas) == 2
        assert ask(host.address, 8080, "www.example").instance in replicas
        assert ask(host.address, 8080, "any").status == 503

    @pytest.mark.parametrize("kind", ["haproxy", "nginx"])
    def test_replicas_with_a_pace(self, operate: Callable[..., str], host: Host, kind: str) -> None:
        """Compose brings them up, though it acts on no pace."""
        front_end = {**WEB["front_end"], "kind": kind, "resolve": kind == "haproxy"}
        update = {"parallelism": 2, "delay": 0.5, "monitor": 1.5, "max_failure_ratio": 0.25}

        said = operate("up", replicas=3, front_end=front_end, update=update)

        assert said.endswith("web: http://localhost:8080\n")
        assert len({ask(host.address, 8080, "any").instance for _ in range(12)}) == 3

    def test_a_preview_is_pulumis(self, operate: Callable[..., str]) -> None:
        """The error names the alternative."""
        assert "-m components.plan --stack dev`" in operate("preview", check=False)
