"""Model of what a front end changes in the requests and answers of a backend."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Optional

from pydantic import model_validator

from ..arguments.messages import Wrong, listed
from ..arguments.parsing import Frozen, differ
from ..arguments.types import Text, Whole
from .requests import FAMILIES, HOP_BY_HOP, OTHERS, OURS, VARIABLES

if TYPE_CHECKING:
    from .site import Route, Site

MOST_HEADERS = 32
_FRAMING = ", which is about the connection or the length of a body"
_EITHER = {
    **dict.fromkeys((*HOP_BY_HOP, "Content-Length", "Trailer", "Transfer-Encoding"), _FRAMING),
    **dict.fromkeys(
        ("Sec-WebSocket-Accept", "Sec-WebSocket-Key", "Sec-WebSocket-Version"),
        ", by which the two sides of a WebSocket agree",
    ),
}
_REQUEST = {
    **dict.fromkeys((*OURS, *OTHERS), ", which only proxies set; front_end.trusted_proxies names yours"),
    **_EITHER,
    "Expect": _FRAMING,
    "Host": ", which chooses the backend",
}
_SECRET = dict.fromkeys(
    ("Authorization", "Cookie", "Proxy-Authorization"),
    ", which holds a secret: a configuration is no place for one",
)
_RESPONSE = {
    **_EITHER,
    **dict.fromkeys(("Content-Encoding", "Content-Type"), ", which is about the body of one answer"),
    **dict.fromkeys(
        ("Allow", "Date", "Location", "Retry-After"), ", which front ends give to answers of their own"
    ),
}


@dataclass(frozen=True)
class _Header(Text):
    """The name of a header, and none that is managed."""

    pattern: str = r"[A-Za-z]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?"
    what: str = "1 to 64 letters, digits and -, as in X-Frame-Options"
    managed: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Reasons by names."""
    families: tuple[str, ...] = ()

    def check(self, value: Any) -> str:
        """See Text."""
        name = super().check(value)
        reasons = {each.lower(): reason for each, reason in self.managed.items()}
        reason = reasons.get(name.lower())
        if not reason and any(f"{name}-".lower().startswith(f"{each}-".lower()) for each in self.families):
            reason = reasons[OURS[0].lower()]
        if reason:
            raise Wrong("must be a header that a front end leaves to you", name, f"{reason}; drop it")
        return name


@dataclass(frozen=True)
class _Value(Text):
    """The value of a header, with VARIABLES in it."""

    pattern: str = r"(?=.{1,1024}$)(?! )[ !#&-\[\]-~]*(?<! )"
    what: str = '1 to 1024 characters of ASCII, no blank at an end, none of "$%\\'

    def check(self, value: Any) -> str:
        """See Text."""
        text = super().check(value)
        unknown = {*re.findall(r"\{([a-z_]+)\}", text)} - {*VARIABLES}
        if unknown:
            raise Wrong(f"must have {{}} around {listed(VARIABLES)} only, no other word", text)
        return text


HeaderValue = Annotated[str, _Value()]


class _Headers(Frozen):
    """Headers that are set or removed."""

    set: Mapping[str, str]
    remove: list[str]

    @model_validator(mode="after")
    def _each_once(self) -> "_Headers":
        names = [*self.set, *self.remove]
        differ("set and remove", [name.lower() for name in names])
        if len(names) > MOST_HEADERS:
            raise ValueError(f"set and remove must name at most {MOST_HEADERS} headers, got {len(names)}")
        return self

    @property
    def given(self) -> list[tuple[str, str]]:
        """Names and values, in order."""
        return sorted(self.set.items())

    @property
    def removed(self) -> list[str]:
        """Names, in order."""
        return sorted(self.remove)

    def place(self, header: str) -> Optional[str]:
        """Return the key that has this header."""
        keys = (key for key in ("set", "remove") if header in map(str.lower, getattr(self, key)))
        return next(keys, None)

    @property
    def names(self) -> list[str]:
        """All names, in order."""
        return sorted([*self.set, *self.remove])


class RequestHeaders(_Headers):
    """Changes of what a server gets."""

    set: dict[Annotated[str, _Header(managed={**_REQUEST, **_SECRET}, families=FAMILIES)], HeaderValue] = {}
    remove: list[Annotated[str, _Header(managed=_REQUEST, families=FAMILIES)]] = []


class ResponseHeaders(_Headers):
    """Changes of what a client gets."""

    set: dict[Annotated[str, _Header(managed=_RESPONSE)], HeaderValue] = {}
    remove: list[Annotated[str, _Header(managed=_RESPONSE)]] = []


class Content(Frozen):
    """Headers and bodies of a backend's requests and answers."""

    request_headers: RequestHeaders = RequestHeaders()
    response_headers: ResponseHeaders = ResponseHeaders()
    max_request_body: Optional[Annotated[int, Whole(1, 2**40)]] = None


def check_content(name: str, backend: "Route", site: "Site") -> None:
    """Raise ValueError when something else in the arguments has the same header, or mode tcp has none."""
    if site.mode == "tcp" and backend.max_request_body:
        raise ValueError(
            f"backends.{name}.max_request_body is for front_end.mode http: a TCP connection has no "
            "requests; drop it"
        )
    for part in ("request_headers", "response_headers"):
        headers: _Headers = getattr(backend, part)
        if not site.front_end.request_id and any("{request_id}" in value for value in headers.set.values()):
            raise ValueError(
                f"backends.{name}.{part}.set: {{request_id}} is there with front_end.request_id only; set it"
            )
        for key in ("set", "remove"):
            if site.mode == "tcp" and key in headers.model_fields_set:
                raise ValueError(
                    f"backends.{name}.{part}.{key} is for front_end.mode http: a TCP connection has no "
                    "headers; drop it"
                )
            for header in getattr(headers, key):
                if reason := _reason(part, header.lower(), backend, site):
                    raise ValueError(f"backends.{name}.{part}.{key}: {reason}; drop one of the two")


def _reason(part: str, header: str, backend: "Route", site: "Site") -> Optional[str]:
    """Return which other argument has this header."""
    tls = site.front_end.tls
    if part == "response_headers" and header == "strict-transport-security" and tls and tls.hsts:
        return "front_end.tls.hsts sets Strict-Transport-Security"
    if part == "request_headers" and header == "x-request-id" and site.front_end.request_id:
        return "front_end.request_id sets X-Request-ID"
    if backend.cookie and header == {"request_headers": "cookie", "response_headers": "set-cookie"}[part]:
        return f"cookie keeps a client on its server with the header {header.title()}"
    return None
