"""Arguments of the containers behind a front end."""

from typing import Annotated, Optional

from pydantic import Field, model_validator

from ..arguments.parsing import Frozen
from ..arguments.types import (
    Argument,
    Capability,
    EnvironmentName,
    InputText,
    Number,
    PidsLimit,
    RestartPolicy,
    User,
    Whole,
)
from .program import PIDS_LIMIT
from .site import differ

MOST_REPLICAS = 1000

Drain = Annotated[float, Number(0, 3600)]
StartTimeout = Annotated[float, Number(1, 3600)]


class Restart(Frozen):
    """Restart of a container that ends by itself."""

    policy: RestartPolicy = "always"
    max_retries: Annotated[int, Whole(0, 1000)] = 0

    @model_validator(mode="after")
    def _retries_have_a_policy(self) -> "Restart":
        if self.max_retries and self.policy != "on-failure":
            raise ValueError(f"max_retries is for policy on-failure, got policy {self.policy!r}")
        return self


class Container(Frozen):
    """A replica's container, except its image, health check and networks."""

    command: Optional[list[Argument]] = Field(default=None, min_length=1)
    environment: dict[EnvironmentName, InputText] = {}
    restart: Restart = Restart()
    memory: Annotated[int, Whole(6, 1_048_576)] = 512
    cpus: Optional[Annotated[float, Number(0.01, 512)]] = None
    pids_limit: PidsLimit = PIDS_LIMIT
    user: Optional[User] = None
    read_only: bool = False
    capabilities: list[Capability] = ["CHOWN", "KILL", "SETGID", "SETUID"]

    @model_validator(mode="after")
    def _capabilities_differ(self) -> "Container":
        differ("capabilities", self.capabilities)
        return self
