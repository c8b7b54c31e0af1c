"""`pulumi` with a program that `components.operate` runs: no language host is needed.

    python -m tests.support.inline up --yes --stack dev

The process becomes `pulumi`, told to ask a child for the program of the working directory. The child ends
with it, however it ends.
"""

import ctypes
import os
import signal
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from components.arguments import project_files
from components.operate.host import Starter, environment, serving

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Run `pulumi <arguments>` in place of this process."""
    address = _serve(expected=arguments[0] in ("up", "preview"))
    os.execvp("pulumi", ["pulumi", *arguments, f"--client={address}"])  # noqa: S606 — no shell is meant


def _serve(*, expected: bool) -> str:
    """Start the child that runs the program when asked, as `expected`; its address."""
    reading, writing = os.pipe()
    parent = os.getpid()
    if os.fork():
        os.close(writing)
        return os.read(reading, 64).decode()
    os.setsid()  # a signal to the group of `pulumi` is for `pulumi`, as with a language host
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    with served(expected=expected) as address:
        os.write(writing, address.encode())
        os.close(writing)
        signal.pause()
    os._exit(0)


def served(*, expected: bool) -> AbstractContextManager[str]:
    """Serve the program of the working directory, loaded at once if `expected`; yields the address."""
    added = environment(Path.cwd(), project_files.about(Path.cwd()))
    assert added is not None, "this is a program for another host"
    starter = Starter(added)
    if expected:
        starter.expect()
    return serving(starter)


if __name__ == "__main__":
    main(sys.argv[1:])
