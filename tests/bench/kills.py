"""Parts of a run that can be killed, and how: `pulumi` with its group, `pulumi`, a plugin, the engine."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from .hosts import Host


def group(run: subprocess.Popen[str], host: Host) -> None:
    """Kill everything of the run at once, as when a terminal or a job of CI ends."""
    for pid in [*descendants(run.pid), run.pid]:
        _kill(pid)


def pulumi(run: subprocess.Popen[str], host: Host) -> None:
    """Kill `pulumi` alone: its children are left to themselves."""
    _kill(run.pid)


def docker_plugin(run: subprocess.Popen[str], host: Host) -> None:
    """Kill Docker's plugin."""
    for pid in plugins(run, "pulumi-resource-docker"):
        _kill(pid)


def our_plugin(run: subprocess.Popen[str], host: Host) -> None:
    """Kill the plugin of this project."""
    for pid in plugins(run, "plugin"):
        _kill(pid)


def engine(run: subprocess.Popen[str], host: Host) -> None:
    """Kill the engine and all its containers, as when the host loses its power; it is started again."""
    os.kill(host.pid, signal.SIGKILL)
    host.stop_engine()
    host.start_engine()


KILLS: dict[str, Callable[[subprocess.Popen[str], Host], None]] = {
    "group": group,
    "pulumi": pulumi,
    "docker plugin": docker_plugin,
    "our plugin": our_plugin,
    "engine": engine,
}


def plugins(run: subprocess.Popen[str], name: str) -> list[int]:
    """Return the processes of a plugin of the run: a program of this name, or Python with this folder."""
    # A process that has ended has no words.
    return [pid for pid in descendants(run.pid) if name in [Path(word).name for word in _words(pid)[:2]]]


def commands(run: subprocess.Popen[str], command: str) -> list[int]:
    """Return the processes `pulumi <command>` below a run of `make`."""
    found = {pid: _words(pid) for pid in descendants(run.pid)}
    return [pid for pid, words in found.items() if Path(words[0]).name == "pulumi" and command in words]


def _words(pid: int) -> list[str]:
    """Return the command line of a process; of one that is gone, an empty word."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    return [""]


def descendants(pid: int) -> list[int]:
    """Return children of a process, theirs, and so on."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
