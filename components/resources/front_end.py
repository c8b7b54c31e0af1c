"""A front end's needs and its configuration: `Readiness`, `FrontEndConfig`."""

from typing import NotRequired

import pulumi

from ..engine.demands import Demands
from .common import Labelled, OnHost, Proxy, Running
from .resource import NoOutputs, Resource


class ReadinessInputs(OnHost, Proxy, Labelled):
    """Inputs of Readiness."""

    image: str
    """Image of the front end, in which the configuration is checked."""
    config: str
    """Text of the configuration; the state keeps its SHA-256 hash only."""
    names: list[str]
    """Network names in it, which must resolve while it is checked."""
    container: dict[str, str]
    """Settings that only another container of the front end can have, by name."""
    replicas: dict[str, str]
    """Ids of the replicas' containers by name; each must become healthy."""
    pidsLimits: dict[str, int]
    """Processes that each replica may have at the same time, by the replica's name."""
    startTimeout: float
    """Seconds that a new replica has to become healthy."""
    demands: NotRequired[Demands]
    """Demands on the host; the state does not keep them."""


class Readiness(Resource[ReadinessInputs, NoOutputs]):
    """A front end's configuration is accepted by its image's program, and its replicas are healthy."""


class FrontEndConfigInputs(OnHost, Proxy):
    """Inputs of FrontEndConfig."""

    container: str
    """Id of the front end's container."""
    config: str
    """Text of the configuration."""
    replicas: dict[str, str]
    """Ids of the replicas' containers by name: they go after a delivery."""
    pidsLimit: int
    """Processes that the front end may have at the same time."""
    drain: float
    """Seconds that requests in flight get to finish at a delivery."""
    networks: NotRequired[dict[str, str]]
    """Networks of single backends, by the backend's name, that the container joins while it runs."""


class FrontEndConfigOutputs(Running):
    """Outputs of FrontEndConfig."""

    addresses: dict[str, str]
    """The front end's address on each network, by the network's name."""


class FrontEndConfigState(FrontEndConfigInputs, FrontEndConfigOutputs):
    """State of FrontEndConfig."""


class FrontEndConfig(Resource[FrontEndConfigInputs, FrontEndConfigOutputs]):
    """The configuration in force in a front end's container."""

    addresses: pulumi.Output[dict[str, str]]
    config: pulumi.Output[str]
    running: pulumi.Output[bool]
