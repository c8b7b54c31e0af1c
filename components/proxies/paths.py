"""Models of routes by path and of redirects."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Optional

from pydantic import BeforeValidator, Field, model_validator

from ..arguments.parsing import Frozen, differ
from ..arguments.types import HostPattern, RedirectStatus, Text, digits
from .ways import ANY, Place, each_route, ways

if TYPE_CHECKING:
    from .site import Site

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
        r"(?=.{1,400}$)https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~@-]+)*",
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
    for place in ways(site).places:
        _check_effect(place, owners)


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
