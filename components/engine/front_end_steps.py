"""Steps of a change of a front end. A step that is refused leaves in force what was in force before it."""

import contextlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Optional

from ..naming import LABEL
from ..proxies.program import FOLDER, USER_ID, Program
from ..proxies.served import CERTIFICATE
from .config_check import complaint
from .containers import EngineError, ErrorLog, files_in, find, read_file, wait_until, workers, write_file
from .limits import limit_processes
from .steps import Step

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

RELOAD_SECONDS = 30.0
STEADY_SECONDS = 0.3
"""Seconds in which new workers must be the same, and take no more memory, to have survived their start."""
NOTHING = "(?!)"
"""A pattern that no line has."""
GROWTH_KIB = 32 * 1024
"""Memory that a worker takes in that time at its start only."""


def existing(engine: "DockerClient", front_end: str) -> "Container":
    """Return the container of a front end. Raises EngineError when it is gone."""
    if container := find(engine, front_end):
        return container
    raise EngineError(f"the front end's container {front_end[:12]} is gone: refresh, then up again")


@dataclass(frozen=True, kw_only=True)
class Connect(Step):
    """The container joins a network, whether it runs or not."""

    container: str
    network: str

    @property
    def action(self) -> str:
        return f"connect the front end to network {self.network}"

    def perform(self, engine: "DockerClient") -> None:
        engine.networks.get(self.network).connect(self.container)


@dataclass(frozen=True, kw_only=True)
class Disconnect(Step):
    """The container leaves a network, so that the network can be removed."""

    container: str
    network: str

    @property
    def action(self) -> str:
        return f"disconnect the front end from network {self.network}"

    def perform(self, engine: "DockerClient") -> None:
        engine.networks.get(self.network).disconnect(self.container)


@dataclass(frozen=True, kw_only=True)
class LimitProcesses(Step):
    """The container gets a limit of processes."""

    container: str
    limit: int

    @property
    def action(self) -> str:
        return f"limit the front end to {self.limit} processes"

    def perform(self, engine: "DockerClient") -> None:
        limit_processes(engine, {self.container: self.limit})


@dataclass(frozen=True, kw_only=True)
class Start(Step):
    """The container starts with a configuration.

    When it does not serve, front ends of the same component that were stopped for it are started again.
    """

    container: str
    program: Program
    text: str = field(repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Certificates with their keys, by the names that the configuration has for them."""
    drain: float

    @property
    def action(self) -> str:
        return "start the front end"

    def perform(self, engine: "DockerClient") -> None:
        from docker.errors import APIError

        container = existing(engine, self.container)
        log = ErrorLog(container)
        _write(container, self.program, self.text, self.files)
        if container.status == "restarting":
            container.stop(timeout=0)
        former: list[Container] = []
        try:
            try:
                container.start()
            except APIError:
                # Its port may be held by the container that it follows.
                former = _others(engine, container)
                if not former:
                    raise
                for each in former:
                    each.stop(timeout=max(1, round(self.drain)))
                container.start()
            if said := _not_serving(container, self.program, log, {}):
                raise EngineError(f"the front end did not start: {said}")  # noqa: TRY301 — ends as a start that the engine refuses
        except (APIError, EngineError) as error:
            with contextlib.suppress(APIError):
                container.stop(timeout=0)
            for each in former:
                each.start()
                # It may be of another kind; its workers are proof enough.
                _not_serving(each, replace(self.program, ready=None, failed=NOTHING), ErrorLog(each), {})
            if former and isinstance(error, EngineError):
                raise EngineError(f"{error}; the former front end serves again") from error
            raise


@dataclass(frozen=True, kw_only=True)
class Reload(Step):
    """New workers serve a configuration, without a gap, and stay.

    When they do not, the former configuration is put back in force.
    """

    container: str
    program: Program
    text: str = field(repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Certificates with their keys, by the names that the configuration has for them."""
    before: Mapping[str, int]
    """Its workers of before."""

    @property
    def action(self) -> str:
        return "reload the front end"

    def perform(self, engine: "DockerClient") -> None:
        from docker.errors import APIError

        container = existing(engine, self.container)
        former, log = read_file(container, self.program.path), ErrorLog(container)
        try:
            _write(container, self.program, self.text, self.files)
            container.kill(self.program.reload_signal)
        except APIError:
            if former is not None:  # the next start would read what a full disk has cut short
                with contextlib.suppress(APIError):
                    write_file(container, FOLDER, self.program.file, former)
            raise
        if said := _not_serving(container, self.program, log, self.before):
            again = _put_back(container, self.program, former, self.before)
            if self.files:
                remove_certificates(container, former or "")
            raise EngineError(f"the reload failed, the old configuration {again}: {said}")


@dataclass(frozen=True, kw_only=True)
class RemoveCertificates(Step):
    """Certificates and keys that the configuration does not name are removed."""

    container: str
    text: str = field(repr=False)

    @property
    def action(self) -> str:
        return "remove former certificates of the front end"

    def perform(self, engine: "DockerClient") -> None:
        remove_certificates(existing(engine, self.container), self.text)


@dataclass(frozen=True, kw_only=True)
class AwaitOldWorkers(Step):
    """Wait until the former workers have ended; the program itself ends them after the drain time."""

    container: str
    before: Mapping[str, int]
    drain: float

    @property
    def action(self) -> str:
        return f"wait until the former workers end, at most {self.drain:g} s"

    def perform(self, engine: "DockerClient") -> None:
        container = existing(engine, self.container)
        # The program ends them after the drain time; waiting longer helps nobody.
        wait_until(lambda: not self.before.keys() & workers(container), self.drain + 2)


def remove_certificates(container: "Container", text: str) -> None:
    """Remove the files of certificates that the configuration `text` does not name.

    They are emptied first: an image may have no program that removes a file.
    """
    files = sorted(files_in(container, FOLDER))
    left = [name for name in files if name.endswith(CERTIFICATE) and name not in text]
    for name in left:
        write_file(container, FOLDER, name, "", owner=USER_ID)
    if left:
        # Without capabilities, root removes files from a folder of its own.
        container.exec_run(["rm", "-f", *(f"{FOLDER}/{name}" for name in left)], user="0")


def _write(container: "Container", program: Program, text: str, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        write_file(container, FOLDER, name, content, owner=USER_ID)
    write_file(container, FOLDER, program.file, text)


def _others(engine: "DockerClient", container: "Container") -> "list[Container]":
    """Return the other front ends of the same component on this engine that run."""
    same = [f"{key}={value}" for key, value in container.labels.items() if key.startswith(LABEL)]
    found = engine.containers.list(filters={"label": same}) if same else []
    return [each for each in found if each.id != container.id]


def _put_back(container: "Container", program: Program, before: Optional[str], old: Mapping[str, int]) -> str:
    """Put the text of before back in force, when it is not in force any more; how that went, in words."""
    if before is None:
        return "is lost"
    write_file(container, FOLDER, program.file, before)
    if old and old.keys() == workers(container).keys():
        return "stays in force"
    log, dying = ErrorLog(container), workers(container)
    if dying:
        container.kill(program.reload_signal)
    else:
        container.restart(timeout=0)
    # Those that die meanwhile fill the log.
    failed = _not_serving(container, replace(program, failed=NOTHING), log, dying)
    return f"does not start again ({failed})" if failed else "is in force again"


def _not_serving(
    container: "Container", program: Program, log: ErrorLog, old: Mapping[str, int]
) -> Optional[str]:
    """Wait until workers other than the `old` ones serve and stay; why they do not, or None."""
    said: list[str] = []
    known: dict[str, int] = {}
    since = 0.0

    def decided() -> bool:
        nonlocal known, since
        lines = log.new()
        found = workers(container)
        said[:] = [line for line in lines if re.search(program.failed, line)]
        if not old and container.status != "running":
            said[:] = [complaint(program, container.logs(tail=30).decode(errors="replace"))]
        ready = program.ready is None or any(program.ready in line for line in lines)
        new = {pid: kib for pid, kib in found.items() if pid not in old}
        grown = any(kib > known.get(pid, 0) + GROWTH_KIB for pid, kib in new.items())
        if new.keys() != known.keys() or grown or not ready:
            known, since = new, time.monotonic()
        return bool(said) or bool(new and time.monotonic() - since >= STEADY_SECONDS)

    if wait_until(decided, RELOAD_SECONDS):
        return complaint(program, "\n".join(said)) if said else None
    return f"no new worker within {RELOAD_SECONDS:.0f} s" + (" that stays" if known else "")
