"""Two services of one program must not want the same port or subnet of the same host, or the same names."""

from ipaddress import ip_network

from ..arguments.parsing import ArgumentError
from ..proxies.model import Service
from ..resources.deployment import claims


def claim(component: str, service: Service) -> None:
    """Note names, subnet and published port of `component`; ArgumentError when another one has them."""
    front_end = service.front_end
    prefixes: dict[str, str] = claims("prefixes of replicas' names", dict)
    for backend in service.backends:
        prefix = f"{component}-{backend}"
        if prefixes.setdefault(prefix, component) != component:
            raise ArgumentError(
                f"LoadBalancedService {component!r}: replicas of backends.{backend} would have the names "
                f"{prefix}-…, as those of LoadBalancedService {prefixes[prefix]!r}: choose another name"
            )
    _claim_subnet(component, service)
    if not front_end.publish:
        return
    ports: dict[tuple[str, int], dict[str, str]] = claims("ports", dict)
    everywhere = {"0.0.0.0", "::"}  # noqa: S104
    for key, port in front_end.ports.items():
        taken = ports.setdefault((service.host.address, port), {})
        for address, other in taken.items():
            if address == front_end.address or everywhere & {address, front_end.address}:
                raise ArgumentError(
                    f"LoadBalancedService {component!r}: front_end.{key} {port} of host "
                    f"{service.host.address} belongs to LoadBalancedService {other!r}: choose another "
                    "port, address or host"
                )
        taken[front_end.address] = component


def _claim_subnet(component: str, service: Service) -> None:
    wanted = service.network.subnet
    if wanted is None:
        return
    subnets: dict[str, dict[str, str]] = claims("subnets", dict)
    taken = subnets.setdefault(service.host.address, {})
    for other, subnet in taken.items():
        if ip_network(wanted).overlaps(ip_network(subnet)):
            raise ArgumentError(
                f"LoadBalancedService {component!r}: network.subnet {wanted} overlaps {subnet} of "
                f"LoadBalancedService {other!r} on host {service.host.address}: choose another"
            )
    taken[component] = wanted
