"""Longshore: load-balanced services on Docker hosts and swarms of them, declared with Pulumi."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arguments import ArgumentError
    from .hosts import HostArgs
    from .load_balanced.args import LoadBalancedServiceArgs
    from .load_balanced.component import LoadBalancedService
    from .swarm.cluster.args import SwarmClusterArgs
    from .swarm.cluster.component import SwarmCluster
    from .swarm.floating.args import FloatingAddressArgs
    from .swarm.floating.component import FloatingAddress
    from .swarm.gateway.args import SwarmGatewayArgs
    from .swarm.gateway.component import SwarmGateway
    from .swarm.service.args import SwarmServiceArgs
    from .swarm.service.component import SwarmService

__all__ = [
    "ArgumentError",
    "FloatingAddress",
    "FloatingAddressArgs",
    "HostArgs",
    "LoadBalancedService",
    "LoadBalancedServiceArgs",
    "SwarmCluster",
    "SwarmClusterArgs",
    "SwarmGateway",
    "SwarmGatewayArgs",
    "SwarmService",
    "SwarmServiceArgs",
]

_WHERE = {
    "ArgumentError": ".arguments",
    "FloatingAddress": ".swarm.floating.component",
    "FloatingAddressArgs": ".swarm.floating.args",
    "HostArgs": ".hosts",
    "LoadBalancedService": ".load_balanced.component",
    "LoadBalancedServiceArgs": ".load_balanced.args",
    "SwarmCluster": ".swarm.cluster.component",
    "SwarmClusterArgs": ".swarm.cluster.args",
    "SwarmGateway": ".swarm.gateway.component",
    "SwarmGatewayArgs": ".swarm.gateway.args",
    "SwarmService": ".swarm.service.component",
    "SwarmServiceArgs": ".swarm.service.args",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: the plugin, which starts at every preview, needs none of it."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name], __name__), name)
