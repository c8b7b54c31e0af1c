"""The programs below examples/ as their readers run them, in environments of their own."""

import json
import os
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.bench.hosts import Host
from tests.bench.images import APP_2
from tests.program import APP, PORT, PROXY, ROOT, Run
from tests.swarm import answers, asked, bare
from tests.test_stack import everything, files_with, get
from tests.wheel import checkout, environment

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.slow]

TOKEN = "a-token-of-nobody"


class Project:
    """A Pulumi project in a folder, with state and settings of its own, and one stack."""

    def __init__(self, folder: Path, private: Path, *, path: str = "") -> None:
        """`private` gets state and Pulumi's own folder; `path` comes first on PATH."""
        self.folder = folder
        self.state = private / "state"
        self.state.mkdir(parents=True, exist_ok=True)
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")},
            "PATH": ":".join(filter(None, [path, os.environ["PATH"]])),
            "PULUMI_HOME": str(private / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "NO_COLOR": "1",
        }
        # `pulumi package add` wants the plugins that a plugin needs there, and not on PATH.
        plugin = shutil.which("pulumi-resource-docker")
        installed = private / f"home/plugins/resource-docker-v{version('pulumi_docker')}"
        if plugin and not installed.exists():
            installed.mkdir(parents=True)
            (installed / "pulumi-resource-docker").symlink_to(plugin)
        self.pulumi("stack", "init", "test")

    def pulumi(self, *arguments: str, check: bool = True) -> Run:
        """`pulumi <arguments>` in the project's folder."""
        return self.run("pulumi", *arguments, "--non-interactive", check=check)

    def run(self, *command: str, check: bool = True) -> Run:
        """A command in the project's folder."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        run = Run(command, done.returncode, done.stdout + done.stderr, done.stdout, 0)
        assert not check or run.code == 0, run.output
        return run

    def configure(self, host: Host) -> None:
        """The settings that both examples of LoadBalancedService read."""
        self.set(engine=host.url, image=APP, proxy=PROXY, port=str(PORT))
        self.pulumi("config", "set", "--secret", "token", TOKEN)

    def set(self, **settings: str) -> None:
        """Change these settings."""
        for name, value in settings.items():
            self.pulumi("config", "set", name, value)

    def up(self) -> None:
        self.pulumi("up", "--yes", "--skip-preview")

    def destroy(self) -> None:
        self.pulumi("destroy", "--yes", "--skip-preview")

    @property
    def changes_nothing(self) -> bool:
        """Whether a preview is empty."""
        return self.pulumi("preview", "--expect-no-changes", check=False).code == 0


@pytest.fixture(scope="module")
def in_process(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """examples/in_process, with the wheel in its environment and nothing of ours beside it."""
    folder = tmp_path_factory.mktemp("in_process") / "in_process"
    shutil.copytree(ROOT / "examples/in_process", folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    environment(folder / ".venv", wheel)
    return folder


def test_in_process(in_process: Path, tmp_path: Path, hosts: list[Host]) -> None:
    """Two services and a swarm beside what is the team's own: preview, up, requests, destroy. Pulumi finds
    the plugin that the wheel brought, without a path to it."""
    host, *others = hosts
    before = everything(host)
    project = Project(in_process, tmp_path)
    project.configure(host)
    nodes = {
        name: {"host": {"address": each.url}, "advertise_address": each.address, "role": "manager"}
        for name, each in zip("abc", hosts, strict=True)
    }
    project.set(nodes=json.dumps(nodes))

    planned = project.pulumi("preview", "--diff").output
    project.up()
    try:
        office = get(host, "/env/TOKEN")
        api = get(host, "/env/TOKEN", name="api.shop.example")
        database = get(host, "/env/DATABASE", name="api.shop.example")
        outputs = json.loads(project.pulumi("stack", "output", "--json").stdout)
        services = [each.name for each in host.engine().services.list()]
        changed = not project.changes_nothing
        in_clear = files_with(project.state, TOKEN)
    finally:
        project.destroy()

    assert "shop-office-0-g1" in planned
    assert (office, api, database) == ("\n", f"{TOKEN}\n", "database\n")
    assert (outputs["url"], outputs["admin"]) == (f"http://localhost:{PORT}", f"http://127.0.0.1:{PORT + 1}")
    assert services == list(outputs["services"]) == ["worker"]
    assert not changed
    assert in_clear == []
    assert everything(host) - before <= {("network", "docker_gwbridge")}  # the engine's own, after a swarm
    assert bare(others)


def test_three_stacks(in_process: Path, tmp_path: Path, hosts: list[Host]) -> None:
    """They meet on the network of the first: the gateway is there before its service, which changes without
    the other two, and they go in reverse order."""
    projects = [three_stacks(in_process, name, tmp_path) for name in ("cluster", "gateway", "services")]
    cluster, gateway, services = projects
    nodes = {
        name: {"host": {"address": host.url}, "advertise_address": host.address, "role": "manager"}
        for name, host in zip("abc", hosts, strict=True)
    }
    cluster.set(nodes=json.dumps(nodes))
    gateway.set(proxy=PROXY, port=str(PORT))
    services.set(image=APP)

    def shop(host: Host) -> tuple[int, str]:
        return asked(f"http://{host.address}:{PORT}/", "shop.example")

    try:
        cluster.up()
        gateway.up()
        answers(lambda: [shop(host)[0] for host in hosts] == [503] * 3, "every gateway misses the service")
        services.up()
        answers(lambda: [shop(host)[0] for host in hosts] == [200] * 3, "every gateway finds it", timeout=5)
        assert [project.changes_nothing for project in projects] == [True] * 3

        services.set(image=APP_2)
        assert [project.changes_nothing for project in projects] == [True, True, False]
        services.up()
        assert [shop(host)[1].split()[1] for host in hosts] == ["v2"] * 3
        assert [project.changes_nothing for project in projects] == [True] * 3
    finally:
        for project in reversed(projects):
            project.destroy()
    assert bare(hosts)


def three_stacks(in_process: Path, name: str, private: Path) -> Project:
    """A project of examples/three_stacks; all of them have one state, and what in_process has installed."""
    folder = private / name
    shutil.copytree(ROOT / "examples/three_stacks" / name, folder)
    (folder / ".venv").symlink_to(in_process / ".venv")
    return Project(folder, private)


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """examples/packaged of a fresh checkout, after README's one command."""
    folder = checkout(tmp_path_factory.mktemp("packaged")) / "examples/packaged"
    project = Project(folder, tmp_path_factory.mktemp("private"))
    project.pulumi("package", "add", "../../plugin")
    return project


def test_a_packaged_program_has_nothing_of_ours(packaged: Project) -> None:
    """Its environment holds pulumi and what was generated, not this SDK and what that needs."""
    python = packaged.folder / ".venv/bin/python"

    installed = packaged.run(str(python), "-m", "pip", "list", "--format=freeze").output

    names = {line.partition("=")[0].replace("_", "-") for line in installed.splitlines()}
    assert {"pulumi", "pulumi-longshore"} <= names
    assert not names & {"longshore", "pulumi-docker", "docker", "pydantic"}


def test_packaged(packaged: Project, host: Host) -> None:
    """Up, a request, no drift, destroy; the environment's secret stays one."""
    before = everything(host)
    packaged.configure(host)

    said = packaged.pulumi("preview", "--diff").output
    said += packaged.pulumi("up", "--yes", "--skip-preview").output
    token = get(host, "/env/TOKEN")
    url = packaged.pulumi("stack", "output", "url").stdout.strip()
    said += packaged.pulumi("stack", "export").output
    again = packaged.pulumi("preview", "--expect-no-changes", check=False)
    in_clear = files_with(packaged.state, TOKEN)
    packaged.pulumi("destroy", "--yes", "--skip-preview")

    assert token == f"{TOKEN}\n"
    assert url == f"http://localhost:{PORT}"
    assert again.code == 0, again.output
    assert TOKEN not in said
    assert in_clear == []
    assert files_with(packaged.state, "io.longshore.role")
    assert everything(host) == before


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("replicas=3", "replicas=0", "replicas must be between 1 and 1000"),
        (
            'config.get_int("port") or 8080',
            "0",
            "front_end.port must be between 1 and 65535",
        ),
    ],
)
def test_a_wrong_value_of_a_packaged_component_is_one_clear_message(
    packaged: Project, host: Host, key: str, value: str, message: str
) -> None:
    """Without a traceback, and nothing is made."""
    before = everything(host)
    packaged.configure(host)
    program = packaged.folder / "__main__.py"
    right = program.read_text()
    assert key in right
    program.write_text(right.replace(key, value))

    run = packaged.pulumi("up", "--yes", check=False)
    program.write_text(right)

    assert run.code != 0
    told = [line for line in run.output.splitlines() if line.startswith("    error: ")]
    assert [line for line in told if f"LoadBalancedService 'site': {message}" in line], run.output
    assert "Traceback" not in run.output
    assert 'File "' not in run.output
    assert everything(host) == before
