"""Two services of one program must not want the same port of the same host, or the same names."""

from weakref import WeakKeyDictionary

import pulumi

from ..arguments import ArgumentError
from .model import Service

_prefixes: WeakKeyDictionary[object, dict[str, str]] = WeakKeyDictionary()
"""By deployment: prefix of a backend's resources → component."""
_claims: WeakKeyDictionary[object, dict[tuple[str, int], dict[str, str]]] = WeakKeyDictionary()
"""By deployment (its monitor): host and port → published address → component."""


def claim(component: str, service: Service) -> None:
    """Note the names and the published port of `component`; ArgumentError when another one has them."""
    front_end = service.front_end
    monitor = pulumi.runtime.settings.get_monitor()
    prefixes = _prefixes.setdefault(monitor, {})
    for backend in service.backends:
        prefix = f"{component}-{backend}"
        if prefixes.setdefault(prefix, component) != component:
            raise ArgumentError(
                f"LoadBalancedService {component!r}: replicas of backends.{backend} would have the names "
                f"{prefix}-…, as those of LoadBalancedService {prefixes[prefix]!r}: choose another name"
            )
    if not front_end.publish:
        return
    deployment = _claims.setdefault(monitor, {})
    taken = deployment.setdefault((service.host.address, front_end.port), {})
    everywhere = {"0.0.0.0", "::"}  # noqa: S104
    for address, other in taken.items():
        if address == front_end.address or everywhere & {address, front_end.address}:
            raise ArgumentError(
                f"LoadBalancedService {component!r}: front_end.port {front_end.port} of host "
                f"{service.host.address} belongs to LoadBalancedService {other!r}: choose another "
                "port, address or host"
            )
    taken[front_end.address] = component
