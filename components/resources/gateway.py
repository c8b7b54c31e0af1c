"""`GatewayConfig`: the configuration of a swarm's gateway."""

from typing import NotRequired

import pulumi

from .common import Proxy, Pulling
from .front_end import Checked
from .resource import Resource
from .services import FileOutputs, SwarmConfigInputs


class Certified(Checked):
    """Certificates of a gateway."""

    validUntil: NotRequired[dict[str, str]]
    """End of the validity of each certificate, by its first name."""


class GatewayConfigInputs(SwarmConfigInputs, Pulling, Proxy, Certified):
    """Inputs of GatewayConfig."""

    image: str
    """Image of the gateway, in which the configuration is validated."""
    memory: NotRequired[int]
    """Memory limit of a task in MiB, with which the configuration is validated."""
    names: list[str]
    """Network names in the configuration, which must resolve while it is validated."""
    gap: bool
    """True if a node refuses connections while its task is replaced."""
    settings: NotRequired[dict[str, object]]
    """Front end and backends as the program declares them, which a review compares; secrets are not in it."""


class GatewayConfigState(GatewayConfigInputs, FileOutputs):
    """State of GatewayConfig."""


class GatewayConfig(Resource[GatewayConfigInputs, FileOutputs]):
    """Configuration of a gateway, accepted by the program in its image."""

    name: pulumi.Output[str]
    keptId: pulumi.Output[str]
