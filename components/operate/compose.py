"""A stack run by Compose on this machine, where there is no `pulumi`.

It is the project that `longshore export compose` writes, kept in `.longshore/<stack>` as long as it is up.
"""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
from typing import Optional
from urllib.parse import urlsplit

import yaml
from pulumi.runtime.rpc import UNKNOWN

from ..connection import connect
from ..export.compose import ENVIRONMENT, FILE, CannotExport, Project, compose, left_out
from ..naming import PACKAGE
from ..plan import CannotPlan
from ..plan.program import planned
from ..provider.engine import PULL_SECONDS, wait_until
from ..review.instance import instances, others
from ..review.preview import read
from . import CannotGoOn, machine, stand_ins
from .machine import Consent
from .workspace import Project as PulumiProject

PATIENCE = 60.0
"""Seconds in which a service answers once its containers run."""
_OVERRIDE, _ENGINE = "compose.override.yaml", "engine"


def _command() -> Optional[list[str]]:
    """Docker Compose's command on this machine, or None without one."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    plugin = ["docker", "compose"]
    if shutil.which("docker") and not subprocess.run([*plugin, "version"], capture_output=True).returncode:
        return plugin
    return None


class ComposeStack:
    """A stack of a project, as Compose runs it."""

    def __init__(self, project: PulumiProject, consent: Consent) -> None:
        self._project, self._consent = project, consent
        self._stack = project.stack.rpartition("/")[2]
        self._folder = project.folder / f".{PACKAGE}" / self._stack

    @property
    def is_up(self) -> bool:
        """Whether it was brought up, and not taken down since."""
        return self._folder.exists()

    def up(self) -> None:
        """Make the stack what its settings say. The last lines say where its services are."""
        made, urls = self._exported()
        unset = [name for name in made.secrets if not os.environ.get(name)]
        if unset:
            raise CannotGoOn(f"only pulumi can decrypt secrets: set {', '.join(unset)} in the environment")
        machine.provide([made.host], self._consent, compose=_command() is None)
        with connect({"address": made.host}, timeout=PULL_SECONDS) as engine:
            images = {service["image"] for service in made.services.values()}
            instead = stand_ins.provide(engine, images, self._consent)
        changed = {
            name: {"image": instead[service["image"]]}
            for name, service in made.services.items()
            if service["image"] in instead
        }
        made.write(self._folder)
        (self._folder / _OVERRIDE).write_text(yaml.safe_dump({"version": "3.9", "services": changed}))
        (self._folder / _ENGINE).write_text(made.host)
        self._compose("up", "--detach", "--remove-orphans")
        for name, url in sorted(urls.items()):
            if not wait_until(lambda url=url: _answers(url), PATIENCE):  # type: ignore[misc]
                raise CannotGoOn(f"{name} does not answer at {url} after {PATIENCE:g} s: see `docker logs`")
            print(f"{name}: {url}", flush=True)

    def preview(self) -> None:
        """Raises CannotGoOn: Compose has none."""
        raise CannotGoOn(
            f"stack {self._stack} is run by Compose, which has no preview: what it declares is shown by "
            f"`{sys.executable} -m components.plan --stack {self._stack}`"
        )

    def down(self) -> None:
        """Remove everything that Compose has made for it."""
        example = self._folder / ENVIRONMENT
        names = example.read_text().split("=\n") if example.exists() else []
        # Compose asks for the values of secrets also where it has no use for them.
        self._compose("down", "--volumes", "--remove-orphans", **dict.fromkeys(filter(None, names), "-"))
        shutil.rmtree(self._folder)

    def _exported(self) -> tuple[Project, dict[str, str]]:
        """The stack as a Compose project, and where its program says that its services are."""
        try:
            found = planned(self._project.folder, self._stack)
            preview = read(json.dumps(found))
            if preview.errors:
                raise CannotGoOn(preview.errors[0])
            known = instances(preview)
            made = compose(known)
        except (CannotPlan, CannotExport) as error:
            raise CannotGoOn(str(error)) from error
        if not made.host.startswith("unix://"):
            raise CannotGoOn(
                f"without pulumi, stack {self._stack} can be brought up on this machine only, and it is for "
                f"{made.host}: install pulumi, or run there what `longshore export compose` writes"
            )
        for name in left_out(known, others(preview)):
            print(f"not in it: {name}", flush=True)
        urls = found["outputs"].get("urls", {})
        return made, {name: url for name, url in urls.items() if url != UNKNOWN}

    def _compose(self, action: str, *options: str, **values: str) -> None:
        found = _command()
        if found is None:
            raise CannotGoOn("there is no Docker Compose on this machine: install docker-compose")
        name = f"{self._project.about()['name']}-{self._stack}"
        files = [f"--file={self._folder / file}" for file in (FILE, _OVERRIDE)]
        engine = {"DOCKER_HOST": (self._folder / _ENGINE).read_text()}
        call = [*found, f"--project-name={name}", *files, action, *options]
        if subprocess.run(call, env={**values, **os.environ, **engine}).returncode:
            raise CannotGoOn(f"{action} of stack {self._stack} through Compose failed, as said above")


def _answers(url: str) -> bool:
    """Whether a service answers, however it does; of one without HTTP, whether it lets a client in."""
    parts = urlsplit(url)
    try:
        if parts.scheme != "http":
            socket.create_connection((parts.hostname or "", parts.port or 0), timeout=2).close()
            return True
        connection = http.client.HTTPConnection(parts.netloc, timeout=2)
        connection.request("GET", "/")
        return bool(connection.getresponse().status)
    except (OSError, http.client.HTTPException):
        return False
