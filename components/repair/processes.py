"""Plugins that a killed `pulumi` left running; on systems without /proc there are none to be seen.

Nobody hears their answers, they never end by themselves, and what they still do nobody records.
"""

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Optional

from ..engine.containers import wait_until
from ..naming import PACKAGE

_PLUGINS = ("pulumi-resource-", "pulumi-language-")
_FOLDER = "plugin"
"""Name of a folder that Python runs as the project's own plugin."""
GRACE = 1.0
"""Seconds in which the plugins of a run that has just ended do so by themselves."""
PATIENCE = 10.0
"""Seconds a plugin gets to end when it is told to, before it is ended by force."""


def end_orphans(project: Path) -> list[str]:
    """End the plugins of dead runs in the folder `project`; says which."""
    wait_until(lambda: not _orphans(project), GRACE)
    orphans = _orphans(project)
    for pid in orphans:
        _signal(pid, signal.SIGTERM)
    wait_until(lambda: not orphans.keys() & _orphans(project).keys(), PATIENCE)
    for pid in orphans.keys() & _orphans(project).keys():
        _signal(pid, signal.SIGKILL)
    return [f"{name} (pid {pid}), left by a run that is gone, ended" for pid, name in orphans.items()]


def _orphans(project: Path) -> dict[int, str]:
    """Return plugins that work in `project` for an engine that answers no more: pid → name."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or another user's
            command = (entry / "cmdline").read_text(errors="replace").split("\0")
            name = _plugin(command)
            if name and (entry / "cwd").samefile(project) and not _answers(command):
                found[int(entry.name)] = name
    return found


def _plugin(command: list[str]) -> Optional[str]:
    """Return the plugin that a process is, or None."""
    program, *arguments = command
    if Path(program).name.startswith(_PLUGINS):
        return Path(program).name
    return PACKAGE if arguments and Path(arguments[0]).name == _FOLDER else None


def _answers(command: list[str]) -> bool:
    """Return whether the engine, whose address is the plugin's last argument, is still there."""
    host, _, port = next((part for part in reversed(command) if part), "").rpartition(":")
    if not port.isdigit():
        return True  # not the command line we know: leave it
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        return True
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
