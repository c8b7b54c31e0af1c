"""A stack run by Compose on this machine, where there is no `pulumi`.

It is the project that `longshore export compose` writes, kept in `.longshore/<stack>` as long as it is up.
"""

import json
import os
import shutil
import subprocess
import sys
from typing import Optional

import yaml
from pulumi.runtime.rpc import UNKNOWN

from components.engine.connection import connect
from components.engine.containers import wait_until
from components.engine.images import PULL_SECONDS
from components.export.compose import FILE, compose, host_of
from components.export.project import ENVIRONMENT, CannotExport, Project
from components.naming import PACKAGE
from components.operate.serving import PATIENCE, answers
from components.operate.workspace import Project as PulumiProject
from components.plan import CannotPlan
from components.plan.program import planned
from components.preview.instance import instances, others
from components.preview.reading import read
from components.repair.telling import CannotGoOn

from . import machine, stand_ins
from .machine import Consent

_OVERRIDE, _ENGINE = "compose.override.yaml", "engine"


def _command() -> Optional[list[str]]:
    """Return Docker Compose's command on this machine, or None without one."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    plugin = ["docker", "compose"]
    if (
        shutil.which("docker")
        and not subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode
    ):
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
        """True if the stack was brought up, and not taken down since."""
        return self._folder.exists()

    def up(self) -> None:
        """Make the stack what its settings say. The last lines say where its services are."""
        made, host, urls = self._exported()
        unset = [f"{name} ({what})" for name, what in made.variables.items() if not os.environ.get(name)]
        if unset:
            raise CannotGoOn(f"only pulumi knows some values: set {', '.join(unset)} in the environment")
        machine.provide([host], self._consent, compose=_command() is None)
        images = {name: service["image"] for name, service in made.content["services"].items()}
        with connect({"address": host}, timeout=PULL_SECONDS) as engine:
            instead = stand_ins.provide(engine, set(images.values()), self._consent)
        changed = {name: {"image": instead[image]} for name, image in images.items() if image in instead}
        made.write(self._folder)
        (self._folder / _ENGINE).write_text(host)
        (self._folder / _OVERRIDE).unlink(missing_ok=True)
        if changed:
            (self._folder / _OVERRIDE).write_text(yaml.safe_dump({"services": changed}))
        self._compose("up", "--detach", "--remove-orphans")
        for name, url in sorted(urls.items()):
            if not wait_until(lambda url=url: answers(url), PATIENCE):  # type: ignore[misc]
                raise CannotGoOn(f"{name} does not answer at {url} after {PATIENCE:g} s: see `docker logs`")
            print(f"{name}: {url}", flush=True)

    def preview(self) -> None:
        """Raise CannotGoOn: Compose has none."""
        raise CannotGoOn(
            f"stack {self._stack} is run by Compose, which has no preview: what it declares is shown by "
            f"`{sys.executable} -m components.plan --stack {self._stack}`"
        )

    def refresh(self) -> None:
        """Raise CannotGoOn: Compose keeps no state."""
        raise CannotGoOn(
            f"stack {self._stack} is run by Compose, which keeps no state: `up` compares with what runs"
        )

    def down(self) -> None:
        """Remove everything that Compose has made for it."""
        example = self._folder / ENVIRONMENT
        lines = example.read_text().splitlines() if example.exists() else []
        # Compose wants a value for each variable also where it has no use for it.
        unused = {line.rstrip("="): "-" for line in lines if not line.startswith("#")}
        self._compose("down", "--volumes", "--remove-orphans", **unused)
        shutil.rmtree(self._folder)

    def _exported(self) -> tuple[Project, str, dict[str, str]]:
        """Return the stack as a Compose project, its host, and the addresses of its services."""
        try:
            found = planned(self._project.folder, self._stack)
            preview = read(json.dumps(found))
            if preview.errors:
                raise CannotGoOn(preview.errors[0])
            known = instances(preview)
            made = compose(known)
        except (CannotPlan, CannotExport) as error:
            raise CannotGoOn(str(error)) from error
        host = host_of(made.carried[0])
        if not host.startswith("unix://"):
            raise CannotGoOn(
                f"without pulumi, stack {self._stack} can be brought up on this machine only, and it is for "
                f"{host}: install pulumi, or run there what `longshore export compose` writes"
            )
        for line in made.left_out(known, others(preview)):
            print(f"not in it: {line}", flush=True)
        urls = found["outputs"].get("urls", {})
        return made, host, {name: url for name, url in urls.items() if url != UNKNOWN}

    def _compose(self, action: str, *options: str, **values: str) -> None:
        found = _command()
        if found is None:
            raise CannotGoOn("there is no Docker Compose on this machine: install docker-compose")
        name = f"{self._project.about()['name']}-{self._stack}"
        files = [self._folder / FILE, *self._folder.glob(_OVERRIDE)]
        engine = {"DOCKER_HOST": (self._folder / _ENGINE).read_text()}
        call = [*found, f"--project-name={name}", *(f"--file={file}" for file in files), action, *options]
        if subprocess.run(call, env={**values, **os.environ, **engine}, check=False).returncode:
            raise CannotGoOn(f"{action} of stack {self._stack} through Compose failed, as said above")
