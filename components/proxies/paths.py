"""Models of routes by path and of redirects."""

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Annotated, Optional
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from ..arguments.parsing import Frozen, differ
from ..arguments.types import HostPattern, RedirectStatus, Text, digits
from .requests import PORT
from .served import HTTP, HTTPS
from .ways import ANY, Place, Ways, each_route, ways

if TYPE_CHECKING:
    from .site import Proxy, Site

_ELSEWHERE = "/,"
"""A path that no prefix can be."""

PathPrefix = Annotated[
    str,
    Text(
        r"(?=.{2,200}$)(/(?!\.{1,2}(/|$))[A-Za-z0-9._~@-]+)+",
        "a path such as /api, of at most 200 letters, digits and ._~@-/, without dot segments, and without / "
        "at its end",
    ),
]
RedirectTarget = Annotated[
    str,
    Text(
        r"(?=.{1,400}$)https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
        rf"((?=:[1-9]){PORT})?(/[A-Za-z0-9._~@-]+)*",
        "an address such as https://www.a.example or https://a.example/new, of at most 400 letters, digits "
        "and ._~@-/:, without / at its end",
    ),
]


class PathRoute(Frozen):
    host_names: list[HostPattern] = []
    path_prefix: PathPrefix
    strip_prefix: bool = False


class Redirect(Frozen):
    host_names: Annotated[list[HostPattern], Field(min_length=1)]
    path_prefix: Optional[PathPrefix] = None
    to: RedirectTarget
    keep_path: bool = True
    status: Annotated[RedirectStatus, BeforeValidator(digits)] = "308"

    @model_validator(mode="after")
    def _each_host_once(self) -> "Redirect":
        differ("host_names", self.host_names)
        return self


def check(site: "Site") -> None:
    """Raise ValueError when a route by path is ambiguous, or when no request reaches it."""
    owners: dict[tuple[str, str], str] = {}
    for name, number, host, route in each_route(site):
        key, where = f"backends.{name}.routes.{number}", f"host {host!r}" if host else "any host"
        if host == ANY and site.default_backend is None:
            raise ValueError(
                f"{key} has no host_names, nor has its backend, and there is no front_end.default_backend: "
                "no request could reach it; give it host_names"
            )
        if (owner := owners.setdefault((host, route.path_prefix), key)) != key:
            raise ValueError(
                f"{key}: {route.path_prefix!r} of {where} belongs to {owner}, too; a path of a host chooses "
                "one backend"
            )
    _check_redirects(site, owners)
    found = ways(site)
    for place in found.places:
        _check_effect(place, owners)
    _check_circles(site.front_end, found)


def _check_redirects(site: "Site", owners: dict[tuple[str, str], str]) -> None:
    """Raise ValueError for a redirect of a host and a path that belong to another redirect, or a backend."""
    known = {
        **{
            (host, ""): f"backends.{name}" for name, each in site.backends.items() for host in each.host_names
        },
        **owners,
    }
    for number, redirect in enumerate(site.front_end.redirects):
        key, prefix = f"front_end.redirects.{number}", redirect.path_prefix or ""
        for host in redirect.host_names:
            if (owner := known.setdefault((host, prefix), key)) != key:
                what = f"{prefix!r} of host {host!r}" if prefix else f"host {host!r}"
                raise ValueError(f"{key}: {what} belongs to {owner}, too; drop it from one of the two")


def _check_circles(front_end: "Proxy", found: Ways) -> None:
    """Raise ValueError for a redirect that leads back to itself, by the names and ports of this front end."""
    for number, rest in product(range(len(front_end.redirects)), ("", _ELSEWHERE)):
        passed, following = [number], _next(front_end, found, number, rest)
        while following and following[0] not in passed:
            passed.append(following[0])
            following = _next(front_end, found, *following)
        if following and following[0] == number:
            steps = ", then ".join(f"redirects.{each}" for each in [*passed, number])
            raise ValueError(
                f"front_end.redirects.{number}.to leads a client in a circle ({steps}): name a host or a "
                "path without a redirect"
            )


def _next(front_end: "Proxy", found: Ways, number: int, rest: str) -> Optional[tuple[int, str]]:
    """Return the redirect that a client meets next, with the rest of the path behind its prefix."""
    redirect = front_end.redirects[number]
    target = urlsplit(redirect.to)
    here = {"http": front_end.port, "https": front_end.tls.port if front_end.tls else None}[target.scheme]
    if here != (target.port or {"http": HTTP, "https": HTTPS}[target.scheme]):
        return None  # somebody else answers there
    path = target.path + (rest if redirect.keep_path else "")
    branch = found.branch(str(target.hostname), path or "/")
    if branch is None or branch.redirect is None:
        return None
    return branch.redirect, path.removeprefix(branch.prefix)


def _check_effect(place: Place, owners: Mapping[tuple[str, str], str]) -> None:
    """Raise ValueError for a route that changes nothing."""
    by_prefix = {branch.prefix: branch for branch in place.branches}
    host = place.hosts[0]
    for branch in place.branches[:-1]:
        above = branch.prefix.rpartition("/")[0]
        while above not in by_prefix:
            above = above.rpartition("/")[0]
        same = branch.backend is not None and by_prefix[above].backend == branch.backend
        if same and not branch.strip and not by_prefix[above].strip:
            other = owners.get((host, above), f"the rest of {repr(host) if host else 'any host'}")
            raise ValueError(
                f"{owners[host, branch.prefix]}: {branch.prefix!r} changes nothing, since {other} leads to "
                "the same backend; drop it, or set strip_prefix"
            )
