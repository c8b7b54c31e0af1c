"""Steps of a change of keepalived on one node. One that is refused leaves in force what was before it."""

import contextlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Optional, TypedDict

from ..arguments.connections import Login
from ..proxies.keepalived import KEEPALIVED, RELOADED, SCRIPT
from ..proxies.program import CPU_SHARES, FOLDER, TMPFS
from ..proxies.rendering import render
from . import config_check, neighbours
from .containers import EngineError, ErrorLog, find, nameless_volume, wait_until, write_file
from .images import PullImage
from .steps import Step

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

PROCESSES = 64
START_SECONDS = 20.0
STOP_SECONDS = 10
RELOAD_SECONDS = 5.0
STEADY_SECONDS = 0.5
"""Seconds for which keepalived must be healthy after a start or reload to have survived it."""
ENTERS = re.compile(r"Entering (MASTER|BACKUP|FAULT) STATE")
"""Line of its log with the role that it takes."""
MIB = 2**20


class Spec(TypedDict):
    """A container with keepalived; its memory is in MiB."""

    name: str
    image: str
    memory: int
    capabilities: list[str]
    labels: dict[str, str]
    config: str
    registries: list[Login]


@dataclass(frozen=True, kw_only=True)
class PullKeepalived(PullImage):
    """The host gets keepalived's image, which no registry has: the error says how to build it."""

    def perform(self, engine: "DockerClient") -> None:
        try:
            super().perform(engine)
        except EngineError as error:
            raise EngineError(
                f"{error}: build it with `docker build -t longshore-keepalived:1 templates/keepalived`, "
                "there or for a registry"
            ) from error


@dataclass(frozen=True, kw_only=True)
class Validate(Step):
    """keepalived of the image, and other stacks on the host, take the configuration."""

    spec: Spec = field(repr=False)

    @property
    def action(self) -> str:
        return "validate the configuration of keepalived"

    def perform(self, engine: "DockerClient") -> None:
        if said := objection(engine, self.spec):
            raise EngineError(f"keepalived refuses the configuration, nothing was changed: {said}")


@dataclass(frozen=True, kw_only=True)
class Create(Step):
    """The container is made, with its configuration, and does not run."""

    name: str
    spec: Spec = field(repr=False)

    @property
    def action(self) -> str:
        return f"create container {self.name}"

    def perform(self, engine: "DockerClient") -> None:
        restart: Any = {"Name": "always"}  # after a reload signal, "unless-stopped" never acts again
        container = engine.containers.create(
            self.spec["image"],
            name=self.name,
            entrypoint=list(KEEPALIVED.run[:1]),
            command=list(KEEPALIVED.run[1:]),
            network_mode="host",
            user="0:0",
            read_only=True,
            tmpfs=TMPFS,  # a stale pid file would keep it from starting again
            mounts=[nameless_volume(FOLDER)],
            cap_drop=["ALL"],
            cap_add=list(self.spec["capabilities"]),
            security_opt=["no-new-privileges"],
            mem_limit=self.spec["memory"] * MIB,
            pids_limit=PROCESSES,
            cpu_shares=CPU_SHARES,  # a late advert moves the addresses
            restart_policy=restart,
            stop_signal=KEEPALIVED.stop_signal,
            labels=self.spec["labels"],
        )
        _write(container, self.spec["config"])


@dataclass(frozen=True, kw_only=True)
class Start(Step):
    """keepalived starts and takes part."""

    container: str

    @property
    def action(self) -> str:
        return f"start keepalived in container {self.container[:12]}"

    def perform(self, engine: "DockerClient") -> None:
        start(engine.containers.get(self.container))


@dataclass(frozen=True, kw_only=True)
class TakeOver(Step):
    """A new container starts, in place of a former one; when it does not, it goes and the former is back."""

    former: Optional[str]
    """Id of the container that stops, where there is one."""
    container: str
    """Name of the container that starts."""

    @property
    def action(self) -> str:
        stop = f"stop container {self.former[:12]} and " if self.former else ""
        return f"{stop}start container {self.container}"

    def perform(self, engine: "DockerClient") -> None:
        from docker.errors import APIError

        new = engine.containers.get(self.container)
        former = engine.containers.get(self.former) if self.former else None
        try:
            if former:
                former.stop(timeout=STOP_SECONDS)
            start(new)
        except (EngineError, APIError):
            try:
                new.remove(force=True, v=True)
            finally:
                if former:
                    former.start()
            raise


@dataclass(frozen=True, kw_only=True)
class Remove(Step):
    """A container stops, so that it gives the addresses up, and goes."""

    container: str

    @property
    def action(self) -> str:
        return f"remove container {self.container[:12]}"

    def perform(self, engine: "DockerClient") -> None:
        if container := find(engine, self.container):
            container.stop(timeout=STOP_SECONDS)
            container.remove(force=True, v=True)


@dataclass(frozen=True, kw_only=True)
class Reload(Step):
    """keepalived reads another configuration, which does not move the addresses."""

    container: str
    config: str = field(repr=False)
    before: str = field(repr=False)
    """Its configuration of before, which is put back when the other one is refused."""

    @property
    def action(self) -> str:
        return "reload keepalived"

    def perform(self, engine: "DockerClient") -> None:
        from docker.errors import APIError

        container = engine.containers.get(self.container)
        try:
            _deliver(container, self.config)
        except (EngineError, APIError) as error:
            with contextlib.suppress(EngineError, APIError):
                _deliver(container, self.before)
            if isinstance(error, APIError):
                raise
            raise EngineError(f"{error}; the old configuration is in force again") from error


def start(container: "Container") -> None:
    """Start keepalived and wait until it takes part."""
    if container.status == "restarting":
        container.stop(timeout=0)
    log = ErrorLog(container)
    container.start()
    if not wait_until(lambda: any(ENTERS.search(line) for line in log.new()), START_SECONDS):
        raise EngineError(f"keepalived in {container.name} did not start: {last_words(container)}")


def objection(engine: "DockerClient", spec: Spec) -> Optional[str]:
    """Return the objection to the configuration, or None.

    It is that of another stack's node on this host, or of the image's keepalived.
    Raises ImageMissing.
    """
    if said := neighbours.clash(engine, spec["config"], spec["labels"]):
        return said
    configuration = config_check.Configuration(spec["config"])
    return config_check.problem(
        engine, KEEPALIVED, spec["image"], configuration, spec["labels"], spec["memory"]
    )


def last_words(container: "Container") -> str:
    """Return the last lines of its log."""
    lines = container.logs(tail=5).decode(errors="replace").strip().splitlines()
    return "; ".join(line.strip() for line in lines) or "it wrote nothing"


def _write(container: "Container", config: str) -> None:
    write_file(container, FOLDER, SCRIPT, render("keepalived/gateway.sh.j2", None))
    write_file(container, FOLDER, KEEPALIVED.file, config)


def _deliver(container: "Container", config: str) -> None:
    """Have keepalived read the configuration, or start with it."""
    _write(container, config)
    _reload(container) if container.status == "running" else start(container)


def _reload(container: "Container") -> None:
    log, pid = ErrorLog(container), container.attrs["State"]["Pid"]
    container.kill(KEEPALIVED.reload_signal)

    def ended() -> bool:
        container.reload()
        return bool(container.attrs["State"]["Pid"] != pid)

    heard = wait_until(lambda: ended() or any(RELOADED in line for line in log.new()), RELOAD_SECONDS)
    if not heard or wait_until(ended, STEADY_SECONDS):
        raise EngineError(f"keepalived in {container.name} did not reload: {last_words(container)}")
