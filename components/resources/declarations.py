"""Our custom resources as a program declares them; `server` carries them out.

Their properties have the engine's names, in Python, too.
"""

from typing import Any, ClassVar, Optional

import pulumi

from ..naming import type_token
from ..version import VERSION
from .installed import link


class _Resource(pulumi.CustomResource):
    computed: ClassVar[tuple[str, ...]] = ()
    """Outputs that are no inputs."""

    def __init__(
        self, name: str, props: dict[str, Any], opts: Optional[pulumi.ResourceOptions] = None
    ) -> None:
        link()
        properties = {**props, **dict.fromkeys(self.computed)}
        ours = pulumi.ResourceOptions(version=VERSION)  # of the plugin that carries it out
        super().__init__(
            type_token(type(self).__name__), name, properties, pulumi.ResourceOptions.merge(opts, ours)
        )


class Readiness(_Resource):
    """A front end's configuration is accepted by its image's program, and its replicas are well."""


class FrontEndConfig(_Resource):
    """The configuration in force in a front end's container."""

    computed = ("addresses", "running")
    addresses: pulumi.Output[dict[str, str]]
    """The front end's address on each network, by the network's name."""
    config: pulumi.Output[str]
    """Text of the configuration."""


class Generation(_Resource):
    """Counts how often what defines a backend's replicas has changed.

    The number is in the replicas' network names, so replicas of two generations never share a name,
    also when a failed change is taken back; and it is known at preview.
    """

    computed = ("number", "isolated")
    number: pulumi.Output[int]
    """1 for the first definition, one more for each change; see `count`."""
    isolated: pulumi.Output[Optional[bool]]
    """Whether the replicas of this number have a network of their own; see `apart`."""
    health: pulumi.Output[list[str]]
    """Health check of the replicas of this definition."""

    @property
    def count(self) -> pulumi.Output[int]:
        """The number as a whole one; 1 where nobody counts: under the mocks of a program's unit tests."""
        return self.number.apply(lambda number: int(number or 1))

    @property
    def apart(self) -> pulumi.Output[bool]:
        """`isolated` once the number is known. A preview takes what an older state lacks for unknown."""
        said = self.isolated.apply(lambda isolated: isolated is True, run_with_unknowns=True)
        return pulumi.Output.all(self.number, said).apply(lambda both: bool(both[1]))


class AddressPlan(_Resource):
    """Subnets that are to be, and overlap nothing that the hosts have."""


class Swarm(_Resource):
    """A swarm as a whole."""

    computed = ("swarmId", "workerToken", "managerToken", "unlockKey")
    swarmId: pulumi.Output[str]
    """Its id."""
    workerToken: pulumi.Output[str]
    """Secret: admits workers."""
    managerToken: pulumi.Output[str]
    """Secret: admits managers."""
    unlockKey: pulumi.Output[str]
    """Secret: opens a locked manager; empty without autolock."""


class SwarmNode(_Resource):
    """One host's place in a swarm."""

    computed = ("nodeId",)
    nodeId: pulumi.Output[str]
    """Its id in the swarm."""


class OverlayNetwork(_Resource):
    """A network over all nodes of a swarm."""

    computed = ("networkId",)
    networkId: pulumi.Output[str]
    """Its id."""


class ServiceDefinition(_Resource):
    """A service of a swarm, and that its tasks run."""

    computed = ("serviceId",)
    name: pulumi.Output[str]
    """Its name."""
    serviceId: pulumi.Output[str]
    """Its id."""


class _Kept(_Resource):
    computed = ("keptId",)
    name: pulumi.Output[str]
    """Its name in the swarm."""
    keptId: pulumi.Output[str]
    """Its id."""


class SwarmConfig(_Kept):
    """A file that tasks of a swarm may have."""


class SwarmSecret(_Kept):
    """The same for what nobody else may see."""


class GatewayConfig(_Kept):
    """A gateway's configuration, accepted by its image's program."""


class FloatingAddressNode(_Resource):
    """keepalived on one node of a floating address."""

    computed = ("containerId", "running")
    config: pulumi.Output[str]
    """Text of its configuration."""
    containerId: pulumi.Output[str]
    """Id of its container."""


class FloatingAddressGroup(_Resource):
    """The nodes of a floating address together: all take part, one has the addresses."""
