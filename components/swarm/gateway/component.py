"""SwarmGateway: a proxy in a swarm that chooses among its services by the host that a request names."""

from typing import Any, Final, Optional

import pulumi

from ... import naming
from ...arguments.later import later
from ...arguments.parsing import arguments
from ...load_balanced.certificates import Pairs, ends, file_of, pairs, served
from ...load_balanced.recorded import recorded
from ...proxies import authorities
from ...proxies.program import FOLDER, USER_ID
from ...proxies.served import Served
from ...proxies.tls import Tls
from ...resources.gateway import Certified, GatewayConfig, GatewayConfigInputs
from ...resources.labels import labels_of
from ..managers import Managers
from ..service.claims import claim
from ..service.component import config_name, define, secret
from ..service.model import File
from ..service.spec import mounted, spec
from .args import SwarmGatewayArgs
from .model import CONFIG, PlacedGateway

_REVIEWED: Final = ("front_end", "backends")
"""Arguments in which a review finds the protections."""


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
        given = pairs(what)
        found = served(given)
        text = found.apply(what.text_with)
        settings = recorded({key: value for key, value in args.items() if key in _REVIEWED})
        config = _config(name, what, text, settings, _certified(what, given, found), ours)
        file = service.configs[CONFIG]
        files = [mounted("Config", config.keptId, config.name, service.config_paths[CONFIG], file)]
        tls = what.front_end.tls
        hidden = _certificates(name, what, tls, given, ours) if tls and given else []
        definition = define(
            f"{name}-service", name, what, service, spec(name, "gateway", service, files, hidden), ours
        )

        self.service_id = definition.serviceId
        self.port = pulumi.Output.from_input(what.front_end.port)
        self.config = text
        self.register_outputs({"service_id": self.service_id, "port": self.port, "config": self.config})


def _config(
    name: str,
    what: PlacedGateway,
    text: pulumi.Output[str],
    settings: dict[str, object],
    certified: Certified,
    opts: pulumi.ResourceOptions,
) -> GatewayConfig:
    log = what.front_end.log
    inputs: GatewayConfigInputs = {
        **what.properties(),
        "name": later(text.apply(lambda text: config_name(name, CONFIG, text))),
        "data": later(text),
        "labels": labels_of(name, "gateway-config"),
        "registries": what.credentials(),
        "kind": what.front_end.kind,
        "image": what.image,
        "memory": what.front_end.memory,
        "names": [log.address.rpartition(":")[0]] if log else [],
        "gap": what.publish == "host",
        "settings": settings,
        **certified,
    }
    return GatewayConfig(f"{name}-config", inputs, opts)


def _certified(what: PlacedGateway, given: Optional[Pairs], found: pulumi.Output[list[Served]]) -> Certified:
    if given is None:
        return {}
    certified: Certified = {
        "certificates": later(given),
        "hostNames": what.hosts,
        "validUntil": later(found.apply(ends)),
    }
    if (clients := what.front_end.client_ca) is not None:
        certified["clientCa"] = clients
    return certified


def _certificates(
    name: str, managers: Managers, tls: Tls, given: Pairs, opts: pulumi.ResourceOptions
) -> list[dict[str, Any]]:
    """Return the certificates with their keys as files of the tasks, which only the proxy may read."""
    files: dict[str, tuple[pulumi.Input[str], pulumi.Input[str]]] = {
        f"certificate-{number}": file_of(given, number) for number in range(len(tls.certificates))
    }
    if tls.client_ca:
        files["client-ca"] = authorities.delivered(tls.client_ca)
    made = []
    # In the order of their names, as an export reads them.
    for key, (file, text) in sorted(files.items()):
        kept, kept_name = secret(name, name, key, managers, text, opts)
        hidden = File(content=text, mode="0400", user=USER_ID, group=USER_ID)
        path = pulumi.Output.concat(f"{FOLDER}/", file)
        made.append(mounted("Secret", kept.keptId, kept_name, path, hidden))
    return made
