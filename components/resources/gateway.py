"""`GatewayConfig`: the configuration of a swarm's gateway."""

from typing import NotRequired

import pulumi

from .common import Proxy, Pulling
from .resource import Resource
from .services import FileOutputs, SwarmConfigInputs


class GatewayConfigInputs(SwarmConfigInputs, Pulling, Proxy):
    """Inputs of GatewayConfig."""

    image: str
    """Image of the gateway, in which the configuration is checked."""
    memory: NotRequired[int]
    """Memory limit of a task in MiB, under which the configuration is checked."""
    names: list[str]
    """Network names in it, which must resolve while it is checked."""
    gap: bool
    """True if a node refuses connections while its task is replaced."""


class GatewayConfigState(GatewayConfigInputs, FileOutputs):
    """State of GatewayConfig."""


class GatewayConfig(Resource[GatewayConfigInputs, FileOutputs]):
    """A gateway's configuration, accepted by its image's program."""

    name: pulumi.Output[str]
    keptId: pulumi.Output[str]
