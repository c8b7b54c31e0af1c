"""Messages at the terminal: lines of progress, and the reason why a run cannot go on."""

import sys


class CannotGoOn(Exception):
    """Reason why a run cannot go on and the remedy, in one line for the user at the terminal."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


def say(line: str) -> None:
    """Print one line for the user, at once."""
    print(line, flush=True)


def complain(line: str) -> None:
    """Print one line of an error, at once."""
    print(line, file=sys.stderr, flush=True)
