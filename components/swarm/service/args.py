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
    """Replacement of tasks by those of another definition."""

    parallelism: Optional[int]
    """Tasks that are replaced at the same time; 0 is all of them. Default: 1."""
    delay: Optional[float]
    """Seconds between two of them, or two groups. Default: 0."""
    order: Optional[UpdateOrder]
    """`start-first`: a new task runs, and is healthy, before an old one is stopped; or `stop-first`. Default:
    start-first; stop-first with a port in host mode, which one task at a time can have."""
    monitor: Optional[float]
    """Seconds that a new task is watched: when it fails in that time, the change has failed. Default: 5."""
    max_failure_ratio: Optional[float]
    """Part of the tasks that may fail, 0 to 1, before `failure_action`. Default: 0."""
    failure_action: Optional[FailureAction]
    """Action after a failure. Of an update: `rollback` (the former definition comes back), `pause` (what has
    been replaced stays so) or `continue`. Of a rollback: `pause` or `continue`. `up` fails in each case.
    Default: rollback, and pause."""


class TaskRestartArgs(TypedDict, total=False):
    """Restart of a task that ends by itself."""

    condition: Optional[RestartCondition]
    """`any`, `on-failure` (exit code other than 0) or `none`. Default: any."""
    delay: Optional[float]
    """Seconds before another one is started. Default: 5."""
    max_attempts: Optional[int]
    """Tasks that are started before it gives up; 0 is no limit. Default: 0."""
    window: Optional[float]
    """Seconds in which `max_attempts` are counted; 0 is without end. Default: 0."""


class TaskHealthArgs(TypedDict, total=False):
    """Health check of a task. An unhealthy task gets no requests, and an update waits for it."""

    command: Optional[list[str]]
    """Command run inside the task, exit code 0 when healthy. Default: a check of `port`."""
    path: Optional[str]
    """URL path of a request to `port`, sent with the curl, bash, wget or busybox nc that the image has; no
    redirect is followed. Default: none; the port only has to accept a connection."""
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
    """Seconds the answer may take. Default: 3."""
    retries: Optional[int]
    """Failed checks in a row before the task is replaced. Default: 3."""
    start_period: Optional[float]
    """Seconds after its start in which failed checks do not count. Default: 30."""


class PublishedPortArgs(TypedDict, total=False):
    """A port that is reached from outside the swarm's networks."""

    port: Required[int]
    """Port the task listens on. Required."""
    published: Optional[int]
    """Port on the nodes. Default: the same."""
    mode: Optional[PublishMode]
    """`ingress`: on every node, whichever has a task; the task sees the node's address instead of the
    client's. `host`: on the nodes that have a task, one task each. Default: ingress."""
    protocol: Optional[Protocol]
    """`tcp` or `udp`. Default: tcp."""


class TaskFileArgs(TypedDict, total=False):
    """A file in the tasks, in memory of the managers and of the nodes that run them."""

    content: Required[pulumi.Input[str]]
    """Its text, at most 500 kB. Required."""
    path: Optional[str]
    """Path of the file in the tasks. Default: `/<name>` for a config, `/run/secrets/<name>` for a secret."""
    mode: Optional[str]
    """Its permissions as an octal number in quotes. Default: "0444"."""
    user: Optional[int]
    """Id of the user that owns it. Default: 0."""
    group: Optional[int]
    """Id of its group. Default: 0."""


class ServiceArgs(TypedDict, total=False):
    """Tasks of one image, run by a swarm."""

    image: Required[pulumi.Input[str]]
    """Image of the tasks. Required. Prefer a digest or a tag that never moves: each node pulls it by
    itself."""
    name: Optional[str]
    """Name of the service: on its networks `<name>` and `tasks.<name>` are its addresses. Another name is
    another service. Default: the component's name."""
    entrypoint: Optional[list[str]]
    """Program that is run, in place of the image's entry point. Default: the image's."""
    command: Optional[list[str]]
    """Command, or arguments of the entry point. Default: the image's."""
    environment: Optional[dict[str, pulumi.Input[str]]]
    """Environment variables; a secret stays a secret. A task gets each value letter by letter, unless
    `templates` says otherwise. Default: none."""
    templates: Optional[bool]
    """True to have Swarm fill in its templates, such as `{{.Node.Hostname}}`, in values of `environment`, for
    each task anew. Default: false."""
    mode: Optional[ServiceMode]
    """`replicated`, or `global`: one task on each node that meets the constraints. Default: replicated."""
    replicas: Optional[int]
    """Number of tasks, 0 to 1000. Not with mode global. Default: 1."""
    constraints: Optional[list[str]]
    """Conditions that a node must meet, all of them: `node.labels.zone==dmz`, `node.role!=manager`, … Swarm
    takes no `/` in the name of a label there, and no `@` in a value. Default: none."""
    max_replicas_per_node: Optional[int]
    """Tasks that a node has at most. Not with mode global. Default: no limit."""
    networks: Optional[list[pulumi.Input[str]]]
    """Names of the overlay networks that tasks join. Default: none."""
    endpoint_mode: Optional[EndpointMode]
    """Meaning of `<name>` on the networks: `vip`, one address that the nodes' kernels share among the tasks,
    or `dnsrr`, the addresses of all tasks. `tasks.<name>` is those in any case. Default: vip."""
    ports: Optional[list[PublishedPortArgs]]
    """Ports that are published. Default: none."""
    configs: Optional[dict[str, TaskFileArgs]]
    """Files by name. Another content is another config, and the tasks are replaced. Default: none."""
    secrets: Optional[dict[str, TaskFileArgs]]
    """Files by name, encrypted where they rest and in memory where they are used. Default: none."""
    update: Optional[PolicyArgs]
    """Policy for a change of the tasks. Default: see PolicyArgs."""
    rollback: Optional[PolicyArgs]
    """Policy for the rollback of a failed change. Default: see PolicyArgs."""
    restart: Optional[TaskRestartArgs]
    """Restart policy. Default: always, after 5 s."""
    health: Optional[TaskHealthArgs]
    """Health check. Default: the image's. Without any, a task counts as well as soon as it runs."""
    start_timeout: Optional[float]
    """Seconds a new task has to become healthy, its image's transfer included. Default: 60."""
    stop_grace_period: Optional[float]
    """Seconds a task has to end after the stop signal, before it is killed. Default: 10."""
    stop_signal: Optional[str]
    """Signal that asks a task to end. Default: the image's, or SIGTERM."""
    memory: Optional[int]
    """Memory limit of a task in MiB. Default: 512."""
    cpus: Optional[float]
    """CPU limit of a task, in cores. Default: none."""
    pids_limit: Optional[int]
    """Processes and threads that a task may have at the same time. Default: 2048."""
    reserved_memory: Optional[int]
    """MiB that a node must have free for a task. Default: none."""
    reserved_cpus: Optional[float]
    """Cores that a node must have free for a task. Default: none."""
    user: Optional[str]
    """User the tasks run as. Default: the image's."""
    read_only: Optional[bool]
    """Read-only root file system, with /tmp and /run in memory. Default: false."""
    capabilities: Optional[list[str]]
    """Linux capabilities of a task; all others are dropped. Default: CHOWN, KILL, SETGID, SETUID, which a
    server needs that begins as root and gives the work to another user."""
    hostname: Optional[str]
    """Host name of the tasks; may hold Swarm's templates such as `{{.Node.Hostname}}`. Default: the
    container's id."""
    init: Optional[bool]
    """Run an init process that reaps children and passes signals on. Default: as the engine's settings say.
    """
    labels: Optional[dict[str, str]]
    """Labels of the service, beside ours. Default: none."""
    force_update: Optional[int]
    """Another number replaces all tasks though nothing else has changed, for example to spread them over
    nodes that came back. Default: 0."""


class SwarmServiceArgs(ManagersArgs, ServiceArgs, total=False):
    """A service of a swarm, by its managers."""
