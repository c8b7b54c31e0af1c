"""Longshore: load-balanced services on Docker hosts and swarms of them, declared with Pulumi.

A name is imported when it is asked for. All at once would take 0.2 s more at each start of the plugin, which
needs none of them, and of a program that declares one component.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arguments.hosts import HostArgs as HostArgs
    from .arguments.parsing import ArgumentError as ArgumentError
    from .load_balanced.args import LoadBalancedServiceArgs as LoadBalancedServiceArgs
    from .load_balanced.component import LoadBalancedService as LoadBalancedService
    from .swarm.cluster.args import SwarmClusterArgs as SwarmClusterArgs
    from .swarm.cluster.component import SwarmCluster as SwarmCluster
    from .swarm.floating.args import FloatingAddressArgs as FloatingAddressArgs
    from .swarm.floating.component import FloatingAddress as FloatingAddress
    from .swarm.gateway.args import SwarmGatewayArgs as SwarmGatewayArgs
    from .swarm.gateway.component import SwarmGateway as SwarmGateway
    from .swarm.service.args import SwarmServiceArgs as SwarmServiceArgs
    from .swarm.service.component import SwarmService as SwarmService

_WHERE = {
    "ArgumentError": ".arguments.parsing",
    "FloatingAddress": ".swarm.floating.component",
    "FloatingAddressArgs": ".swarm.floating.args",
    "HostArgs": ".arguments.hosts",
    "LoadBalancedService": ".load_balanced.component",
    "LoadBalancedServiceArgs": ".load_balanced.args",
    "SwarmCluster": ".swarm.cluster.component",
    "SwarmClusterArgs": ".swarm.cluster.args",
    "SwarmGateway": ".swarm.gateway.component",
    "SwarmGatewayArgs": ".swarm.gateway.args",
    "SwarmService": ".swarm.service.component",
    "SwarmServiceArgs": ".swarm.service.args",
}

__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    """Return what is asked for; AttributeError for what Longshore does not offer."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name], __name__), name)
