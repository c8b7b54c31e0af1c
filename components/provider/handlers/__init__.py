"""Our custom resources by name."""

from .floating import FloatingAddressGroup, FloatingAddressNode
from .front_end import FrontEndConfig, Readiness
from .gateway import GatewayConfig
from .generation import Generation
from .handler import AnyHandler, Warn
from .networks import AddressPlan, OverlayNetwork
from .replicas import Replicas
from .services import ServiceDefinition, SwarmConfig, SwarmSecret
from .swarm import Swarm, SwarmNode

HANDLERS: dict[str, AnyHandler] = {
    each.resource.__name__: each
    for each in (
        AddressPlan(),
        FloatingAddressGroup(),
        FloatingAddressNode(),
        FrontEndConfig(),
        GatewayConfig(),
        Generation(),
        OverlayNetwork(),
        Readiness(),
        Replicas(),
        ServiceDefinition(),
        Swarm(),
        SwarmConfig(),
        SwarmNode(),
        SwarmSecret(),
    )
}

__all__ = ["HANDLERS", "AnyHandler", "Warn"]
