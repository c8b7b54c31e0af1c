"""What the one at the terminal is told: lines of progress, and why it cannot go on."""

import sys


class CannotGoOn(Exception):
    """What is in the way and what to do about it, in one line for the one at the terminal."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


def say(line: str) -> None:
    """One line for the user, at once."""
    print(line, flush=True)


def complain(line: str) -> None:
    """One line of an error, at once."""
    print(line, file=sys.stderr, flush=True)
