"""LoadBalancedService: replicas behind a front end on one Docker host, changed without a failed request."""

from collections.abc import Mapping
from itertools import chain
from typing import Any, Optional

import pulumi
import pulumi_docker as docker
from pulumi.output import UNKNOWN

from .. import naming
from ..arguments.hosts import Host
from ..engine.connection import responds
from ..proxies.model import Service
from ..proxies.registry import kind_of
from ..proxies.served import Served
from ..proxies.views import server_addresses
from ..resources.front_end import FrontEndConfig
from ..resources.labels import labels_of
from . import certificates, front_end, replicas
from .args import LoadBalancedServiceArgs
from .claims import claim
from .recorded import recorded
from .validation import service


class LoadBalancedService(pulumi.ComponentResource):
    """Replicas of one or more images on a Docker host, and a HAProxy or nginx in front of them."""

    url: pulumi.Output[str]
    """Address at which clients reach the front end, for example `http://localhost:8080`."""
    address: pulumi.Output[str]
    """Host name or IP address of the front end."""
    port: pulumi.Output[int]
    """Port of the front end."""
    network_name: pulumi.Output[str]
    """Name of the replicas' network."""
    replica_names: pulumi.Output[list[str]]
    """Names of the replicas' containers, by backend and index."""
    config: pulumi.Output[str]
    """Text of the front end's configuration."""

    def __init__(
        self,
        name: str,
        args: LoadBalancedServiceArgs,
        opts: Optional[pulumi.ResourceOptions] = None,
    ) -> None:
        """Declare the service `name`: 1 to 32 of a-z, 0-9 and -, the prefix of all names in it.

        Raises ArgumentError, with the key and what is allowed, before anything is registered.
        """
        what = service(name, args)
        claim(name, what)
        super().__init__(naming.type_token("LoadBalancedService"), name, {}, opts)

        provider = _provider(name, what.host, self)
        # A provider of another host does not make its resources others: the trigger does.
        child = pulumi.ResourceOptions(parent=self, provider=provider, replacement_trigger=what.host.address)
        ours = pulumi.ResourceOptions(parent=self)
        generations = replicas.generations(name, what, ours)
        images = [front_end.pulled(name, what, child), *generations.values()]
        # Nothing is made on the host before all its images are there.
        made = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=images))
        network = _network(name, what, made)
        isolated = {key: _isolated(name, key, made) for key in sorted(what.backends)} if what.isolated else {}
        running = {
            key: replicas.of_backend(name, key, what, network, isolated.get(key), generations.get(key), made)
            for key in sorted(what.backends)
        }
        ids = {replica: id_ for backend in running.values() for replica, id_ in backend.ids.items()}
        pairs = certificates.pairs(what)
        served = certificates.served(pairs)
        text, addresses = _configuration(name, what, running, served)
        checked = front_end.Checked(text, addresses, pairs)
        ready = front_end.readiness(name, what, checked, ids, ours)
        proxy = front_end.container(name, what, network, ready, child)
        behind = front_end.Behind(ids, {key: each.name for key, each in isolated.items()})
        delivered = front_end.Delivered(text, pairs, served, recorded(args))
        config = front_end.config(name, what, delivered, behind, proxy, ours)

        self.network_name = pulumi.Output.from_input(network)
        names = pulumi.Output.all(*(backend.names for backend in running.values()))
        self.replica_names = names.apply(lambda found: [*chain.from_iterable(found)])
        self.config = config.config
        self.port = pulumi.Output.from_input(what.front_end.port)
        self.address = _address(what, config)
        self.url = self.address.apply(lambda address: _url(what, address))
        self.register_outputs(
            {
                "url": self.url,
                "address": self.address,
                "port": self.port,
                "network_name": self.network_name,
                "replica_names": self.replica_names,
                "config": self.config,
            }
        )


def _provider(name: str, host: Host, component: pulumi.Resource) -> docker.Provider:
    """Return the docker provider for the host.

    At a preview of a host that does not answer, its address is left unknown: the docker plugin would end the
    preview with an error. So it goes on, and the engine warns at each resource that it may be wrong.
    """
    unknown: Any = UNKNOWN
    reached = not pulumi.runtime.is_dry_run() or responds(host.address)
    if not reached:
        pulumi.log.warn(
            f"the Docker engine at {host.address} does not answer: this preview goes on unchecked",
            component,
        )
    opts = pulumi.ResourceOptions(
        parent=component,
        # Another host means other containers: made there first, then deleted here.
        replace_on_changes=["host"] if reached else None,
    )
    return docker.Provider(
        f"{name}-host",
        host=host.address if reached else unknown,
        ca_material=host.ca_certificate,
        cert_material=host.client_certificate,
        key_material=None if host.client_key is None else pulumi.Output.secret(host.client_key),
        registry_auth=[
            docker.ProviderRegistryAuthArgs(
                address=registry.address,
                username=registry.username,
                password=pulumi.Output.secret(registry.password),
            )
            for registry in host.registries
        ]
        or None,
        opts=opts,
    )


def _network(name: str, what: Service, child: pulumi.ResourceOptions) -> pulumi.Input[str]:
    """Return the name of the given network, or of one that is made."""
    if what.network.name is not None:
        given: pulumi.Input[str] = what.network.name
        return given
    subnet = what.network.subnet
    return docker.Network(
        f"{name}-net",
        driver="bridge",
        ipam_configs=[docker.NetworkIpamConfigArgs(subnet=subnet)] if subnet else None,
        labels=_labels(name, "network"),
        opts=child,
    ).name


def _isolated(name: str, backend: str, child: pulumi.ResourceOptions) -> docker.Network:
    """Return the network on which the front end reaches the replicas of one backend, and nobody else is.

    There is no way out of it: with one, it could become the way of the front end's published port.
    """
    return docker.Network(
        f"{name}-{backend}-network",
        driver="bridge",
        internal=True,
        labels=_labels(name, f"network-{backend}"),
        opts=child,
    )


def _labels(name: str, role: str) -> list[docker.NetworkLabelArgs]:
    return [
        docker.NetworkLabelArgs(label=label, value=value) for label, value in labels_of(name, role).items()
    ]


def _configuration(
    name: str,
    what: Service,
    running: Mapping[str, replicas.Running],
    served: pulumi.Output[list[Served]],
) -> tuple[pulumi.Output[str], pulumi.Output[list[str]]]:
    """Return the text of the front end's configuration, and the network names in it."""
    backends = sorted(running)

    def by_name(numbers: list[int]) -> dict[str, int]:
        return dict(zip(backends, numbers, strict=True))

    def render(known: list[Any]) -> str:
        found, *numbers = known
        return kind_of(what.front_end.kind).render(what, name, by_name(numbers), found)

    def network_names(numbers: list[int]) -> list[str]:
        return server_addresses(what, name, by_name(numbers))

    generations = [running[key].generation for key in backends]
    numbers = pulumi.Output.all(*generations)
    return pulumi.Output.all(served, *generations).apply(render), numbers.apply(network_names)


def _url(what: Service, address: str) -> str:
    scheme = "http" if what.front_end.mode == "http" else "tcp"
    return f"{scheme}://{f'[{address}]' if ':' in address else address}:{what.front_end.port}"


def _address(what: Service, config: FrontEndConfig) -> pulumi.Output[str]:
    """Return the host's name when published there, else the front end's own on its first extra network."""
    if not what.front_end.publish:
        network = what.front_end.networks[0]
        # Nobody knows any under the mocks of a program's unit tests.
        return config.addresses.apply(lambda addresses: addresses[network] if addresses else "")
    wildcard = what.front_end.address in ("0.0.0.0", "::")  # noqa: S104
    return pulumi.Output.from_input(what.host.public_name if wildcard else what.front_end.address)
