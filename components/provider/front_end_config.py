"""A front end's configuration: delivered, reloaded, rolled back. `config_check` comes before."""

import contextlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional

from ..naming import LABEL
from ..program import FOLDER, Program
from .config_check import complaint
from .engine import EngineError, ErrorLog, find, read_file, wait_until, workers, write_file

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

RELOAD_SECONDS = 30.0


def deliver(engine: "DockerClient", program: Program, front_end: str, text: str, drain: float) -> None:
    """Put `text` in force in the container `front_end`: start it, or reload it without a gap.

    Returns when the new workers serve and the old ones have finished, at most `drain` seconds later.
    Raises EngineError when the program refuses; what was in force before then stays in force.
    """
    container = find(engine, front_end)
    if container is None:
        raise EngineError(f"the front end's container {front_end[:12]} is gone: refresh, then up again")
    if container.status != "running":
        _start(engine, container, program, text, drain)
        return
    before = read_file(container, program.path)
    write_file(container, FOLDER, program.file, text)
    try:
        _reload(container, program, drain)
    except EngineError:
        if before is not None:
            write_file(container, FOLDER, program.file, before)
        raise


def state(engine: "DockerClient", program: Program, front_end: str) -> Optional[dict[str, Any]]:
    """What is really there: `config`, `running` and `addresses`; None when the container is gone."""
    container = find(engine, front_end)
    if container is None:
        return None
    return {
        "config": read_file(container, program.path) or "",
        "running": container.status == "running",
        "addresses": addresses(container),
    }


def addresses(container: "Container") -> dict[str, str]:
    """The container's address on each of its networks, by network name."""
    networks: Mapping[str, Any] = container.attrs["NetworkSettings"]["Networks"]
    return {name: network["IPAddress"] for name, network in sorted(networks.items())}


def stop(engine: "DockerClient", front_end: str, drain: float) -> None:
    """Stop the front end after the requests in flight; nothing to do when it is gone."""
    if container := find(engine, front_end):
        container.stop(timeout=max(1, round(drain)))


def _start(engine: "DockerClient", container: "Container", program: Program, text: str, drain: float) -> None:
    from docker.errors import APIError

    log = ErrorLog(container)
    write_file(container, FOLDER, program.file, text)
    if container.status == "restarting":
        container.stop(timeout=0)
    try:
        container.start()
    except APIError:
        # Its port may be held by the container it follows: the same engine under another address.
        if not _stop_former(engine, container, drain):
            raise
        container.start()

    def served_or_ended() -> bool:
        container.reload()
        return container.status != "running" or _ready(container, program, log, set())

    in_time = wait_until(served_or_ended, RELOAD_SECONDS)
    if container.status != "running" or not in_time:
        said = container.logs(tail=30).decode(errors="replace")
        with contextlib.suppress(Exception):
            container.stop(timeout=0)
        raise EngineError(f"the front end did not start: {complaint(program, said)}")


def _stop_former(engine: "DockerClient", container: "Container", drain: float) -> bool:
    """Stop other front ends of the same component on this engine; whether there was one."""
    same = [f"{key}={value}" for key, value in container.labels.items() if key.startswith(LABEL)]
    found = engine.containers.list(filters={"label": same}) if same else []
    former = [each for each in found if each.id != container.id]
    for each in former:
        each.stop(timeout=max(1, round(drain)))
    return bool(former)


def _reload(container: "Container", program: Program, drain: float) -> None:
    old, log = workers(container), ErrorLog(container)
    container.kill(program.reload_signal)
    outcome: list[str] = []

    def decided() -> bool:
        outcome[:] = [line for line in log.new() if re.search(program.failed, line)]
        return bool(outcome) or _ready(container, program, log, old)

    if not wait_until(decided, RELOAD_SECONDS):
        outcome = [f"no new worker within {RELOAD_SECONDS:.0f} s"]
    if outcome:
        said = complaint(program, "\n".join(outcome))
        raise EngineError(f"the reload failed, the old configuration stays in force: {said}")
    # The program itself ends old workers after the drain time; waiting longer helps nobody.
    wait_until(lambda: not old & workers(container), drain + 2)


def _ready(container: "Container", program: Program, log: ErrorLog, old: set[str]) -> bool:
    if program.ready is not None and not any(program.ready in line for line in log.new()):
        return False
    return bool(workers(container) - old)
