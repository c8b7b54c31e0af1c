"""Our custom resources by name."""

from .floating import FloatingAddressGroup, FloatingAddressNode
from .front_end import FrontEndConfig, Readiness
from .gateway import GatewayConfig
from .generation import Generation
from .handler import Handler, Values, Warn
from .networks import AddressPlan, OverlayNetwork
from .services import ServiceDefinition, SwarmConfig, SwarmSecret
from .swarm import Swarm, SwarmNode

HANDLERS: dict[str, Handler] = {
    "AddressPlan": AddressPlan(),
    "FloatingAddressGroup": FloatingAddressGroup(),
    "FloatingAddressNode": FloatingAddressNode(),
    "FrontEndConfig": FrontEndConfig(),
    "GatewayConfig": GatewayConfig(),
    "Generation": Generation(),
    "OverlayNetwork": OverlayNetwork(),
    "Readiness": Readiness(),
    "ServiceDefinition": ServiceDefinition(),
    "Swarm": Swarm(),
    "SwarmConfig": SwarmConfig(),
    "SwarmNode": SwarmNode(),
    "SwarmSecret": SwarmSecret(),
}

__all__ = ["HANDLERS", "Handler", "Values", "Warn"]
