"""Arguments of who reaches a backend. Validated by `access`; the docstrings are the reference."""

from typing import Optional, Required, TypedDict


class RateLimitArgs(TypedDict, total=False):
    """Requests of each client address, by a bucket that is full at first: IPv6 by its /64 network."""

    average: Required[int]
    """Requests in each `period` that come back to the bucket, evenly. Required."""
    period: Optional[int]
    """Seconds, a divisor of 60. Default: 1."""
    burst: Optional[int]
    """Further requests that a client may send at once, after one that always passes. Default: `average`."""
    exempt: Optional[list[str]]
    """Networks without the limit: balancers, monitors, … Default: none."""


class MaintenanceArgs(TypedDict, total=False):
    """Answer 503 instead of the backend's own ones, as long as this is set."""

    retry_after: Optional[int]
    """Seconds in the header Retry-After of the answers. Default: 600."""
    allow_from: Optional[list[str]]
    """Networks whose clients reach the backend all the same. Default: none."""


class AccessArgs(TypedDict, total=False):
    """Clients of a backend, by the address of their connection: no header and no trusted proxy changes it."""

    allow_from: Optional[list[str]]
    """Networks whose clients get in: `10.0.0.0/8`, `2001:db8::/32`, … All others get 403, before a redirect
    to HTTPS. X-Forwarded-For does not count, so clients of a proxy have its address. Default: all."""
    deny_from: Optional[list[str]]
    """Networks whose clients get 403, also where `allow_from` has a larger network around them.
    X-Forwarded-For does not count. Default: none."""
    rate_limit: Optional[RateLimitArgs]
    """Requests that each client may send. More get 429 with Retry-After, and do not count. The address is
    that of the connection, so clients of a proxy share one limit. Default: none."""
    maintenance: Optional[MaintenanceArgs]
    """Answer all clients 503 with Retry-After, but for those that it allows; `{}` is enough. Replicas and
    their health checks go on. Default: none."""
