"""The package as a user installs it: the wheel built from a checkout, and environments that hold it."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.program import ROOT


def checkout(folder: Path) -> Path:
    """Return a copy of the repository: building and `pulumi package add` write into it."""
    unwanted = shutil.ignore_patterns(
        ".*", "__pycache__", "tests", "build", "sdks", "node_modules", "*.egg-info", "Pulumi.*.yaml"
    )
    return Path(shutil.copytree(ROOT, folder / "longshore", ignore=unwanted))


def build(folder: Path) -> Path:
    """Return the wheel, built in `folder`."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", f"--wheel-dir={folder / 'wheels'}"]
    subprocess.run([*build, checkout(folder)], check=True)
    (wheel,) = (folder / "wheels").glob("longshore-*.whl")
    return wheel


def environment(folder: Path, *packages: Path | str) -> Path:
    """Return a virtual environment in `folder` that holds these packages and what they need."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *map(str, packages)], check=True)
    return folder
