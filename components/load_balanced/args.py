"""Arguments of a LoadBalancedService. Validated by `model`; the docstrings are the reference.

Topology (counts, ports, host names, subnets) is plain, so that a preview shows it. Images, commands'
environment and certificates may be Outputs. All durations are in seconds.
"""

from typing import Optional, Required, TypedDict

import pulumi

from ..arguments.hosts import HostArgs
from ..arguments.types import LogFacility, ProbeMethod, ProxyMode, RestartPolicy, UnknownHost
from ..proxies.registry import ProxyKind
from ..resources.replicas import CanaryDefinition, PolicyDefinition
from .redirects_args import RedirectArgs
from .route_args import RouteArgs
from .tls_args import TlsArgs


class ProbeArgs(TypedDict, total=False):
    """Health check by the front end."""

    path: Optional[str]
    """URL path of the request. Not in mode tcp, which only connects to the port. Default: /."""
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
    """Check each server all the time. Default: true with haproxy. nginx open source has no active checks; it
    avoids a server after `max_fails`."""
    interval: Optional[float]
    """Seconds between two checks. Default: 0.4, so that a hung server is avoided within 1.5 s."""
    timeout: Optional[float]
    """Seconds that the answer may take. Default: 0.3."""
    fall: Optional[int]
    """Failed checks in a row before a server is avoided. Default: 2."""
    rise: Optional[int]
    """Successful checks in a row before a server is used again. Default: 1."""


class HealthArgs(ProbeArgs, total=False):
    """Health check of a replica: its container and the front end send the same request."""

    command: Optional[list[str]]
    """Command that runs inside the replica; exit code 0 means healthy. A new replica gets no request before
    that. The front end cannot run the command. It only connects to the port, or sends the request when
    `path`, `host`, `method` or `status` is set, too. Default: the request, sent with the curl, bash, wget or
    busybox nc of the image; with busybox's wget the only method is GET."""


class RestartArgs(TypedDict, total=False):
    """Restarts by the engine when a replica ends by itself."""

    policy: Optional[RestartPolicy]
    """`no`, `on-failure`, `always` or `unless-stopped`. Default: always."""
    max_retries: Optional[int]
    """For `on-failure`: restarts before the engine gives up. Default: 0, no limit."""


class RoundsArgs(PolicyDefinition, total=False):
    """Rounds in which replicas are replaced."""


class CanaryArgs(CanaryDefinition, total=False):
    """Trial of the first round: its replicas get a rising share of the requests, and are judged by them."""


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
    """Share of each replica in the requests: one weight per replica, 1 to 256. Default: all 1."""
    fail_timeout: Optional[int]
    """Time that nginx avoids a server after `max_fails`, in whole seconds. Default: 10.
    HAProxy has no such time: it uses the server again after `health.rise` good answers."""
    backup_replicas: Optional[int]
    """Number of replicas, counted from the last, that serve only when all others are down. Default: 0."""
    drain: Optional[float]
    """Seconds that requests in flight get to finish, when a replica or a configuration is replaced.
    Default: 10."""
    start_timeout: Optional[float]
    """Seconds that a new replica has to become healthy. Default: 60."""
    update: Optional[RoundsArgs]
    """Replace replicas in rounds. Default: none; all new ones are created beside the old ones."""
    rollback: Optional[RoundsArgs]
    """Rounds of a rollback. Not without `update`. Default: one replica at a time."""
    canary: Optional[CanaryArgs]
    """Trial of new replicas with a share of the requests. Not without `update`, in mode tcp, or with
    `algorithm: source`. Default: none."""
    restart: Optional[RestartArgs]
    """Restart policy, for example `{policy: on-failure, max_retries: 5}`. Default: `{policy: always}`."""
    memory: Optional[int]
    """Memory limit of a replica in MiB. Default: 512."""
    cpus: Optional[float]
    """CPU limit of a replica, in cores. Default: none."""
    pids_limit: Optional[int]
    """Processes and threads that a replica may have at the same time. A change replaces no replica.
    Default: 2048."""
    user: Optional[str]
    """User the replica runs as. Default: the image's."""
    read_only: Optional[bool]
    """Read-only root file system, with /tmp and /run in memory. Default: false."""
    capabilities: Optional[list[str]]
    """Linux capabilities of a replica; all others are dropped. Default: CHOWN, KILL, SETGID, SETUID, for
    servers that start as root and run their workers as another user."""


class BackendArgs(ReplicasArgs, total=False):
    """Replicas of one image and how the front end shares requests among them."""

    image: Required[pulumi.Input[str]]
    """Image of the replicas. Required. Prefer a digest or a tag that never moves: another image under the
    same tag replaces no replica."""


class TimeoutArgs(TypedDict, total=False):
    """Time-outs of the front end, in seconds."""

    connect: Optional[float]
    """Seconds to connect to a server. Default: 1."""
    queue: Optional[float]
    """Seconds that a request waits when all servers have `max_connections` requests; then 503. HAProxy only.
    Default: 5."""
    client: Optional[float]
    """Seconds that a client may be silent. In mode tcp with haproxy only. Default: 50."""
    server: Optional[float]
    """Seconds that a server may be silent, before its answer and within it. In mode tcp with haproxy only.
    Default: 60."""
    request: Optional[float]
    """Seconds that a client has to send its request headers. Not in mode tcp. Default: 10."""
    keep_alive: Optional[float]
    """Seconds for which an idle client connection stays open. Not in mode tcp. Default: 10."""
    tunnel: Optional[float]
    """Seconds without data on a WebSocket or TCP connection. Default: 3600."""


class LogArgs(TypedDict, total=False):
    """A syslog server that receives the log, which standard output receives in any case."""

    address: Required[str]
    """`host:port`, UDP, as the front end's container sees it. Required."""
    facility: Optional[LogFacility]
    """Syslog facility. Default: local0."""


class ProxyArgs(TypedDict, total=False):
    """A proxy, with the settings for all backends."""

    kind: Optional[ProxyKind]
    """Program of the proxy. Default: haproxy."""
    image: Optional[str]
    """Image that holds the proxy. Default: haproxy:3.2 or nginx:1.28."""
    port: Optional[int]
    """Port that the proxy listens on, in its container and on the host. Default: 80."""
    default_backend: Optional[str]
    """Backend for requests with an unknown Host header. Default: none; `unknown_host` applies."""
    redirects: Optional[list[RedirectArgs]]
    """Requests that are answered with another address, over HTTPS too. A host and a path have either a
    redirect or a backend. Not in mode tcp. Default: none."""
    unknown_host: Optional[UnknownHost]
    """Answer to a request with an unknown Host header: `503`, `421` or `close`, which closes the connection.
    Not with `default_backend`. Default: 503."""
    max_connections: Optional[int]
    """Client connections at the same time. `memory` must hold them, 40 KiB each with haproxy and 48 KiB with
    nginx, with TLS 64 and 88, beside the proxy. Default: as many as `memory` holds, at most 4000."""
    max_connections_per_client: Optional[int]
    """Connections at the same time from one client: an IPv4 address, or an IPv6 /64 network. HAProxy resets
    more. nginx counts only connections with a request, and answers 429 to more. `trusted_proxies` have no
    such limit. Default: with haproxy 1/64 of `max_connections`, at least 64, once 7/8 are in use; with nginx
    half, at least 256; none with publish ingress."""
    timeouts: Optional[TimeoutArgs]
    """Time-outs. Default: see TimeoutArgs."""
    trusted_proxies: Optional[list[str]]
    """Networks of proxies in front of this one. Their X-Forwarded-* headers reach the servers, as do other
    headers that only a proxy may set. From other clients, all of these are removed. Default: none."""
    proxy_protocol: Optional[list[str]]
    """Networks of balancers that begin each connection with the client's address: the PROXY protocol, version
    1 or 2. Connections from elsewhere are closed. Not in mode tcp. Default: none; no connection begins so."""
    upgrades: Optional[list[str]]
    """Protocols to which a client may switch with an Upgrade header, such as `SPDY/3.1` for `kubectl exec`. A
    request that names another protocol is answered as if it named none. Default: websocket."""
    ipv6: Optional[bool]
    """Listen on IPv6, too. Set false for a host whose kernel has no IPv6. Default: true."""
    request_id: Optional[bool]
    """Send each request to its server with a header X-Request-ID of 32 hexadecimal digits, and log it. One of
    `trusted_proxies` stays if it has 1 to 64 letters, digits, `.`, `_` and `-`. Not in mode tcp. Default:
    false."""
    log: Optional[LogArgs]
    """A syslog server that receives the log, too. Default: none."""
    memory: Optional[int]
    """Memory limit in MiB. nginx runs one worker for each 64 MiB. Default: 256."""
    tls: Optional[TlsArgs]
    """HTTPS with your certificates. Not in mode tcp. Default: none."""


class FrontEndArgs(ProxyArgs, total=False):
    """The proxy in front of the replicas."""

    name: Optional[str]
    """Name of the front end within the component. Default: lb."""
    mode: Optional[ProxyMode]
    """`http`, or `tcp` for one backend of any protocol. Default: http."""
    publish: Optional[bool]
    """Publish the ports on the host. Default: true."""
    address: Optional[str]
    """Address of the host on which the ports are published. Default: 0.0.0.0."""
    networks: Optional[list[str]]
    """Existing networks that the front end joins, beside the network of the replicas. Default: none."""
    resolve: Optional[bool]
    """Resolve the names of replicas again and again, so that the front end finds a restarted replica at its
    new address. nginx can from 1.27.4 on. Default: true."""


class NetworkArgs(TypedDict, total=False):
    """The network of the replicas: an existing one, or one that the component makes."""

    name: Optional[pulumi.Input[str]]
    """Name of an existing network. Default: none; the component makes a bridge network."""
    subnet: Optional[str]
    """IPv4 subnet of the network that the component makes. It needs room for twice the replicas, since old
    and new ones run side by side during a change. Default: the engine chooses."""
    isolated: Optional[bool]
    """Give each backend a network that only its replicas and the front end are on. So no other container can
    get the address of a stopped replica. The engine needs a free subnet for each. Default: true; false for a
    single backend on a network that the component makes, since no other container is on it."""


class LoadBalancedServiceArgs(ReplicasArgs, total=False):
    """One front end with one backend (short form: the keys of BackendArgs here) or several (`backends`)."""

    image: Optional[pulumi.Input[str]]
    """Short form: image of the replicas. Prefer a digest or a tag that never moves: another image under the
    same tag replaces no replica. Default: none; required unless there are `backends`."""
    host: Optional[HostArgs]
    """The Docker host. Default: the environment's DOCKER_HOST, else the local socket."""
    network: Optional[NetworkArgs]
    """The network of the replicas. Default: the component makes one."""
    front_end: Optional[FrontEndArgs]
    """The front end. Default: HAProxy on port 80."""
    name: Optional[str]
    """Short form: name of the backend, the prefix of its replicas' names. Default: web."""
    backends: Optional[dict[str, BackendArgs]]
    """Long form: backends by name, instead of the keys of the short form. Default: none; required unless
    there is an `image`."""
