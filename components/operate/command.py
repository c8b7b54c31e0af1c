"""`longshore up | preview | down | refresh | history | rollback`: operate a stack.

longshore preview --stack prod
longshore up --stack prod
longshore rollback 3 --stack prod

Also `python -m components.operate <action>`.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Optional

from pulumi.automation import CommandError

from ..arguments.project_files import WrongFile
from ..engine.connection import EngineRefused, HostUnreachable
from ..repair.telling import CannotGoOn
from .causes import cause
from .past import Asked, roll_back, show
from .run import HostsUnchecked, Run
from .workspace import Project, alone, last_line

ACTIONS = ("up", "preview", "down", "refresh")
LOOKING = ("preview", "history")
"""Actions that change nothing."""


def main(arguments: Sequence[str]) -> int:
    """Run an operation of a stack of the project in this folder; return its exit status as `ended` does."""
    if arguments[:1] in (["history"], ["rollback"]):
        return _past(arguments)
    given = parser("longshore", __doc__).parse_args(arguments)
    project = Project(Path.cwd(), given.stack)

    def operate() -> None:
        with ready(given.action, project):
            getattr(Run(project, debug=given.debug), given.action)()

    return ended(operate, given)


def _past(arguments: Sequence[str]) -> int:
    """Show the history of a stack's services, or bring a revision back."""
    given = _past_parser(arguments[0]).parse_args(arguments[1:])
    project = Project(Path.cwd(), given.stack)
    asked = Asked(given.service, given.number, given.json, given.yes, given.allow_unchecked)

    def operate() -> None:
        with ready(arguments[0], project):
            # The first lines of a run are no part of the data.
            with redirect_stdout(sys.stderr if given.json else sys.stdout):
                run = Run(project, debug=given.debug)
            (show if arguments[0] == "history" else roll_back)(run, project, asked)

    return ended(operate, given)


def _past_parser(action: str) -> argparse.ArgumentParser:
    """Return the parser of `history` or `rollback`."""
    looking = action == "history"
    parser = argparse.ArgumentParser(
        prog=f"longshore {action}",
        description=(
            "Show the revisions of the services of a stack, and changes that failed."
            if looking
            else "Bring a revision of a service back; the settings file of the stack stays as it is."
        ),
    )
    parser.set_defaults(json=False, yes=False, allow_unchecked=False)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "number",
        nargs="?",
        type=_number,
        help="revision whose changes are shown in full"
        if looking
        else "revision to bring back; default: the last one that is not as the one in force",
    )
    parser.add_argument("--service", help="name of the service, where the stack has several")
    if looking:
        what.add_argument("--json", action="store_true", help="print all that is kept, as JSON")
    else:
        parser.add_argument("--yes", action="store_true", help="do not ask after the preview")
    _add_options(parser, unchecked=not looking)
    return parser


def _number(text: str) -> int:
    """Return a revision's number. Raises ArgumentTypeError for another text."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a revision is a number from 1 on, got {text!r}")
    return int(text)


def parser(program: str, description: Optional[str]) -> argparse.ArgumentParser:
    """Return the parser of a command that operates a stack; `description` is its first line."""
    parser = argparse.ArgumentParser(prog=program, description=(description or "").partition("\n")[0])
    parser.add_argument("action", choices=ACTIONS)
    _add_options(parser, unchecked=True)
    return parser


def _add_options(parser: argparse.ArgumentParser, *, unchecked: bool) -> None:
    """Add the options of all commands; with `unchecked` also that of those that preview."""
    parser.add_argument("--stack", default="dev", help="name of the stack; default: dev")
    if unchecked:
        parser.add_argument(
            "--allow-unchecked",
            action="store_true",
            help="preview: exit code 0 also where a host does not answer",
        )
    parser.add_argument(
        "--debug", action="store_true", help="show what Pulumi, its plugins and engines say, as it is"
    )


@contextmanager
def ready(action: str, project: Project) -> Iterator[None]:
    """Check the files of a project; hold its stack alone on this machine, unless `action` only looks."""
    if action != "down":
        project.require_settings()
    project.about()
    with nullcontext() if action in LOOKING else alone(project):
        yield


def ended(operate: Callable[[], None], given: argparse.Namespace) -> int:
    """Return 0 when done, 1 after an error, 3 after a preview of hosts that did not answer.

    See `ending` for 130.
    """
    try:
        operate()
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
