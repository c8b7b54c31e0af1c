"""A front end's configuration: put in force, looked at. `config_check` comes before."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional, TypedDict

from ..proxies.program import Program
from . import replica_set
from .containers import find, read_file, workers
from .front_end_changes import Seen, Wanted, changes
from .front_end_steps import existing
from .replica_changes import retired
from .steps import perform

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container


class Running(TypedDict):
    """A front end's container as it is."""

    running: bool
    addresses: dict[str, str]
    """On each network, by the network's name."""


class Found(Running):
    """A front end as it is, with its configuration."""

    config: str


def put_in_force(engine: "DockerClient", wanted: Wanted) -> None:
    """Make a front end as `wanted`: start it, or reload it without a gap.

    Returns when new workers serve and stay, and the old ones have finished, at most the drain time later.
    Replicas to which it no longer sends are gone then.
    Raises EngineError when the program refuses or its workers do not stay; what was in force before is in
    force then.
    """
    container = existing(engine, wanted.container)
    running = container.status == "running"
    seen = Seen(
        running,
        addresses(container).keys(),
        workers(container) if running and wanted.text is not None else {},
        container.attrs["HostConfig"].get("PidsLimit"),
    )
    left = replica_set.left(engine, container.labels, wanted.replicas, wanted.adopted)
    perform([*changes(seen, wanted), *retired(left, wanted.drain)], engine)


def running(engine: "DockerClient", front_end: str) -> Optional[Running]:
    """Return whether the container runs, and its addresses; None when it is gone."""
    container = find(engine, front_end)
    return None if container is None else _running(container)


def state(engine: "DockerClient", program: Program, front_end: str) -> Optional[Found]:
    """Return the real `config`, `running` and `addresses` of the container; None when it is gone."""
    container = find(engine, front_end)
    if container is None:
        return None
    return {"config": read_file(container, program.path) or "", **_running(container)}


def _running(container: "Container") -> Running:
    return {"running": container.status == "running", "addresses": addresses(container)}


def addresses(container: "Container") -> dict[str, str]:
    """Return the container's address on each of its networks, by network name."""
    networks: Mapping[str, Any] = container.attrs["NetworkSettings"]["Networks"]
    return {name: network["IPAddress"] for name, network in sorted(networks.items())}


def stop(engine: "DockerClient", front_end: str, drain: float) -> None:
    """Stop the front end after the requests in flight; nothing to do when it is gone."""
    if container := find(engine, front_end):
        container.stop(timeout=max(1, round(drain)))
