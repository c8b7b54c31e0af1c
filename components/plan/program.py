"""The plan of the program in a folder, as it is there or as it was at a revision."""

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from . import CannotPlan, runner


def planned(folder: Path, stack: str) -> dict[str, Any]:
    """What the program in `folder` declares for `stack`, in the form of a preview of nothing yet.

    Raises CannotPlan without such a program or stack.
    """
    for file in ("Pulumi.yaml", f"Pulumi.{stack}.yaml", "__main__.py"):
        if not (folder / file).is_file():
            raise CannotPlan(f"no {file} in {folder}: run this in a project's folder, and name a stack")
    # A process of its own: the SDK keeps one program's state in its modules.
    with tempfile.TemporaryDirectory(prefix="longshore-") as name:
        result = Path(name) / "plan.json"
        command = [sys.executable, runner.__file__, str(folder), stack, str(result)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
        if not result.is_file():
            said = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
            raise CannotPlan(f"the program could not be run: {said[-1]}")
        return dict(json.loads(result.read_text()))


def planned_at(folder: Path, stack: str, revision: str) -> list[Any]:
    """The steps of the plan of another revision of git; none where the stack was not there yet.

    Raises CannotPlan without such a revision, and when the program failed there.
    """
    inside = _git(folder, "rev-parse", "--show-prefix").decode().strip()
    top = Path(_git(folder, "rev-parse", "--show-toplevel").decode().strip())
    # Only a hash is given on: a revision may look like an option.
    tree = _git(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{tree}}", what=revision
    )
    archive = _git(top, "archive", tree.decode().strip())
    with tempfile.TemporaryDirectory(prefix="longshore-") as name:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(name, filter="data")
        there = Path(name) / inside
        if not (there / f"Pulumi.{stack}.yaml").is_file():
            return []
        found = planned(there, stack)
    if found["diagnostics"]:
        raise CannotPlan(f"the program of {revision} fails: {found['diagnostics'][0]['message']}")
    return list(found["steps"])


def _git(folder: Path, *arguments: str, what: str = "") -> bytes:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True)
    if done.returncode:
        said = done.stderr.decode().strip()
        raise CannotPlan(said.splitlines()[0] if said else f"no revision {what!r} in this repository")
    return done.stdout
