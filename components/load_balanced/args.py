"""Arguments of a LoadBalancedService. Validated by `model`; the docstrings are the reference.

Topology (counts, ports, host names, subnets) is plain, so that a preview shows it. Images, commands'
environment and certificates may be Outputs. All durations are in seconds.
"""

from typing import Optional, Required, TypedDict

import pulumi

from ..arguments.hosts import HostArgs
from ..arguments.types import (
    Algorithm,
    LogFacility,
    ProbeMethod,
    ProxyMode,
    RestartPolicy,
    UnknownHost,
)
from ..proxies.registry import ProxyKind


class ProbeArgs(TypedDict, total=False):
    """Health check by the front end."""

    path: Optional[str]
    """URL path of the request. Default: /. Not in mode tcp, where the port only has to accept."""
    host: Optional[str]
    """Host header of the request. Default: the backend's first host name in alphabetical order that is no
    wildcard; localhost without one."""
    method: Optional[ProbeMethod]
    """`GET`, `HEAD` or `OPTIONS`. Default: GET."""
    status: Optional[list[str]]
    """Statuses of a healthy server, and ranges of them, such as `["200", "300-399"]`. No redirect is
    followed. Default: `["200-399"]`."""
    port: Optional[int]
    """Port of the request. Default: the backend's."""
    active: Optional[bool]
    """Ask each server all the time. Default: true with haproxy; nginx open source cannot and has `max_fails`.
    """
    interval: Optional[float]
    """Seconds between two checks by the front end. Default: 0.4, so that a hung server is avoided
    within 1.5 s."""
    timeout: Optional[float]
    """Seconds the answer may take. Default: 0.3."""
    fall: Optional[int]
    """Failed checks in a row before a server is avoided. Default: 2."""
    rise: Optional[int]
    """Successful checks in a row before a server is used again. Default: 1."""


class HealthArgs(ProbeArgs, total=False):
    """Health check of a replica: its container and the front end send the same request."""

    command: Optional[list[str]]
    """Command run inside the replica, exit code 0 when healthy; a new replica gets no request before. The
    front end cannot run it: it only connects to the port then, or sends its request where `path`, `host`,
    `method` or `status` is given, too. Default: the request, sent with the curl, bash, wget or busybox nc
    that the image has; busybox's wget knows no method but GET."""


class RestartArgs(TypedDict, total=False):
    """Restarts by the engine when a replica ends by itself."""

    policy: Optional[RestartPolicy]
    """`no`, `on-failure`, `always` or `unless-stopped`. Default: always."""
    max_retries: Optional[int]
    """For `on-failure`: restarts before it gives up. Default: 0, without end."""


class BackendTimeoutArgs(TypedDict, total=False):
    """Time-outs of a backend, in seconds."""

    connect: Optional[float]
    """To connect to a server. Default: as the front end has it."""
    queue: Optional[float]
    """To wait for a free server, where `max_connections` is reached. HAProxy only. Default: as the front end
    has it."""
    server: Optional[float]
    """Silence of a server, before its answer and within it. Default: as the front end has it."""
    tunnel: Optional[float]
    """Silence on a WebSocket or TCP connection. Default: as the front end has it."""


class RouteArgs(TypedDict, total=False):
    """Requests of a backend, and how they are shared among its servers: replicas, or tasks of a swarm."""

    port: Optional[int]
    """Port a server listens on. Never published on the host. Default: 80."""
    host_names: Optional[list[str]]
    """Values of the Host header that choose this backend; `*.a.example` matches every name below
    a.example. Default: none."""
    algorithm: Optional[Algorithm]
    """`roundrobin`, `leastconn` or `source` (the same client address, the same server).
    Default: roundrobin."""
    cookie: Optional[str]
    """Name of a cookie that keeps a client on its server, for as long as there is one of that index. HAProxy,
    and nginx from 1.29.6 in front of replicas. Default: none."""
    max_connections: Optional[int]
    """Requests a server gets at the same time; more wait in the front end. HAProxy only. Default: 32
    with haproxy, no limit with nginx."""
    max_uploads: Optional[int]
    """Requests with a body still to come that a server gets at the same time: those whose body has no length
    or is larger than about 15 kB. More are answered 503, so that slow clients leave room for others. A
    smaller body is read whole before a server gets the request. Default: three quarters of
    `max_connections`, 24 without it; no limit in a gateway with nginx, which cannot count servers."""
    max_fails: Optional[int]
    """Passive health: failed requests before a server is avoided. HAProxy counts them in a row, errors
    (5xx) included; nginx counts broken and late answers within `fail_timeout`, and serves from all of
    them when all are avoided. Not with nginx and `algorithm: source`, where none is avoided. Default: 1 with
    nginx; none with haproxy, which asks actively."""
    response_deadline: Optional[float]
    """Seconds a server has to begin its answer. After that an idempotent request (RFC 9110 9.2.2) is
    tried on another server, up to `retries` times. A request that accepts `text/event-stream` has the
    server time-out instead. Default: none; a late answer is an error after the server time-out, and no other
    server is asked."""
    timeouts: Optional[BackendTimeoutArgs]
    """Time-outs of this backend. Default: those of the front end."""
    retries: Optional[int]
    """Number of other attempts for a failed request. Default: 3."""


class ReplicasArgs(RouteArgs, total=False):
    """Replicas, and how the front end shares requests among them."""

    replicas: Optional[int]
    """Number of replicas, 1 to 1000 in all backends together. Default: 3."""
    command: Optional[list[str]]
    """Command of the replicas. Default: the image's."""
    environment: Optional[dict[str, pulumi.Input[str]]]
    """Environment variables; a secret stays a secret. Default: none."""
    health: Optional[HealthArgs]
    """Health check. Default: see HealthArgs."""
    weights: Optional[list[int]]
    """One weight per replica, 1 to 256. Default: all 1."""
    fail_timeout: Optional[int]
    """Time in whole seconds for which a server is avoided after `max_fails`. Default: 10 with nginx.
    HAProxy has no such time: it uses the server again after `rise` good answers."""
    backup_replicas: Optional[int]
    """Number of replicas, counted from the last, that serve only when all the others are down. Default: 0."""
    drain: Optional[float]
    """Seconds that requests in flight get to finish, when a replica or a configuration is replaced.
    Default: 10."""
    start_timeout: Optional[float]
    """Seconds a new replica has to become healthy. Default: 60."""
    restart: Optional[RestartArgs]
    """Restart policy, for example `{policy: on-failure, max_retries: 5}`. Default: `{policy: always}`."""
    memory: Optional[int]
    """Memory limit of a replica in MiB. Default: 512."""
    cpus: Optional[float]
    """CPU limit of a replica, in cores. Default: none."""
    pids_limit: Optional[int]
    """Processes and threads that a replica may have at the same time; a change replaces no replica.
    Default: 2048."""
    user: Optional[str]
    """User the replica runs as. Default: the image's."""
    read_only: Optional[bool]
    """Read-only root file system, with /tmp and /run in memory. Default: false."""
    capabilities: Optional[list[str]]
    """Linux capabilities of a replica; all others are dropped. Default: CHOWN, KILL, SETGID, SETUID,
    which a server needs that begins as root and gives the work to another user."""


class BackendArgs(ReplicasArgs, total=False):
    """Replicas of one image and how the front end shares requests among them."""

    image: Required[pulumi.Input[str]]
    """Image of the replicas. Required. Prefer a digest or a tag that never moves: the same text means
    the same replicas."""


class TimeoutArgs(TypedDict, total=False):
    """Time-outs of the front end, in seconds."""

    connect: Optional[float]
    """To connect to a server. Default: 1."""
    queue: Optional[float]
    """To wait for a free server, where `max_connections` is reached: then 503. HAProxy only. Default: 5."""
    client: Optional[float]
    """Silence of a client. In mode tcp with haproxy only. Default: 50."""
    server: Optional[float]
    """Silence of a server, before its answer and within it. In mode tcp with haproxy only. Default: 60."""
    request: Optional[float]
    """For a client to send its request headers. Not in mode tcp. Default: 10."""
    keep_alive: Optional[float]
    """Seconds for which an idle client connection is kept. Not in mode tcp. Default: 10."""
    tunnel: Optional[float]
    """Silence on a WebSocket or TCP connection. Default: 3600."""


class LogArgs(TypedDict, total=False):
    """A syslog server that gets the log as well as standard output."""

    address: Required[str]
    """`host:port`, UDP, as the front end's container sees it. Required."""
    facility: Optional[LogFacility]
    """Syslog facility. Default: local0."""


class ProxyArgs(TypedDict, total=False):
    """A HAProxy or nginx, and what it does for every backend."""

    kind: Optional[ProxyKind]
    """Program of the proxy. Default: haproxy."""
    image: Optional[str]
    """Image that holds the proxy. Default: haproxy:3.2 or nginx:1.28."""
    port: Optional[int]
    """Port it listens on, in its container and on the host. Default: 80."""
    default_backend: Optional[str]
    """Backend for a request whose host is unknown. Default: none; `unknown_host` applies."""
    unknown_host: Optional[UnknownHost]
    """Answer when the host is unknown: `503`, `421` or `close`. Not with a default backend, which
    gets every host. Default: 503."""
    max_connections: Optional[int]
    """Client connections at the same time. `memory` must hold them: 40 KiB each with haproxy, 48 KiB with
    nginx, and what the proxy takes without any. Default: as many as `memory` holds, at most 4000."""
    max_connections_per_client: Optional[int]
    """Connections of one client address at the same time, of one /64 network with IPv6: haproxy resets
    more. nginx counts those with a request, and answers 429 to more. `trusted_proxies` have no such limit.
    Default: with haproxy a sixty-fourth of `max_connections`, at least 64, once seven eighths are in use;
    with nginx half of them, at least 256. None in a gateway with publish ingress."""
    timeouts: Optional[TimeoutArgs]
    """Time-outs. Default: see TimeoutArgs."""
    trusted_proxies: Optional[list[str]]
    """Networks whose X-Forwarded-* headers are believed, and other headers that only a proxy may set; from
    other clients they are removed. Default: none."""
    upgrades: Optional[list[str]]
    """Protocols to which a client may switch with an Upgrade header, such as `SPDY/3.1` for `kubectl exec`. A
    request that names another is answered as if it named none. Default: websocket."""
    ipv6: Optional[bool]
    """Listen on IPv6, too. Set false for a host whose kernel has no IPv6. Default: true."""
    log: Optional[LogArgs]
    """A syslog server beside standard output. Default: none."""
    memory: Optional[int]
    """Memory limit in MiB. nginx runs one worker for each 64 MiB. Default: 256."""


class FrontEndArgs(ProxyArgs, total=False):
    """The proxy in front of the replicas."""

    name: Optional[str]
    """Name of the front end within the component. Default: lb."""
    mode: Optional[ProxyMode]
    """`http`, or `tcp` for one backend of any protocol. Default: http."""
    publish: Optional[bool]
    """Publish the port on the host. Default: true."""
    address: Optional[str]
    """Address of the host on which the port is published. Default: 0.0.0.0."""
    networks: Optional[list[str]]
    """Names of existing networks it joins beside that of the replicas. Default: none."""
    resolve: Optional[bool]
    """Resolve names of replicas again while the front end runs, so that it finds a restarted replica at its
    new address. nginx needs 1.27.4 for it. Default: true."""


class NetworkArgs(TypedDict, total=False):
    """The network of the replicas: given, or owned by the component."""

    name: Optional[pulumi.Input[str]]
    """An existing network. Default: none; the component makes a bridge network of its own."""
    subnet: Optional[str]
    """IPv4 subnet of the network that the component makes, with room for twice the replicas: during
    a change old and new ones stand beside each other. Default: the engine chooses."""
    isolated: Optional[bool]
    """Give each backend a further network that only its replicas and the front end are on. So the address of
    a stopped replica can never be that of another service's container. The engine needs a free subnet for
    each. Default: true, but for an only backend on a network that the component makes: nobody else is on that
    one."""


class LoadBalancedServiceArgs(ReplicasArgs, total=False):
    """One front end with one backend (short form: the keys of BackendArgs here) or several (`backends`)."""

    image: Optional[pulumi.Input[str]]
    """Short form: image of the replicas, required there. Prefer a digest or a tag that never moves: the same
    text means the same replicas. Default: none; then there are `backends`."""
    host: Optional[HostArgs]
    """The Docker host. Default: the environment's DOCKER_HOST, else the local socket."""
    network: Optional[NetworkArgs]
    """The network of the replicas. Default: one of its own."""
    front_end: Optional[FrontEndArgs]
    """The front end. Default: HAProxy on port 80."""
    name: Optional[str]
    """Short form: name of the backend, the prefix of its replicas' names. Default: web."""
    backends: Optional[dict[str, BackendArgs]]
    """Long form: backends by name, instead of the keys of the short form. Default: none; then there is an
    `image`."""
