"""`longshore plan`, also `python -m components.plan`: what a stack declares, without engine, state or pulumi.

longshore plan --stack prod
longshore plan --stack prod --against origin/main
"""

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Optional

from ..review.markdown import code, escaped, markdown
from ..review.preview import Step, read
from ..review.report import reviewed
from . import runner
from .checks import Checked, check
from .compare import compared


class CannotPlan(Exception):
    """Why there is no plan; the message says what to do."""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Print the plan; the exit status: 0, 1 when the program or a check refuses, 2 for wrong input."""
    parser = argparse.ArgumentParser(prog="longshore plan", description=__doc__.splitlines()[0])
    parser.add_argument("--stack", default="dev", help="whose settings, Pulumi.<stack>.yaml (default: dev)")
    parser.add_argument("--against", metavar="REVISION", help="a revision of git: show what changes since")
    parser.add_argument("--format", choices=["markdown", "json"], default="markdown")
    given = parser.parse_args(arguments)
    try:
        return _plan(Path.cwd(), given.stack, given.against, given.format)
    except CannotPlan as error:
        print(f"longshore plan: {error}", file=sys.stderr)
        return 2


def _plan(folder: Path, stack: str, against: Optional[str], form: str) -> int:
    before = _of_revision(folder, stack, against) if against else []
    found = planned(folder, stack)
    found["steps"] = compared(before, found["steps"])
    preview = read(json.dumps(found))
    report, steps = reviewed(preview), preview.steps
    checks = list(check(steps))
    if form == "json":
        values = report.properties() | {"checks": [vars(each) for each in checks], "subnets": _subnets(steps)}
        print(json.dumps(values, indent=1))
    else:
        heading = f"What {stack} declares" if against is None else f"What changes in {stack}"
        print(markdown(report, heading) + _addresses(_subnets(steps)) + _checks(checks), end="")
    return 1 if report.errors or any(each.problem for each in checks) else 0


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


def _of_revision(folder: Path, stack: str, revision: str) -> list[Any]:
    """The steps of the plan of another revision; none where the stack was not there yet."""
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


def _subnets(steps: Iterable[Step]) -> dict[str, str]:
    """Subnets by what they are for."""
    found: dict[str, str] = {}
    for step in steps:
        if step.kind == "AddressPlan":
            found |= {str(what): str(subnet) for what, subnet in step.new.get("plan", {}).items()}
        for config in (step.new.get("ipamConfigs") or []) if step.kind == "Network" else []:
            found[f"network {step.name}"] = str(config.get("subnet"))
    return dict(sorted(found.items()))


def _addresses(subnets: dict[str, str]) -> str:
    if not subnets:
        return ""
    rows = [f"| {escaped(what)} | {code(subnet)} |\n" for what, subnet in subnets.items()]
    return "### Addresses\n\n| what | subnet |\n|---|---|\n" + "".join(rows) + "\n"


def _checks(checks: Sequence[Checked]) -> str:
    if not checks:
        return ""
    return "### Checked on this machine\n\n" + "".join(f"- {_said(each)}\n" for each in checks)


def _said(each: Checked) -> str:
    if each.skipped:
        return f"{code(each.name)}: not checked, there is no {each.program} here"
    if each.problem:
        return f"⚠️ {code(each.name)}: {each.program} refuses it: {escaped(each.problem)}"
    return f"{code(each.name)}: {each.program} accepts it"


if __name__ == "__main__":
    sys.exit(main())
