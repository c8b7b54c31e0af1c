"""`longshore plan`, also `python -m components.plan`: what a stack declares, without engine, state or pulumi.

longshore plan --stack prod
longshore plan --stack prod --against origin/main
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Optional

from ..review.markdown import code, escaped, markdown
from ..review.preview import Step, read
from ..review.report import reviewed
from . import CannotPlan
from .checks import Checked, check
from .compare import compared
from .program import planned, planned_at


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
    before = planned_at(folder, stack, against) if against else []
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
