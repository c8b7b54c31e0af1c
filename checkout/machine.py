"""Programs that this machine lacks to run a stack, installed once the user agrees."""

import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from components.arguments.hosts import LOCAL_SOCKET
from components.engine.connection import answers
from components.engine.containers import wait_until
from components.repair.telling import CannotGoOn

from . import debian

ENGINE, COMPOSE = "docker.io", "docker-compose"
"""Debian's packages."""
PATIENCE = 60.0
"""Seconds in which an engine that was started answers."""


@dataclass(frozen=True)
class Consent:
    """Permission to change this machine."""

    given: bool
    """Agreed to beforehand (`make up YES=1`, or CI=true); else it is asked for where somebody can answer."""

    def obtain(self, reason: str, action: str) -> None:
        """Say why this machine is changed and how. Raises CannotGoOn when nobody agrees."""
        if self.given:
            print(f"{reason}: going to {action}", flush=True)
        elif not sys.stdin.isatty():
            raise CannotGoOn(f"{reason}: `make up YES=1` would {action}")
        elif input(f"{reason}.\nShall I {action}? [y/N] ").strip().lower() not in ("y", "yes"):
            raise CannotGoOn(f"{reason}, and nothing was changed")


def provide(addresses: Iterable[str], consent: Consent, *, compose: bool) -> None:
    """Have this machine provide an engine, when one of the `addresses` is its own.

    With `compose`, it provides Compose, too.
    Install nothing when apt is not ours to use: the later steps then report what is missing.
    """
    stopped = LOCAL_SOCKET in addresses and not answers(LOCAL_SOCKET)
    packages = [ENGINE] if stopped and shutil.which("dockerd", path=debian.PATH) is None else []
    packages += [COMPOSE] if compose else []
    if not (stopped or packages) or not debian.is_ours_to_change():
        return
    missing = [f"no Docker engine answers at {LOCAL_SOCKET}"] if stopped else []
    missing += ["there is no Docker Compose"] if compose else []
    actions = [f"install Debian's {' and '.join(packages)}"] if packages else []
    actions += ["start the engine"] if stopped else []
    consent.obtain(" and ".join(missing), " and ".join(actions))
    if packages:
        debian.install(packages)
    if stopped:
        debian.start_docker()
        if not wait_until(lambda: answers(LOCAL_SOCKET), PATIENCE):
            raise CannotGoOn(
                f"the Docker engine was started and does not answer at {LOCAL_SOCKET} after "
                f"{PATIENCE:g} s: its log is {debian.LOG}, or `journalctl -u docker`"
            )
