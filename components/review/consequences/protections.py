"""Protections that a change drops, by the arguments of a service or a gateway before it and after it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any, Optional

from ...preview.reading import mapping
from ...proxies.families import Network, covers
from .consequence import Consequence

Values = Mapping[str, Any]


def protections(before: Values, after: Values) -> Iterable[Consequence]:
    """Yield a line for each protection that is no more there, or less; none where arguments are not known."""
    if not before or not after:
        return
    for text in _dropped(before, after):
        yield Consequence(text, protection=True)


def _dropped(before: Values, after: Values) -> Iterator[str]:
    yield from _front_end(*(mapping(each.get("front_end")) for each in (before, after)))
    old, new = _backends(before), _backends(after)
    for name in sorted(old.keys() & new.keys()):
        yield from _backend(f"backends.{name}", mapping(old[name]), mapping(new[name]))


def _backends(settings: Values) -> Values:
    """Return the backends; those of the short form are the service itself."""
    if "backends" in settings:
        return mapping(settings["backends"])
    return {str(settings.get("name", "web")): settings}


def _front_end(old: Values, new: Values) -> Iterator[str]:
    if more := _more(old, new, "trusted_proxies"):
        yield _line(f"front_end.trusted_proxies has {more} more", "what these say of clients is believed")
    if old.get("proxy_protocol") and not new.get("proxy_protocol"):
        yield _line("front_end.proxy_protocol is dropped", "others than the balancers are served")
    elif old.get("proxy_protocol") and (more := _more(old, new, "proxy_protocol")):
        yield _line(f"front_end.proxy_protocol has {more} more", "the clients that these name are believed")
    before, after = mapping(old.get("tls")), mapping(new.get("tls"))
    if not before or not after:
        return  # TLS that is removed is a line of its own
    if before.get("redirect_http", True) is True and after.get("redirect_http") is False:
        yield _line("front_end.tls.redirect_http is off", "plain HTTP is served")
    if str(before.get("min_version")) == "1.3" != str(after.get("min_version")):
        yield _line("front_end.tls.min_version is 1.2, and was 1.3", "older clients get in")
    yield from _clients(before, after)
    hsts = mapping(before.get("hsts"))
    if hsts and not after.get("hsts"):
        yield _line("front_end.tls.hsts is dropped", "browsers may ask over plain HTTP first")
    elif hsts and _raised(mapping(after.get("hsts")), hsts, "max_age", 31_536_000):
        yield _line("front_end.tls.hsts.max_age is shorter", "browsers may ask over plain HTTP sooner")


def _clients(before: Values, after: Values) -> Iterator[str]:
    """Yield what lets in more clients than a certificate did before."""
    known, given = _authorities(before), _authorities(after)
    if not known:
        return
    if not given:
        yield _line("front_end.tls.client_ca is dropped", "clients need no certificate")
        return
    if more := len(given - known):
        yield _line(f"front_end.tls.client_ca has {more} more", "clients with certificates of these get in")
    if after.get("client_verify") == "optional" != before.get("client_verify"):
        yield _line("front_end.tls.client_verify is optional", "clients without a certificate get in")


def _authorities(tls: Values) -> set[str]:
    """Return the certificates in `client_ca`."""
    found = re.findall(r"-----BEGIN CERTIFICATE-----(.*?)-----END", str(tls.get("client_ca", "")), re.DOTALL)
    return {"".join(each.split()) for each in found}


def _backend(path: str, old: Values, new: Values) -> Iterator[str]:
    if old.get("allow_from") and not new.get("allow_from"):
        yield _line(f"{path}.allow_from is dropped", "clients of all networks get in")
    elif old.get("allow_from") and (more := _more(old, new, "allow_from")):
        yield _line(f"{path}.allow_from has {more} more", "clients of more networks get in")
    if fewer := _more(new, old, "deny_from"):
        yield _line(f"{path}.deny_from has {fewer} no more", "clients of these networks get in")
    limit, rate = (mapping(each.get("rate_limit")) for each in (old, new))
    if limit and not new.get("rate_limit"):
        yield _line(f"{path}.rate_limit is dropped", "a client may send any number of requests")
    elif limit and (
        _rate(rate) > _rate(limit) or _raised(limit, rate, "burst", None) or _more(limit, rate, "exempt")
    ):
        yield _line(f"{path}.rate_limit is wider", "clients may send more requests")
    if old.get("max_request_body") and not new.get("max_request_body"):
        yield _line(f"{path}.max_request_body is dropped", "a body may have any length")
    elif _raised(old, new, "max_request_body", None):
        yield _line(f"{path}.max_request_body is larger", "longer bodies reach the replicas")


def _line(what: str, effect: str) -> str:
    return f"{what}, which drops a protection: {effect}."


def _more(old: Values, new: Values, key: str) -> str:
    """Return the networks of a list that none of before covers, as words; empty where there are none."""
    known = _networks(old, key)
    return ", ".join(
        sorted(str(each) for each in _networks(new, key) if not any(covers(one, each) for one in known))
    )


def _networks(values: Values, key: str) -> list[Network]:
    found = values.get(key)
    return [ip_network(each) for each in found] if isinstance(found, list) else []


def _raised(old: Values, new: Values, key: str, default: Optional[int]) -> bool:
    """Return whether a number is larger than before; false where one of the two is not known."""
    before, after = old.get(key, default), new.get(key, default)
    return isinstance(before, int) and isinstance(after, int) and after > before


def _rate(limit: Values) -> float:
    """Return requests a second; 0 where they are not known."""
    average, period = limit.get("average"), limit.get("period", 1)
    known = isinstance(average, int | float) and isinstance(period, int | float) and period > 0
    return average / period if known else 0.0
