"""Somebody who types what README and the guides say."""

import contextlib
import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.bench.hosts import Host
from tests.support.program import APP, PROXY, ROOT, Run
from tests.support.wheel import checkout

IMAGES = {"httpd:2.4": APP, "haproxy:3.2": PROXY}
"""The images that README and the guides name, and what stands for them: a bench has no registry."""


_NOT_THEIRS = ("PULUMI_", "MAKE", "MFLAGS")
"""Variables of this run that a reader's shell does not have: a `make` of theirs is nobody's child."""

COMMAND = "import sys; from components.command import main; sys.exit(main())"
"""The console command `longshore`, from a checkout."""


@contextlib.contextmanager
def named(host: Host) -> Iterator[Host]:
    """Give the host images of the names that README and the guides use."""
    for name, image in IMAGES.items():
        host.engine().images.get(image).tag(*name.split(":"))
    try:
        yield host
    finally:
        for name in IMAGES:
            host.engine().images.remove(name)


class Reader:
    """Somebody with a fresh checkout and DOCKER_HOST, who types what README says.

    Logged in to a backend of their own: Pulumi's `file://~` is the home folder of the password file,
    whatever HOME is, and that is nobody's to test in.
    """

    def __init__(self, folder: Path, host: Host) -> None:
        self.folder = checkout(folder)
        self.home = folder / "home"
        (self.home / "state").mkdir(parents=True)
        self.backend = f"file://{self.home}/state"
        cache = [sys.executable, "-m", "pip", "cache", "dir"]
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(_NOT_THEIRS)},
            "HOME": str(self.home),
            "PULUMI_HOME": str(self.home / ".pulumi"),
            "PULUMI_BACKEND_URL": self.backend,
            "DOCKER_HOST": host.url,
            "PIP_CACHE_DIR": subprocess.check_output(cache, text=True).strip(),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "NO_COLOR": "1",
        }
        programs = folder / "bin"
        programs.mkdir()
        (programs / "longshore").write_text(f"#!/bin/sh\nexec {sys.executable} -c '{COMMAND}' \"$@\"\n")
        (programs / "longshore").chmod(0o755)
        self.environment["PATH"] = f"{programs}:{os.environ['PATH']}"
        self.address = f"http://{host.address}:"
        dev = "Pulumi.dev.yaml"
        (self.folder / dev).write_text((ROOT / dev).read_text())

    def here(self, text: str) -> str:
        """Return a block of shell text as it is typed here."""
        return text.replace("file://~", self.backend).replace("http://localhost:", self.address)

    def types(self, text: str, answer: str = "", *, check: bool = True) -> Run:
        """Type a block of shell text, with the answers to its questions."""
        done = subprocess.run(
            ["sh", "-ec", self.here(text)],
            cwd=self.folder,
            env=self.environment,
            input=answer,
            capture_output=True,
            text=True,
            timeout=400,
        )
        run = Run((text,), done.returncode, done.stdout + done.stderr, done.stdout, 0)
        assert run.code == 0 or not check, run.output
        return run

    def edit(self, **keys: Any) -> None:
        """Change keys of the service `web` in Pulumi.dev.yaml, as with an editor."""
        file = self.folder / "Pulumi.dev.yaml"
        content = yaml.safe_load(file.read_text())
        content["config"]["longshore:services"]["web"].update(copy.deepcopy(keys))
        file.write_text(yaml.safe_dump(content, sort_keys=False))

    def writes(self, settings: str) -> None:
        """Write the settings that the page shows; settings that `pulumi` has put there stay."""
        file = self.folder / "Pulumi.dev.yaml"
        own = {key: value for key, value in yaml.safe_load(file.read_text()).items() if key != "config"}
        file.write_text(yaml.safe_dump({**yaml.safe_load(settings), **own}, sort_keys=False))
