"""A front end's configuration: delivered, reloaded, rolled back. `config_check` comes before."""

import contextlib
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Optional, TypedDict

from ..naming import LABEL
from ..proxies.program import FOLDER, Program
from .config_check import complaint
from .containers import EngineError, ErrorLog, find, read_file, wait_until, workers, write_file

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


class Found(TypedDict):
    """A front end as it is."""

    config: str
    running: bool
    addresses: dict[str, str]
    """On each network, by the network's name."""


def deliver(engine: "DockerClient", program: Program, front_end: str, text: str, drain: float) -> None:
    """Put `text` in force in the container `front_end`: start it, or reload it without a gap.

    Returns when the new workers serve and stay, and the old ones have finished, at most `drain` seconds
    later.
    Raises EngineError when the program refuses or its workers do not stay; what was in force before is in
    force then.
    """
    container = find(engine, front_end)
    if container is None:
        raise EngineError(f"the front end's container {front_end[:12]} is gone: refresh, then up again")
    if container.status != "running":
        _start(engine, container, program, text, drain)
        return
    before, old = read_file(container, program.path), workers(container)
    write_file(container, FOLDER, program.file, text)
    log = ErrorLog(container)
    container.kill(program.reload_signal)
    if said := _not_serving(container, program, log, old):
        again = _put_back(container, program, before, old)
        raise EngineError(f"the reload failed, the old configuration {again}: {said}")
    # The program itself ends old workers after the drain time; waiting longer helps nobody.
    wait_until(lambda: not old.keys() & workers(container), drain + 2)


def join(engine: "DockerClient", front_end: str, networks: Collection[str]) -> None:
    """Have the container on all of the networks, by name, whether it runs or not."""
    if networks and (container := find(engine, front_end)):
        for name in sorted(set(networks) - addresses(container).keys()):
            engine.networks.get(name).connect(container)


def leave(engine: "DockerClient", front_end: str, networks: Collection[str]) -> None:
    """Have the container on none of the networks, so that they can be removed."""
    if networks and (container := find(engine, front_end)):
        for name in sorted(addresses(container).keys() & set(networks)):
            engine.networks.get(name).disconnect(container)


def state(engine: "DockerClient", program: Program, front_end: str) -> Optional[Found]:
    """Return the real `config`, `running` and `addresses` of the container; None when it is gone."""
    container = find(engine, front_end)
    if container is None:
        return None
    return {
        "config": read_file(container, program.path) or "",
        "running": container.status == "running",
        "addresses": addresses(container),
    }


def addresses(container: "Container") -> dict[str, str]:
    """Return the container's address on each of its networks, by network name."""
    networks: Mapping[str, Any] = container.attrs["NetworkSettings"]["Networks"]
    return {name: network["IPAddress"] for name, network in sorted(networks.items())}


def stop(engine: "DockerClient", front_end: str, drain: float) -> None:
    """Stop the front end after the requests in flight; nothing to do when it is gone."""
    if container := find(engine, front_end):
        container.stop(timeout=max(1, round(drain)))


def _start(engine: "DockerClient", container: "Container", program: Program, text: str, drain: float) -> None:
    """Start the container. When it does not serve, those that were stopped for it are started again."""
    from docker.errors import APIError

    log = ErrorLog(container)
    write_file(container, FOLDER, program.file, text)
    if container.status == "restarting":
        container.stop(timeout=0)
    former: list[Container] = []
    try:
        try:
            container.start()
        except APIError:
            # Its port may be held by the container that it follows.
            former = _stop_former(engine, container, drain)
            if not former:
                raise
            container.start()
        if said := _not_serving(container, program, log, {}):
            raise EngineError(f"the front end did not start: {said}")  # noqa: TRY301 — ends as a start that the engine refuses
    except (APIError, EngineError) as error:
        with contextlib.suppress(APIError):
            container.stop(timeout=0)
        for each in former:
            each.start()
            # It may be of another kind; its workers are proof enough.
            _not_serving(each, replace(program, ready=None, failed=NOTHING), ErrorLog(each), {})
        if former and isinstance(error, EngineError):
            raise EngineError(f"{error}; the former front end serves again") from error
        raise


def _stop_former(engine: "DockerClient", container: "Container", drain: float) -> "list[Container]":
    """Stop other front ends of the same component on this engine; those that ran."""
    same = [f"{key}={value}" for key, value in container.labels.items() if key.startswith(LABEL)]
    found = engine.containers.list(filters={"label": same}) if same else []
    former = [each for each in found if each.id != container.id]
    for each in former:
        each.stop(timeout=max(1, round(drain)))
    return former


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
