"""`Generation`: a counter that lives in the state alone, and the image of what it counts on the host."""

from typing import Any

from ...engine.connection import HostUnreachable, connect
from ...engine.images import PULL_SECONDS, pull_missing
from ...engine.replica_listing import first_generation
from ...proxies.health import known
from ...resources import generation as declared
from ...resources.generation import Definition, GenerationInputs, GenerationOutputs, GenerationState
from ..values import UNKNOWN, has_unknown
from .handler import Handler

_IN_PLACE = {"restart"}
"""Keys of a definition that a container takes over while it runs: another value counts as none."""
_HEALTH = "health"


class Generation(Handler[GenerationInputs, GenerationOutputs, GenerationState]):
    """A counter of definitions; it lives in the state alone.

    With a host, the image of a definition is pulled there before the number is known. So nothing is made of a
    definition whose image cannot be pulled.
    """

    resource = declared.Generation

    def carried(self, new: GenerationInputs, old: GenerationInputs) -> GenerationInputs:
        was = old.get("definition", {})
        changed = _changed(new["definition"], _known(was))
        # A route or an upgrade alone replaces no replica: those that run go on asking as they do.
        had = old.get("health", was.get(_HEALTH))
        if changed <= _IN_PLACE and isinstance(had, list) and had:
            new = {**new, "health": had}
        if not changed:
            new = {**new, "definition": was}
        # A state of 0.2.0 has no host. Another login alone pulls nothing.
        if "host" not in new or new["definition"] != old.get("definition"):
            return new
        if old.get("host", new["host"]) != new["host"] or (old.get("isolate") and not new.get("isolate")):
            return new
        # Replicas that run stay where they are: the next ones are isolated.
        kept: GenerationInputs = {"definition": new["definition"]}
        if "health" in new:
            kept["health"] = new["health"]
        if "host" in old:
            kept["host"] = old["host"]
        if "registries" in old:
            kept["registries"] = old["registries"]
        if "isolate" in old:
            kept["isolate"] = old["isolate"]
        if "labels" in old:
            kept["labels"] = old["labels"]
        return kept

    def create(self, new: GenerationInputs, preview: bool) -> tuple[str, GenerationOutputs]:
        if not preview:
            _pull(new)
        return "generation", _outputs(_first(new, preview), new.get("isolate", False))

    def update(self, new: GenerationInputs, old: GenerationState, preview: bool) -> GenerationOutputs:
        if has_unknown(new):  # whether it really changes is only known at the update
            return _outputs(UNKNOWN, UNKNOWN if new.get("isolate") else False)
        if not preview and any(new.get(key) != old.get(key) for key in ("definition", "host")):
            _pull(new)
        isolated, isolate = old.get("isolated", False), new.get("isolate", False)
        in_place = _changed(_known(new["definition"]), _known(old["definition"])) <= _IN_PLACE
        if in_place and (isolate or not isolated):
            return _outputs(old["number"], isolated)
        return _outputs(old["number"] + 1, isolate)


def _outputs(number: Any, isolated: Any) -> GenerationOutputs:
    """Return the outputs; each may be UNKNOWN."""
    return {"number": number, "isolated": isolated} if isolated else {"number": number}


def _first(new: GenerationInputs, preview: bool) -> int:
    """Return the first number: replicas that `Replicas` has made or taken over may still serve."""
    if "host" not in new or "labels" not in new or has_unknown([new["host"], new["labels"]]):
        return 1
    try:
        with connect(new["host"], timeout=30) as engine:
            return first_generation(engine, new["labels"])
    except HostUnreachable:
        if preview:
            return 1
        raise


def _pull(new: GenerationInputs) -> None:
    image = new["definition"].get("image")
    if "host" in new and isinstance(image, str):
        with connect(new["host"], timeout=PULL_SECONDS) as engine:
            pull_missing(engine, image, new["registries"])


def _known(definition: Definition) -> Definition:
    """Return a definition of an earlier release as this one writes it."""
    health = definition.get(_HEALTH)
    return {**definition, _HEALTH: known(health)} if isinstance(health, list) else definition


def _changed(new: Definition, old: Definition) -> set[str]:
    return {key for key in {*new, *old} if new.get(key) != old.get(key)}
