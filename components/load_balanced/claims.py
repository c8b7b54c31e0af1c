"""Two services of one program must not want the same port of the same host, or the same names."""

from ..arguments import ArgumentError
from ..deployment import claims
from .model import Service


def claim(component: str, service: Service) -> None:
    """Note the names and the published port of `component`; ArgumentError when another one has them."""
    front_end = service.front_end
    prefixes: dict[str, str] = claims("prefixes of replicas' names", dict)
    for backend in service.backends:
        prefix = f"{component}-{backend}"
        if prefixes.setdefault(prefix, component) != component:
            raise ArgumentError(
                f"LoadBalancedService {component!r}: replicas of backends.{backend} would have the names "
                f"{prefix}-…, as those of LoadBalancedService {prefixes[prefix]!r}: choose another name"
            )
    if not front_end.publish:
        return
    ports: dict[tuple[str, int], dict[str, str]] = claims("ports", dict)
    taken = ports.setdefault((service.host.address, front_end.port), {})
    everywhere = {"0.0.0.0", "::"}  # noqa: S104
    for address, other in taken.items():
        if address == front_end.address or everywhere & {address, front_end.address}:
            raise ArgumentError(
                f"LoadBalancedService {component!r}: front_end.port {front_end.port} of host "
                f"{service.host.address} belongs to LoadBalancedService {other!r}: choose another "
                "port, address or host"
            )
    taken[front_end.address] = component
