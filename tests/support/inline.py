"""`pulumi` with a program that runs in a process of ours, so that no language host is needed.

    python -m tests.support.inline up --yes --stack dev

The process becomes `pulumi`, told to ask a child for the program: `__main__.py` of the working directory, run
as the Automation API runs an inline program. The child ends with it, however it ends.
"""

import ctypes
import os
import runpy
import signal
import sys
from concurrent import futures
from pathlib import Path
from typing import Any

RUNS_A_PROGRAM = ("up", "preview", "refresh", "destroy")
_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Run `pulumi <arguments>` in place of this process."""
    if arguments[0] in RUNS_A_PROGRAM:
        arguments = [*arguments, f"--client=127.0.0.1:{_serve()}"]
    os.execvp("pulumi", ["pulumi", *arguments])  # noqa: S606 — no shell is meant


def _serve() -> int:
    """Start the child that runs the program when asked; the port on which it listens."""
    reading, writing = os.pipe()
    parent = os.getpid()
    if os.fork():
        os.close(writing)
        return int(os.read(reading, 16))
    os.setsid()  # a signal to the group of `pulumi` is for `pulumi`, as with a language host
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)

    import grpc
    from pulumi.automation._server import LanguageServer
    from pulumi.runtime.proto import language_pb2_grpc

    server = grpc.server(futures.ThreadPoolExecutor(4))
    register: Any = language_pb2_grpc.add_LanguageRuntimeServicer_to_server
    register(LanguageServer(_program), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    os.write(writing, str(port).encode())
    os.close(writing)
    server.wait_for_termination()
    os._exit(0)


def _program() -> None:
    sys.path.insert(0, str(Path.cwd()))
    signal.signal = lambda *_: None  # a program's own is for a main thread
    runpy.run_path("__main__.py", run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
