"""Consequences of a component's change for its users, in words and seconds.

The order is the one of docs/order.md, docs/swarm-services.md and docs/floating-address.md; so are the
seconds.
"""

from collections.abc import Callable, Iterable

from ...preview.instance import Instance
from .cluster import cluster
from .consequence import ENDLESS, Consequence
from .floating import floating_address
from .load_balanced import load_balanced_service
from .tasks import gateway, service, tasks

_OF: dict[str, Callable[[Instance], Iterable[Consequence]]] = {
    "FloatingAddress": floating_address,
    "LoadBalancedService": load_balanced_service,
    "SwarmCluster": cluster,
    "SwarmGateway": gateway,
    "SwarmService": service,
}
_HARMLESS = frozenset(
    [
        "containers",
        "drainTimeout",
        "hosts",
        "labels",
        "managers",
        "names",
        "networks",
        "registries",
        "replicas",
        "startTimeout",
        "stopTimeout",
        "swarmId",
        "timeout",
    ]
)
"""Inputs that say how a resource is reached, named or waited for: what runs stays as it is."""


def consequences(instance: Instance) -> list[Consequence]:
    """Return the consequences of a change of an instance, in the order in which they happen."""
    if found := list(_OF[instance.kind](instance)):
        return found
    changes = [step for step in instance.steps if step.operation != "same"]
    keys = sorted({key for step in changes for key in step.changed} - _HARMLESS)
    if not keys and all(step.operation == "update" for step in changes):
        return [Consequence("Nothing that runs changes.")]
    what = ", ".join(keys or sorted({step.name for step in changes}))
    return [Consequence(f"This changes: {what}. The effect is not known here.", known=False)]


__all__ = ["ENDLESS", "Consequence", "consequences", "tasks"]
