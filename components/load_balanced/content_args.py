"""Arguments about headers and bodies. Validated by `content`; the docstrings are the reference."""

from typing import Optional, TypedDict


class RequestHeaderArgs(TypedDict, total=False):
    """Changes of the headers that a server gets."""

    set: Optional[dict[str, str]]
    """Header names and their values, in place of a client's own. A value is plain text, such as
    `production`, and no secret; `{client}`, `{host}`, `{scheme}` and, with `front_end.request_id`,
    `{request_id}` in it are those of the request. Default: none."""
    remove: Optional[list[str]]
    """Names of headers that no server gets. Default: none."""


class ResponseHeaderArgs(TypedDict, total=False):
    """Changes of the headers that a client gets."""

    set: Optional[dict[str, str]]
    """Header names and their values, once on each answer, in place of a server's own. A value is plain text,
    such as `nosniff`, with the same names in `{}`, and no secret. Default: none."""
    remove: Optional[list[str]]
    """Names of headers that no client gets. Default: none."""


class ContentArgs(TypedDict, total=False):
    """Headers and bodies of a backend's requests and answers."""

    request_headers: Optional[RequestHeaderArgs]
    """Headers of requests that are set or removed before a server sees them. Default: none."""
    response_headers: Optional[ResponseHeaderArgs]
    """Headers that are set or removed on all answers for this backend: also on redirects and errors of
    the front end. A request that is refused as malformed (400, 405) belongs to no backend. Default: none."""
    max_request_body: Optional[int]
    """Bytes that the body of a request may have. A longer one is answered 413, and one without a length
    (chunked) 411, before a server sees the request. Default: none; any size passes."""
