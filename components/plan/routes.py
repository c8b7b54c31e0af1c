"""Routes of front ends and gateways in the order in which a request meets them, by the declared arguments."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Optional

from ..preview.instance import Instance, inputs
from ..preview.reading import items, mapping
from ..review.markdown import code, escaped

Values = Mapping[str, Any]
ANY = "*"
"""In place of a host: every host that no other line names."""
_POLICIES = ("client_ca", "deny_from", "allow_from", "redirect_http", "rate_limit", "maintenance")
"""Policies of a backend, in the order in which they apply."""


class Route(NamedTuple):
    """One line: the most specific host that matches counts, and below it the longest path."""

    host: str
    path: str
    """A prefix in whole segments; empty for all other paths."""
    target: str
    """Backend, or the answer."""
    policies: tuple[str, ...]
    """Policies that may answer before, in this order."""


def routes(instance: Instance) -> list[Route]:
    """Return the routes of a component; none where its arguments are not known, or in mode tcp."""
    config = instance.one("FrontEndConfig") or instance.one("GatewayConfig")
    settings = mapping(inputs(config).get("settings"))
    front_end = mapping(settings.get("front_end"))
    if not settings or instance.fate == "removed" or front_end.get("mode") == "tcp":
        return []
    backends = _backends(settings)
    found = {(each.host, each.path): each for each in _declared(front_end, backends)}
    default = front_end.get("default_backend") or _only(backends)
    rest = (f"backend {default}", _policies(front_end, backends.get(default, {}))) if default else None
    unrouted = ("answer 404", _policies(front_end, {}))
    for host in {host for host, _ in found}:
        found.setdefault((host, ""), Route(host, "", *(rest or unrouted)))
    unknown = (f"answer {front_end.get('unknown_host', 503)}", ())
    found.setdefault((ANY, ""), Route(ANY, "", *(rest or unknown)))
    return sorted(found.values(), key=_order)


def table(instance: Instance) -> str:
    """Return the routes of a component in Markdown; nothing where every request goes the same way."""
    found = routes(instance)
    if not found[1:] and not any(each.policies for each in found):
        return ""
    rows = [
        f"| {code(each.host) if each.host != ANY else 'any other'} | "
        f"{code(each.path) if each.path else 'all other'} | {escaped(each.target)} | "
        f"{', '.join(map(code, each.policies)) or '-'} |\n"
        for each in found
    ]
    return (
        f"### Routes of {escaped(instance.name)}\n\n"
        "The first line with host and path of a request counts. Its policies apply from left to right.\n\n"
        "| host | path | leads to | policies |\n|---|---|---|---|\n" + "".join(rows) + "\n"
    )


def _backends(settings: Values) -> Mapping[str, Values]:
    if "backends" in settings:
        return {str(name): mapping(each) for name, each in mapping(settings["backends"]).items()}
    return {str(settings.get("name", "web")): settings}


def _only(backends: Mapping[str, Values]) -> Optional[str]:
    """Return the backend that has every host, since it is the only one and names none."""
    if len(backends) != 1:
        return None
    ((name, backend),) = backends.items()
    named = backend.get("host_names") or any(each.get("host_names") for each in items(backend.get("routes")))
    return None if named else name


def _declared(front_end: Values, backends: Mapping[str, Values]) -> Iterator[Route]:
    for redirect in items(front_end.get("redirects")):
        target = f"{redirect.get('status', 308)} to {redirect.get('to')}"
        for host in _hosts(redirect):
            yield Route(host, str(redirect.get("path_prefix") or ""), target, ())
    for name, backend in sorted(backends.items()):
        target, policies = f"backend {name}", _policies(front_end, backend)
        hosts = _hosts(backend)
        for host in hosts:
            yield Route(host, "", target, policies)
        for route in items(backend.get("routes")):
            stripped = ", without the prefix" if route.get("strip_prefix") else ""
            for host in _hosts(route) or hosts or [ANY]:
                yield Route(host, str(route.get("path_prefix")), f"{target}{stripped}", policies)


def _hosts(values: Values) -> list[str]:
    found = values.get("host_names")
    return [str(each) for each in found] if isinstance(found, list) else []


def _policies(front_end: Values, backend: Values) -> tuple[str, ...]:
    tls = mapping(front_end.get("tls"))
    redirected = bool(tls) and tls.get("redirect_http", True) is True
    # {} is maintenance with defaults.
    there = {key for key in _POLICIES if backend.get(key) not in (None, [])}
    asked = tls.get("client_ca") and tls.get("client_verify") != "optional"
    there |= {"client_ca"} if asked else set()
    there |= {"redirect_http"} if redirected else set()
    return tuple(each for each in _POLICIES if each in there)


def _order(route: Route) -> tuple[bool, bool, int, str, int, str]:
    wildcard = route.host.startswith("*.")
    return (
        route.host == ANY,
        wildcard,
        -len(route.host) if wildcard else 0,
        route.host,
        -len(route.path),
        route.path,
    )
