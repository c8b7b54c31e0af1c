"""The history of the services of a stack, and the way back to a revision."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import yaml

from ..arguments.connections import Connection
from ..engine.connection import HostUnreachable, connect
from ..engine.containers import front_ends
from ..engine.history import Content, History, Image, Revision, newest
from ..naming import LABEL, PACKAGE
from ..repair.survey import Owner
from ..repair.telling import CannotGoOn, say
from ..review.consequences.protections import protections
from .overlay import laid_over, secret_places
from .revisions import (
    alike,
    as_json,
    changed_settings,
    changes,
    difference,
    long_form,
    table,
    without_secrets,
)
from .run import HostsUnchecked, Run
from .workspace import Project

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True)
class Past:
    """A service and its history."""

    service: str
    host: Connection
    history: History

    def revision(self, number: int) -> Revision:
        """Return a revision. Raises CannotGoOn when it is not kept."""
        for each in self.history.revisions:
            if each.number == number:
                return each
        numbers = [str(each.number) for each in self.history.revisions]
        kept = f"kept are {numbers[0]} to {numbers[-1]}" if numbers else "none is kept"
        raise CannotGoOn(f"there is no revision {number} of {self.service}: {kept}")


@dataclass(frozen=True)
class Asked:
    """Arguments of the commands."""

    service: Optional[str] = None
    number: Optional[int] = None
    as_json: bool = False
    sure: bool = False
    allow_unchecked: bool = False


def show(run: Run, project: Project, asked: Asked) -> None:
    """Print the history of the services of a stack, or all that one revision has changed."""
    if asked.number is not None:
        past = _one(run, asked)
        print("\n".join(difference(past.service, past.history, past.revision(asked.number))))
        return
    found, lost = _found(run, asked)
    if asked.as_json:
        print(json.dumps([as_json(past.service, past.history) for past in found], indent=2))
    else:
        for past in found:
            print("\n".join([*table(past.service, past.history), *_ahead(project, past)]))
    if lost and not asked.service:
        raise lost


def roll_back(run: Run, project: Project, asked: Asked) -> None:
    """Bring a revision back: show what changes, ask, and run an ordinary `up`; the settings file stays."""
    past = _one(run, asked)
    target, now = _target(past, asked.number)
    if alike(target, now):
        say(f"{past.service}: revision {now.number}, which is in force, is as revision {target.number}")
        return
    with connect(past.host) as engine:
        images = {name: _on_host(engine, name, image) for name, image in target.images.items()}
    settings = laid_over(project.settings(), run.owner.project, past.service, target, images)
    say(f"{past.service}: back from revision {now.number} to {target.number}")
    for line in way_back(now, target):
        say(f"  {line}")
    for place in secret_places(long_form(target.settings)):
        say(f"  {place}: a secret, as it is in {project.settings_file.name}")
    with _file(project, settings) as file, run.with_settings(file):
        _preview(run, asked)
        _confirm(asked)
        if _one(run, asked).history.in_force != now:
            raise CannotGoOn(f"another change of {past.service} came first: look at it, and roll back again")
        run.up()
    after = _one(run, asked)
    if after.history.in_force is None or not alike(after.history.in_force, target):
        raise CannotGoOn(
            f"{past.service} is not as revision {target.number}: the program of this stack changes what "
            f"{run.owner.project}:services says"
        )
    say(f"{past.service}: revision {after.history.in_force.number} is in force, as {target.number}")
    for line in _ahead(project, after):
        say(line)


def way_back(now: Content, target: Content) -> list[str]:
    """Describe what a rollback changes, and the protections that it drops."""
    return [*changes(now, target), *(each.text for each in protections(now.settings, target.settings))]


def _found(run: Run, asked: Asked) -> tuple[list[Past], Optional[HostUnreachable]]:
    """Return the services with a history, or the one that is asked for, and the error of a host.

    Raises that error, or else CannotGoOn, without any service.
    """
    found: list[Past] = []
    lost: Optional[HostUnreachable] = None
    for host in run.hosts():
        try:
            found += _on(host, run.owner)
        except HostUnreachable as error:
            lost = error
    found.sort(key=lambda past: past.service)
    names = [past.service for past in found]
    if asked.service is not None:
        found = [past for past in found if past.service == asked.service]
    if not found:
        if lost:
            raise lost
        which = f"service {asked.service}" if asked.service else f"stack {run.owner.stack}"
        known = f"; there is one of {', '.join(names)}" if names else ""
        raise CannotGoOn(f"there is no history of {which} yet: it begins with the first change{known}")
    return found, lost


def _one(run: Run, asked: Asked) -> Past:
    """Return the service that is asked for, or the only one. CannotGoOn where several could be meant."""
    found, _ = _found(run, asked)
    if len(found) > 1:
        raise CannotGoOn(f"name one service with --service: {', '.join(past.service for past in found)}")
    return found[0]


def _on(host: Connection, owner: Owner) -> list[Past]:
    """Return the services of a stack on a host that have a history."""
    by_service: dict[str, list[Any]] = {}
    with connect(host, timeout=30) as engine:
        for container in front_ends(engine, owner.labels, stopped=True):
            by_service.setdefault(container.labels[f"{LABEL}.component"], []).append(container)
        found = [Past(service, host, newest(containers)) for service, containers in by_service.items()]
    return [past for past in found if past.history.written]


def _target(past: Past, number: Optional[int]) -> tuple[Revision, Revision]:
    """Return the revision to bring back, by default the last one that is otherwise, and the one in force."""
    now = past.history.in_force
    if now is None:
        raise CannotGoOn(f"no change of {past.service} has succeeded yet: there is no revision")
    if number is not None:
        return past.revision(number), now
    for each in reversed(past.history.revisions):
        if not alike(each, now):
            return each, now
    raise CannotGoOn(f"no revision of {past.service} is kept that is not as the one in force, {now.number}")


def _on_host(engine: "DockerClient", backend: str, image: Image) -> str:
    """Return a name of the image: of now on its host, or else for a registry. CannotGoOn without any."""
    from docker.errors import ImageNotFound

    for name in (image.reference, *image.digests, image.id):
        try:
            if engine.images.get(name).id == image.id:
                return name
        except ImageNotFound:
            continue
    if not image.digests:
        raise CannotGoOn(
            f"the image of {backend}, {image.reference} ({image.id}), is no longer on its host, and comes "
            "from no registry: load it with `docker load`, or choose another revision"
        )
    say(f"{image.digests[0]} is no longer on its host: `up` pulls it before anything else")
    return image.digests[0]


def _ahead(project: Project, past: Past) -> list[str]:
    """Say how the settings file differs from what is in force."""
    services = [
        value
        for key, value in (project.settings().get("config") or {}).items()
        if key == f"{project.about()['name']}:services"
    ]
    now, given = past.history.in_force, next((each.get(past.service) for each in services), None)
    said = changed_settings(now.settings, without_secrets(given)) if now and given else []
    if not said:
        return []
    title = f"{project.settings_file.name} differs from what is in force; the next `up` changes:"
    return [title, *(f"  {line}" for line in said)]


@contextmanager
def _file(project: Project, settings: dict[str, Any]) -> Iterator[Path]:
    """Yield a settings file that nobody else can read, in place of that of the stack."""
    with tempfile.TemporaryDirectory(prefix=f"{PACKAGE}-") as folder:
        file = Path(folder, project.settings_file.name)
        file.write_text(yaml.safe_dump(settings, sort_keys=False))
        yield file


def _preview(run: Run, asked: Asked) -> None:
    try:
        run.preview()
    except HostsUnchecked:
        if not asked.allow_unchecked:
            raise


def _confirm(asked: Asked) -> None:
    """Ask whether to go on. CannotGoOn where nobody says yes."""
    if asked.sure:
        return
    if not sys.stdin.isatty():
        raise CannotGoOn("nothing is changed: nobody can be asked here, and --yes is not given")
    if input("Roll back? [y/N] ").strip().lower() not in ("y", "yes"):
        raise CannotGoOn("nothing is changed: not confirmed")
