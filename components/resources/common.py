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
    """Managers of the swarm, each a host; the first that answers is asked."""
    swarmId: str
    """Id of the swarm; in another one nothing is done. Empty: the swarm that the managers are in."""


class Labelled(TypedDict):
    """Input of resources with labels on a host."""

    labels: dict[str, str]
    """Labels that name its owner: project, stack, component and role in the component."""


class Pulling(TypedDict):
    """Input of resources that pull images."""

    registries: Annotated[list[Login], SECRET]
    """Logins for the images' registries: `address`, `username` and `password` of each."""


class Proxy(TypedDict):
    """Input of resources of a HAProxy or nginx."""

    kind: ProxyKind
    """The program that serves."""


class Running(TypedDict):
    """Output of resources that start a container."""

    running: bool
    """True if its container runs."""
