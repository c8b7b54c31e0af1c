"""Generations of Docker hosts: the programs of Debian 12, and the newest that Debian serves.

A host of the first runs the engine of this machine. A host of the second runs the engine of a root file
system of its own, made once with debootstrap. The images of a host hold the proxies of its generation.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from checkout.debian import mirror, root_file_system
from components.repair.telling import CannotGoOn

from .process import BenchUnavailable, locked, recipe, run

PACKAGES = ("docker-cli", "docker.io", "iptables", "procps")
"""Packages of an engine's root file system beside Debian's minimum."""


@dataclass(frozen=True)
class Generation:
    """Source of the programs of a host."""

    name: str
    suite: str
    """Release of Debian that has them."""
    own_root: bool
    """True where the engine is of that release, too; else the engine is this machine's."""

    def root(self, cache: Path) -> Path | None:
        """Return the root file system of an engine, made when absent; None where it is this machine's.

        Raises `BenchUnavailable` when it cannot be made.
        """
        if not self.own_root:
            return None
        root = cache / f"engine-{recipe(self.suite, *PACKAGES)}"
        with locked(cache / "engine.lock"):
            if not root.exists():
                self._make(root)
        return root

    def _make(self, root: Path) -> None:
        archive, new = root.with_suffix(".tar"), root.with_suffix(".new")
        try:
            root_file_system(self.suite, PACKAGES, archive, mirror(OLD.suite))
        except CannotGoOn as error:
            raise BenchUnavailable(
                f"no root file system of an engine ({error}): the Debian mirror of apt's configuration is "
                "needed once"
            ) from error
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        run(["tar", "--numeric-owner", f"--directory={new}", "--extract", f"--file={archive}"])
        archive.unlink()
        new.replace(root)


OLD = Generation("old", "bookworm", own_root=False)
NEW = Generation("new", "forky", own_root=True)
GENERATIONS = (OLD, NEW)
NO_NEWER = "no newer programs: debootstrap cannot make Debian forky here"
"""Reason of the skip of tests that need programs of the second generation."""


def enter(root: Path, shared: Path) -> str:
    """Return shell text after which `root` is the root of a mount namespace that ends with its processes.

    `shared` has the same path in it. In a mere chroot, an engine runs health checks in the machine's files.
    """
    return (
        f"mkdir -p {root}{shared} {root}/var/lib/docker\n"
        f"mount --bind {root} {root}\n"
        f"mount --bind {shared} {root}{shared}\n"
        f"mount -o remount,bind,ro {root}\n"  # several engines have the same
        f"cd {root}\n"
        "mount -t proc proc proc\n"
        "mount --rbind /dev dev\n"
        "mount -t sysfs sysfs sys\n"  # with the interfaces of the network namespace
        "mount --rbind /sys/fs/cgroup sys/fs/cgroup\n"
        "mount -t tmpfs tmpfs tmp\n"
        "mount -t tmpfs tmpfs var/lib/docker\n"  # where an engine makes it for tasks, whatever its data root
        "pivot_root . mnt\n"
        "cd /\n"
        "umount -l /mnt\n"
    )
