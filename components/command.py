"""The console command `longshore`."""

import argparse
import sys
from importlib import import_module

COMMANDS = ("export", "plan", "review")


def main() -> int:
    """Run the command that is named first, with the arguments after it; its exit status."""
    parser = argparse.ArgumentParser(prog="longshore", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="see `longshore <command> --help`")
    given = parser.parse_args(sys.argv[1:])
    status: int = import_module(f"{__package__}.{given.command}.__main__").main(given.arguments)
    return status
