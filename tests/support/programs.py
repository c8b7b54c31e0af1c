"""The programs outside this repository that the suites run, as they were found on this machine."""

import shutil
import subprocess

_SAYS_ITS_VERSION = {
    "pulumi": ["version"],
    "pulumi-language-python": [],
    "pulumi-resource-docker": [],
    "dockerd": ["--version"],
    "haproxy": ["-v"],
    "nginx": ["-v"],
    "keepalived": ["--version"],
}
"""Arguments with which a program prints its version; none where it has no such."""
_PATH_OF_ROOT = "/usr/local/sbin:/usr/sbin:/sbin"


def found() -> list[str]:
    """Return one line a program: its version, or that it is missing."""
    return [f"{name}: {_version(name, arguments)}" for name, arguments in _SAYS_ITS_VERSION.items()]


def _version(name: str, arguments: list[str]) -> str:
    program = shutil.which(name) or shutil.which(name, path=_PATH_OF_ROOT)
    if program is None:
        return "not found"
    if not arguments:
        return "found"
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"found, but does not run: {error}"
    return ((done.stdout + done.stderr).strip().splitlines() or ["found"])[0]
