"""The bench that this process uses: benches of several processes run side by side.

A slot is held by a lock on a file for as long as its process lives, so a killed process gives it back.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

from .process import BenchBusy, RunFile

SLOTS = 20
RUN_DIR = Path("/run/longshore-bench")
"""Locks and records of what runs, for the whole machine; gone at a boot."""

_held: dict[int, IO[str]] = {}


def mine() -> int:
    """Return this process's slot, and hold it until the process ends; 0, not held, where there is none."""
    if not _held and os.geteuid() == 0:
        RUN_DIR.mkdir(parents=True, exist_ok=True)
        for slot in range(SLOTS):
            lock = _lock(slot)
            if lock is not None:
                _held[slot] = lock
                break
    return next(iter(_held), 0)


def require() -> None:
    """Raise `BenchBusy` when other processes had all slots as this one asked for its own."""
    if _held:
        return
    holders = ", ".join(_path(slot).read_text().strip() or "unknown" for slot in range(SLOTS))
    raise BenchBusy(f"all {SLOTS} benches of this machine are in use; await or end one of {holders}")


def record(slot: int) -> Path:
    """Return the path of the record of what the bench in `slot` has started."""
    return RUN_DIR / f"{slot}.json"


def sweep_abandoned() -> None:
    """Stop and remove what killed processes left behind in slots that nobody holds."""
    for slot in range(SLOTS):
        if slot in _held or not record(slot).exists():
            continue
        lock = _lock(slot)
        if lock is not None:
            with lock:
                RunFile.load(record(slot)).sweep()


def _path(slot: int) -> Path:
    return RUN_DIR / f"{slot}.lock"


def _lock(slot: int) -> IO[str] | None:
    """Take the lock of a slot and write this process's id into it; None when another process has it."""
    lock = _path(slot).open("a+")
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        return lock
    lock.close()
    return None
