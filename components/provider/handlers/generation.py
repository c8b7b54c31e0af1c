"""`Generation`: a counter that lives in the state alone."""

from pulumi.runtime.rpc import UNKNOWN

from ..values import has_unknown
from .handler import ANY, WHOLE, Handler, Values, described, mapped

_IN_PLACE = {"restart"}
"""Keys of a definition that a container takes over while it runs: another value counts as none."""


class Generation(Handler):
    """A counter of definitions; it lives in the state alone."""

    inputs = {"definition": described(mapped(ANY), "What is counted: each change but of `restart`.")}
    outputs = {"number": described(WHOLE, "1 for the first definition, one more for each change.")}

    def create(self, new: Values, preview: bool) -> tuple[str, Values]:
        return "generation", {"number": 1}

    def update(self, new: Values, old: Values, preview: bool) -> Values:
        if has_unknown(new):  # whether it really changes is only known at the update
            return {"number": UNKNOWN}
        in_place = _changed(new["definition"], old["definition"]) == _IN_PLACE
        return {"number": old["number"] + (0 if in_place else 1)}


def _changed(new: Values, old: Values) -> set[str]:
    return {key for key in {*new, *old} if new.get(key) != old.get(key)}
