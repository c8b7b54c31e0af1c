"""The command line: `python -m checkout up|preview|down|refresh [--stack dev] [--yes]`."""

import os
from collections.abc import Sequence
from pathlib import Path

from components.operate.command import ended, parser, ready
from components.operate.run import Run
from components.operate.workspace import NoPulumi, Project

from . import machine
from .compose import ComposeStack
from .machine import Consent


def main(arguments: Sequence[str]) -> int:
    """Run an operation of a stack; return its exit status as `ended` does."""
    options = parser("checkout", __doc__)
    options.add_argument(
        "--yes", action="store_true", help="install what this machine lacks without a question; also CI=true"
    )
    given = options.parse_args(arguments)
    consent = Consent(given.yes or os.environ.get("CI") == "true")
    project = Project(Path.cwd(), given.stack)
    return ended(lambda: _operate(given.action, project, consent, debug=given.debug), given)


def _operate(action: str, project: Project, consent: Consent, *, debug: bool) -> None:
    with ready(action, project):
        _act(action, project, consent, debug=debug)


def _act(action: str, project: Project, consent: Consent, *, debug: bool) -> None:
    """Run the action with `pulumi`; with Compose where it is missing, or was missing at the first `up`."""
    composed = ComposeStack(project, consent)
    stack: Run | ComposeStack = composed
    if not composed.is_up:
        try:
            stack = Run(
                project,
                debug=debug,
                provide=lambda addresses: machine.provide(addresses, consent, compose=False),
            )
        except NoPulumi as error:
            if action != "up":
                raise
            print(f"{error.reason}: stack {project.stack} is brought up through Compose", flush=True)
    getattr(stack, action)()
