"""keepalived on one node of a floating address, through the Engine API. Plain functions, no Pulumi."""

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Optional, TypedDict

from ..proxies.keepalived import KEEPALIVED
from .containers import find, read_file, wait_until
from .keepalived_changes import Seen, changes
from .keepalived_steps import ENTERS, MIB, STEADY_SECONDS, STOP_SECONDS, Remove, Spec, last_words, start
from .steps import perform

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

STARTS = "Starting Keepalived"
"""First words of the log of each run."""


class Found(TypedDict, total=False):
    """A node as it is; of a host that does not answer, the configuration is not known."""

    config: str
    running: bool


def prepare(engine: "DockerClient", spec: Spec) -> str:
    """Make the node's container, but do not start it; its id.

    One that was there with our labels, of a run that did not come to its end, goes.
    """
    name = _new_name(spec)
    perform(changes(None, spec, name, _strays(engine, spec, ""), starting=False), engine)
    return str(engine.containers.get(name).id)


def deliver(engine: "DockerClient", spec: Spec, known: str) -> str:
    """Make the node's container `known` as `spec`, and running; return the id of the container then."""
    name, container = _new_name(spec), find(engine, known)
    seen = _seen(container, spec) if container else None
    kept = bool(seen and seen.same)
    perform(changes(seen, spec, name, () if kept else _strays(engine, spec, known)), engine)
    if kept:
        return known
    return str(engine.containers.get(name).id)


def remove(engine: "DockerClient", known: str) -> None:
    """Stop keepalived, so that it gives the addresses up, and remove the container if it exists."""
    perform([Remove(container=known, cause="it is no node any more")], engine)


def _new_name(spec: Spec) -> str:
    return f"{spec['name']}-{secrets.token_hex(4)[1:]}"


def _seen(container: "Container", spec: Spec) -> Seen:
    host = container.attrs["HostConfig"]
    return Seen(
        id=str(container.id),
        running=container.status == "running",
        same=bool(
            container.attrs["Config"]["Image"] == spec["image"]
            and host["Memory"] == spec["memory"] * MIB
            and {each.removeprefix("CAP_") for each in host["CapAdd"]} == set(spec["capabilities"])
        ),
        config=read_file(container, KEEPALIVED.path),
    )


def _strays(engine: "DockerClient", spec: Spec, known: str) -> list[str]:
    """Return the ids of containers with our labels that no state knows any more."""
    same = [f"{key}={value}" for key, value in spec["labels"].items()]
    found = engine.api.containers(all=True, filters={"label": same})
    return [each["Id"] for each in found if each["Id"] != known]


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
    found: list[str] = ENTERS.findall(log.rpartition(STARTS)[2])
    return found[-1] if found else ""


def look(engine: "DockerClient", known: str) -> Optional[Found]:
    """Return the real `config` and `running` of the container; None when it is gone."""
    container = find(engine, known)
    if container is None:
        return None
    return {
        "config": read_file(container, KEEPALIVED.path) or "",
        "running": container.status == "running",
    }


def stop(engine: "DockerClient", known: str) -> None:
    """Stop keepalived, so that it gives the addresses up, if the container exists."""
    if container := find(engine, known):
        container.stop(timeout=STOP_SECONDS)
