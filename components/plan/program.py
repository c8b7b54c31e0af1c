"""The plan of the program in a folder, as it is there or as it was at a revision."""

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from ..arguments import project_files
from . import CannotPlan

RUNNER = Path(__file__).with_name("runner.py")


def planned(folder: Path, stack: str) -> dict[str, Any]:
    """Return the resources that the program in `folder` declares for `stack`, as a preview of an empty stack.

    Raises CannotPlan without such a program or stack.
    """
    _look(folder, stack)
    return _run(folder, stack)


def _run(folder: Path, stack: str) -> dict[str, Any]:
    """Run the program in a process of its own: the SDK keeps one program's state in its modules."""
    with tempfile.TemporaryDirectory(prefix="longshore-") as name:
        result = Path(name) / "plan.json"
        command = [sys.executable, str(RUNNER), str(folder), stack, str(result)]
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", cwd=folder, check=False
        )
        if done.returncode or not result.is_file():
            said = done.stderr.strip().splitlines() or [f"it ended with status {done.returncode}"]
            raise CannotPlan(f"the program could not be run: {said[-1]}")
        return dict(json.loads(result.read_text()))


def _look(folder: Path, stack: str) -> None:
    """Raise CannotPlan where there is no such stack of a Python program. One without settings has no file."""
    try:
        main = project_files.about(folder).get("main") or "."
        project_files.settings(folder / f"Pulumi.{stack}.yaml")
    except project_files.WrongFile as error:
        raise CannotPlan(str(error)) from error
    stacks = sorted(file.name.split(".")[1] for file in folder.glob("Pulumi.*.yaml"))
    if stacks and stack not in stacks:
        raise CannotPlan(f"no Pulumi.{stack}.yaml in {folder}; its stacks are {', '.join(stacks)}: name one")
    if not (folder / main / "__main__.py").is_file():
        raise CannotPlan(
            f"no __main__.py in {(folder / main).resolve()}: only programs in Python are planned"
        )


class Revision(NamedTuple):
    """A revision of git, as it is written, and the hash of its files: only a hash is no option of git."""

    name: str
    tree: str


def revision(folder: Path, name: str) -> Revision:
    """Return the revision of that name. Raises CannotPlan without such a revision."""
    tree = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{tree}}", what=name)
    return Revision(name, tree.decode().strip())


def planned_at(folder: Path, stack: str, then: Revision) -> list[Any]:
    """Return the steps of the plan of another revision; none where the stack was not there yet.

    Raises CannotPlan when the program failed there.
    """
    inside = _git(folder, "rev-parse", "--show-prefix").decode().strip()
    top = Path(_git(folder, "rev-parse", "--show-toplevel").decode().strip())
    archive, settings = _git(top, "archive", then.tree), f"Pulumi.{stack}.yaml"
    with tempfile.TemporaryDirectory(prefix="longshore-") as name:
        try:
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                tar.extractall(name, filter="data")
        except tarfile.TarError as error:
            raise CannotPlan(f"{then.name} cannot be unpacked: {error}") from error
        there = Path(name) / inside
        if (folder / settings).is_file() and not (there / settings).is_file():
            return []
        found = planned(there, stack)
    errors = [each["message"] for each in found["diagnostics"] if each["severity"] == "error"]
    if errors:
        raise CannotPlan(f"the program of {then.name} fails: {errors[0]}")
    return list(found["steps"])


def _git(folder: Path, *arguments: str, what: str = "") -> bytes:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise CannotPlan(said.splitlines()[0] if said else f"no revision {what!r} in this repository")
    return done.stdout
