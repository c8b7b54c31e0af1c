"""The command line: `python -m checkout up|preview|down [--stack dev] [--yes]`."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from pulumi.automation import CommandError

from components.arguments.project_files import WrongFile
from components.engine.connection import EngineRefused, HostUnreachable
from components.repair.telling import CannotGoOn

from .causes import cause
from .compose import ComposeStack
from .machine import Consent
from .run import HostsUnchecked, Run
from .workspace import NoPulumi, Project, alone, last_line


def main(arguments: Sequence[str]) -> int:
    """Return 0 when done, 1 after an error, 3 after a preview of hosts that did not answer.

    See `ending` for 130.
    """
    parser = argparse.ArgumentParser(prog="checkout", description=__doc__)
    parser.add_argument("action", choices=("up", "preview", "down"))
    parser.add_argument("--stack", default="dev", help="name of the stack; default: dev")
    parser.add_argument(
        "--yes", action="store_true", help="install what this machine lacks without a question; also CI=true"
    )
    parser.add_argument(
        "--allow-unchecked",
        action="store_true",
        help="preview: exit code 0 also where a host does not answer",
    )
    parser.add_argument(
        "--debug", action="store_true", help="show what Pulumi, its plugins and engines say, as it is"
    )
    given = parser.parse_args(arguments)
    consent = Consent(given.yes or os.environ.get("CI") == "true")
    try:
        _operate(given.action, Project(Path.cwd(), given.stack), consent, debug=given.debug)
    except HostsUnchecked as error:
        print(f"{'warning' if given.allow_unchecked else 'error'}: {error}", file=sys.stderr)
        return 0 if given.allow_unchecked else error.code
    except (CannotGoOn, EngineRefused, HostUnreachable, WrongFile) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except CommandError as error:
        if given.debug:
            print(error, file=sys.stderr)
        print(f"error: {cause(str(error)) or last_line(error)}", file=sys.stderr)
        return 1
    except OSError as error:
        known = cause(str(error))
        if known is None:
            raise
        print(f"error: {known}", file=sys.stderr)
        return 1
    return 0


def _operate(action: str, project: Project, consent: Consent, *, debug: bool) -> None:
    """Run an action, alone on this machine unless it only looks."""
    if action != "down":
        project.require_settings()
    project.about()
    with nullcontext() if action == "preview" else alone(project):
        _act(action, project, consent, debug=debug)


def _act(action: str, project: Project, consent: Consent, *, debug: bool) -> None:
    """Run the action with `pulumi`; with Compose where it is missing, or was missing at the first `up`."""
    composed = ComposeStack(project, consent)
    stack: Run | ComposeStack = composed
    if not composed.is_up:
        try:
            stack = Run(project, consent, debug=debug)
        except NoPulumi as error:
            if action != "up":
                raise
            print(f"{error.reason}: stack {project.stack} is brought up through Compose", flush=True)
    getattr(stack, action)()
