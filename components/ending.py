"""End of a command: its exit status, and one sentence when it cannot go on."""

import os
import signal
import sys
from importlib import import_module

INTERRUPTED = 130


def ending(prefix: str, module: str, arguments: list[str], failed: int) -> int:
    """Return what `main(arguments)` of a module returns.

    Return `failed` where the system refuses something, with a sentence that `prefix` begins, and
    INTERRUPTED after Ctrl-C.
    The module is imported here, which takes its time: so nothing else is imported before.
    """

    def interrupted(*_: object) -> None:
        os.write(2, f"{prefix}: interrupted; the same command goes on from here\n".encode())
        os._exit(INTERRUPTED)

    # Not as an exception: some modules catch those, and print them, while they are imported.
    signal.signal(signal.SIGINT, interrupted)
    work = import_module(module).main
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        status: int = work(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        interrupted()
    except BrokenPipeError:
        # Nobody reads any more, and Python would try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return failed
    except (OSError, RuntimeError) as error:
        if not (said := _said(error)):
            raise
        print(f"{prefix}: {said}", file=sys.stderr)
        return failed
    return status


def _said(error: OSError | RuntimeError) -> str:
    """Describe what the system refused; nothing for an error of another kind."""
    if isinstance(error, RuntimeError):  # of pathlib, where no user has this number
        return "there is no home folder: set HOME" if "home directory" in str(error) else ""
    if not error.strerror:
        return " ".join(str(error).split()) or type(error).__name__
    file, home = str(error.filename or ""), os.environ.get("HOME")
    remedy = ": set HOME to a folder that can be written" if home and file.startswith(home) else ""
    return f"{file}: {error.strerror}{remedy}" if file else error.strerror
