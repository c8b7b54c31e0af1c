"""`pulumi package add` of a tag of the repository; of a folder see test_examples.py."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from components.version import VERSION
from tests.bench.hosts import Host
from tests.pulumi.test_examples import Project
from tests.pulumi.test_stack import everything, get
from tests.support.git_server import ADDRESS, GitServer
from tests.support.program import APP, PORT, PROXY
from tests.support.wheel import checkout

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.slow]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """Provide this tree as the release of an organisation `acme`."""
    tree, served = checkout(tmp_path), tmp_path / "served"
    bare = served / "acme/longshore.git"
    bare.parent.mkdir(parents=True)
    who = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "release"], ["tag", f"v{VERSION}"]):
        subprocess.run(["git", *who, *command], cwd=tree, check=True)
    subprocess.run(["git", "clone", "-q", "--bare", tree, bare], check=True)
    with GitServer(served) as serving:
        yield serving


def test_a_tag_of_the_repository(server: GitServer, tmp_path: Path, host: Host) -> None:
    """A program in YAML with nothing but `pulumi`: up, requests, an empty preview, destroy."""
    before = everything(host)
    folder = tmp_path / "own"
    folder.mkdir()
    about = folder / "Pulumi.yaml"
    about.write_text("name: own\nruntime: yaml\n")
    project = Project(folder, tmp_path / "private")
    project.environment |= {"SSL_CERT_FILE": str(server.authorities)}
    properties = {
        "image": APP,
        "replicas": 2,
        "host": {"address": host.url},
        "frontEnd": {"image": PROXY, "port": PORT},
    }

    project.pulumi("package", "add", f"https://{ADDRESS}/acme/longshore.git/plugin@v{VERSION}")
    program = yaml.safe_load(about.read_text())
    web = {"type": "longshore:LoadBalancedService", "properties": properties}
    about.write_text(yaml.safe_dump({**program, "resources": {"web": web}}))
    project.up()
    answers = {get(host).split()[0] for _ in range(8)}
    again = project.changes_nothing
    project.destroy()

    assert program["packages"] == {"longshore": f"{ADDRESS}/acme/longshore.git/plugin@v{VERSION}"}
    assert len(answers) == 2
    assert again
    assert everything(host) == before
