"""Our custom resources by name.

A handler is loaded when the first resource of its kind is met. All at once would take 0.1 s more at each
start of the plugin.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from .handler import AnyHandler, Warn

_MODULES = {
    "AddressPlan": "networks",
    "FloatingAddressGroup": "floating",
    "FloatingAddressNode": "floating",
    "FrontEndConfig": "front_end",
    "GatewayConfig": "gateway",
    "Generation": "generation",
    "OverlayNetwork": "networks",
    "Readiness": "front_end",
    "Replicas": "replicas",
    "ServiceDefinition": "services",
    "Swarm": "swarm",
    "SwarmConfig": "services",
    "SwarmNode": "swarm",
    "SwarmSecret": "services",
}
"""Module of each handler."""


@cache
def _handler(name: str) -> AnyHandler:
    handler: AnyHandler = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)()
    return handler


class _Handlers(Mapping[str, AnyHandler]):
    def __getitem__(self, name: str) -> AnyHandler:
        return _handler(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


HANDLERS = _Handlers()

__all__ = ["HANDLERS", "AnyHandler", "Warn"]
