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
from tests.pulumi.test_stack import everything, files_with, get
from tests.support.program import APP, PORT, PROXY, ROOT, Run
from tests.support.swarm import answers, asked, bare

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.slow]

TOKEN = "a-token-of-nobody"


class Project:
    """A Pulumi project in a folder, with state and settings of its own, and one stack."""

    def __init__(
        self,
        folder: Path,
        private: Path,
        *,
        path: str = "",
        begin: tuple[str, ...] = ("stack", "select", "--create", "test"),
    ) -> None:
        """Prepare a project.

        `private` gets state and Pulumi's folder; `path` comes first on PATH; `begin` makes the stack.
        """
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
            "GOGC": "400",  # as in Inline
        }
        # `pulumi package add` wants the plugins that a plugin needs there, and not on PATH.
        plugin = shutil.which("pulumi-resource-docker")
        installed = private / f"home/plugins/resource-docker-v{version('pulumi_docker')}"
        if plugin and not installed.exists():
            installed.mkdir(parents=True)
            (installed / "pulumi-resource-docker").symlink_to(plugin)
        self.pulumi(*begin)

    def pulumi(self, *arguments: str, check: bool = True) -> Run:
        """Run `pulumi <arguments>` in the project's folder."""
        return self.run("pulumi", *arguments, "--non-interactive", check=check)

    def run(self, *command: str, check: bool = True) -> Run:
        """Run a command in the project's folder."""
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
        """Set the settings that both examples of LoadBalancedService read."""
        self.set(engine=host.url, image=APP, proxy=PROXY, port=str(PORT))
        self.pulumi("config", "set", "--secret", "token", TOKEN)

    def set(self, **settings: str) -> None:
        """Change these settings."""
        given = (f"--plaintext={name}={value}" for name, value in settings.items())
        self.pulumi("config", "set-all", *given)

    def up(self) -> None:
        self.pulumi("up", "--yes", "--skip-preview")

    def destroy(self) -> None:
        self.pulumi("destroy", "--yes", "--skip-preview")

    @property
    def changes_nothing(self) -> bool:
        """True when a preview is empty."""
        return self.pulumi("preview", "--expect-no-changes", check=False).code == 0


@pytest.fixture(scope="module")
def in_process(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> Path:
    """Provide examples/in_process, with the wheel in its environment and nothing of ours beside it."""
    folder = tmp_path_factory.mktemp("in_process") / "in_process"
    shutil.copytree(ROOT / "examples/in_process", folder, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    (folder / ".venv").symlink_to(installed)
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
    """They meet on the network of the first stack.

    The gateway exists before its service, which changes without the other two; they are removed in reverse
    order.
    """
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
        answers(lambda: [shop(host)[0] for host in hosts] == [200] * 3, "every gateway finds it")
        assert [project.changes_nothing for project in projects] == [True] * 3

        services.set(image=APP_2)
        assert [project.changes_nothing for project in projects] == [True, True, False]
        services.up()
        answers(lambda: [shop(host)[1].split()[1] for host in hosts] == ["v2"] * 3, "every gateway follows")
        assert [project.changes_nothing for project in projects] == [True] * 3
    finally:
        for project in reversed(projects):
            project.destroy()
    assert bare(hosts)


def three_stacks(in_process: Path, name: str, private: Path) -> Project:
    """Return a project of examples/three_stacks; all three share one state and the packages of in_process."""
    folder = private / name
    shutil.copytree(ROOT / "examples/three_stacks" / name, folder)
    (folder / ".venv").symlink_to(in_process / ".venv")
    return Project(folder, private)
