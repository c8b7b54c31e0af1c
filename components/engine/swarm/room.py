"""Number of addresses that the services on an overlay network take.

Swarm accepts more tasks than the network has addresses for; the tasks for which none is left never start.
"""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """Addresses that one service takes of a network."""

    virtual: bool
    """True where the service's name has an address of its own."""
    tasks: int
    further: int
    """Tasks of an update that start before those they replace end."""
    places: frozenset[str]
    """Nodes that may run it."""


def further(order: str, parallelism: int, tasks: int) -> int:
    """Return the number of tasks that a policy starts before it stops the ones they replace."""
    return min(parallelism or tasks, tasks) if order == "start-first" else 0


@dataclass(frozen=True)
class Need:
    """The addresses that services on one network take together."""

    virtual: int
    nodes: int
    """One on each node that runs a task: there the engine shares requests out."""
    tasks: int
    further: int

    @classmethod
    def of(cls, loads: Collection[Load], nodes: int = 0) -> "Need":
        """Return what these services need; at least `nodes` nodes have an address anyway."""
        tasks, more = sum(load.tasks for load in loads), sum(load.further for load in loads)
        places = frozenset[str]().union(*(load.places for load in loads))
        busy = max(nodes, min(len(places), tasks + more))
        return cls(sum(load.virtual for load in loads), busy, tasks, more)

    @property
    def total(self) -> int:
        """Number of addresses, including that of the gateway."""
        return 1 + self.virtual + self.nodes + self.tasks + self.further

    @property
    def prefix(self) -> int:
        """Prefix length of the smallest network that has them; two more are the network's own."""
        return 32 - (self.total + 1).bit_length()

    def beyond(self, prefix: int) -> str:
        """Describe what a network of this prefix length lacks; nothing where it has enough."""
        room = 2 ** (32 - prefix) - 2
        if self.total <= room:
            return ""
        parts = (
            (1, "for its gateway"),
            (self.virtual, "for virtual addresses of services"),
            (self.nodes, "for the nodes"),
            (self.tasks, "for tasks"),
            (self.further, "for tasks that replace others in an update"),
        )
        words = ", ".join(f"{number} {of}" for number, of in parts if number)
        return f"has {room} addresses, and {self.total} are needed ({words})"
