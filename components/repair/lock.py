"""A stack in a file backend: whose lock it has, whether that run still runs, and its files."""

import contextlib
import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional
from urllib.parse import urlsplit

from ..resources.home import expanded
from .telling import CannotGoOn

_SAID = re.compile(r": created by (\S+)@(\S+) \(pid (\d+)\) at (\S+)")
WRITTEN_SECONDS = 1.0
"""Seconds in which a run that takes a lock has written it and given it its name."""


@dataclass(frozen=True)
class Holder:
    """The run of `pulumi` that took a lock."""

    user: str
    machine: str
    pid: int
    since: str

    @property
    def gone(self) -> bool:
        """True if the process certainly runs no more. Processes of another machine are unknown."""
        return self.machine == socket.gethostname() and not _runs_pulumi(self.pid)

    def __str__(self) -> str:
        return f"{self.user}@{self.machine} (pid {self.pid}, since {self.since[:19]})"


def holders_in(backend: str, project: str, stack: str) -> list[Holder]:
    """Return the holders of locks of the stack in the backend `file://…`; none for another kind of backend.

    Raises CannotGoOn for a lock that cannot be read.
    """
    files = [file for folder in _locks(project, stack) for file in _files(backend, f"{folder}/*.json")]
    return [holder for file in files if (holder := _holder(file))]


def holders_said(error: str) -> list[Holder]:
    """Return the holders of the locks that an error of `pulumi` names."""
    return [Holder(user, machine, int(pid), at) for user, machine, pid, at in _SAID.findall(error)]


def refuse_unless_gone(stack: str, holders: Sequence[Holder]) -> None:
    """Raise CannotGoOn, naming the holder, unless the runs that hold the stack are all gone."""
    for holder in holders:
        if holder.machine != socket.gethostname():
            raise CannotGoOn(
                f"stack {stack} is locked by {holder}, another machine: wait for it to end; if "
                f"nothing runs there any more, run `pulumi cancel --stack {stack}` and try again"
            )
        if not holder.gone:
            raise CannotGoOn(
                f"stack {stack} is locked by {holder}, which is still running: wait for it to end, "
                "or stop it, and try again"
            )


def deployment(backend: str, project: str, stack: str) -> Optional[dict[str, Any]]:
    """Return what the state in the backend `file://…` holds; None for another kind of backend or no state."""
    for file in _files(backend, f"stacks/{project}/{stack}.json"):
        found = json.loads(file.read_text())["checkpoint"].get("latest")
        return found or {}
    return None


def mend(backend: str, project: str, stack: str) -> list[str]:
    """Put right what a kill or a full disk in the middle of writing the state left; says what.

    Pulumi puts the state in its place in one step, but not the attributes beside it, and refuses a state with
    attributes that end too early. It needs none. A state that is cut short is replaced by its newest whole
    backup: what that does not know is found on the hosts. Raises CannotGoOn where there is none. A lock that
    has no name yet, because its disk was full, holds nothing, but Pulumi fails to read it at every command.
    """
    mended = []
    for file in (file for folder in _locks(project, stack) for file in _files(backend, f"{folder}/*.tmp")):
        with contextlib.suppress(FileNotFoundError):  # it got its name meanwhile
            age = time.time() - file.stat().st_mtime
            time.sleep(min(max(0.0, WRITTEN_SECONDS - age), WRITTEN_SECONDS))
            file.unlink()
            mended.append(f"lock {file.name}, written half, removed: no run has it")
    for file in _files(backend, f"stacks/{project}/{stack}.json*"):
        if file.suffix == ".tmp":
            file.unlink(missing_ok=True)
        elif file.suffix == ".attrs" and not _is_json(file):
            file.unlink(missing_ok=True)
            mended.append(f"state's file {file.name}, written half, removed: it is not needed")
        elif file.suffix == ".json" and not _is_state(file):
            backup = _newest_whole(
                [
                    *_files(backend, f"stacks/{project}/{stack}.json.bak"),
                    *_files(backend, f"backups/{project}/{stack}/{stack}.*.json"),
                    *_files(backend, f"history/{project}/{stack}/{stack}-*.checkpoint.json"),
                ],
                file,
            )
            shutil.copy(file, file.with_suffix(".cut"))
            new = file.with_suffix(".new")
            shutil.copy(backup, new)
            new.replace(file)
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(backup.stat().st_mtime))
            mended.append(
                f"state's file {file.name}, cut short as a full disk does, replaced by its newest whole "
                f"backup ({backup.name}, {when}); the cut one is kept as {file.stem}.cut"
            )
    return mended


def _newest_whole(backups: Sequence[Path], state: Path) -> Path:
    whole = [file for file in backups if _is_state(file)]
    if not whole:
        raise CannotGoOn(
            f"the state's file {state} is cut short (by a full disk?), and there is no whole backup of it: "
            "put a copy of your own in its place"
        )
    return max(whole, key=lambda file: file.stat().st_mtime)


def _locks(project: str, stack: str) -> tuple[str, str]:
    """Return the folders of a stack's locks: in Pulumi's layout, and in that of before it had projects."""
    return f"locks/organization/{project}/{stack}", f"locks/{stack}"


def _files(backend: str, pattern: str) -> list[Path]:
    """Return the files of the backend `file://…`; none of another kind of backend."""
    url = urlsplit(backend)
    if url.scheme != "file":
        return []
    folder = expanded(url.netloc + url.path)
    return sorted((folder / ".pulumi").glob(pattern))


def _is_state(file: Path) -> bool:
    try:
        return isinstance(json.loads(file.read_text())["checkpoint"], dict)
    except (ValueError, KeyError, TypeError):
        return False


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_text())
    except ValueError:
        return False
    return True


def _holder(file: Path) -> Optional[Holder]:
    try:
        found = json.loads(file.read_text())
        return Holder(found["username"], found["hostname"], int(found["pid"]), str(found["timestamp"]))
    except FileNotFoundError:  # given back while we looked
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotGoOn(
            f"the lock {file} cannot be read ({error}): when no other run of this stack is under "
            "way, delete it and try again"
        ) from error


def _runs_pulumi(pid: int) -> bool:
    if Path("/proc/self").exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return False
        name, _, rest = stat.partition("(")[2].rpartition(")")
        return "pulumi" in name and rest.split()[0] not in "ZX"  # a zombie holds nothing
    shown = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return "pulumi" in shown.stdout
