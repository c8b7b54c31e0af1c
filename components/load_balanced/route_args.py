"""Arguments of the requests of a backend. Validated by `site`; the docstrings are the reference."""

from typing import Optional, TypedDict

from ..arguments.types import Algorithm
from .access_args import AccessArgs
from .content_args import ContentArgs
from .paths_args import PathRouteArgs


class BackendTimeoutArgs(TypedDict, total=False):
    """Time-outs of a backend, in seconds."""

    connect: Optional[float]
    """Seconds to connect to a server. Default: that of the front end."""
    queue: Optional[float]
    """Seconds that a request waits when all servers have `max_connections` requests; then 503. HAProxy only.
    Default: that of the front end."""
    server: Optional[float]
    """Seconds that a server may be silent, before its answer and within it. Default: that of the front
    end."""
    tunnel: Optional[float]
    """Seconds without data on a WebSocket or TCP connection. Default: that of the front end."""


class RouteArgs(AccessArgs, ContentArgs, total=False):
    """Requests of a backend, and how they are shared among its servers: replicas, or tasks of a swarm."""

    port: Optional[int]
    """Port that a server listens on. It is never published on the host. Default: 80."""
    host_names: Optional[list[str]]
    """Values of the Host header that choose this backend; `*.a.example` matches every name below
    a.example. Default: none."""
    routes: Optional[list[PathRouteArgs]]
    """Requests below paths that choose this backend, beside `host_names`. An exact host counts before a
    wildcard, the longest wildcard first; then the longest prefix. A request that no route has gets the
    default backend, or 404. A path with dot segments is answered 400 for hosts with routes. Default: none."""
    algorithm: Optional[Algorithm]
    """`roundrobin`: in turn. `leastconn`: the server with the fewest connections. `source`: always the same
    server for a client address. Default: roundrobin."""
    cookie: Optional[str]
    """Name of a cookie that keeps a client on its server, as long as a server with the same index exists.
    With HAProxy; with nginx from 1.29.6, and not in a gateway. Default: none."""
    max_connections: Optional[int]
    """Requests that a server gets at the same time. More wait in the front end. HAProxy only. Default: 32
    with haproxy, no limit with nginx."""
    max_uploads: Optional[int]
    """Uploads that a server gets at the same time: requests whose body has no length or is larger than about
    15 kB. More are answered 503, so that slow clients leave room for others. The front end reads a
    smaller body whole before a server gets the request. Default: three quarters of
    `max_connections`, 24 without it; no limit in a gateway with nginx, which cannot count servers."""
    max_fails: Optional[int]
    """Passive health: failed requests before a server is avoided. HAProxy counts failures in a row, 5xx
    included. nginx counts broken and late answers within `fail_timeout`; when all servers are avoided, all
    serve. Not with nginx and `algorithm: source`, which avoids no server. Default: 1 with nginx; none with
    haproxy, which has active checks."""
    response_deadline: Optional[float]
    """Seconds that a server has to begin its answer. After that an idempotent request (RFC 9110 9.2.2) is
    tried on another server, up to `retries` times. For a request that accepts `text/event-stream`,
    `timeouts.server` applies instead. Default: none; a late answer is an error after `timeouts.server`, and
    no other server is tried."""
    timeouts: Optional[BackendTimeoutArgs]
    """Time-outs of this backend. Default: those of the front end."""
    retries: Optional[int]
    """Further attempts for a failed request. Default: 3."""
