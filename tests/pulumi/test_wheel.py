"""The wheel, in an environment that holds nothing else of ours."""

import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from components.version import VERSION
from tests.bench.hosts import Host
from tests.pulumi.test_examples import Project
from tests.pulumi.test_stack import everything, get
from tests.support.floating import FAST, Floating, floating_address
from tests.support.program import APP, PORT, PROXY, ROOT

ABOUT = f"longshore_pulumi-{VERSION}.dist-info"
TEN_LINES = f"""\
import pulumi
from longshore import LoadBalancedService

web = LoadBalancedService(
    "web",
    {{"image": "{APP}", "front_end": {{"image": "{PROXY}", "port": {PORT}}}}},
)

pulumi.export("url", web.url)
pulumi.export("replicas", web.replica_names)
"""
INLINE = """\
import json
import sys

import pulumi
from pulumi import automation


def program():
    from longshore import FloatingAddress

    vip = FloatingAddress("vip", json.loads(sys.argv[1]))
    pulumi.export("address", vip.address)


stack = automation.create_or_select_stack("dev", "inline", program)
made = stack.up()
seen = {
    "address": made.outputs["address"].value,
    "made": made.summary.resource_changes,
    "preview": stack.preview().change_summary,
    "gone": stack.destroy().summary.resource_changes,
}
print(json.dumps(seen))
"""
UNIT_TEST = """\
import pulumi

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        return "id", args.inputs

    def call(self, args):
        return {{}}

pulumi.runtime.set_mocks(Mocks())

from {package}.resources.generation import Generation

Generation("generation", {{"definition": "1"}})
"""


def test_it_holds_the_templates(wheel: Path) -> None:
    """Each one, and the mark of a typed package; nothing for developers."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    templates = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("templates/*/*.j2")}
    assert templates
    assert {f"longshore/{template}" for template in templates} <= names
    assert "longshore/py.typed" in names
    assert {name.partition("/")[0] for name in names} == {"longshore", ABOUT}


class Plugin:
    """The plugin of an environment as it runs, asked as Pulumi asks it."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._process.stdout.readline().strip()}")
        self.ask = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def close(self) -> None:
        self._channel.close()
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture(scope="module")
def plugin(installed: Path) -> Iterator[Plugin]:
    """Provide the wheel's plugin."""
    running = Plugin(installed / "bin/pulumi-resource-longshore")
    yield running
    running.close()


def test_wheel_plugin_and_schema_have_one_version(wheel: Path, plugin: Plugin) -> None:
    """The wheel's, the plugin's and the schema's are the same."""
    with zipfile.ZipFile(wheel) as archive:
        about = archive.read(f"{ABOUT}/METADATA").decode()
    schema = json.loads(plugin.ask.GetSchema(provider_pb2.GetSchemaRequest()).schema)

    assert Parser().parsestr(about)["Version"] == VERSION
    assert plugin.ask.GetPluginInfo(empty_pb2.Empty()).version == VERSION
    assert schema["version"] == VERSION


def test_the_command_plans_a_program_of_ones_own(installed: Path, tmp_path: Path) -> None:
    """Without `pulumi`: three replicas behind a front end."""
    (tmp_path / "__main__.py").write_text(TEN_LINES)
    (tmp_path / "Pulumi.yaml").write_text("name: own\nruntime: python\n")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    command = [str(installed / "bin/longshore"), "plan", "--stack", "dev"]

    done = subprocess.run(
        command, cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    assert "server web-2 web-web-2-g1:80" in done.stdout


@pytest.mark.parametrize("missing", ["monitor", "installation"])
def test_nothing_is_linked_outside_of_pulumi(missing: str, installed: Path, tmp_path: Path) -> None:
    """Unit tests with Pulumi's mocks, and a checkout, leave Pulumi's folder alone."""
    package = {"monitor": "longshore", "installation": "components"}[missing]
    command = [str(installed / "bin/python"), "-c", UNIT_TEST.format(package=package)]

    subprocess.run(command, cwd=ROOT, env={"PULUMI_HOME": str(tmp_path)}, check=True)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.engine
@pytest.mark.pulumi_cli
def test_an_inline_program(installed: Path, tmp_path: Path, hosts: list[Host]) -> None:
    """With the Automation API and no language host: `up`, a preview without changes, `destroy`."""
    group = Floating(hosts)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }
    command = [str(installed / "bin/python"), "-c", INLINE, json.dumps(group.args("ab", **FAST))]

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["address"] == floating_address()
    assert seen["preview"] == {"same": seen["made"]["create"]}
    assert seen["gone"] == {"delete": seen["made"]["create"]}
    assert group.owners() == ""


@pytest.mark.engine
@pytest.mark.pulumi
@pytest.mark.slow
def test_the_command_operates_a_program_of_ones_own(installed: Path, tmp_path: Path, host: Host) -> None:
    """`longshore up`, requests, `preview`, `refresh`, `down`, in an environment that is not active."""
    before = everything(host)
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "__main__.py").write_text(TEN_LINES.replace('"url", web.url', '"urls", {"web": web.url}'))
    (folder / "Pulumi.yaml").write_text("name: own\nruntime: python\n")
    project = Project(folder, tmp_path / "private")
    project.environment = {
        "PATH": project.environment["PATH"],
        "HOME": str(tmp_path),
        "DOCKER_HOST": host.url,
        **{key: value for key, value in project.environment.items() if key.startswith("PULUMI_")},
    }

    def longshore(action: str) -> str:
        command = [str(installed / "bin/longshore"), action, "--stack", "test"]
        done = subprocess.run(
            command, cwd=folder, env=project.environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    up = longshore("up")
    answers = {get(host).split()[0] for _ in range(12)}
    preview, refresh, down = (longshore(action) for action in ("preview", "refresh", "down"))

    assert up.splitlines()[-1] == f"web: http://localhost:{PORT}"
    assert len(answers) == 3
    assert "unchanged" in preview
    assert "Refreshing" in refresh
    assert "Destroying" in down
    assert everything(host) == before


@pytest.mark.engine
@pytest.mark.pulumi
@pytest.mark.slow
def test_from_an_empty_directory(installed: Path, tmp_path: Path, host: Host) -> None:
    """Ten lines, `pulumi up`, requests, `pulumi destroy`, in an environment that is not active."""
    before = everything(host)
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "__main__.py").write_text(TEN_LINES)
    (folder / "Pulumi.yaml").write_text(
        f"name: own\nruntime:\n  name: python\n  options:\n    virtualenv: {installed}\n"
    )
    project = Project(folder, tmp_path / "private")
    project.environment = {
        "PATH": project.environment["PATH"],
        "HOME": str(tmp_path),
        "DOCKER_HOST": host.url,
        **{key: value for key, value in project.environment.items() if key.startswith("PULUMI_")},
    }

    project.up()
    answers = {get(host).split()[0] for _ in range(12)}
    again = project.changes_nothing
    link = tmp_path / f"private/home/plugins/resource-longshore-v{VERSION}/pulumi-resource-longshore"
    target = link.readlink()
    # Another environment of the same version has run meanwhile, and is gone.
    link.unlink()
    link.symlink_to(tmp_path / "gone")
    project.up()
    project.destroy()

    assert len(answers) == 3
    assert again
    assert target == link.readlink() == installed / "bin/pulumi-resource-longshore"
    assert everything(host) == before
