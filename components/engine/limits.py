"""Limit the processes of containers that run. Pulumi's Docker provider has no word for this limit."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .containers import EngineError
from .raw import post
from .replicas import AT_ONCE

if TYPE_CHECKING:
    from docker import DockerClient

DISCARDED = "PIDs limit discarded"
"""Part of the warning of an engine that cannot set the limit."""


def limit_processes(engine: "DockerClient", limits: Mapping[str, int]) -> None:
    """Limit the processes of containers (id → limit), whether they run or not.

    One that is gone needs no limit. Raises EngineError when the host cannot limit them.
    """
    from docker.errors import NotFound

    def limit(container_id: str) -> None:
        try:
            answer = post(engine, f"/containers/{container_id}/update", {"PidsLimit": limits[container_id]})
        except NotFound:
            return
        # Engines also warn of other things in this answer, for example of a host that forwards no packets.
        if discarded := [text for text in answer.get("Warnings") or [] if DISCARDED in text]:
            raise EngineError(
                f"the engine cannot limit the processes of container {container_id[:12]} "
                f"({discarded[0].strip()}): its host needs the control group pids"
            )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(limit, limits))
