"""The revisions of a service: what was put in force, when and by whom. Plain functions, no Pulumi.

They stand beside the configuration in the front end's volume, so everybody who reaches the host reads the
same. Only root can read them in the container: the front end's program serves strangers.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Any, Optional

from pydantic import ValidationError

from ..arguments.parsing import Frozen
from ..naming import LABEL, backend_of_replica
from ..proxies.program import FOLDER
from .containers import files_in, find, front_ends, write_file

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

KEPT = 10
"""Revisions that are kept, and failed changes."""
FILES = ("history-0.json", "history-1.json")
"""Files beside the configuration. The older one is written, so a run that is killed leaves the other."""
SECRET = "[secret]"  # noqa: S105 — what is kept in its place
"""In place of a value that the program declares as a secret."""
ROOT = 0
_LONGEST = 500
"""Letters of a reason."""
_one_at_a_time = Lock()
"""Two backends may fail at the same time."""


class Image(Frozen, extra="ignore"):
    """Image of a backend's replicas, as the engine has it."""

    reference: str
    """Name that the replicas were made with."""
    id: str
    digests: list[str]
    """Names with which a registry, or this engine, gives the same image."""


class Author(Frozen, extra="ignore"):
    """Origin of a change."""

    by: str
    version: str
    """Version of Longshore."""


class Failure(Author):
    """A change that failed; what was in force before is in force."""

    when: str
    reason: str


class Content(Frozen, extra="ignore"):
    """State of a service that is in force."""

    settings: dict[str, Any]
    """Arguments of the service without its host; SECRET in place of secrets."""
    images: dict[str, Image]
    """By backend."""
    replicas: dict[str, int]
    """Number of replicas by backend."""
    config: str
    """Configuration of the front end."""


class Revision(Content, Author):
    """State of a service that a change has put in force."""

    number: int
    when: str
    """Time in UTC, by the clock of the machine that ran `pulumi`."""


class History(Frozen, extra="ignore"):
    """A file."""

    written: int = 0
    """Number of times that the history was written; the larger one of two files counts."""
    revisions: list[Revision] = []
    """From the oldest to the one in force."""
    failures: list[Failure] = []

    @property
    def in_force(self) -> Optional[Revision]:
        """The last revision; None before there is one."""
        return self.revisions[-1] if self.revisions else None


def history_of(container: "Container") -> History:
    """Return the history in a front end; an empty one without any."""
    return newest([container])


def newest(containers: "Iterable[Container]") -> History:
    """Return the newest history in several front ends: those that follow each other take it over."""
    return _last(each for container in containers for each in _slots(container))


def keep(
    engine: "DockerClient",
    front_end: str,
    author: Author,
    settings: Mapping[str, Any],
    config: str,
    replicas: Mapping[str, str],
) -> None:
    """Note what is in force now in a front end's container (its id), unless it was before.

    `replicas` has the ids of their containers by name. A front end that follows another one takes its history
    over.
    """
    container = find(engine, front_end)
    if container is None:
        return
    images, counts = _images(engine, container.labels[f"{LABEL}.component"], replicas)
    content = Content(settings=dict(settings), images=images, replicas=counts, config=config)
    with _one_at_a_time:
        found = {each.id: _slots(each) for each in front_ends(engine, container.labels, stopped=True)}
        slots = found[container.id]
        history, own = _last(chain(*found.values())), _last(slots)
        last = history.in_force
        if last is None or Content.model_validate(last.model_dump()) != content:
            fields = {**content.model_dump(), **author.model_dump(), "when": _now()}
            revision = Revision.model_validate({**fields, "number": last.number + 1 if last else 1})
            _write(container, slots, history, revisions=[*history.revisions, revision][-KEPT:])
        elif own.in_force != last:
            _write(container, slots, history)


def keep_failure(engine: "DockerClient", owner: Mapping[str, str], author: Author, reason: str) -> None:
    """Note a change that failed in the front ends of a component (its labels).

    The first line of `reason` is kept: what follows are log lines of replicas, which may hold anything.
    """
    said = "".join(each if each.isprintable() else " " for each in (reason.splitlines() or [""])[0])
    failure = Failure(
        **author.model_dump(), when=_now(), reason=said.removesuffix("; its last log lines:")[:_LONGEST]
    )
    with _one_at_a_time:
        found = {each: _slots(each) for each in front_ends(engine, owner, stopped=True)}
        history = _last(chain(*found.values()))
        for container, slots in found.items():
            _write(container, slots, history, failures=[*history.failures, failure][-KEPT:])


def _images(
    engine: "DockerClient", component: str, replicas: Mapping[str, str]
) -> tuple[dict[str, Image], dict[str, int]]:
    """Return the image of the first replica of each backend, and the number of replicas."""
    names: dict[str, list[str]] = {}
    for name in sorted(replicas, key=lambda name: int(name.rpartition("-")[2])):
        names.setdefault(backend_of_replica(component, name), []).append(name)
    images = {
        backend: image
        for backend, each in names.items()
        if (image := _image(engine, replicas[each[0]])) is not None
    }
    return images, {backend: len(each) for backend, each in names.items()}


def _image(engine: "DockerClient", replica: str) -> Optional[Image]:
    """Return the image of a container; None when the container is gone."""
    from docker.errors import NotFound

    digests: list[str] = []
    try:
        container = engine.api.inspect_container(replica)
    except NotFound:
        return None
    with suppress(NotFound):  # somebody has removed it by force
        digests = engine.images.get(container["Image"]).attrs.get("RepoDigests") or []
    return Image(reference=container["Config"]["Image"], id=container["Image"], digests=sorted(digests))


def _slots(container: "Container") -> tuple[History, ...]:
    """Return each of FILES; an empty history without it, or when a kill or a crash has cut it short."""
    files = files_in(container, FOLDER)
    return tuple(_read(files.get(name, "")) for name in FILES)


def _read(text: str) -> History:
    try:
        return History.model_validate_json(text)
    except ValidationError:
        return History()


def _last(histories: Iterable[History]) -> History:
    return max(histories, key=lambda history: history.written, default=History())


def _write(container: "Container", slots: Sequence[History], history: History, **changed: object) -> None:
    """Write the history with these changes in place of the older of FILES, which hold `slots`."""
    written = [each.written for each in slots]
    update = {**changed, "written": max(*written, history.written) + 1}
    text = history.model_copy(update=update).model_dump_json()
    write_file(container, FOLDER, FILES[written.index(min(written))], text, owner=ROOT)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
