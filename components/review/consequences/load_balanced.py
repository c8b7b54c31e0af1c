"""Consequences of a LoadBalancedService's change: see docs/order.md."""

from collections.abc import Iterable

from ...preview.instance import Instance, inputs
from ...preview.reading import Step
from ...provider.notices import FRONT_END_REPLACED, keeps_port
from .certificates import certificates
from .consequence import ENDLESS, Consequence, differences, duration, keys, pair
from .protections import protections
from .replicas import replicas

GAP = 1.0
"""Seconds from the end of the old front end until the new one has the port: docs/order.md."""


def load_balanced_service(instance: Instance) -> Iterable[Consequence]:
    """Describe the consequences for the replicas, then those for the front end."""
    if instance.fate == "removed":
        yield Consequence("The front end and all its replicas go; its port is closed.", ENDLESS)
        return
    config = instance.one("FrontEndConfig")
    if config and config.old and config.differs("host"):
        before, after = (str(values.get("address")) for values in pair(config, "host"))
        yield Consequence(
            f"The service moves from {before} to {after}: everything is made there, then removed here. "
            "Requests to the old host are refused.",
            ENDLESS,
        )
        return
    yield from replicas(instance)
    yield from _front_end(instance, config)
    yield from certificates(config, "No connection is dropped.")
    yield from protections(*pair(config, "settings"))


def _front_end(instance: Instance, config: Step | None) -> Iterable[Consequence]:
    replaced = instance.containers("front-end", "replace")
    if not replaced:
        if config and config.operation == "update" and config.differs("config"):
            yield Consequence(
                "The front end is reloaded with another configuration; no connection is dropped."
            )
        return
    before, after = pair(instance.one("Readiness"), "container")
    why = differences(before, after) or keys(replaced)
    checked = "the new configuration is checked and the replicas are healthy"
    if keeps_port(before, after):
        drain = inputs(config).get("drain")
        yield Consequence(
            f"The front end's container is replaced ({why}): one container at a time can have its port. New "
            f"connections are refused for about {GAP:g} s, and for as long as clients keep connections to "
            f"the old one, at most {duration(drain)}. Before that, {checked}.",
            GAP + (drain if isinstance(drain, int | float) else 0),
            warned=FRONT_END_REPLACED,
        )
    else:
        yield Consequence(
            f"The front end's container is replaced ({why}): the new one serves before the old one ends. "
            f"Before that, {checked}.",
            warned=FRONT_END_REPLACED,
        )
    if before.get("port") != after.get("port"):
        yield Consequence(
            f"Afterwards {before.get('port')} is closed, and {after.get('port')} serves.", ENDLESS
        )
