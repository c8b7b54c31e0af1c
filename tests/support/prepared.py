"""A process that has loaded Pulumi's SDK and our code, and forks for each program, plugin and command.

Every `pulumi` would start Python for its program and for our plugin, and each start loads the same for half a
second. A fork has the streams, the folder, the environment and the arguments of the process that asks, which
is `client.py`, and ends with that process.
"""

import gc
import marshal
import os
import secrets
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
from functools import cache, partial
from importlib import import_module
from pathlib import Path

import components
from components.provider import handlers

ROOT = Path(__file__).resolve().parents[2]
CLIENT = Path(__file__).with_name("client.py")


@cache
def name() -> str:
    """Start the process at the first call, and return what it is called. It ends with this one."""
    called = f"longshore-{secrets.token_hex(8)}"
    started = subprocess.Popen(
        [sys.executable, "-m", __name__, called],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the tests
    )
    assert started.stdout is not None
    assert started.stdout.readline(), "the prepared process does not start"
    started.returncode = 0  # nobody awaits it
    _kept.append(started)
    return called


_kept: list["subprocess.Popen[bytes]"] = []
"""The process whose standard input is open for as long as this one lives."""


def serve(called: str) -> None:
    """Run a fork for each client until standard input ends."""
    _load()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{called}")
        listener.listen()
        print("ready", flush=True)
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            if not os.fork():
                listener.close()
                _work(connection)
            connection.close()


def _load() -> None:
    """Import what programs, our plugin and `make` need."""
    for module in (
        "pulumi_docker",
        "checkout.command",
        "components.operate.host",
        "components.provider.server",
    ):
        import_module(module)
    for each in components.__all__:
        getattr(components, each)
    list(handlers.HANDLERS.values())


def _work(connection: socket.socket) -> None:
    """Do the work of a client in this process, and end it."""
    from components.operate.program import _status, _stream

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()  # a signal to the group of `pulumi` is for `pulumi`
    pid, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    assert user == os.getuid(), "it is another user's"
    client = os.pidfd_open(pid)
    size, files, _, _ = socket.recv_fds(connection, 4, 4)
    with connection.makefile("rb") as given:
        work, arguments, environment = marshal.loads(given.read(int.from_bytes(size)))  # noqa: S302
    os.fchdir(files.pop())
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdout = _stream(1, "strict", by_line=False)
    sys.stderr = _stream(2, "backslashreplace", by_line=True)
    if work == "program":
        _program(connection, client)
    threading.Thread(target=_end_with, args=[client], daemon=True).start()
    sys.argv = [work, *arguments]
    status = _status(_plugin if work == "plugin" else partial(_command, arguments))
    connection.sendall(str(status).encode())
    os._exit(status)


def _program(connection: socket.socket, client: int) -> None:
    """Serve the program of the working directory until the client ends."""
    from .inline import served

    with served(expected=False) as address:  # all that it needs is loaded
        connection.sendall(address.encode())
        connection.close()
        select.select([client], [], [])
        os._exit(0)


def _plugin() -> int:
    """Run our plugin."""
    from components.plugin import main

    main()
    return 0


def _command(arguments: list[str]) -> int:
    """Run `python -m checkout`."""
    from components.ending import ending

    return ending("error", "checkout.command", list(arguments), failed=1)


def _end_with(client: int) -> None:
    """End this process at once when the client ends."""
    select.select([client], [], [])
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    serve(sys.argv[1])
