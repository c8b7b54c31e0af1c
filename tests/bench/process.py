"""Programs the bench starts, and the record by which they are stopped again."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")


class BenchUnavailable(RuntimeError):
    """This machine cannot run the bench; the message says why and what to do."""


class BenchBusy(RuntimeError):
    """All benches of this machine are in use. A failure, never a reason to skip a test."""


def until(
    condition: Callable[[], T],
    what: str,
    timeout: float = 30.0,
    interval: float | None = None,
) -> T:
    """Await a true result of `condition` and return it; `TimeoutError` after `timeout` seconds.

    Without `interval` it looks again after an eighth of the time that has passed, 0.02 to 0.2 s.
    """
    began = time.monotonic()
    while True:
        result = condition()
        if result:
            return result
        passed = time.monotonic() - began
        if passed >= timeout:
            raise TimeoutError(f"not within {timeout:g} s: {what}")
        time.sleep(min(interval or min(max(passed / 8, 0.02), 0.2), timeout - passed))


def run(argv: Sequence[str], *, check: bool = True, timeout: float = 120.0) -> str:
    """Run a program and return what it printed; a failure carries its error output."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        reason = (done.stderr or done.stdout).strip()
        raise RuntimeError(f"{' '.join(argv)}: exit {done.returncode}: {reason}")
    return done.stdout


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which one process of the machine has at a time."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def recipe(*parts: str) -> str:
    """Identify how something is made: the same parts have the same name."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Started:
    """A running program, identified so that a reused process id is never mistaken for it."""

    pid: int
    started: str
    """Start time in clock ticks since boot, field 22 of /proc/<pid>/stat."""
    marker: str
    """Text in its command line."""

    @classmethod
    def of(cls, pid: int, marker: str) -> Started:
        return cls(pid, _stat(pid)[19], marker)

    def alive(self) -> bool:
        try:
            stat = _stat(self.pid)
            command = Path(f"/proc/{self.pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return False
        # The command line is empty for a moment while the process executes another program.
        known = not command or self.marker in command
        return stat[0] != "Z" and stat[19] == self.started and known

    def signal(self, number: signal.Signals) -> None:
        if self.alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def child_of(pid: int) -> int | None:
    """Return the process whose parent is `pid`, or None."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if int(_stat(int(entry.name))[1]) == pid:
                    return int(entry.name)
    return None


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat from the third (state) on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


@dataclass
class RunFile:
    """Record on disk of all that a bench starts, written before it starts: the next run can undo it."""

    path: Path
    processes: list[Started] = field(default_factory=list)
    namespaces: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    rules: list[list[str]] = field(default_factory=list)
    """Arguments of iptables after -A, -I or -D."""

    @classmethod
    def load(cls, path: Path) -> RunFile:
        """Read the record a former run left; an absent or broken one is empty."""
        try:
            data = json.loads(path.read_text())
            processes = [Started(**each) for each in data["processes"]]
            return cls(path, processes, data["namespaces"], data["links"], data["rules"])
        except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
            return cls(path)

    def save(self) -> None:
        data = asdict(self)
        del data["path"]
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(data, indent=1) + "\n")
        new.replace(self.path)

    def sweep(self) -> None:
        """Stop and remove everything recorded, then the record itself."""
        for process in self.processes:
            process.signal(signal.SIGKILL)
        for process in self.processes:
            until(lambda p=process: _gone(p), f"process {process.pid} ends")  # type: ignore[misc]
        for rule in self.rules:
            run(["iptables", "-w", "-D", *rule], check=False)
        for link in self.links:
            if Path("/sys/class/net", link).exists():
                run(["ip", "link", "del", link], check=False)
        for name in self.namespaces:
            if Path("/run/netns", name).exists():
                run(["ip", "netns", "del", name], check=False)
        self.path.unlink(missing_ok=True)


def _gone(process: Started) -> bool:
    with suppress(ChildProcessError):  # not our child when a former run started it
        os.waitpid(process.pid, os.WNOHANG)
    return not process.alive()


def jail(netns: str, setup: str, argv: Sequence[str], marker: str, record: RunFile, log: Path) -> Started:
    """Start a program in a network namespace, with mounts, processes and host name of its own.

    It is process 1 of its process namespace: when it or its parent, the recorded process, is
    killed, the kernel ends everything it has started. `setup` is shell text that runs first.
    """
    # `ip netns exec` would remount /sys and so hide the control groups from an engine.
    command = [
        *("nsenter", f"--net=/run/netns/{netns}"),
        *("unshare", "--mount", "--uts", "--pid", "--propagation", "private"),
        *("--fork", "--kill-child=SIGKILL", "--mount-proc"),
        *("sh", "-euc", f'{setup}\nexec "$@"', marker),
        *argv,
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process.returncode = 0  # reaped by RunFile.sweep; no warning when the object goes
    started = Started.of(process.pid, marker)
    record.processes.append(started)
    record.save()
    return started
