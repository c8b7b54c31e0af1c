"""`longshore plan`, also `python -m components.plan`: what a stack declares, without engine, state or pulumi.

longshore plan --stack prod
longshore plan --stack prod --against origin/main
"""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Optional

from . import CannotPlan
from .program import planned, planned_at, revision


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
    then = revision(folder, against) if against else None
    with ThreadPoolExecutor() as pool:
        now = pool.submit(planned, folder, stack)
        before = pool.submit(planned_at, folder, stack, then) if then else None
        # Its own imports take their time, too: meanwhile.
        from .report import report

        said, refused = report(stack, now.result(), before.result() if before else None, form)
    print(said, end="")
    return 1 if refused else 0
