"""The replicas of one backend: containers that are never published.

They never share a network name with another generation. With `update` they are one resource, which changes
them in rounds; else each is a resource of the docker provider.
"""

from dataclasses import dataclass, replace
from typing import Any, Optional

import pulumi
import pulumi_docker as docker

from .. import naming
from ..arguments.later import later
from ..engine.replica import ReplicaContainer
from ..proxies.health import LOCAL, ask, connect
from ..proxies.model import Backend, Service
from ..resources.generation import Definition, Generation, GenerationInputs
from ..resources.labels import labels_of
from ..resources.replicas import ContainerDefinition, Replicas, ReplicasInputs


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


@dataclass(frozen=True)
class Running:
    """The replicas of one backend, as what depends on them sees them."""

    generation: pulumi.Output[int]
    ids: dict[str, pulumi.Output[str]]
    """Ids of the containers by the replica's name, `<component>-<backend>-<index>`."""
    names: pulumi.Output[list[str]]
    """Names of the containers, by index."""


def generations(component: str, what: Service, opts: pulumi.ResourceOptions) -> dict[str, Generation]:
    """Count the changes of each backend without `update`, by its name."""
    return {
        name: _generation(component, name, what, opts)
        for name, backend in sorted(what.backends.items())
        if backend.update is None
    }


def of_backend(
    component: str,
    name: str,
    what: Service,
    network: pulumi.Input[str],
    own: Optional[docker.Network],
    generation: Optional[Generation],
    child: pulumi.ResourceOptions,
) -> Running:
    """Declare the replicas of a backend: one resource for all, or one for each where they are counted.

    With a network of the backend's own, the replicas have their names there.
    """
    backend = what.backends[name]
    if generation is not None:
        every = _containers(component, name, backend, network, own, generation, child)
        names = pulumi.Output.all(*(each.name for each in every.values()))
        return Running(generation.count, {key: each.id for key, each in every.items()}, names)
    whole = _in_rounds(
        component, name, backend, what, [network] if own is None else [own.name, network], child
    )
    indexes = range(backend.replicas)
    ids = whole.ids(f"{component}-{name}-{index}" for index in indexes)
    return Running(whole.count, ids, whole.names.apply(lambda found: found or []))


def _generation(component: str, name: str, what: Service, opts: pulumi.ResourceOptions) -> Generation:
    """Count the changes of everything that defines the backend's replicas, and pull their image."""
    backend = what.backends[name]
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
        "labels": labels_of(component, f"replica-{name}"),
        "health": health_test(backend, what.mode),
    }
    if what.isolated:
        inputs["isolate"] = True
    return Generation(f"{component}-{name}-generation", inputs, opts)


def _in_rounds(
    component: str,
    name: str,
    backend: Backend,
    what: Service,
    networks: list[pulumi.Input[str]],
    child: pulumi.ResourceOptions,
) -> Replicas:
    """Declare the replicas of a backend as one resource, `<component>-<backend>-replicas`.

    They have their names on the first of `networks`.
    """
    keys = set(ReplicaContainer.model_fields) - {"health"}
    container: ContainerDefinition = {"health": health_test(backend, what.mode)}
    container |= backend.model_dump(include=keys, exclude_none=True)  # type: ignore[typeddict-item]
    pace: Any = backend.model_dump(include={"canary", "rollback", "update"}, exclude_none=True)
    inputs: ReplicasInputs = {
        "host": what.host.properties(),
        "registries": what.host.credentials(),
        "labels": labels_of(component, f"replica-{name}"),
        "replicas": backend.replicas,
        "image": backend.image,
        "networks": [later(pulumi.Output.from_input(each)) for each in networks],
        "container": container,
        "contact": _contact(backend, what),
        "drain": backend.drain,
        "startTimeout": backend.start_timeout,
    }
    inputs |= pace
    opts = pulumi.ResourceOptions(parent=child.parent, depends_on=child.depends_on)
    return Replicas(f"{component}-{name}-replicas", inputs, opts)


def _contact(backend: Backend, what: Service) -> str:
    """Return how the front end reaches the replicas, in words for a preview."""
    where = f"port {backend.port}" + (" on a network of the backend" if what.isolated else "")
    question = backend.question
    if what.mode != "http" or not backend.health.asks:
        return f"{what.mode}, {where}; checked at port {question.port}"
    asked = f"{question.method} {question.path} of {question.host} at port {question.port}"
    return f"{what.mode}, {where}; checked by {asked}: {', '.join(question.statuses)}"


def labels(component: str, role: str) -> list[docker.ContainerLabelArgs]:
    """Return the labels of a container of `component`."""
    return [
        docker.ContainerLabelArgs(label=label, value=value)
        for label, value in labels_of(component, role).items()
    ]


def _containers(
    component: str,
    name: str,
    backend: Backend,
    network: pulumi.Input[str],
    own: Optional[docker.Network],
    generation: Generation,
    child: pulumi.ResourceOptions,
) -> dict[str, docker.Container]:
    """Declare one container for each replica, by the name of its resource."""
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
