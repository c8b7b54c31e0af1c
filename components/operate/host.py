"""A host for programs in Python, in place of Pulumi's: it runs them in forks of this process.

`pulumi --client=<address>` asks it for the program of a stack, as it asks a language host. Pulumi prints
the lines that the program prints, and its exit status in the language host's words.
"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Optional

import grpc
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    language_pb2,
    language_pb2_grpc,
    plugin_pb2,
)

from .program import EXPLAINED, NUMBER, start_each

GRACE = 1.0
"""Seconds in which a program that `pulumi` does not wait for ends by itself, before it is killed."""
LAST_LINES = 1.0
"""Seconds to wait for the last lines of a program whose children still hold its output."""
STREAMS = (1 << 20, (1 << 20) + 1)
"""Numbers of the two streams, which Pulumi shows apart: those of plugins are small."""
_OPTIONS = {"virtualenv", "toolchain"}
"""Options of the runtime that name the environment and nothing else."""


def environment(folder: Path, about: Mapping[str, Any]) -> Optional[dict[str, str]]:
    """Return the variables that a language host adds for a program, or None where only such a host runs it.

    This process runs programs in Python that ask for its own environment, or for none.
    """
    runtime = about.get("runtime")
    named = runtime if isinstance(runtime, Mapping) else {"name": runtime}
    options = named.get("options") or {}
    if named.get("name") != "python" or not isinstance(options, Mapping) or options.keys() - _OPTIONS:
        return None
    if not (virtualenv := options.get("virtualenv")):
        return {}
    path = folder / str(virtualenv)
    if not path.exists() or not path.samefile(sys.prefix):
        return None
    return {"VIRTUAL_ENV": str(path), "PATH": f"{path / 'bin'}:{os.environ.get('PATH', '')}"}


Say = Callable[[int, str], None]


class Starter:
    """A fork of this process, made before it has threads, which forks again for each program."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start the fork. Programs get `environment` in addition to that of this process."""
        self._socket, theirs = socket.socketpair()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        # Inside of `fork`, an interrupt would be lost and leave locks of modules held for ever.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._pid = os.fork()
        if not self._pid:
            try:
                self._socket.close()
                start_each(theirs, environment)
            finally:  # also of a Ctrl-C that is quicker: what called us is another process's to go on with
                os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    def expect(self) -> None:
        """Have the fork load what most programs need, as one will be started."""
        self._socket.sendall(b".")

    def start(self, request: language_pb2.RunRequest, say: Say) -> "Program":
        """Start a program; `say` gets the stream and the text of each line that it prints."""
        (out, out_end), (errors, errors_end), (pipe_end, pipe) = os.pipe(), os.pipe(), os.pipe()
        socket.send_fds(self._socket, [b"."], [out_end, errors_end, pipe_end])
        for end in (out_end, errors_end, pipe_end):
            os.close(end)
        return Program(self._socket, request.SerializeToString(), pipe, (out, errors), say)


class Program:
    """A program that runs."""

    def __init__(
        self,
        starter: socket.socket,
        request: bytes,
        pipe: int,
        printed: tuple[int, int],
        say: Say,
    ) -> None:
        self._starter, self._pipe = starter, pipe
        self._pid = int.from_bytes(_received(starter))
        self._ended, self._lock = False, threading.Lock()
        self._readers = [
            threading.Thread(target=_pass_on, args=(os.fdopen(file, "rb"), stream, say), daemon=True)
            for stream, file in zip(STREAMS, printed, strict=True)
        ]
        for reader in self._readers:
            reader.start()
        with suppress(BrokenPipeError), os.fdopen(pipe, "wb", buffering=0, closefd=False) as given:
            given.write(len(request).to_bytes(NUMBER) + request)

    def wait(self) -> int:
        """Return the status with which it ends, once all that it printed is passed on."""
        status = int.from_bytes(_received(self._starter), signed=True)
        with self._lock:
            self._ended = True
        os.close(self._pipe)
        for reader in self._readers:
            reader.join(LAST_LINES)
        return status

    def interrupt(self) -> None:
        """Interrupt it as Ctrl-C does, and end it by force after a while."""
        if not self._signal(signal.SIGINT):
            return
        force = threading.Timer(GRACE, self._signal, [signal.SIGKILL])
        force.daemon = True
        force.start()

    def _signal(self, number: signal.Signals) -> bool:
        """Send it a signal; False once it has ended."""
        with self._lock:
            if not self._ended:
                with suppress(ProcessLookupError):
                    os.kill(self._pid, number)
            return not self._ended


def _received(starter: socket.socket) -> bytes:
    """Return a number from the starter. Raises EOFError when something has ended it."""
    found = starter.recv(NUMBER, socket.MSG_WAITALL)
    if len(found) < NUMBER:
        raise EOFError("the process that starts programs is gone")
    return found


def _pass_on(printed: BinaryIO, stream: int, say: Say) -> None:
    with printed:
        for line in printed:
            if line.strip():
                say(stream, line.decode(errors="replace"))


class _Servicer(language_pb2_grpc.LanguageRuntimeServicer):
    """Answers `pulumi` in place of a language host."""

    def __init__(self, starter: Starter) -> None:
        self._starter = starter

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        with grpc.insecure_channel(request.args[0]) as channel:
            log = engine_pb2_grpc.EngineStub(channel).Log

            def say(stream: int, line: str) -> None:
                with suppress(grpc.RpcError):  # the engine is at its end
                    log(engine_pb2.LogRequest(severity=engine_pb2.INFO, message=line, streamId=stream))

            program = self._starter.start(request, say)
            if not context.add_callback(program.interrupt):
                program.interrupt()
            status = program.wait()
        if status in (0, EXPLAINED):
            return language_pb2.RunResponse(bail=status != 0)
        code = max(status, -1)  # of one ended by a signal
        return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}")


@contextmanager
def serving(starter: Starter) -> Iterator[str]:
    """Serve `pulumi`; yields the address. At the end, what still runs is interrupted."""
    pool = futures.ThreadPoolExecutor(4)
    server = grpc.server(pool)
    register: Any = language_pb2_grpc.add_LanguageRuntimeServicer_to_server
    register(_Servicer(starter), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()
        pool.shutdown()
