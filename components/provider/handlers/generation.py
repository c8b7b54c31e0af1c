"""`Generation`: a counter that lives in the state alone, and the image of what it counts on the host."""

from typing import Optional

from pulumi.runtime.rpc import UNKNOWN

from ...engine.connection import connect
from ...engine.images import PULL_SECONDS, pull_missing
from ...proxies.health import known
from ..values import has_unknown
from .handler import ANY, FLAG, HOST, REGISTRIES, TEXT, WHOLE, Handler, Values, described, listed, mapped

_IN_PLACE = {"restart"}
"""Keys of a definition that a container takes over while it runs: another value counts as none."""
_WHERE = ("host", "registries")
_HEALTH = "health"


class Generation(Handler):
    """A counter of definitions; it lives in the state alone.

    With a host, the image of a definition is pulled there before the number is known: nothing is made of a
    definition whose image cannot be had.
    """

    inputs = {
        "definition": described(mapped(ANY), "What is counted: each change but of `restart`."),
        "host": HOST,
        "registries": REGISTRIES,
        "isolate": described(FLAG, "Whether the next replicas have a network of their own; no by default."),
        _HEALTH: described(
            listed(TEXT), "Health check of the replicas; its Host header changes with the definition only."
        ),
    }
    outputs = {
        "number": described(WHOLE, "1 for the first definition, one more for each change."),
        "isolated": described(FLAG, "Whether the replicas of this number have a network of their own."),
    }

    def carried(self, new: Values, old: Values) -> Values:
        was = old.get("definition", {})
        changed = _changed(new["definition"], _known(was))
        # A route or an upgrade alone replaces no replica: those that run go on asking as they do.
        had = old.get(_HEALTH, was.get(_HEALTH))
        if changed <= _IN_PLACE and had:
            new = {**new, _HEALTH: had}
        if not changed:
            new = {**new, "definition": was}
        # A state of 0.2.0 has no host. Another login alone pulls nothing.
        if "host" not in new or new["definition"] != old.get("definition"):
            return new
        if old.get("host", new["host"]) != new["host"] or (old.get("isolate") and not new.get("isolate")):
            return new
        # Replicas that run stay where they are: the next ones are isolated.
        kept = (*_WHERE, "isolate")
        given = {key: value for key, value in new.items() if key not in kept}
        return {**given, **{key: old[key] for key in kept if key in old}}

    def create(self, new: Values, preview: bool) -> tuple[str, Values]:
        if not preview:
            _pull(new)
        return "generation", _outputs(1, new.get("isolate", False))

    def update(self, new: Values, old: Values, preview: bool) -> Values:
        if has_unknown(new):  # whether it really changes is only known at the update
            return {"number": UNKNOWN, **({"isolated": UNKNOWN} if new.get("isolate") else {})}
        if not preview and any(new.get(key) != old.get(key) for key in ("definition", "host")):
            _pull(new)
        isolated, isolate = old.get("isolated", False), new.get("isolate", False)
        in_place = _changed(_known(new["definition"]), _known(old["definition"])) <= _IN_PLACE
        if in_place and (isolate or not isolated):
            return _outputs(old["number"], isolated)
        return _outputs(old["number"] + 1, isolate)


def _outputs(number: int, isolated: bool) -> Values:
    return {"number": number, **({"isolated": True} if isolated else {})}


def _pull(new: Values) -> None:
    image: Optional[str] = new["definition"].get("image")
    if "host" in new and image is not None:
        with connect(new["host"], timeout=PULL_SECONDS) as engine:
            pull_missing(engine, image, new["registries"])


def _known(definition: Values) -> Values:
    """A definition of an earlier release as this one writes it."""
    return {**definition, _HEALTH: known(definition[_HEALTH])} if _HEALTH in definition else definition


def _changed(new: Values, old: Values) -> set[str]:
    return {key for key in {*new, *old} if new.get(key) != old.get(key)}
