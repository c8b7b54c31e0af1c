"""Commands in the process of the test: exit status and output, without the start of a Python."""

import io
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock


def execute(
    module: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str], text: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run `python -m <module> <arguments>` in `folder`, without the interpreter's own start and end."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with (
        chdir(folder),
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sys, "argv", [module, *arguments]),
        mock.patch.object(sys, "stdin", io.StringIO(text)),
        redirect_stdout(out),
        redirect_stderr(err),
        _interrupts(),
    ):
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            status = 0
        except SystemExit as end:
            status = int(end.code or 0)
    said, wrong = (each.buffer.getvalue().decode() for each in (out, err))
    return subprocess.CompletedProcess([module, *arguments], status, said, wrong)


class AtOnce(Executor):
    """An executor that calls each function at once, in the thread that submits it."""

    def __init__(self, *_: object) -> None:
        pass

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done = Future[Any]()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 — the caller of `result` gets it
            done.set_exception(error)
        return done


@contextmanager
def _interrupts() -> Iterator[None]:
    """Give Ctrl-C back to pytest afterwards."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
