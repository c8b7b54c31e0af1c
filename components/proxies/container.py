"""Arguments of the containers behind a front end, and of their replacement."""

from itertools import pairwise
from math import inf
from typing import Annotated, Literal, Optional

from pydantic import Field, model_validator

from ..arguments.parsing import Frozen, differ
from ..arguments.types import (
    Argument,
    Capability,
    EnvironmentName,
    FailureAction,
    InputText,
    Number,
    OnNoTraffic,
    PidsLimit,
    RestartPolicy,
    UpdateOrder,
    User,
    Whole,
)
from .program import PIDS_LIMIT

MOST_REPLICAS = 1000
PATIENCE = 4
"""Intervals that a step of a canary takes at most while too few requests come."""

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


class Policy(Frozen):
    """Pace of a change, in the terms of Compose and Swarm."""

    parallelism: Annotated[int, Whole(1, MOST_REPLICAS)] = 1
    delay: Annotated[float, Number(0, 86400)] = 0
    order: UpdateOrder = "start-first"
    max_surge: Optional[Annotated[int, Whole(0, MOST_REPLICAS)]] = None
    monitor: Annotated[float, Number(0, 86400)] = 5
    max_failure_ratio: Annotated[float, Number(0, 1)] = 0

    @model_validator(mode="after")
    def _surge_has_an_order(self) -> "Policy":
        if self.order == "start-first" and self.max_surge == 0:
            raise ValueError(
                "max_surge must be at least 1 with order start-first, which starts a replica before it stops "
                "one, got 0: use order stop-first for no replica more than declared"
            )
        if self.order == "stop-first" and self.max_surge:
            raise ValueError(
                f"max_surge is for order start-first, got {self.max_surge} with stop-first, which runs no "
                "replica more than declared: drop it"
            )
        return self

    @property
    def at_once(self) -> int:
        """Replicas that one round replaces."""
        return min(self.parallelism, self.max_surge or self.parallelism)


class Update(Policy):
    """Pace of a change, and the action after a failure."""

    failure_action: FailureAction = "rollback"


class Canary(Frozen):
    """Trial of the first round: its replicas get a rising share of the requests, and are judged by them."""

    steps: list[Annotated[int, Whole(1, 100)]] = Field(default=[5, 25, 50], min_length=1)
    interval: Annotated[float, Number(1, 86400)] = 30
    min_requests: Annotated[int, Whole(1, 1_000_000)] = 50
    max_error_ratio: Annotated[float, Number(1, 1000)] = 1.5
    max_latency_ratio: Annotated[float, Number(1, 1000)] = 2
    on_no_traffic: OnNoTraffic = "promote"

    @model_validator(mode="after")
    def _steps_rise(self) -> "Canary":
        for before, after in pairwise(self.steps):
            if after <= before:
                raise ValueError(
                    f"steps must rise, got {after} after {before}: each step gives the canary more requests"
                )
        return self

    @property
    def longest(self) -> float:
        """Most seconds that a step takes; infinite where it waits for requests."""
        return inf if self.on_no_traffic == "wait" else PATIENCE * self.interval


def check_canary(canary: Optional[Canary], update: Optional[Update], replicas: int) -> None:
    """Raise ValueError when replicas cannot be replaced with a canary."""
    if canary is None:
        return
    if update is None:
        raise ValueError("canary is the first round of update, which is missing: give update, too")
    if update.order == "stop-first":
        raise ValueError(
            "canary needs update.order start-first, got stop-first, which takes away a replica beside which "
            "the canary is judged: drop order, or canary"
        )
    if update.failure_action != "rollback":
        raise ValueError(
            f"canary needs update.failure_action rollback, got {update.failure_action!r}: a canary that is "
            "refused is always taken back; drop failure_action, or canary"
        )
    if replicas == 1:
        raise ValueError(
            "canary needs at least 2 replicas, got 1: its canary would be the whole change; give more "
            "replicas, or drop canary"
        )


class Rollback(Policy):
    """Pace of a rollback, and the action after a failure of it."""

    failure_action: Literal["pause", "continue"] = "pause"
