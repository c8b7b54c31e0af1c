"""Limits of replicas that somebody has changed by hand, and the step that sets them again."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .containers import EngineError
from .raw import post
from .replica import MIB, NANO, Replica, Seen, Template
from .replica_steps import first, in_parallel, listed
from .replicas import AT_ONCE
from .steps import Step

if TYPE_CHECKING:
    from docker import DockerClient

_SHOWN = {"Memory": ("memory", MIB), "NanoCpus": ("cpus", NANO), "PidsLimit": ("pids_limit", 1)}
"""Key of a limit among the arguments of a container, and its unit there."""


def limits(template: Template) -> dict[str, Any]:
    """Return the limits as the Engine API changes them in a container that runs."""
    made = Replica(index=0, generation=0, template=template).body()["HostConfig"]
    keys = ["Memory", "MemorySwap", "PidsLimit", "RestartPolicy"]
    if made["NanoCpus"]:  # no engine takes this limit away again
        keys.append("NanoCpus")
    return {key: made[key] for key in keys}


def by_hand(engine: "DockerClient", there: Sequence[Seen], template: Template) -> dict[str, str]:
    """Return the limits that containers have instead of the declared ones, in words, by id."""
    wanted = limits(template)

    def different(each: Seen) -> str:
        from docker.errors import NotFound

        try:
            found = engine.api.inspect_container(each.id)["HostConfig"]
        except NotFound:
            return ""
        said = [
            f"{word} {(found.get(key) or 0) / unit:g} instead of {wanted[key] / unit:g}"
            for key, (word, unit) in _SHOWN.items()
            if key in wanted and (found.get(key) or 0) != wanted[key]
        ]
        restart, declared = found["RestartPolicy"]["Name"], wanted["RestartPolicy"]["Name"]
        return ", ".join(
            [*said, *([f"restart {restart} instead of {declared}"] if restart != declared else [])]
        )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip((each.id for each in there), pool.map(different, there), strict=True))
    return {id_: said for id_, said in found.items() if said}


@dataclass(frozen=True, kw_only=True)
class Limit(Step):
    """Containers get their limits, whether they run or not."""

    containers: Mapping[str, str]
    """Ids by network name."""
    limits: Mapping[str, Any] = field(repr=False)

    @property
    def action(self) -> str:
        return f"limit {listed(list(self.containers))}"

    def perform(self, engine: "DockerClient") -> None:
        def limit(container: str) -> None:
            post(engine, f"/containers/{container}/update", dict(self.limits))

        if refused := in_parallel(limit, self.containers, AT_ONCE):
            raise EngineError(first(refused))
