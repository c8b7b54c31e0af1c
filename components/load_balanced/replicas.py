"""The replicas of one backend: containers that are never published.

They never share a network name with another generation.
"""

from dataclasses import replace
from typing import Optional

import pulumi
import pulumi_docker as docker

from .. import naming
from ..proxies.health import LOCAL, ask, connect
from ..proxies.model import Backend, Service
from ..resources.generation import Definition, Generation, GenerationInputs
from ..resources.labels import labels_of


def health_test(backend: Backend, mode: str, host: Optional[str] = None) -> list[str]:
    """Return the health check as Docker takes it: the user's command, or the front end's question.

    `host` stands instead of the Host header that the front end takes from the routes.
    """
    if backend.health.command is not None:
        return ["CMD", *backend.health.command]
    question = backend.question
    if mode != "http":
        return connect(question.port)
    return ask(replace(question, host=backend.health.host or host or question.host))


def healthcheck(tests: pulumi.Input[list[str]]) -> docker.ContainerHealthcheckArgs:
    """Return a health check that the engine runs every 15 s."""
    return docker.ContainerHealthcheckArgs(
        tests=tests, interval="15s", timeout="5s", retries=3, start_period="0s"
    )


def generation(name: str, backend: Backend, what: Service, opts: pulumi.ResourceOptions) -> Generation:
    """Count the changes of everything that defines the backend's replicas, and pull their image."""
    definition: Definition = {
        "image": backend.image,
        "health": health_test(backend, what.mode, LOCAL),  # a route is none of it
        "restart": f"{backend.restart.policy}:{backend.restart.max_retries}",
        "memory": backend.memory,
        "capabilities": sorted(backend.capabilities),
        "readOnly": backend.read_only,
    }
    optional = {
        "command": backend.command,
        "environment": dict(sorted(backend.environment.items())) or None,
        "cpus": backend.cpus,
        "user": backend.user,
    }
    definition.update({key: value for key, value in optional.items() if value is not None})
    inputs: GenerationInputs = {
        "definition": definition,
        "host": what.host.properties(),
        "registries": what.host.credentials(),
        "health": health_test(backend, what.mode),
    }
    if what.isolated:
        inputs["isolate"] = True
    return Generation(name, inputs, opts)


def labels(component: str, role: str) -> list[docker.ContainerLabelArgs]:
    """Return the labels of a container of `component`."""
    return [
        docker.ContainerLabelArgs(label=label, value=value)
        for label, value in labels_of(component, role).items()
    ]


def replicas(
    component: str,
    name: str,
    backend: Backend,
    network: pulumi.Input[str],
    own: Optional[docker.Network],
    generation: Generation,
    child: pulumi.ResourceOptions,
) -> dict[str, docker.Container]:
    """Declare one container for each replica, by the name of its resource: `<component>-<backend>-<index>`.

    With a network of the backend's own, the replicas have their names there.
    """
    opts = pulumi.ResourceOptions.merge(
        # A new replica is healthy before the old one goes.
        child,
        pulumi.ResourceOptions(delete_before_replace=False, ignore_changes=["memorySwap"]),
    )
    role = labels(component, f"replica-{name}")

    def networks(index: int) -> pulumi.Input[list[docker.ContainerNetworksAdvancedArgs]]:
        alias = generation.count.apply(lambda n: naming.replica_alias(component, name, index, n))
        common = [docker.ContainerNetworksAdvancedArgs(name=network, aliases=[alias])]
        if own is None:
            return common
        isolated = [
            docker.ContainerNetworksAdvancedArgs(name=network),
            docker.ContainerNetworksAdvancedArgs(name=own.name, aliases=[alias]),
        ]
        return generation.apart.apply(lambda now: isolated if now else common)

    names = [f"{component}-{name}-{index}" for index in range(backend.replicas)]
    return {
        each: _replica(each, backend, role, networks(index), generation.health, opts)
        for index, each in enumerate(names)
    }


def _replica(
    resource: str,
    backend: Backend,
    role: list[docker.ContainerLabelArgs],
    networks: pulumi.Input[list[docker.ContainerNetworksAdvancedArgs]],
    health: pulumi.Input[list[str]],
    opts: pulumi.ResourceOptions,
) -> docker.Container:
    """Declare one replica: no capability but those named, no new privileges, nothing published."""
    environment = [
        pulumi.Output.concat(key, "=", value) for key, value in sorted(backend.environment.items())
    ]
    return docker.Container(
        resource,
        image=backend.image,
        command=backend.command,
        envs=environment or None,
        healthcheck=healthcheck(health),
        labels=role,
        network_mode="bridge",  # unset, it is a difference at every preview
        networks_advanced=networks,
        restart=backend.restart.policy,
        max_retry_count=backend.restart.max_retries or None,
        memory=backend.memory,
        memory_swap=backend.memory,  # no swap; an engine that cannot limit it reads back another value
        cpus=None if backend.cpus is None else f"{backend.cpus:g}",
        user=backend.user,
        read_only=backend.read_only,
        tmpfs={"/tmp": "", "/run": ""} if backend.read_only else None,  # noqa: S108
        sysctls={"net.ipv4.ip_unprivileged_port_start": "0"},
        capabilities=docker.ContainerCapabilitiesArgs(
            adds=sorted(f"CAP_{c.removeprefix('CAP_')}" for c in backend.capabilities),
            drops=["ALL"],
        ),
        security_opts=["no-new-privileges"],
        # Unset, the engine kills at once and requests in flight are lost.
        destroy_grace_seconds=max(1, round(backend.drain)),
        opts=opts,
    )
