"""The process that a program runs in: a fork of this command, and inside it what Pulumi's language host does.

A process of its own has a main thread for signals, may end itself and owns all that it prints. A fork has
loaded what the program needs, so no second Python is started.
"""

import asyncio
import atexit
import gc
import io
import json
import logging
import os
import runpy
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TextIO

import grpc
import pulumi
from pulumi.runtime.config import get_config_env, get_config_secret_keys_env, set_all_config
from pulumi.runtime.proto import language_pb2
from pulumi.runtime.settings import Settings, configure
from pulumi.runtime.stack import run_in_stack

EXPLAINED = 32
"""Exit status of a program whose error is logged: Pulumi prints nothing else of it."""
NUMBER = 8
"""Bytes of a number between this command and the starter."""


def start_each(requests: socket.socket, environment: Mapping[str, str]) -> NoReturn:
    """Start a fork for each request; answer with the number of the process and the status that it ends with.

    A request is three files: the program's standard output, its standard error, and a pipe with its
    `RunRequest`, whose other end closes when this command ends. A byte without files says that one will come.
    """
    os.setpgrp()  # Ctrl-C is for `pulumi`, which has the program end
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # see `host.Starter`
    with suppress(OSError):  # the command is gone
        while (received := socket.recv_fds(requests, 1, 3))[0]:
            files = received[1]
            if not files:
                _load()
                continue
            pid = os.fork()
            if not pid:
                requests.close()
                os._exit(_status(partial(_as_the_program, files, environment)))
            for file in files:
                os.close(file)
            requests.sendall(pid.to_bytes(NUMBER))
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            requests.sendall(status.to_bytes(NUMBER, signed=True))
    os._exit(0)


def _load() -> None:
    """Load what most programs need, while `pulumi` starts. A program meets the errors of it itself."""
    with suppress(Exception):
        import_module("..load_balanced.component", __package__)
    gc.freeze()


def _as_the_program(files: list[int], environment: Mapping[str, str]) -> int:
    """Run the program of a request in this process; its exit status."""
    output, errors, pipe = files
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), output, errors)):
        os.dup2(file, number)
        if file != number:
            os.close(file)
    sys.stdout = _stream(1, "strict", by_line=False)
    sys.stderr = _stream(2, "backslashreplace", by_line=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(environment)
    with os.fdopen(pipe, "rb", buffering=0, closefd=False) as given:
        size = int.from_bytes(_read(given.read, NUMBER))
        request = language_pb2.RunRequest.FromString(_read(given.read, size))
    threading.Thread(target=_end_after, args=(pipe,), daemon=True).start()
    return _run(request)


def _stream(number: int, errors: str, *, by_line: bool) -> TextIO:
    """Open a standard stream as Python does at its start."""
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    binary: Any = open(number, "wb", buffering=0 if unbuffered else -1, closefd=False)  # noqa: SIM115
    encoding = sys.__stdout__.encoding if sys.__stdout__ else "utf-8"
    return io.TextIOWrapper(binary, encoding, errors, line_buffering=by_line, write_through=unbuffered)


def _read(read: Callable[[int], bytes], size: int) -> bytes:
    """Read that many bytes."""
    found = b""
    while len(found) < size and (part := read(size - len(found))):
        found += part
    return found


def _end_after(pipe: int) -> None:
    """End this process once the command at the other end of the pipe is gone."""
    os.read(pipe, 1)
    os.kill(os.getpid(), signal.SIGKILL)


def _status(work: Callable[[], int]) -> int:
    """Do the work as the main program of a Python, and return the status with which Python would end."""
    try:
        status = work()
    except SystemExit as end:
        status = end.code & 0xFF if isinstance(end.code, int) else int(end.code is not None)
        if not isinstance(end.code, int | None):
            print(end.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 — Python prints it and ends
        traceback.print_exc()
        status = 1
    threads: Any = threading
    threads._shutdown()  # noqa: SLF001 — the end of Python, which a fork has to bring about itself
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    return status


def _run(request: language_pb2.RunRequest) -> int:
    """Run a program as `pulumi-language-python-exec` does; its exit status."""
    if request.config:
        os.environ["PULUMI_CONFIG"] = json.dumps(dict(request.config))
    os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(list(request.configSecretKeys))
    set_all_config(get_config_env(), get_config_secret_keys_env())
    configure(
        Settings(
            project=request.project,
            stack=request.stack,
            monitor=request.monitor_address,
            engine=request.args[0],
            parallel=request.parallel,
            dry_run=request.dryRun,
            organization=request.organization,
            root_directory=request.info.root_directory,
        )
    )
    program = request.info.entry_point
    sys.argv = [program]
    os.chdir(request.pwd)
    _search_from(program)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(request.parallel, 1) * 4)
    loop.set_default_executor(executor)
    # The SDK leaves tasks unawaited when it ends early, by design.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        loop.run_until_complete(run_in_stack(lambda: _execute(program)))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return 1
    except Exception as error:  # noqa: BLE001 — the program's own
        if not cancelled(error):
            pulumi.log.error(f"Program failed with an unhandled exception:\n{_told(error, program)}")
        return EXPLAINED
    finally:
        executor.shutdown(wait=True)
        loop.close()
    return 0


def cancelled(error: Exception) -> bool:
    """Return whether `pulumi` has ended the run: it has said why, and the program's calls are cut off."""
    cut = error.__context__
    return isinstance(cut, grpc.RpcError) and cut.code() is grpc.StatusCode.CANCELLED


def _execute(program: str) -> None:
    if Path(program).is_dir() and not Path(program, "__main__.py").exists():
        where = Path(program).resolve()
        pulumi.log.error(f"unable to find main python program `__main__.py` in `{where}`")
        sys.exit(EXPLAINED)
    runpy.run_path(program, run_name="__main__")


def _told(error: Exception, program: str) -> str:
    """Return the traceback of an error, from the program's own first line on."""
    main = Path(program, "__main__.py") if Path(program).is_dir() else Path(program)
    frames = traceback.extract_tb(error.__traceback__)
    for index, frame in enumerate(frames):
        if Path(frame.filename).absolute() == main.resolve():
            return "".join(traceback.format_exception(error, limit=index - len(frames)))
    return "".join(traceback.format_exception(error))


def _search_from(program: str) -> None:
    """Have the program import what its own Python would find, not what this command was started from."""
    searched = [str(Path(program).resolve())] if Path(program).is_dir() else []
    sys.path[: not sys.flags.safe_path] = searched
    for name in {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names - {"__main__"}:
        if _is_another(name):
            for each in [each for each in sys.modules if f"{each}.".startswith(f"{name}.")]:
                del sys.modules[each]
    del sys.path[: len(searched)]


def _is_another(name: str) -> bool:
    """Return whether a loaded module is from another file than the one that is found now."""
    loaded = getattr(sys.modules[name], "__spec__", None)
    if loaded is None or not loaded.origin:
        return False
    specs = (finder.find_spec(name, None) for finder in sys.meta_path)
    found = next((spec for spec in specs if spec), None)
    return found is None or os.path.realpath(found.origin or "") != os.path.realpath(loaded.origin)
