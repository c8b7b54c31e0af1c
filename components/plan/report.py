"""Report of a plan: a review, the routes, the addresses, and the checks by programs of this machine."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from ..preview.reading import Step, read
from ..review.markdown import code, escaped, markdown
from ..review.report import reviewed
from .checks import Checked, check
from .compare import compared
from .routes import routes, table


def report(
    stack: str, found: Mapping[str, Any], before: Optional[Sequence[Any]], form: str
) -> tuple[str, bool]:
    """Return the plan `found` of a stack as `markdown` or `json`, and whether the program or a check refuses.

    With `before`, the steps of another plan, the report shows what changes since.
    """
    preview = read(json.dumps({**found, "steps": compared(before or [], found["steps"])}))
    known, steps = reviewed(preview), preview.steps
    checks = list(check(steps))
    refused = bool(known.errors) or any(each.problem for each in checks)
    if form == "json":
        values = known.properties() | {
            "checks": [vars(each) for each in checks],
            "routes": {each.name: [way._asdict() for way in routes(each)] for each in known.instances},
            "subnets": _subnets(steps),
        }
        return f"{json.dumps(values, indent=1)}\n", refused
    heading = f"What {stack} declares" if before is None else f"What changes in {stack}"
    ways = "".join(map(table, known.instances))
    return markdown(known, heading) + ways + _addresses(_subnets(steps)) + _checks(checks), refused


def _subnets(steps: Iterable[Step]) -> dict[str, str]:
    """Return the subnets by their purpose."""
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
