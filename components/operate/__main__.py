"""The command line: `python -m components.operate up|preview|down [--stack dev]`."""

import argparse
import sys
from pathlib import Path

from pulumi.automation import CommandError

from ..connection import EngineRefused, HostUnreachable
from . import CannotGoOn
from .run import Run
from .workspace import last_line


def main() -> int:
    """Exit code: 0 when done, 1 with the reason in one line, 130 when interrupted."""
    parser = argparse.ArgumentParser(prog="components.operate", description=__doc__)
    parser.add_argument("action", choices=("up", "preview", "down"))
    parser.add_argument("--stack", default="dev", help="name of the stack; default: dev")
    arguments = parser.parse_args()
    try:
        getattr(Run(Path.cwd(), arguments.stack), arguments.action)()
    except (CannotGoOn, EngineRefused, HostUnreachable) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except CommandError as error:
        print(f"error: {last_line(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
