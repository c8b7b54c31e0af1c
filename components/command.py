"""The console command `longshore`."""

import argparse
import sys
from collections.abc import Callable, Sequence

from .export import __main__ as export
from .plan import __main__ as plan
from .review import __main__ as review

COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "export": export.main,
    "plan": plan.main,
    "review": review.main,
}


def main() -> int:
    """Run the command that is named first, with the arguments after it; its exit status."""
    parser = argparse.ArgumentParser(prog="longshore", description=__doc__)
    parser.add_argument("command", choices=sorted(COMMANDS))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="see `longshore <command> --help`")
    given = parser.parse_args(sys.argv[1:])
    return COMMANDS[given.command](given.arguments)
