"""Arguments of a SwarmService. Validated by `model`; the docstrings are the reference.

Topology (counts, ports, constraints) is plain, so that a preview shows it. Images, environment and the
content of files may be Outputs. All durations are in seconds.
"""

from typing import Optional, Required, TypedDict

import pulumi

from ...arguments.types import (
    EndpointMode,
    FailureAction,
    ProbeMethod,
    Protocol,
    PublishMode,
    RestartCondition,
    ServiceMode,
    UpdateOrder,
)
from ..managers import ManagersArgs


class PolicyArgs(TypedDict, total=False):
    """Replacement of the tasks of a service, step by step."""

    parallelism: Optional[int]
    """Tasks that are replaced at the same time; 0 means all. Default: 1."""
    delay: Optional[float]
    """Seconds between two replacements of `parallelism` tasks. Default: 0."""
    order: Optional[UpdateOrder]
    """`start-first`: an old task stops once the new one is healthy. `stop-first`: an old task stops before
    the new one starts. Default: start-first; stop-first with a port in mode host, which only one task can
    have."""
    monitor: Optional[float]
    """Seconds for which Swarm watches a new task. If the task fails in that time, the change has failed.
    Default: 5."""
    max_failure_ratio: Optional[float]
    """Share of the tasks, 0 to 1, that may fail before `failure_action` is taken. Default: 0."""
    failure_action: Optional[FailureAction]
    """Action after a failure. In `update`: `rollback` (back to the former definition), `pause` (the tasks
    replaced so far stay) or `continue`. In `rollback`: `pause` or `continue`. `up` fails in each case.
    Default: rollback in `update`, pause in `rollback`."""


class TaskRestartArgs(TypedDict, total=False):
    """Restart of a task that ends by itself."""

    condition: Optional[RestartCondition]
    """`any`, `on-failure` (exit code other than 0) or `none`. Default: any."""
    delay: Optional[float]
    """Seconds before the next task starts. Default: 5."""
    max_attempts: Optional[int]
    """Restarts before Swarm gives up; 0 means no limit. Default: 0."""
    window: Optional[float]
    """Seconds in which restarts count for `max_attempts`; 0 means no limit. Default: 0."""


class TaskHealthArgs(TypedDict, total=False):
    """Health check of a task. An unhealthy task gets no requests, and an update waits for it."""

    command: Optional[list[str]]
    """Command that runs inside the task; exit code 0 means healthy. Default: a check of `port`."""
    path: Optional[str]
    """URL path of a request to `port`, sent with the curl, bash, wget or busybox nc of the image. No redirect
    is followed. Default: none; the port only has to accept a connection."""
    host: Optional[str]
    """Host header of the request. Default: localhost."""
    method: Optional[ProbeMethod]
    """`GET`, `HEAD` or `OPTIONS`. Default: GET."""
    status: Optional[list[str]]
    """Statuses of a healthy task, and ranges of them. Default: `["200-399"]`."""
    port: Optional[int]
    """Port of the request. Default: 80."""
    interval: Optional[float]
    """Seconds between two checks, and before the first one. Default: 2."""
    timeout: Optional[float]
    """Seconds that the answer may take. Default: 3."""
    retries: Optional[int]
    """Failed checks in a row before the task is replaced. Default: 3."""
    start_period: Optional[float]
    """Seconds after the start of a task in which failed checks do not count. Default: 30."""


class PublishedPortArgs(TypedDict, total=False):
    """A port that clients reach from outside the swarm's networks."""

    port: Required[int]
    """Port that the task listens on. Required."""
    published: Optional[int]
    """Port on the nodes. Default: the same as `port`."""
    mode: Optional[PublishMode]
    """`ingress`: every node publishes the port; tasks see the addresses of nodes instead of clients. `host`:
    only nodes with a task publish the port, and each has one task. Default: ingress."""
    protocol: Optional[Protocol]
    """`tcp` or `udp`. Default: tcp."""


class TaskFileArgs(TypedDict, total=False):
    """A file in the tasks of a service, which Swarm stores and gives to the nodes that run a task."""

    content: Required[pulumi.Input[str]]
    """Text of the file, at most 500 kB. Required."""
    path: Optional[str]
    """Path of the file in the tasks. Default: `/<name>` for a config, `/run/secrets/<name>` for a secret."""
    mode: Optional[str]
    """Permissions of the file, an octal number in quotes. Default: "0444"."""
    user: Optional[int]
    """Id of the user that owns the file. Default: 0."""
    group: Optional[int]
    """Id of the group that owns the file. Default: 0."""


class ServiceArgs(TypedDict, total=False):
    """Tasks of one image, run by a swarm."""

    image: Required[pulumi.Input[str]]
    """Image of the tasks. Required. Prefer a digest or a tag that never moves, since each node pulls the
    image itself."""
    name: Optional[str]
    """Name of the service. On its networks, `<name>` and `tasks.<name>` resolve to it. Another name makes
    another service. Default: the component's name."""
    entrypoint: Optional[list[str]]
    """Entry point: the program that runs in the tasks. Default: the image's."""
    command: Optional[list[str]]
    """Command, or arguments of the entry point. Default: the image's."""
    environment: Optional[dict[str, pulumi.Input[str]]]
    """Environment variables; a secret stays a secret. A task gets each value unchanged, unless `templates` is
    true. Default: none."""
    templates: Optional[bool]
    """Let Swarm fill in its templates, such as `{{.Node.Hostname}}`, in values of `environment`, for each
    task anew. Default: false."""
    mode: Optional[ServiceMode]
    """`replicated`, or `global`: one task on each node that meets the constraints. Default: replicated."""
    replicas: Optional[int]
    """Number of tasks, 0 to 1000. Not with mode global. Default: 1."""
    constraints: Optional[list[str]]
    """Conditions that a node must meet to run a task: `node.labels.zone==dmz`, `node.role!=manager`, … Swarm
    allows no `/` in the name of a label here, and no `@` in a value. Default: none."""
    max_replicas_per_node: Optional[int]
    """Largest number of tasks on a node. Not with mode global. Default: no limit."""
    networks: Optional[list[pulumi.Input[str]]]
    """Names of the overlay networks that tasks join. Default: none."""
    endpoint_mode: Optional[EndpointMode]
    """Meaning of `<name>` on the networks. `vip`: one address, whose connections the nodes share among the
    tasks. `dnsrr`: the addresses of all tasks, as `tasks.<name>` in both modes. Default: vip."""
    ports: Optional[list[PublishedPortArgs]]
    """Ports that are published. Default: none."""
    configs: Optional[dict[str, TaskFileArgs]]
    """Files by name. New content makes a new config and replaces the tasks. Default: none."""
    secrets: Optional[dict[str, TaskFileArgs]]
    """Files by name, encrypted at rest and only in memory in the tasks. Default: none."""
    update: Optional[PolicyArgs]
    """Policy for a change of the tasks. Default: see PolicyArgs."""
    rollback: Optional[PolicyArgs]
    """Policy for the rollback of a failed change. Default: see PolicyArgs."""
    restart: Optional[TaskRestartArgs]
    """Restart policy. Default: always, after 5 s."""
    health: Optional[TaskHealthArgs]
    """Health check. Default: the image's. Without any, a task is healthy as soon as it runs."""
    start_timeout: Optional[float]
    """Seconds that a new task has to become healthy, with the pull of its image. Default: 60."""
    stop_grace_period: Optional[float]
    """Seconds that a task has to end after the stop signal, before it is killed. Default: 10."""
    stop_signal: Optional[str]
    """Signal that asks a task to end. Default: the image's, or SIGTERM."""
    memory: Optional[int]
    """Memory limit of a task in MiB. Default: 512."""
    cpus: Optional[float]
    """CPU limit of a task, in cores. Default: none."""
    pids_limit: Optional[int]
    """Processes and threads that a task may have at the same time. Default: 2048."""
    reserved_memory: Optional[int]
    """MiB of memory that a node must have free for a task. Default: none."""
    reserved_cpus: Optional[float]
    """Cores that a node must have free for a task. Default: none."""
    user: Optional[str]
    """User the tasks run as. Default: the image's."""
    read_only: Optional[bool]
    """Read-only root file system, with /tmp and /run in memory. Default: false."""
    capabilities: Optional[list[str]]
    """Linux capabilities of a task; all others are dropped. Default: CHOWN, KILL, SETGID, SETUID, for servers
    that start as root and run their workers as another user."""
    hostname: Optional[str]
    """Host name of the tasks; may hold Swarm's templates such as `{{.Node.Hostname}}`. Default: the
    container's id."""
    init: Optional[bool]
    """Run an init process that reaps children and passes signals on. Default: that of the engine's
    settings."""
    labels: Optional[dict[str, str]]
    """Labels of the service, beside those of Longshore. Default: none."""
    force_update: Optional[int]
    """Another number replaces all tasks, even if nothing else has changed: for example to spread them over
    nodes that came back. Default: 0."""


class SwarmServiceArgs(ManagersArgs, ServiceArgs, total=False):
    """A service of a swarm, by its managers."""
