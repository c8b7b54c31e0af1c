"""Steps that put a front end's configuration in force. Pure functions: they compare, and touch nothing."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Optional

from ..proxies.program import Program
from .front_end_steps import (
    AwaitOldWorkers,
    Connect,
    Disconnect,
    LimitProcesses,
    Reload,
    RemoveCertificates,
    Start,
)
from .steps import Step


@dataclass(frozen=True)
class Seen:
    """A front end's container as it is."""

    running: bool
    networks: AbstractSet[str]
    """Names of the networks that it is on."""
    workers: Mapping[str, int]
    """KiB of memory of each process that serves, by process id; for another configuration only."""
    processes: Optional[int]
    """Limit of its processes; None without one."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A front end as it is to be."""

    container: str
    """Id of its container."""
    program: Program
    text: Optional[str] = field(repr=False)
    """Its configuration; None leaves the one in force."""
    files: Optional[Mapping[str, str]] = field(default=None, repr=False)
    """Certificates with their keys, by the names in the configuration; None where it never had any."""
    drain: float
    """Seconds that requests in flight get when workers are replaced."""
    joins: AbstractSet[str] = frozenset()
    """Names of the networks that it needs."""
    leaves: AbstractSet[str] = frozenset()
    """Names of the networks that it no longer needs."""
    processes: Optional[int] = None
    """Limit of its processes; None leaves the one that it has."""
    replicas: Mapping[str, str] = field(default_factory=dict)
    """Ids of the replicas to which it sends, by name."""
    adopted: AbstractSet[str] = frozenset()
    """Ids of replicas that another resource has made."""


def changes(seen: Seen, wanted: Wanted) -> list[Step]:
    """Return the steps from `seen` to `wanted`.

    New networks come before the configuration that names servers on them, and old ones go after the workers
    that may still use them.
    """
    front_end = wanted.container
    steps: list[Step] = [
        Connect(container=front_end, network=name, cause="a backend is on it")
        for name in sorted(wanted.joins - seen.networks)
    ]
    if wanted.processes not in (None, seen.processes):
        steps.append(LimitProcesses(container=front_end, limit=wanted.processes, cause="declared"))
    if wanted.text is not None:
        steps += _delivery(seen, wanted, wanted.text)
    left = [
        Disconnect(container=front_end, network=name, cause="no backend is on it any more")
        for name in sorted(seen.networks & wanted.leaves)
    ]
    return [*steps, *left]


def _delivery(seen: Seen, wanted: Wanted, text: str) -> list[Step]:
    front_end, files = wanted.container, wanted.files or {}
    steps: list[Step]
    if seen.running:
        steps = [
            Reload(
                container=front_end,
                program=wanted.program,
                text=text,
                files=files,
                before=seen.workers,
                cause="its configuration changes",
            ),
            AwaitOldWorkers(
                container=front_end,
                before=seen.workers,
                drain=wanted.drain,
                cause="they finish the requests in flight",
            ),
        ]
    else:
        steps = [
            Start(
                container=front_end,
                program=wanted.program,
                text=text,
                files=files,
                drain=wanted.drain,
                cause="it does not run",
            )
        ]
    if wanted.files is not None:
        steps.append(RemoveCertificates(container=front_end, text=text, cause="no configuration names them"))
    return steps
