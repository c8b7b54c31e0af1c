"""Two services of one program must not want the same name or the same port of the same swarm."""

from ...arguments.parsing import ArgumentError
from ...resources.deployment import claims
from ..managers import Managers
from .model import Service

_Claim = tuple[frozenset[object], str, str, Service]
"""Managers, who wants it (`SwarmService 'web'`), the service's name, the service."""


def claim(who: str, managers: Managers, name: str, service: Service) -> None:
    """Note name and ports of a service; ArgumentError when another one of the same swarm has them."""
    swarm = managers.identity
    taken: list[_Claim] = claims("services", list)
    for others, other, other_name, there in taken:
        if not swarm & others:
            continue
        if name == other_name:
            raise ArgumentError(f"{who}: name {name!r} is that of {other}, too: choose another")
        for port in service.ports:
            for held in there.ports:
                apart = port.mode == held.mode == "host" and service.constraints != there.constraints
                same = (port.number, port.protocol) == (held.number, held.protocol)
                if same and not apart:
                    raise ArgumentError(
                        f"{who}: published port {port.number} ({port.protocol}, mode {port.mode}) belongs to "
                        f"{other}, in mode {held.mode}: choose another port"
                    )
    taken.append((swarm, who, name, service))
