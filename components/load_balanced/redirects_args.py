"""Arguments of redirects. Validated by `paths`; the docstrings are the reference."""

from typing import Optional, Required, TypedDict

from ..arguments.types import RedirectStatus


class RedirectArgs(TypedDict, total=False):
    """Requests that the front end answers with another address."""

    host_names: Required[list[str]]
    """Values of the Host header, as in `host_names` of a backend. Required."""
    path_prefix: Optional[str]
    """Path in whole segments, as in `routes` of a backend. Default: none; all paths."""
    to: Required[str]
    """Address such as `https://www.a.example` or `https://a.example/new`, without `/` at its end.
    Required."""
    keep_path: Optional[bool]
    """Append path and query of the request, of the path what follows `path_prefix`. Default: true."""
    status: Optional[RedirectStatus]
    """`301`, `302`, `307` or `308`. Clients may turn a POST into a GET after 301 and 302. Default: 308."""
