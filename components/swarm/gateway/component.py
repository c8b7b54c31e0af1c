"""SwarmGateway: a proxy in a swarm that chooses among its services by the host that a request names."""

from typing import Optional

import pulumi

from ... import naming
from ...arguments.parsing import arguments
from ...resources.gateway import GatewayConfig
from ...resources.labels import labels_of
from ..service.claims import claim
from ..service.component import config_name, define
from ..service.spec import mounted, spec
from .args import SwarmGatewayArgs
from .model import CONFIG, PlacedGateway


class SwarmGateway(pulumi.ComponentResource):
    """HAProxy or nginx as a service of a swarm, in front of other services of that swarm."""

    service_id: pulumi.Output[str]
    """Id of the gateway's service."""
    port: pulumi.Output[int]
    """Port of the gateway on the nodes."""
    config: pulumi.Output[str]
    """Text of the proxy's configuration."""

    def __init__(
        self, name: str, args: SwarmGatewayArgs, opts: Optional[pulumi.ResourceOptions] = None
    ) -> None:
        """Declare the gateway `name`: 1 to 32 of a-z, 0-9 and -, which is also its service's name.

        All names in it begin with it.
        Raises ArgumentError, with the key and what is allowed, before anything is registered.
        """
        what = arguments(PlacedGateway, "SwarmGateway", name, args)
        service = what.service
        claim(f"SwarmGateway {name!r}", what, name, service)
        super().__init__(naming.type_token("SwarmGateway"), name, {}, opts)

        ours = pulumi.ResourceOptions(parent=self)
        config = _config(name, what, ours)
        file = service.configs[CONFIG]
        files = [mounted("Config", config.keptId, config.name, service.config_paths[CONFIG], file)]
        definition = define(
            f"{name}-service", name, what, service, spec(name, "gateway", service, files, []), ours
        )

        self.service_id = definition.serviceId
        self.port = pulumi.Output.from_input(what.front_end.port)
        self.config = pulumi.Output.from_input(what.text)
        self.register_outputs({"service_id": self.service_id, "port": self.port, "config": self.config})


def _config(name: str, what: PlacedGateway, opts: pulumi.ResourceOptions) -> GatewayConfig:
    log = what.front_end.log
    return GatewayConfig(
        f"{name}-config",
        {
            **what.properties(),
            "name": config_name(name, CONFIG, what.text),
            "data": what.text,
            "labels": labels_of(name, "gateway-config"),
            "registries": what.credentials(),
            "kind": what.front_end.kind,
            "image": what.image,
            "memory": what.front_end.memory,
            "names": [log.address.rpartition(":")[0]] if log else [],
            "gap": what.publish == "host",
        },
        opts,
    )
