"""Properties that several resources have."""

from typing import Annotated, TypedDict

from ..arguments.connections import Connection, Login
from ..arguments.marks import SECRET
from ..proxies.registry import ProxyKind


class OnHost(TypedDict):
    """Input of resources on one Docker host."""

    host: Connection
    """The Docker host: its `address`; for `tcp://` also `caCertificate`, `clientCertificate` and
    `clientKey`."""


class InSwarm(TypedDict):
    """Inputs of resources in a swarm."""

    managers: list[Connection]
    """Managers of the swarm, each a host. The first one that answers is used."""
    swarmId: str
    """Id of the swarm. Nothing changes when the managers are in another swarm. Empty: the swarm that they are
    in."""


class Labelled(TypedDict):
    """Input of resources with labels on a host."""

    labels: dict[str, str]
    """Labels that name the owner: project, stack, component and role in the component."""


class Pulling(TypedDict):
    """Input of resources that pull images."""

    registries: Annotated[list[Login], SECRET]
    """Logins for the images' registries: `address`, `username` and `password` of each."""


class Proxy(TypedDict):
    """Input of resources of a proxy."""

    kind: ProxyKind
    """Program of the proxy."""


class Running(TypedDict):
    """Output of resources that start a container."""

    running: bool
    """True if the container runs."""
