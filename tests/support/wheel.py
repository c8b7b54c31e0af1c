"""The package as a user installs it: the wheel built from a checkout, and environments that hold it."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

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
    (wheel,) = wheels.glob("longshore-*.whl")
    return wheel


def environment(folder: Path, wheel: Path) -> Path:
    """Make a virtual environment in `folder` that holds the wheel, what it needs, and pip, which Pulumi asks.

    Modules are compiled when they are first imported: most never are.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "install", "--quiet"]
    packages = [str(wheel), f"pip=={version('pip')}"]
    subprocess.run([*pip, "--disable-pip-version-check", "--no-compile", *packages], check=True)
    return folder


def once(made: Path, make: Callable[[], object]) -> Path:
    """Return what `make` makes at `made`, which one process of a run makes for all."""
    ready = made.with_name(f"{made.name}.ready")
    with locked(made.with_name(f"{made.name}.lock")):
        if not ready.exists():
            make()
            ready.touch()
    return made
