"""templates/project, from which `pulumi new` makes a project."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.version import VERSION
from tests.bench.hosts import Host
from tests.pulumi.test_examples import Project
from tests.pulumi.test_stack import everything, get
from tests.support.program import PORT, ROOT
from tests.support.reader import IMAGES, named

TEMPLATE = ROOT / "templates/project"


def settings() -> dict[str, Any]:
    about = yaml.safe_load((TEMPLATE / "Pulumi.yaml").read_text())
    return dict(about["template"]["config"])


def test_it_asks_for_nothing_without_a_default() -> None:
    """Each setting is described; Enter is an answer to every question."""
    asked = settings()

    assert set(asked) == {"host", "image", "replicas", "port", "frontEnd"}
    assert all(each["description"] and isinstance(each["default"], str) for each in asked.values())
    assert asked["image"]["default"] in IMAGES


def test_it_asks_for_what_the_program_reads() -> None:
    """And for nothing else."""
    program = (TEMPLATE / "__main__.py").read_text()

    assert all(f'("{name}")' in program for name in settings())
    assert program.count("config.require") == len(settings())


def test_it_needs_this_version() -> None:
    """Of the package, which brings everything else."""
    assert (TEMPLATE / "requirements.txt").read_text() == f"longshore-pulumi=={VERSION}\n"


def test_it_is_no_part_of_the_package(wheel: Path) -> None:
    """The wheel has templates of configurations alone."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    assert [name for name in names if name.startswith("longshore/templates/project")] == []


@pytest.mark.engine
@pytest.mark.pulumi
@pytest.mark.slow
@pytest.mark.parametrize("path", [TEMPLATE, TEMPLATE.parent], ids=["project", "templates"])
def test_a_new_project_runs(
    path: Path, wheel: Path, tmp_path: Path, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an empty folder: `pulumi new`, `pulumi up`, a request, `pulumi destroy`."""
    before = everything(host)
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    folder = tmp_path / "mine"
    folder.mkdir()
    answers = {"host": host.url, "replicas": "2", "port": str(PORT)}
    given = [f"--config={name}={value}" for name, value in answers.items()]

    project = Project(folder, tmp_path / "private", begin=("new", str(path), "--yes", "--stack=test", *given))
    with named(host):
        project.up()
        try:
            page = get(host)
            outputs = json.loads(project.pulumi("stack", "output", "--json").stdout)
            again = project.changes_nothing
        finally:
            project.destroy()

    about = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    assert about["name"] == "mine"
    assert "template" not in about
    assert page.endswith(" v1 /\n")
    assert outputs == {"url": f"http://localhost:{PORT}"}
    assert again
    assert everything(host) == before
