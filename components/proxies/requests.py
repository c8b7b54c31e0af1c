"""Rules for the headers and targets of requests, alike for both kinds. RFC 9110, RFC 9112."""

from collections.abc import Iterable, Mapping

NAME = r"(?:(?:[A-Za-z0-9_-]+[.])*[A-Za-z0-9_-]+[.]?|[[][0-9A-Fa-f:.]+[]])"
"""A host without a port, as a Perl expression: a name, an IPv4 address, an IPv6 address in brackets."""
PORT = r":(?:[0-5]?[0-9]{0,4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
HOST = f"{NAME}(?:{PORT})?"
"""A Host header that is accepted. Anything else means different hosts to different programs."""
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
"""The Allow header of a 405. Other methods pass, too, except for CONNECT and TRACE."""
UNKNOWN = "localhost"
"""The Host header of an HTTP/1.0 request that names no host, which no HTTP/1.1 server would accept."""

VARIABLES = ("client", "host", "request_id", "scheme")
"""Facts of a request that a header's value may name, such as `{client}`."""

OURS = ("X-Real-IP",)
"""Headers that hold facts of the front end, for every client."""
HOP_BY_HOP = ("Connection", "HTTP2-Settings", "Keep-Alive", "Proxy-Connection", "TE", "Upgrade")
"""Headers about the connection with the client; no replica sees them. RFC 9110 7.6.1, 7.8."""
FAMILIES = ("X-Forwarded", "X-Original", "X-Rewrite")
"""Headers that only a proxy may set: these, and every header that begins with one of these and a dash."""
MEMBERS = (
    *("X-Forwarded", "X-Forwarded-Access-Token", "X-Forwarded-By", "X-Forwarded-Client-Cert"),
    *("X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Https", "X-Forwarded-Method"),
    *("X-Forwarded-Path", "X-Forwarded-Preferred-Username", "X-Forwarded-Prefix", "X-Forwarded-Protocol"),
    *("X-Forwarded-Scheme", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Forwarded-Tls-Client-Cert"),
    *("X-Forwarded-Tls-Client-Cert-Info", "X-Forwarded-Uri", "X-Forwarded-Url", "X-Forwarded-User"),
    *("X-Original-Forwarded-For", "X-Original-Host", "X-Original-Method", "X-Original-Path"),
    *("X-Original-Proto", "X-Original-Remote-Addr", "X-Original-Uri", "X-Original-Url"),
    *("X-Rewrite-Path", "X-Rewrite-Uri", "X-Rewrite-Url"),
)
"""Of these families, what nginx removes: it knows a header by its whole name only."""
OTHERS = (
    *("CF-Connecting-IP", "CF-Connecting-IPv6", "Client-Cert", "Client-Cert-Chain", "Client-IP"),
    *("Cluster-Client-IP", "Fastly-Client-IP", "Fly-Client-IP", "Forwarded", "Forwarded-For"),
    *("Front-End-Https", "Proxy", "True-Client-IP", "X-Appengine-User-IP", "X-Arr-Ssl"),
    *("X-Azure-ClientIP", "X-Azure-SocketIP", "X-Client-Cert", "X-Client-IP", "X-Cluster-Client-IP"),
    *("X-Envoy-External-Address", "X-Envoy-Original-Path", "X-Forwarder-For", "X-Host"),
    *("X-Originating-IP", "X-ProxyUser-IP", "X-Remote-Addr", "X-Remote-IP", "X-Remote-User"),
    *("X-Scheme", "X-SSL-Client-Cert", "X-SSL-Client-DN", "X-SSL-Client-Verify", "X-True-IP"),
    *("X-Url-Scheme",),
)
"""Other headers that only a proxy may set."""


def expression(names: Iterable[str], families: Iterable[str] = ()) -> str:
    """Return a Perl expression of lower-case header names; of a family all that begin with it, too."""
    found = sorted([*(name.lower() for name in names), *(f"{name.lower()}(?:-.*)?" for name in families)])
    return f"^(?:{'|'.join(found)})$"


def filled(value: str, known: Mapping[str, str]) -> str:
    """Return the value of a header with what a program knows each of VARIABLES as."""
    for name, own in known.items():
        value = value.replace(f"{{{name}}}", own)
    return value


ALWAYS = expression([*HOP_BY_HOP, *OURS])
PROXIES = expression(OTHERS, FAMILIES)
ALL = expression([*HOP_BY_HOP, *OURS, *OTHERS], FAMILIES)

NO_IPV6 = (
    "Address family not supported by protocol",
    "this host's kernel has no IPv6: set front_end.ipv6: false",
)
"""Error text of both programs on a kernel without IPv6, and the remedy."""
