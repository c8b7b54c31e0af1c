"""Services of a swarm, `ServiceDefinition`, and the files of its tasks, `SwarmConfig` and `SwarmSecret`."""

from typing import Annotated, TypedDict

import pulumi

from ..arguments.marks import SECRET
from ..engine.swarm.services import Spec
from .common import InSwarm, Labelled, Pulling
from .resource import Resource


class ServiceDefinitionInputs(InSwarm, Pulling):
    """Inputs of ServiceDefinition."""

    name: str
    """Name of the service in the swarm. Another name replaces the service."""
    mode: str
    """`replicated` or `global`. Another mode replaces the service."""
    spec: Spec
    """Definition of the service in the form of the Engine API, without the name."""
    forceUpdate: int
    """Another number replaces all tasks, even if nothing else has changed."""
    timeout: float
    """Seconds without progress after which a change has failed."""
    stopTimeout: float
    """Seconds that the tasks have to end when the service is removed."""


class ServiceDefinitionOutputs(TypedDict):
    """Outputs of ServiceDefinition."""

    serviceId: str
    """Id of the service."""


class ServiceDefinitionState(ServiceDefinitionInputs, ServiceDefinitionOutputs):
    """State of ServiceDefinition."""


class ServiceDefinition(Resource[ServiceDefinitionInputs, ServiceDefinitionOutputs]):
    """A service of a swarm, whose tasks run."""

    name: pulumi.Output[str]
    serviceId: pulumi.Output[str]


class FileInputs(InSwarm, Labelled):
    """Inputs that a config and a secret have."""

    name: str
    """Name in the swarm, another one for each content."""


class SwarmConfigInputs(FileInputs):
    """Inputs of SwarmConfig."""

    data: str
    """Content of the file."""


class FileOutputs(TypedDict):
    """Outputs of a config or a secret."""

    keptId: str
    """Id in the swarm."""


class SwarmConfigState(SwarmConfigInputs, FileOutputs):
    """State of SwarmConfig."""


class SwarmConfig(Resource[SwarmConfigInputs, FileOutputs]):
    """A config of the swarm: a file for the tasks that mount it."""

    name: pulumi.Output[str]
    keptId: pulumi.Output[str]


class SwarmSecretInputs(FileInputs):
    """Inputs of SwarmSecret."""

    data: Annotated[str, SECRET]
    """Content of the file."""


class SwarmSecretState(SwarmSecretInputs, FileOutputs):
    """State of SwarmSecret."""


class SwarmSecret(Resource[SwarmSecretInputs, FileOutputs]):
    """A secret of the swarm: encrypted at rest, readable only by the tasks that mount it."""

    name: pulumi.Output[str]
    keptId: pulumi.Output[str]
