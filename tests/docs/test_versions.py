"""The table of supported versions, held against what the suites have seen and what is refused."""

import platform
import re
import subprocess
import tomllib
from collections.abc import Callable
from importlib import metadata

import pytest

from tests.bench.generations import OLD
from tests.bench.hosts import Host
from tests.bench.images import KEEPALIVED, PROXY
from tests.support.documents import DOCS
from tests.support.program import ROOT

Version = tuple[int, int]
PROGRAMS = {
    "HAProxy": (PROXY, ["haproxy", "-v"]),
    "nginx": (PROXY, ["nginx", "-v"]),
    "keepalived": (KEEPALIVED, ["keepalived", "--version"]),
}


def table() -> dict[str, list[str]]:
    """Return the cells of each row of docs/versions.md, by program."""
    lines = (DOCS / "versions.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return {name: cells for name, *cells in rows[2:]}


TABLE = table()


def version(text: str) -> Version:
    """Return major and minor number of the first version in a text."""
    found = re.search(r"(\d+)\.(\d+)", text)
    assert found, text
    return int(found[1]), int(found[2])


def seen(host: Host) -> dict[str, Version]:
    """Return versions of a host's engine and of the programs in its images."""
    engine = host.engine()
    said = {"Docker Engine": str(engine.version()["Version"])}
    for name, (image, command) in PROGRAMS.items():
        output = engine.containers.run(image, command, remove=True, stdout=True, stderr=True)
        said[name] = output.decode()
    return {name: version(each) for name, each in said.items()}


@pytest.mark.engine
@pytest.mark.every_engine
def test_hosts_have_the_versions_of_the_table(host: Host, note: Callable[[str], None]) -> None:
    """Debian 12's exactly; the newest that Debian serves may have moved on since the page was changed."""
    found = seen(host)

    note(
        f"{host.generation.name} hosts: "
        + ", ".join(f"{name} {major}.{minor}" for name, (major, minor) in found.items())
    )
    if host.generation is OLD:
        assert found == {name: version(TABLE[name][0]) for name in found}
    else:
        assert {name: max(each, version(TABLE[name][1])) for name, each in found.items()} == found
        assert all(each > version(TABLE[name][0]) for name, each in found.items())


@pytest.mark.pulumi
def test_the_pulumi_cli_is_that_of_the_table() -> None:
    """CI has the newest pair of CLI and SDK."""
    said = subprocess.run(["pulumi", "version"], capture_output=True, text=True, check=True).stdout

    assert version(said) == version(TABLE["Pulumi CLI"][1])


def test_python_and_its_packages_are_those_of_the_table() -> None:
    """The pinned SDK and provider are what is installed, on a Python that is not refused."""
    pins = dict(line.split("==") for line in (ROOT / "requirements.txt").read_text().splitlines())

    assert version(metadata.version("pulumi")) == version(pins["pulumi"])
    assert version(pins["pulumi"]) == version(TABLE["Pulumi SDK for Python"][1])
    assert version(pins["pulumi-docker"]) == version(TABLE["Pulumi Docker provider"][1])
    assert version(platform.python_version()) >= version(TABLE["Python"][0])


def test_pip_refuses_the_versions_that_the_table_refuses() -> None:
    """The bounds of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bounds = dict(re.findall(r"^([a-z-]+)(.*)$", "\n".join(project["dependencies"]), re.MULTILINE))

    assert f"before {project['requires-python'].removeprefix('>=')}" == TABLE["Python"][3]
    for package, name in {
        "pulumi": "Pulumi SDK for Python",
        "pulumi-docker": "Pulumi Docker provider",
    }.items():
        low, high = bounds[package].removeprefix(">=").split(",<")
        assert f"before {low}, and {high}" == TABLE[name][3]
