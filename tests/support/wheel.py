"""The package as a user installs it: the wheel built from a checkout, and environments that hold it."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from tests.bench.process import locked
from tests.support.program import ROOT


def checkout(folder: Path) -> Path:
    """Return a copy of the repository: building and `pulumi package add` write into it."""
    unwanted = shutil.ignore_patterns(
        ".*", "__pycache__", "tests", "build", "sdks", "node_modules", "*.egg-info", "Pulumi.*.yaml"
    )
    return Path(shutil.copytree(ROOT, folder / "longshore", ignore=unwanted))


def build(folder: Path) -> Path:
    """Build the wheel in `folder`, with the setuptools of this environment."""
    wheels = folder / "wheels"
    command = [
        sys.executable,
        "-c",
        f"from setuptools import build_meta; build_meta.build_wheel({str(wheels)!r})",
    ]
    done = subprocess.run(command, cwd=checkout(folder), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = wheels.glob("longshore_pulumi-*.whl")
    return wheel


def environment(folder: Path, wheel: Path) -> Path:
    """Make a virtual environment in `folder` that holds the wheel, what it needs, and pip, which Pulumi asks.

    Other packages are those of this environment, which pip would find and unpack again for seconds.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", "--no-deps", wheel], check=True)
    (there,) = folder.glob("lib/*/site-packages")
    (ours,) = metadata.distributions(name="longshore-pulumi", path=[str(there)])
    for package in needed([*(ours.requires or []), "pip"]).values():
        for file in package.files or []:
            source = Path(str(file.locate()))
            if ".." not in file.parts and source.exists():  # no command, which nobody calls
                (there / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, there / file)
    return folder


def needed(requirements: Iterable[str]) -> dict[str, metadata.Distribution]:
    """Return the installed packages that meet the requirements, and the requirements of those, by name."""
    found: dict[str, metadata.Distribution] = {}
    waiting, known = [("", each) for each in requirements], set[tuple[str, str]]()
    while waiting:
        extra, text = each = waiting.pop()
        wanted = Requirement(text)
        if each in known or (wanted.marker and not wanted.marker.evaluate({"extra": extra})):
            continue
        known.add(each)
        package = found[wanted.name] = metadata.distribution(wanted.name)
        assert wanted.specifier.contains(package.version, prereleases=True), (text, package.version)
        waiting += [(extra, more) for more in package.requires or [] for extra in ("", *wanted.extras)]
    return found


def once(made: Path, make: Callable[[], object]) -> Path:
    """Return what `make` makes at `made`, which one process of a run makes for all."""
    ready = made.with_name(f"{made.name}.ready")
    with locked(made.with_name(f"{made.name}.lock")):
        if not ready.exists():
            make()
            ready.touch()
    return made
