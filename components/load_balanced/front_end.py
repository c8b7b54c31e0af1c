"""The front end: its container holds the port, and FrontEndConfig says what it serves.

Readiness comes before both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

import pulumi
import pulumi_docker as docker

from ..arguments.later import later
from ..engine.demands import Demands, Limits
from ..proxies.health import listens
from ..proxies.model import Backend, Service
from ..proxies.program import CPU_SHARES, FOLDER, PIDS_LIMIT, SYSCTLS, TMPFS, USER
from ..proxies.registry import kind_of
from ..proxies.served import Served
from ..resources.front_end import FrontEndConfig, FrontEndConfigInputs, Readiness, ReadinessInputs
from ..resources.labels import labels_of
from .certificates import Pairs, ends
from .replicas import healthcheck, labels


@dataclass(frozen=True)
class Behind:
    """Containers and networks that a front end reaches."""

    replicas: Mapping[str, pulumi.Output[str]]
    """Ids of the replicas' containers by name."""
    networks: Mapping[str, pulumi.Output[str]]
    """Networks of single backends, by the backend's name."""


@dataclass(frozen=True)
class Checked:
    """A configuration, and what it needs to be checked."""

    text: pulumi.Output[str]
    names: pulumi.Output[list[str]]
    """Network names in it."""
    certificates: Optional[Pairs]


@dataclass(frozen=True)
class Delivered:
    """A configuration, and what is put in force with it."""

    text: pulumi.Output[str]
    certificates: Optional[Pairs]
    served: pulumi.Output[list[Served]]
    """The certificates without a secret."""
    settings: dict[str, object]
    """Arguments of the service, for its history."""


def pulled(component: str, service: Service, child: pulumi.ResourceOptions) -> docker.RemoteImage:
    """Declare the image of the front end."""
    return docker.RemoteImage(
        f"{component}-{service.front_end.name}-image",
        name=image(service),
        keep_locally=True,  # not ours to remove: others on the host may use it
        opts=child,
    )


def readiness(
    component: str,
    service: Service,
    checked: Checked,
    replicas: Mapping[str, pulumi.Output[str]],
    ours: pulumi.ResourceOptions,
) -> Readiness:
    """Declare that the program of the image accepts a text, and that every new replica is healthy."""
    inputs: ReadinessInputs = {
        "host": service.host.properties(),
        "kind": service.front_end.kind,
        "image": image(service),
        "config": later(checked.text),
        "names": later(checked.names),
        "labels": labels_of(component, "check"),
        "container": _what_replaces_it(service),
        "replicas": {name: later(id_) for name, id_ in replicas.items()},
        "pidsLimits": {
            f"{component}-{name}-{index}": backend.pids_limit
            for name, backend in service.backends.items()
            if backend.update is None
            for index in range(backend.replicas)
        },
        "startTimeout": service.start_timeout,
        "demands": _demands(service),
    }
    if checked.certificates is not None:
        inputs["certificates"] = later(checked.certificates)
        inputs["hostNames"] = service.hosts
    if (authorities := service.front_end.client_ca) is not None:
        inputs["clientCa"] = authorities
    return Readiness(f"{component}-{service.front_end.name}-ready", inputs, ours)


def container(
    component: str,
    service: Service,
    network: pulumi.Input[str],
    ready: Readiness,
    child: pulumi.ResourceOptions,
) -> docker.Container:
    """Return the container `<component>-<front end's name>`, made but not started.

    FrontEndConfig writes the configuration and starts it, so it never runs without one and there is one
    writer only. Least privilege: no capability, no new privileges, not root, nothing writable but memory and
    the folder of the configuration.
    """
    front_end = service.front_end
    program = kind_of(front_end.kind).program
    ports = [
        docker.ContainerPortArgs(internal=port, external=port, ip=front_end.address, protocol="tcp")
        for port in front_end.ports.values()
    ]
    # Replaced, it leaves a gap: so it goes only when all that follows it is ready, and the container that
    # follows it is made first. FrontEndConfig stops the one and starts the other, or the first one again.
    # An engine that cannot limit swap reads another value back.
    opts = pulumi.ResourceOptions(
        depends_on=[ready],
        delete_before_replace=False,
        ignore_changes=["memorySwap"],
        replace_on_changes=["memory"],  # with the swap limit ignored, it cannot be raised in place
    )
    return docker.Container(
        f"{component}-{front_end.name}",
        image=image(service),
        entrypoints=[program.run[0]],
        command=list(program.run[1:]),
        start=False,
        must_run=False,
        user=USER,
        read_only=True,
        tmpfs=TMPFS,
        volumes=[docker.ContainerVolumeArgs(container_path=FOLDER)],
        sysctls=SYSCTLS,
        capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        security_opts=["no-new-privileges"],
        memory=front_end.memory,
        memory_swap=front_end.memory,
        cpu_shares=CPU_SHARES,
        healthcheck=healthcheck(listens(front_end.port)),
        restart="always",
        stop_signal=program.stop_signal,
        destroy_grace_seconds=max(1, round(service.drain)),
        labels=labels(component, "front-end"),
        ports=ports if front_end.publish else None,
        network_mode="bridge",  # unset, it is a difference at every preview
        networks_advanced=[
            docker.ContainerNetworksAdvancedArgs(name=name) for name in (network, *front_end.networks)
        ],
        opts=pulumi.ResourceOptions.merge(child, opts),
    )


def _what_replaces_it(service: Service) -> dict[str, str]:
    """Return the properties that cannot change in a running container, as the warning of a gap shows them."""
    front_end, network = service.front_end, service.network
    published = {
        key: f"{front_end.address}:{port}" if front_end.publish else "not published"
        for key, port in front_end.ports.items()
    }
    return {
        "image": image(service),
        "kind": front_end.kind,
        "memory": f"{front_end.memory} MiB",
        "networks": ", ".join(front_end.networks),
        **published,
        "network": network.name or network.subnet or "of its own",
    }


def _demands(service: Service) -> Demands:
    """Return what the host must give. Networks that the program may make itself are left out."""
    front_end, network = service.front_end, service.network
    servers = sum(backend.replicas for backend in service.backends.values())
    demands: Demands = {
        "network": [network.name] if isinstance(network.name, str) else [],
        "networks": front_end.networks,
        "isolated": service.isolated,
        "memory": front_end.memory,
        "files": kind_of(front_end.kind).files(service, servers),
        "replicas": {name: _limits(backend) for name, backend in service.backends.items()},
    }
    if front_end.publish:
        demands["address"] = front_end.address
        demands["port"] = front_end.port
        if front_end.tls:
            demands["tlsPort"] = front_end.tls.port
    if network.subnet:
        demands["subnet"] = network.subnet
    return demands


def _limits(backend: Backend) -> Limits:
    limits: Limits = {
        "image": backend.image,
        "memory": backend.memory,
        "capabilities": backend.capabilities,
    }
    if backend.cpus is not None:
        limits["cpus"] = backend.cpus
    if backend.user is not None:
        limits["user"] = backend.user
    return limits


def config(
    component: str,
    service: Service,
    delivered: Delivered,
    behind: Behind,
    proxy: docker.Container,
    ours: pulumi.ResourceOptions,
) -> FrontEndConfig:
    """Declare a text in force in the front end's container, which joins the networks of single backends."""
    inputs: FrontEndConfigInputs = {
        "host": service.host.properties(),
        "kind": service.front_end.kind,
        "container": later(proxy.id),
        "config": later(delivered.text),
        "replicas": {name: later(id_) for name, id_ in behind.replicas.items()},
        "pidsLimit": PIDS_LIMIT,
        "drain": service.drain,
        "settings": delivered.settings,
    }
    if delivered.certificates is not None:
        inputs["certificates"] = later(delivered.certificates)
        inputs["validUntil"] = later(delivered.served.apply(ends))
    if (authorities := service.front_end.client_ca) is not None:
        inputs["clientCa"] = authorities
    if behind.networks:
        inputs["networks"] = {name: later(network) for name, network in behind.networks.items()}
    return FrontEndConfig(f"{component}-{service.front_end.name}-config", inputs, ours)


def image(service: Service) -> str:
    """Return the front end's image: the one said, or the kind's default."""
    return service.front_end.image or kind_of(service.front_end.kind).default_image
