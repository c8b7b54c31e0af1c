"""The console command `longshore`."""

import sys

from .ending import ending

OPERATIONS = ("up", "preview", "down", "refresh", "history", "rollback")
COMMANDS = ("export", "migrate", "plan", "review", *OPERATIONS)


def main() -> int:
    """Run the command that is named first, with the arguments after it; its exit status."""
    name, *arguments = sys.argv[1:] or [""]
    if name in OPERATIONS:
        return ending("error", f"{__package__}.operate.command", [name, *arguments], failed=1)
    if name == "migrate":
        return ending("error", f"{__package__}.migrate.command", arguments, failed=1)
    if name in COMMANDS:
        return ending(f"longshore {name}", f"{__package__}.{name}.command", arguments, failed=2)
    import argparse

    parser = argparse.ArgumentParser(prog="longshore", description=__doc__)
    parser.add_argument("command", choices=COMMANDS, help="see `longshore <command> --help`")
    parser.parse_args()
    return 2
