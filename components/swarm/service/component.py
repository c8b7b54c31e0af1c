"""SwarmService: tasks of one image in a swarm, changed without a failed request."""

import hashlib
from typing import Any, Optional

import pulumi

from ... import naming
from ...arguments.later import later
from ...arguments.parsing import arguments
from ...engine.swarm.services import Spec
from ...resources.generation import Generation
from ...resources.labels import labels_of
from ...resources.services import ServiceDefinition, SwarmConfig, SwarmSecret
from ..managers import Managers
from .args import SwarmServiceArgs
from .claims import claim
from .model import PlacedService, Service
from .spec import mounted, spec

GOSSIP_SECONDS = 2.0
"""Between the moment when a task leaves the names of its service and its stop signal."""


class SwarmService(pulumi.ComponentResource):
    """Tasks of one image, run by a swarm on its nodes."""

    service_id: pulumi.Output[str]
    """Id of the service."""
    service_name: pulumi.Output[str]
    """Name of the service. On its networks, `tasks.<name>` resolves to the addresses of its tasks."""

    def __init__(
        self, name: str, args: SwarmServiceArgs, opts: Optional[pulumi.ResourceOptions] = None
    ) -> None:
        """Declare the service `name`: 1 to 32 of a-z, 0-9 and -, the prefix of all names in it.

        Raises ArgumentError, with the key and what is allowed, before anything is registered.
        """
        what = arguments(PlacedService, "SwarmService", name, args)
        service_name = what.name or name
        claim(f"SwarmService {name!r}", what, service_name, what)
        # Of a variable whose value is secret or not known, nothing else shows the name.
        variables = {"environment": sorted(what.environment)}
        super().__init__(naming.type_token("SwarmService"), name, variables, opts)

        ours = pulumi.ResourceOptions(parent=self)
        configs = [_config(name, service_name, key, what, ours) for key in sorted(what.configs)]
        secrets = [_secret(name, service_name, key, what, ours) for key in sorted(what.secrets)]
        definition = define(
            f"{name}-service", service_name, what, what, spec(name, "service", what, configs, secrets), ours
        )

        self.service_id = definition.serviceId
        self.service_name = definition.name
        self.register_outputs({"service_id": self.service_id, "service_name": self.service_name})


def define(
    resource: str,
    name: str,
    managers: Managers,
    service: Service,
    spec: Spec,
    opts: pulumi.ResourceOptions,
) -> ServiceDefinition:
    """Return the service `name` of the swarm as `spec` says, once its tasks run."""
    stop = service.stop_grace_period + GOSSIP_SECONDS
    return ServiceDefinition(
        resource,
        {
            **managers.properties(),
            "registries": managers.credentials(),
            "name": name,
            "mode": service.mode,
            "spec": spec,
            "forceUpdate": service.force_update,
            # From one task that is replaced to the next.
            "timeout": service.start_timeout + service.update.delay + service.update.monitor + stop,
            "stopTimeout": stop + 10,
        },
        opts,
    )


def _config(
    component: str, service: str, key: str, what: PlacedService, opts: pulumi.ResourceOptions
) -> dict[str, Any]:
    """Return a config as a file of the tasks. Its name has a hash of its content, for it never changes."""
    file = what.configs[key]
    name = pulumi.Output.from_input(file.content).apply(lambda text: config_name(service, key, text))
    made = SwarmConfig(
        f"{component}-config-{key}",
        {
            **what.properties(),
            "name": later(name),
            "data": file.content,
            "labels": labels_of(component, f"config-{key}"),
        },
        opts,
    )
    return mounted("Config", made.keptId, name, what.config_paths[key], file)


def _secret(
    component: str, service: str, key: str, what: PlacedService, opts: pulumi.ResourceOptions
) -> dict[str, Any]:
    """Return a secret as a file of the tasks."""
    file = what.secrets[key]
    made, name = secret(component, service, key, what, file.content, opts)
    return mounted("Secret", made.keptId, name, what.secret_paths[key], file)


def secret(
    component: str,
    service: str,
    key: str,
    managers: Managers,
    content: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> tuple[SwarmSecret, pulumi.Output[str]]:
    """Return a secret of the swarm and its name, which counts its changes: a hash would allow guesses."""
    hidden = pulumi.Output.secret(content)
    generation = Generation(f"{component}-secret-{key}-generation", {"definition": {"content": hidden}}, opts)
    name = generation.count.apply(lambda count: f"{service[:32]}-{key}-g{count}")
    made = SwarmSecret(
        f"{component}-secret-{key}",
        {
            **managers.properties(),
            "name": later(name),
            "data": later(hidden),
            "labels": labels_of(component, f"secret-{key}"),
        },
        opts,
    )
    return made, name


def config_name(service: str, key: str, text: str) -> str:
    """Return the name of a config: another content is another config. The engine takes 64 letters."""
    return f"{service[:25]}-{key}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
