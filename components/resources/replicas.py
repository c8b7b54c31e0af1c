"""`Replicas`: the containers of one backend, changed in rounds.

One resource owns the replicas of one backend, not those of a whole service. The backend is the unit of a
roll-out: its rounds, its failure and its rollback concern no other backend. Two backends change at the same
time, each at its own pace, and a preview shows each as one resource.
"""

from collections.abc import Iterable
from typing import NotRequired, TypedDict

import pulumi

from ..arguments.types import FailureAction, OnNoTraffic, RestartPolicy, UpdateOrder
from .common import Labelled, OnHost, Pulling
from .resource import Resource


class RestartDefinition(TypedDict, total=False):
    """Restart of a replica that ends by itself."""

    policy: RestartPolicy
    """`no`, `on-failure`, `always` or `unless-stopped`. Default: always."""
    max_retries: int
    """Most restarts with policy on-failure; 0: no limit. Default: 0."""


class ContainerDefinition(TypedDict, total=False):
    """A replica's container, except its image and networks; the keys are those of a backend."""

    command: list[str]
    """Program and arguments. Default: those of the image."""
    environment: dict[str, str]
    """Environment variables by name."""
    health: list[str]
    """Health check as Docker takes it, such as `["CMD", "curl", "-f", "http://localhost/"]`, every 15 s.
    Default: that of the image; without any, a replica is healthy while it runs."""
    restart: RestartDefinition
    """Restart of a replica that ends by itself."""
    memory: int
    """Memory limit in MiB, without swap. Default: 512."""
    cpus: float
    """Processors that a replica may use. Default: no limit."""
    pids_limit: int
    """Processes and threads that a replica may have. Default: 2048."""
    user: str
    """User and group of the program. Default: that of the image."""
    read_only: bool
    """True if the root file system is read-only, with /tmp and /run in memory. Default: false."""
    capabilities: list[str]
    """Linux capabilities; all others are dropped. Default: CHOWN, KILL, SETGID, SETUID."""


class PolicyDefinition(TypedDict, total=False):
    """Pace of a change, in the terms of Compose's `update_config`."""

    parallelism: int
    """Replicas that one round replaces. Default: 1."""
    delay: float
    """Seconds between two rounds. Default: 0."""
    order: UpdateOrder
    """`start-first`: a new replica is healthy before an old one is stopped; or `stop-first`. Default:
    start-first."""
    max_surge: int
    """With start-first, most replicas beyond those declared, at least 1. Default: `parallelism`."""
    monitor: float
    """Seconds that new replicas are watched before old ones are stopped. Default: 5."""
    max_failure_ratio: float
    """Part of the replicas that may fail, 0 to 1, before `failure_action`. Default: 0."""
    failure_action: FailureAction
    """Action after a failure. Of an update: `rollback`, `pause` (the next `up` goes on) or `continue`. Of a
    rollback: `pause` or `continue`. `up` fails in each case. Default: rollback, and pause."""


class CanaryDefinition(TypedDict, total=False):
    """Trial of the first round: its replicas get a rising share of the requests, and are judged by them."""

    steps: list[int]
    """Shares of the requests in percent, 1 to 100, each more than the one before. Default: 5, 25, 50."""
    interval: float
    """Seconds of a step. Default: 30."""
    min_requests: int
    """Answers of the canary that a step waits for, for at most four intervals. Default: 50."""
    max_error_ratio: float
    """Part of answers with errors that a canary may have, as a multiple of that of the former replicas; at
    least 1. Default: 1.5."""
    max_latency_ratio: float
    """Time that a canary may take to answer, as a multiple of that of the former replicas; at least 1.
    Default: 2."""
    on_no_traffic: OnNoTraffic
    """Action when fewer than `min_requests` answers came within four intervals: `promote` goes on to the next
    step, `wait` waits for more, `fail` refuses the canary. Default: promote."""


class ReplicasInputs(OnHost, Labelled, Pulling):
    """Inputs of Replicas."""

    replicas: int
    """Number of replicas, 1 to 1,000."""
    image: str
    """Image of the replicas."""
    networks: list[str]
    """Names of the replicas' networks. On the first, replica 0 of component `site`, backend `web` and
    generation 1 has the network name `site-web-0-g1`."""
    container: NotRequired[ContainerDefinition]
    """Container of a replica: `command`, `environment`, `health`, `restart`, `memory`, `cpus`, `pids_limit`,
    `user`, `read_only`, `capabilities`."""
    update: NotRequired[PolicyDefinition]
    """Pace of a change: `parallelism`, `delay`, `order`, `max_surge`, `monitor`, `max_failure_ratio`,
    `failure_action`."""
    rollback: NotRequired[PolicyDefinition]
    """Pace of a rollback; the keys are those of `update`."""
    canary: NotRequired[CanaryDefinition]
    """Trial of the first round behind a front end: `steps`, `interval`, `min_requests`, `max_error_ratio`,
    `max_latency_ratio`, `on_no_traffic`. Not without `contact`. Default: none."""
    drain: NotRequired[float]
    """Seconds that a replica gets to end. Default: 10."""
    startTimeout: NotRequired[float]
    """Seconds that a new replica has to become healthy. Default: 60."""
    contact: NotRequired[str]
    """Text that differs where the front end of the same component reaches the replicas in another way. With
    it, the front end sends to each round's replicas before the former ones stop. Replicas that are reached in
    another way are created beside the former ones, which `FrontEndConfig` removes. Default: none."""
    each: NotRequired[dict[str, str]]
    """Status of each replica by its name; set by the resource, so that a preview names those that a refresh
    has found otherwise."""


class ReplicasOutputs(TypedDict):
    """Outputs of Replicas."""

    generation: int
    """Number of the definition in the network names: 1, and one more for each change of image, container or
    networks."""
    containers: dict[str, str]
    """Ids of the containers by the replica's name, such as `site-web-0`."""
    names: list[str]
    """Names of the containers, by index."""
    adopted: NotRequired[dict[str, str]]
    """Network names of containers that `longshore migrate` has taken over, by id. They do not carry the
    labels of this resource, and the first change of the definition replaces them."""


class ReplicasState(ReplicasInputs, ReplicasOutputs):
    """State of Replicas."""


class Replicas(Resource[ReplicasInputs, ReplicasOutputs]):
    """The containers of one backend, changed in rounds, and rolled back when a new definition fails."""

    generation: pulumi.Output[int]
    containers: pulumi.Output[dict[str, str]]
    names: pulumi.Output[list[str]]

    @property
    def count(self) -> pulumi.Output[int]:
        """The generation as a whole number; 1 under the mocks of a program's unit tests."""
        return self.generation.apply(lambda number: int(number or 1))

    def ids(self, names: Iterable[str]) -> dict[str, pulumi.Output[str]]:
        """Return the id of each container by the replica's name; nothing for a replica that has failed."""

        def id_of(name: str) -> pulumi.Output[str]:
            return self.containers.apply(lambda found: (found or {}).get(name, ""))

        return {name: id_of(name) for name in names}
