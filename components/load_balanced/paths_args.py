"""Arguments of routes by path. Validated by `paths`; the docstrings are the reference."""

from typing import Optional, Required, TypedDict


class PathRouteArgs(TypedDict, total=False):
    """Requests below a path, of some hosts."""

    host_names: Optional[list[str]]
    """Values of the Host header, as in `host_names` of the backend. Default: those of the backend; without
    any, all hosts that reach the default backend."""
    path_prefix: Required[str]
    """Path such as `/api`, in whole segments: it matches `/api`, `/api/` and `/api/x`, not `/apix`. It is
    compared after percent-decoding, with repeated slashes as one. Required."""
    strip_prefix: Optional[bool]
    """Take the prefix off before a server gets the request: `/api/x?y` is `/x?y` there. A request that
    writes the prefix in another form is answered 404. Default: false; the path is sent on as it came."""
