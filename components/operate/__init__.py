"""What `make up`, `preview` and `down` do around Pulumi: get what is missing, repair what an
interrupted run left, run, say where the services are.

    python -m components.operate up --stack dev
"""

import sys


class CannotGoOn(Exception):
    """What is in the way and what to do about it, in one line for the one at the terminal."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class HostsUnchecked(CannotGoOn):
    """A preview that is whole but for what hosts would say that did not answer."""

    code = 3
    """Exit code of the command, unless such previews are allowed."""


def say(line: str) -> None:
    """One line for the user, at once."""
    print(line, flush=True)


def complain(line: str) -> None:
    """One line of an error, at once."""
    print(line, file=sys.stderr, flush=True)
