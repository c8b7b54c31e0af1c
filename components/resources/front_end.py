"""A front end's needs and its configuration: `Readiness`, `FrontEndConfig`."""

from typing import Annotated, NotRequired, TypedDict

import pulumi

from ..arguments.marks import SECRET
from ..engine.demands import Demands
from .common import Labelled, OnHost, Proxy, Running
from .resource import NoOutputs, Resource


class KeyPair(TypedDict):
    """A certificate, followed by those that issued it, and its private key, in PEM."""

    certificate: str
    privateKey: str


class Certified(TypedDict):
    """Files of a configuration with TLS."""

    certificates: NotRequired[Annotated[list[KeyPair], SECRET]]
    """Certificates in the configuration: `certificate` and `privateKey` of each."""
    clientCa: NotRequired[str]
    """Certificates of the authorities of clients, in PEM."""


class Checked(Certified):
    """Files of a configuration with TLS, and the names that they are for."""

    hostNames: NotRequired[dict[str, list[str]]]
    """Host names of each backend, which the certificates must cover."""


class ReadinessInputs(OnHost, Proxy, Labelled, Checked):
    """Inputs of Readiness."""

    image: str
    """Image of the front end, in which the configuration is validated."""
    config: str
    """Text of the configuration. The state contains only its SHA-256 hash."""
    names: list[str]
    """Network names in the configuration, which must resolve while it is validated."""
    container: dict[str, str]
    """Settings whose change replaces the front end's container, by name."""
    replicas: dict[str, str]
    """Ids of the replicas' containers by name; each in `pidsLimits` must become healthy."""
    pidsLimits: dict[str, int]
    """Largest number of processes of each replica that is a container of its own, by the replica's name."""
    startTimeout: float
    """Seconds that a new replica has to become healthy."""
    demands: NotRequired[Demands]
    """Demands on the host. The state does not contain them, nor certificates."""


class Readiness(Resource[ReadinessInputs, NoOutputs]):
    """Proof that the front end's program accepts the configuration, and that all replicas are healthy."""


class FrontEndConfigInputs(OnHost, Proxy, Certified):
    """Inputs of FrontEndConfig."""

    container: str
    """Id of the front end's container."""
    config: str
    """Text of the configuration."""
    replicas: dict[str, str]
    """Ids of the replicas' containers by name. Old replicas are deleted only after a delivery."""
    pidsLimit: int
    """Largest number of processes of the front end."""
    drain: float
    """Seconds that requests in flight get to finish when the configuration is delivered."""
    networks: NotRequired[dict[str, str]]
    """Networks of single backends, by the backend's name. The running container joins them."""
    settings: NotRequired[dict[str, object]]
    """Arguments of the service, for its history on the host; `[secret]` in place of secrets."""
    validUntil: NotRequired[dict[str, str]]
    """End of the validity of each certificate, by its first name."""


class FrontEndConfigOutputs(Running):
    """Outputs of FrontEndConfig."""

    addresses: dict[str, str]
    """The front end's address on each network, by the network's name."""
    adopted: NotRequired[list[str]]
    """Ids of replicas that `longshore migrate` has taken over, until they are replaced."""


class FrontEndConfigState(FrontEndConfigInputs, FrontEndConfigOutputs):
    """State of FrontEndConfig."""


class FrontEndConfig(Resource[FrontEndConfigInputs, FrontEndConfigOutputs]):
    """The configuration in force in a front end's container."""

    addresses: pulumi.Output[dict[str, str]]
    config: pulumi.Output[str]
    running: pulumi.Output[bool]
