"""A configuration checked by the program that will load it, in the image that will run it."""

import contextlib
import re
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Optional

from ..naming import CHECK
from ..proxies.program import FOLDER, PIDS_LIMIT, SYSCTLS, TMPFS, USER_ID, Program
from .containers import nameless_volume, write_file

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

UNROUTABLE = "192.0.2.1"
"""RFC 5737: stands for every server in a check, where no name can be resolved."""

CHECK_SECONDS = 60.0
"""Seconds in which a check ends."""
KILLED = 128 + signal.SIGKILL
"""Exit code of a program that the kernel killed because its memory was used up."""

NO_PROGRAM = "executable file not found"
"""Part of an engine's error about an image that does not have the program to run."""


class ImageMissing(Exception):
    """The image is not on the host, so nothing can be checked with it yet."""

    def __init__(self, image: str) -> None:
        super().__init__(f"image {image} is not on the host yet")


@dataclass(frozen=True)
class Configuration:
    """A configuration and what it needs to be checked."""

    text: str
    names: Iterable[str] = ()
    """Network names in it."""
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Texts of the files beside it that only the program may read, by name."""


def problem(
    engine: "DockerClient",
    program: Program,
    image: str,
    configuration: Configuration,
    labels: dict[str, str],
    memory: int,
) -> Optional[str]:
    """Return the objection of the program in `image` to a configuration, or None.

    Runs the program in a throw-away container without rights, with as much `memory` (MiB) as it will have to
    serve, where its names resolve, and leaves nothing behind. The container has these `labels`, so that it is
    found if the run is killed. Raises ImageMissing.
    """
    from docker.errors import ImageNotFound

    try:
        container = engine.containers.create(
            image,
            entrypoint=list(program.check[:1]),
            command=list(program.check[1:]),
            network_mode=program.check_network,
            extra_hosts=dict.fromkeys(sorted(configuration.names), UNROUTABLE),
            mounts=[nameless_volume(FOLDER)],
            user=program.check_user,
            read_only=True,
            tmpfs=TMPFS,
            # They are those of a network: the host's are not ours to set.
            sysctls=SYSCTLS if program.check_network == "none" else None,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            labels={**labels, **CHECK},
            mem_limit=f"{memory}m",
            memswap_limit=f"{memory}m",
            pids_limit=PIDS_LIMIT,
            cpu_shares=512,  # half the weight of what serves
        )
    except ImageNotFound as error:
        raise ImageMissing(image) from error
    try:
        for name, content in configuration.files.items():
            write_file(container, FOLDER, name, content, owner=USER_ID)
        write_file(container, FOLDER, program.file, configuration.text)
        if not _starts(container):
            return f"image {image} has no program {program.check[0]}: name an image that has it"
        code = _exit_code(container)
        if code is None:
            return f"{program.check[0]} did not end its check within {CHECK_SECONDS:g} s"
        said = container.logs().decode(errors="replace")
    finally:
        container.remove(force=True, v=True)
    if code == KILLED:
        return f"{program.check[0]} was killed at its check: {memory} MiB of memory are too little"
    return None if code == 0 else complaint(program, said)


def _starts(container: "Container") -> bool:
    """Start a container; return False when its image does not have its program."""
    from docker.errors import APIError

    try:
        container.start()
    except APIError as error:
        if NO_PROGRAM not in str(error.explanation):
            raise
        return False
    return True


def _exit_code(container: "Container") -> Optional[int]:
    """Return the exit code of a container once it has ended; None when it runs on after CHECK_SECONDS."""
    from requests import RequestException

    with contextlib.suppress(RequestException):
        return int(container.wait(timeout=CHECK_SECONDS)["StatusCode"])
    container.reload()  # the time is over, unless the engine is gone
    return None


def complaint(program: Program, said: str) -> str:
    """Return the lines in which the program says why, else its last lines; and what can be done."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reasons = "\n".join([line for line in lines if re.search(program.failed, line)] or lines[-5:])[-1000:]
    return "; ".join([reasons, *(remedy for text, remedy in program.remedies if text in reasons)])
