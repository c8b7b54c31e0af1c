"""Packages of a Debian machine: programs, a running service, a root file system."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from components.repair.telling import CannotGoOn

LEFT_OUT = (
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "usr/lib/udev/hwdb.d",
    "var/cache/apt",
    "var/cache/debconf",
    "var/lib/apt/lists",
)
"""Folders that a program in a container does not need."""
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
"""Search path of Debian's programs: PATH may lack the folders of the system."""
LOG = "/var/log/docker.log"
"""Log file of an engine that systemd does not run."""
_SCRIPTS = Path("/usr/share/debootstrap/scripts")
_MINUTES = 60.0


def is_ours_to_change() -> bool:
    """Return whether this is Debian, or made from it, and we are root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def suite() -> str:
    """Return the code name of this machine's release, such as bookworm. CannotGoOn where it has none."""
    for line in Path("/etc/os-release").read_text().splitlines():
        key, _, value = line.partition("=")
        if key == "VERSION_CODENAME":
            return value.strip('"')
    raise CannotGoOn("/etc/os-release of this machine names no release (VERSION_CODENAME)")


def mirror(of: str) -> str:
    """Return the URL from which this machine's apt gets a release. CannotGoOn when there is none."""
    fields = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    for line in _run("apt-get", "indextargets", "--format", fields, "Created-By: Packages").splitlines():
        uri, release, component = line.split()
        if (release, component) == (of, "main"):
            return uri
    raise CannotGoOn(f"apt on this machine has no source of Debian {of} main: add one")


def install(packages: Sequence[str]) -> None:
    """Have apt install these packages. CannotGoOn with its last line when it cannot."""
    _run("apt-get", "update", "--quiet")
    _run("apt-get", "install", "--quiet", "--yes", "--no-install-recommends", *packages, minutes=20)


def start_docker() -> None:
    """Start the service docker; where no systemd runs, as its init script does, with the limits there are."""
    if Path("/run/systemd/system").exists():
        _run("systemctl", "start", "docker")
    else:
        daemon = ["--background", "--make-pidfile", "--pidfile=/run/docker-ssd.pid", f"--output={LOG}"]
        program = shutil.which("dockerd", path=PATH) or "dockerd"
        _run("start-stop-daemon", "--start", *daemon, f"--exec={program}", "--", "--pidfile=/run/docker.pid")


def root_file_system(of: str, packages: Sequence[str], archive: Path, source: str) -> None:
    """Write a root file system with these packages of a release as a tar file; whole, or not at all.

    `source` is the mirror. Needs debootstrap. CannotGoOn with its last line when it cannot.
    """
    with tempfile.TemporaryDirectory(prefix="rootfs-", dir=archive.parent) as name:
        root, new = Path(name) / "root", Path(name) / archive.name
        # The script of a suite that debootstrap does not know yet is that of sid.
        script = _SCRIPTS / (of if (_SCRIPTS / of).exists() else "sid")
        include = f"--include={','.join(packages)}"
        _run("debootstrap", "--variant=minbase", include, of, str(root), source, str(script), minutes=20)
        for each in LEFT_OUT:
            shutil.rmtree(root / each, ignore_errors=True)
        for each in ("var/lib/apt/lists/partial", "var/cache/apt/archives"):
            (root / each).mkdir(parents=True)
        for log in (root / "var/log").rglob("*"):
            if log.is_file():
                log.unlink()
        exclude = [f"--exclude=./{each}/*" for each in ("dev", "proc", "run", "sys", "tmp")]
        _run("tar", "--numeric-owner", f"--directory={root}", *exclude, "--create", f"--file={new}", ".")
        new.replace(archive)


def _run(*command: str, minutes: float = 2) -> str:
    # A package that asks a question gets its default.
    answers = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "PATH": PATH}
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **answers},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=minutes * _MINUTES,
            check=False,
        )
    except FileNotFoundError as error:
        raise CannotGoOn(f"there is no {command[0]} on this machine") from error
    except subprocess.TimeoutExpired as error:
        raise CannotGoOn(f"{' '.join(command[:2])} did not end within {minutes:g} minutes") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"status {done.returncode}").splitlines()
        raise CannotGoOn(f"{' '.join(command[:2])} failed: {said[-1]}")
    return done.stdout
