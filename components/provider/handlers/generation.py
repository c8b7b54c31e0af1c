"""`Generation`: a counter that lives in the state alone."""

from pulumi.runtime.rpc import UNKNOWN

from ..values import has_unknown
from .handler import ANY, WHOLE, Handler, Values, described, mapped


class Generation(Handler):
    """A counter of definitions; it lives in the state alone."""

    inputs = {"definition": described(mapped(ANY), "What is counted: each change of it is one more.")}
    outputs = {"number": described(WHOLE, "1 for the first definition, one more for each change.")}

    def create(self, new: Values, preview: bool) -> tuple[str, Values]:
        return "generation", {"number": 1}

    def update(self, new: Values, old: Values, preview: bool) -> Values:
        if has_unknown(new):  # whether it really changes is only known at the update
            return {"number": UNKNOWN}
        return {"number": old["number"] + 1}
