"""Generated configurations, checked by the programs that this machine has."""

import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from ..engine.config_check import CHECK_SECONDS, UNROUTABLE, complaint
from ..preview.instance import CONFIGURATIONS
from ..preview.reading import Step
from ..proxies.certificates import stand_in
from ..proxies.keepalived import KEEPALIVED
from ..proxies.program import FOLDER, Program
from ..proxies.registry import kind_of
from ..proxies.served import CERTIFICATE

_CERTIFICATE = re.compile(rf"{FOLDER}/([0-9a-z]+\{CERTIFICATE})")
"""A certificate in a configuration. A plan has no secrets, so another one stands in its place."""
SYSTEM = "/usr/sbin:/usr/local/sbin"
"""Search path of such programs when they are not on PATH."""


@dataclass(frozen=True)
class Checked:
    """Configuration and the verdict on it."""

    name: str
    """Name of the resource that holds it."""
    program: str
    problem: Optional[str]
    """Objection of the program; None when it accepts the configuration."""
    skipped: bool = False
    """True if this machine has no such program."""


def check(steps: Iterable[Step]) -> Iterator[Checked]:
    """Check all configurations in these steps."""
    known = [step for step in steps if step.new]
    names = {name for step in known if step.kind == "Readiness" for name in step.new.get("names") or []}
    for step in known:
        if step.kind in CONFIGURATIONS:
            text = str(step.new[CONFIGURATIONS[step.kind]])
            if step.kind == "FloatingAddressNode":
                yield _checked(step.name, KEEPALIVED, _with_interface(text))
            else:
                yield _checked(
                    step.name, kind_of(str(step.new["kind"])).program, _with_addresses(text, names)
                )


def _with_addresses(text: str, names: Iterable[str]) -> str:
    """Return the text without names that only the replicas' network knows."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(f" {name}:", f" {UNROUTABLE}:")
    return text


def _with_interface(text: str) -> str:
    """Return the text with an interface of this machine: those in it are the hosts'."""
    there = [name for _, name in socket.if_nameindex() if name != "lo"]
    return re.sub(r"\b(interface|dev) \S+", rf"\1 {there[0]}", text) if there else text


def _checked(name: str, program: Program, text: str) -> Checked:
    command = program.check[0]
    found = shutil.which(command) or shutil.which(command, path=SYSTEM)
    if found is None:
        return Checked(name, command, None, skipped=True)
    with tempfile.TemporaryDirectory(prefix="longshore-") as folder:
        file = Path(folder) / program.file
        for certificate in sorted({*_CERTIFICATE.findall(text)}):
            (Path(folder) / certificate).write_text(stand_in())
        text = text.replace("/tmp/", f"{folder}/").replace(f"{FOLDER}/", f"{folder}/")  # noqa: S108 — the container's
        file.write_text(text)
        arguments = [each.replace(program.path, str(file)) for each in program.check[1:]]
        try:
            done = subprocess.run(
                [found, *arguments],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=CHECK_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Checked(name, command, f"{command} did not end its check within {CHECK_SECONDS:g} s")
    said = None if done.returncode == 0 else complaint(program, done.stdout + done.stderr)
    return Checked(name, command, said)
