"""`Generation`: the number of a definition, in which the names of replicas and secrets end."""

from typing import Annotated, NotRequired, Optional, TypedDict

import pulumi

from ..arguments.connections import Connection, Login
from ..arguments.marks import SECRET
from .resource import Resource

Definition = dict[str, object]
"""Definition of a backend's replicas or of a secret."""


class GenerationInputs(TypedDict):
    """Inputs of Generation."""

    definition: Definition
    """Properties whose changes are counted, except those of `restart`."""
    host: NotRequired[Connection]
    """The Docker host: its `address`; for `tcp://` also `caCertificate`, `clientCertificate` and
    `clientKey`."""
    registries: NotRequired[Annotated[list[Login], SECRET]]
    """Logins for the images' registries: `address`, `username` and `password` of each."""
    isolate: NotRequired[bool]
    """True if the replicas of the next number get a network of their own. Default: false."""
    labels: NotRequired[dict[str, str]]
    """Labels of the replicas: the first number is one that no container with them has."""
    health: NotRequired[list[str]]
    """Health check of the replicas. A new Host header is used once the definition changes, too."""


class GenerationOutputs(TypedDict):
    """Outputs of Generation."""

    number: int
    """1 for the first definition, or the first number that is free; one more for each change."""
    isolated: NotRequired[bool]
    """True if the replicas of this number have a network of their own."""


class GenerationState(GenerationInputs, GenerationOutputs):
    """State of Generation."""


class Generation(Resource[GenerationInputs, GenerationOutputs]):
    """Counter of the changes of a backend's replicas.

    The number is in the replicas' network names, so replicas of two generations never share a name, also when
    a failed change is taken back. It is known at preview.
    """

    number: pulumi.Output[int]
    """See `count`."""
    isolated: pulumi.Output[Optional[bool]]
    """See `apart`."""
    health: pulumi.Output[list[str]]

    @property
    def count(self) -> pulumi.Output[int]:
        """The number as a whole one; 1 where nobody counts: under the mocks of a program's unit tests."""
        return self.number.apply(lambda number: int(number or 1))

    @property
    def apart(self) -> pulumi.Output[bool]:
        """`isolated` once the number is known. A preview takes what an older state lacks for unknown."""
        said = self.isolated.apply(lambda isolated: isolated is True, run_with_unknowns=True)
        return pulumi.Output.all(self.number, said).apply(lambda both: bool(both[1]))
