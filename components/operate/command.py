"""`longshore up | preview | down | refresh`, also `python -m components.operate <action>`: operate a stack.

longshore preview --stack prod
longshore up --stack prod
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Optional

from pulumi.automation import CommandError

from ..arguments.project_files import WrongFile
from ..engine.connection import EngineRefused, HostUnreachable
from ..repair.telling import CannotGoOn
from .causes import cause
from .run import HostsUnchecked, Run
from .workspace import Project, alone, last_line

ACTIONS = ("up", "preview", "down", "refresh")


def main(arguments: Sequence[str]) -> int:
    """Run an operation of a stack of the project in this folder; return its exit status as `ended` does."""
    given = parser("longshore", __doc__).parse_args(arguments)
    project = Project(Path.cwd(), given.stack)

    def operate() -> None:
        with ready(given.action, project):
            getattr(Run(project, debug=given.debug), given.action)()

    return ended(operate, given)


def parser(program: str, description: Optional[str]) -> argparse.ArgumentParser:
    """Return the parser of a command that operates a stack; `description` is its first line."""
    parser = argparse.ArgumentParser(prog=program, description=(description or "").partition("\n")[0])
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("--stack", default="dev", help="name of the stack; default: dev")
    parser.add_argument(
        "--allow-unchecked",
        action="store_true",
        help="preview: exit code 0 also where a host does not answer",
    )
    parser.add_argument(
        "--debug", action="store_true", help="show what Pulumi, its plugins and engines say, as it is"
    )
    return parser


@contextmanager
def ready(action: str, project: Project) -> Iterator[None]:
    """Check the files of a project; hold its stack alone on this machine, unless `action` only looks."""
    if action != "down":
        project.require_settings()
    project.about()
    with nullcontext() if action == "preview" else alone(project):
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
