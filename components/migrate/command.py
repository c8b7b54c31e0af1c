"""`longshore migrate`, also `python -m components.migrate`: keep replicas when `update` is added or dropped.

longshore migrate --stack prod
longshore migrate --stack prod --yes
longshore migrate --stack prod --back --yes
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..operate.command import ended, ready
from ..operate.workspace import Project
from .migration import Migration


def main(arguments: Sequence[str]) -> int:
    """Move the replicas of a stack of the project in this folder; return the exit status as `ended` does."""
    parser = argparse.ArgumentParser(prog="longshore migrate", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stack", default="dev", help="name of the stack; default: dev")
    parser.add_argument("--back", action="store_true", help="move replicas back to a resource each")
    parser.add_argument("--yes", action="store_true", help="change the state; without it, only show the move")
    parser.add_argument("--debug", action="store_true", help="show what Pulumi says, as it is")
    given = parser.parse_args(arguments)
    project = Project(Path.cwd(), given.stack)

    def migrate() -> None:
        with ready("migrate", project):
            Migration(project, debug=given.debug).move(back=given.back, certain=given.yes)

    return ended(migrate, given)
