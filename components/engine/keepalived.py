"""keepalived on one node of a floating address, through the Engine API. Plain functions, no Pulumi."""

import contextlib
import re
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Optional, TypedDict

from ..arguments.connections import Login
from ..proxies.keepalived import KEEPALIVED, RELOADED, SCRIPT
from ..proxies.program import CPU_SHARES, FOLDER, TMPFS
from ..proxies.rendering import render
from . import config_check, neighbours
from .containers import EngineError, ErrorLog, find, nameless_volume, read_file, wait_until, write_file
from .images import pull_missing

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

PROCESSES = 64
START_SECONDS = 20.0
STOP_SECONDS = 10
RELOAD_SECONDS = 5.0
STEADY_SECONDS = 0.5
"""Seconds for which keepalived must be healthy after a start or reload to have survived it."""
STARTS = "Starting Keepalived"
"""First words of the log of each run."""
_ROLE = re.compile(r"Entering (MASTER|BACKUP|FAULT) STATE")
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


class Found(TypedDict, total=False):
    """A node as it is; of a host that does not answer, the configuration is not known."""

    config: str
    running: bool


def problem(engine: "DockerClient", spec: Spec) -> Optional[str]:
    """Return the objection to the configuration, or None.

    It is that of another stack's node on this host, or of the image's keepalived.
    Raises ImageMissing.
    """
    if said := neighbours.clash(engine, spec["config"], spec["labels"]):
        return said
    return config_check.problem(
        engine, KEEPALIVED, spec["image"], spec["config"], [], spec["labels"], spec["memory"]
    )


def prepare(engine: "DockerClient", spec: Spec) -> str:
    """Make the node's container, but do not start it; its id.

    One that was there with our labels, of a run that did not come to its end, goes.
    """
    _ready_image(engine, spec)
    _refuse_wrong(engine, spec)
    _remove_others(engine, spec)
    return str(_create(engine, spec).id)


def deliver(engine: "DockerClient", spec: Spec, known: str) -> str:
    """Make the node's container `known` what `spec` says, and running; return the id of the container then.

    A changed text is reloaded, which does not move the addresses. Another image or limit needs another
    container: keepalived stops, which moves them. A refused change leaves the former container and text in
    force.
    """
    container = find(engine, known)
    if container is None or not _same(container, spec):
        return _replace(engine, spec, container)
    if read_file(container, KEEPALIVED.path) != spec["config"]:
        _refuse_wrong(engine, spec)
        _put_in_force(container, spec["config"])
    elif container.status != "running":
        start(container)
    return known


def start(container: "Container") -> None:
    """Start keepalived and wait until it takes part."""
    if container.status == "restarting":
        container.stop(timeout=0)
    log = ErrorLog(container)
    container.start()
    if not wait_until(lambda: any(_ROLE.search(line) for line in log.new()), START_SECONDS):
        raise EngineError(f"keepalived in {container.name} did not start: {last_words(container)}")


def take_part(containers: "Sequence[Container]") -> None:
    """Start those that do not run, in this order."""
    for container in containers:
        if container.status != "running":
            start(container)


def await_part(containers: "Sequence[Container]", seconds: float, owner: bool) -> Optional[str]:
    """Return why these nodes do not all take part, or None.

    One of them must get the addresses within `seconds` where an `owner` is to be among them.
    """

    def in_role(name: str) -> "list[Container]":
        return [container for container in containers if role(container) == name]

    if owner and not wait_until(lambda: bool(in_role("MASTER")), seconds):
        said = "; ".join(f"{each.name}: {last_words(each)}" for each in containers)
        return f"no node took the addresses within {seconds:g} s: {said}"
    if wait_until(lambda: bool(in_role("FAULT")), STEADY_SECONDS):
        return "; ".join(f"{each.name} takes no part: {last_words(each)}" for each in in_role("FAULT"))
    return None


def role(container: "Container") -> str:
    """Return MASTER (it has the addresses), BACKUP or FAULT; nothing when it does not run."""
    container.reload()
    if container.status != "running":
        return ""
    log = container.logs().decode(errors="replace")
    found: list[str] = _ROLE.findall(log.rpartition(STARTS)[2])
    return found[-1] if found else ""


def last_words(container: "Container") -> str:
    """Return the last lines of its log."""
    lines = container.logs(tail=5).decode(errors="replace").strip().splitlines()
    return "; ".join(line.strip() for line in lines) or "it wrote nothing"


def look(engine: "DockerClient", known: str) -> Optional[Found]:
    """Return the real `config` and `running` of the container; None when it is gone."""
    container = find(engine, known)
    if container is None:
        return None
    return {
        "config": read_file(container, KEEPALIVED.path) or "",
        "running": container.status == "running",
    }


def stop(engine: "DockerClient", known: str) -> "Optional[Container]":
    """Stop keepalived, so that it gives the addresses up; return its container, or None when that is gone."""
    if container := find(engine, known):
        container.stop(timeout=STOP_SECONDS)
    return container


def remove(engine: "DockerClient", known: str) -> None:
    """Stop keepalived, so that it gives the addresses up, and remove the container if it exists."""
    if container := stop(engine, known):
        container.remove(force=True, v=True)


def _same(container: "Container", spec: Spec) -> bool:
    """Return whether it differs from `spec` in nothing but its text."""
    host = container.attrs["HostConfig"]
    return bool(
        container.attrs["Config"]["Image"] == spec["image"]
        and host["Memory"] == spec["memory"] * MIB
        and {each.removeprefix("CAP_") for each in host["CapAdd"]} == set(spec["capabilities"])
    )


def _replace(engine: "DockerClient", spec: Spec, old: "Optional[Container]") -> str:
    from docker.errors import APIError

    _ready_image(engine, spec)
    _refuse_wrong(engine, spec)
    _remove_others(engine, spec, old)
    new = _create(engine, spec)
    try:
        if old:
            old.stop(timeout=STOP_SECONDS)
        start(new)
    except (EngineError, APIError):
        new.remove(force=True, v=True)
        if old:
            old.start()
        raise
    if old:
        old.remove(force=True, v=True)
    return str(new.id)


def _create(engine: "DockerClient", spec: Spec) -> "Container":
    restart: Any = {"Name": "always"}  # after a reload signal, "unless-stopped" never acts again
    container = engine.containers.create(
        spec["image"],
        name=f"{spec['name']}-{secrets.token_hex(4)[1:]}",
        entrypoint=list(KEEPALIVED.run[:1]),
        command=list(KEEPALIVED.run[1:]),
        network_mode="host",
        user="0:0",
        read_only=True,
        tmpfs=TMPFS,  # a stale pid file would keep it from starting again
        mounts=[nameless_volume(FOLDER)],
        cap_drop=["ALL"],
        cap_add=list(spec["capabilities"]),
        security_opt=["no-new-privileges"],
        mem_limit=spec["memory"] * MIB,
        pids_limit=PROCESSES,
        cpu_shares=CPU_SHARES,  # a late advert moves the addresses
        restart_policy=restart,
        stop_signal=KEEPALIVED.stop_signal,
        labels=spec["labels"],
    )
    _write(container, spec["config"])
    return container


def _write(container: "Container", config: str) -> None:
    write_file(container, FOLDER, SCRIPT, render("keepalived/gateway.sh.j2", None))
    write_file(container, FOLDER, KEEPALIVED.file, config)


def _put_in_force(container: "Container", config: str) -> None:
    before = read_file(container, KEEPALIVED.path) or ""
    _write(container, config)
    try:
        _reload(container) if container.status == "running" else start(container)
    except EngineError as error:
        _write(container, before)
        with contextlib.suppress(EngineError):
            _reload(container) if container.status == "running" else start(container)
        raise EngineError(f"{error}; the old configuration is in force again") from error


def _reload(container: "Container") -> None:
    log, pid = ErrorLog(container), container.attrs["State"]["Pid"]
    container.kill(KEEPALIVED.reload_signal)

    def ended() -> bool:
        container.reload()
        return bool(container.attrs["State"]["Pid"] != pid)

    heard = wait_until(lambda: ended() or any(RELOADED in line for line in log.new()), RELOAD_SECONDS)
    if not heard or wait_until(ended, STEADY_SECONDS):
        raise EngineError(f"keepalived in {container.name} did not reload: {last_words(container)}")


def _refuse_wrong(engine: "DockerClient", spec: Spec) -> None:
    if said := problem(engine, spec):
        raise EngineError(f"keepalived refuses the configuration, nothing was changed: {said}")


def _ready_image(engine: "DockerClient", spec: Spec) -> None:
    try:
        pull_missing(engine, spec["image"], spec["registries"])
    except EngineError as error:
        raise EngineError(
            f"{error}: build it with `docker build -t longshore-keepalived:1 templates/keepalived`, there or "
            "for a registry"
        ) from error


def _remove_others(engine: "DockerClient", spec: Spec, besides: "Optional[Container]" = None) -> None:
    """Remove containers with our labels that no state knows any more."""
    same = [f"{key}={value}" for key, value in spec["labels"].items()]
    for container in engine.containers.list(all=True, filters={"label": same}):
        if besides is None or container.id != besides.id:
            remove(engine, str(container.id))
