"""Program in a container, with a configuration of ours."""

from dataclasses import dataclass
from typing import Optional

FOLDER = "/etc/longshore"
USER_ID = 65534
USER = f"{USER_ID}:{USER_ID}"
TMPFS = {"/tmp": "mode=1777", "/run": "mode=1777"}  # noqa: S108 — inside the container
SYSCTLS = {"net.ipv4.ip_unprivileged_port_start": "0"}
PIDS_LIMIT = 2048
"""Processes and threads that a container may have at the same time, where nobody sets another limit."""
CPU_SHARES = 2048
"""Weight of a container that others depend on, when the CPU is short; a replica has 1024."""


@dataclass(frozen=True)
class Program:
    """Commands and signals of a program whose first process forks the workers that serve."""

    file: str
    """Name of the configuration file in FOLDER."""
    run: tuple[str, ...]
    """Command that serves; it is process 1 of its container."""
    check: tuple[str, ...]
    """Command that checks the configuration file and exits 0 when it is good."""
    reload_signal: str
    """Signal to process 1 that starts new workers on the file and lets the old ones finish."""
    stop_signal: str
    """Signal that stops it after the requests in flight."""
    ready: Optional[str]
    """Text in its log once new workers serve; None when a new worker is proof enough."""
    failed: str
    """Pattern of a line in its log that says that it refused the configuration."""
    check_user: str = USER
    """User that runs `check`."""
    check_network: str = "none"
    """Network in which `check` runs: none, or the host's where interfaces are part of the question."""
    remedies: tuple[tuple[str, str], ...] = ()
    """Pairs of a text in the program's complaint and what a user can do then."""

    @property
    def path(self) -> str:
        """Full path of the configuration file."""
        return f"{FOLDER}/{self.file}"
