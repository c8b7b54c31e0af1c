"""Tasks of a swarm that have not ended, through the Engine API."""

from typing import TYPE_CHECKING

from ..raw import api

if TYPE_CHECKING:
    from docker import DockerClient

BUSY = frozenset(
    ["new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running"]
)
"""States of a task that has not ended."""


def unfinished(engine: "DockerClient", node: str = "", service: str = "") -> list[str]:
    """Return the ids of the tasks that have not ended, of one node or of one service."""
    # The engine finds no tasks by a service that is gone.
    tasks = api(engine).tasks(filters={"node": node} if node else {})
    return [
        task["ID"]
        for task in tasks
        if task["Status"]["State"] in BUSY and service in ("", task.get("ServiceID"))
    ]
