"""`longshore export`, also `python -m components.export`: a stack for engines without Pulumi.

longshore export compose --stack dev folder
cd folder && docker compose up

longshore export stack --stack swarm folder
cd folder && docker stack deploy --compose-file stack.yaml shop
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from ..plan import CannotPlan
from ..plan.program import planned
from ..preview.instance import instances, others
from ..preview.reading import Preview, read
from .compose import compose
from .project import CannotExport
from .stack import stack

FORMS = {"compose": compose, "stack": stack}


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Write the project, and say what is not in it; the exit status: 0, or 2 when nothing was written."""
    parser = argparse.ArgumentParser(prog="longshore export", description=__doc__.splitlines()[0])
    parser.add_argument(
        "form",
        metavar="|".join(FORMS),
        choices=list(FORMS),
        help="what reads the project: `docker compose`, or `docker stack deploy`",
    )
    parser.add_argument("folder", type=Path, help="where the project is written; made if it is not there")
    parser.add_argument("--stack", default="dev", help="whose settings, Pulumi.<stack>.yaml (default: dev)")
    parser.add_argument(
        "--host",
        default="",
        help="address of the host, or of a manager of the swarm, where there are several",
    )
    given = parser.parse_args(arguments)
    try:
        preview = _preview(given.stack)
        found = instances(preview)
        project = FORMS[given.form](found, given.host)
    except (CannotPlan, CannotExport) as error:
        print(f"longshore export: {error}", file=sys.stderr)
        return 2
    for file in project.write(given.folder):
        print(file)
    for name, what in project.variables.items():
        print(f"set {name} in {given.folder}/.env: {what}")
    for line in project.left_out(found, others(preview)):
        print(f"not in it: {line}")
    return 0


def _preview(stack: str) -> Preview:
    """Return what the program in this folder declares. Raises CannotPlan, and CannotExport when it fails."""
    preview = read(json.dumps(planned(Path.cwd(), stack)))
    if preview.errors:
        raise CannotExport(f"the program fails: {preview.errors[0]}")
    return preview
