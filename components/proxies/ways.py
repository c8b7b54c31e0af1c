"""Ways of the requests of each host to its backends, the same for both kinds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from .paths import PathRoute
    from .site import Site

ANY = ""
"""In place of a host name: all hosts that no name covers."""


@dataclass(frozen=True)
class Branch:
    """Way of the requests below a path."""

    prefix: str
    """Empty for all paths."""
    backend: Optional[str]
    """None where no route has the request, or a redirect."""
    strip: bool = False
    redirect: Optional[int] = None
    """Number of the redirect."""

    @property
    def locations(self) -> list[str]:
        """Locations of nginx that match these paths, the last of them by its beginning."""
        return [f"= {self.prefix}", f"{self.prefix}/"] if self.prefix else ["/"]


@dataclass(frozen=True)
class Place:
    """Hosts with routes by path, whose requests go the same ways."""

    number: int
    hosts: tuple[str, ...]
    """Sorted; ANY may be the first."""
    branches: tuple[Branch, ...]
    """The longest prefix first; the last branch has all other paths."""

    @property
    def key(self) -> str:
        """Name that no backend has."""
        return f"_{self.number}"

    @property
    def host_names(self) -> list[str]:
        """The hosts that have a name."""
        return [host for host in self.hosts if host != ANY]

    @property
    def redirects(self) -> bool:
        """True if some path is redirected."""
        return any(branch.redirect is not None for branch in self.branches)

    @property
    def any_host(self) -> bool:
        """True if hosts are among them that no name covers."""
        return ANY in self.hosts


@dataclass(frozen=True)
class Mark:
    """Hosts that belong to one place, or to none although a less specific pattern covers them."""

    number: Optional[int]
    exact: tuple[str, ...]
    suffix: str
    """End of a host; empty for exact names, and for all hosts."""


@dataclass(frozen=True)
class Ways:
    """Ways of all requests of a site."""

    plain: Mapping[str, Sequence[str]]
    """Hosts of each backend that has all their requests."""
    places: Sequence[Place]
    default: Optional[str]
    """Backend, or key of a place, for hosts that no name covers."""

    @property
    def by_key(self) -> dict[str, Place]:
        """The places by their keys."""
        return {place.key: place for place in self.places}

    @property
    def hosts(self) -> dict[str, Sequence[str]]:
        """Hosts with a name of each backend and of each place."""
        return {**self.plain, **{place.key: place.host_names for place in self.places}}

    @property
    def unrouted(self) -> bool:
        """True if no route has some path of a place."""
        return any(
            place.branches[-1].backend is None and place.branches[-1].redirect is None
            for place in self.places
        )

    @cached_property
    def stripped(self) -> list[str]:
        """Prefixes that some route takes off, sorted."""
        return sorted({each.prefix for place in self.places for each in place.branches if each.strip})

    @cached_property
    def marks(self) -> list[Mark]:
        """Marks from the least specific to the exact ones: the last that matches a host counts."""
        numbers = {host: place.number for place in self.places for host in place.hosts}
        plain = (host for hosts in self.plain.values() for host in hosts)
        names: dict[str, Optional[int]] = {
            **{host: None for host in plain if _covered(host, numbers)},
            **numbers,
        }
        exact: dict[Optional[int], list[str]] = {}
        for host in sorted(names.keys() - {ANY}):
            if not host.startswith("*"):
                exact.setdefault(names[host], []).append(host)
        wildcards = sorted(
            (host for host in names if host.startswith("*")), key=lambda each: (len(each), each)
        )
        return [
            *(Mark(numbers[host], (), "") for host in (ANY,) if host in numbers),
            *(Mark(names[host], (), host[1:]) for host in wildcards),
            *(Mark(number, tuple(hosts), "") for number, hosts in exact.items()),
        ]

    def branch(self, host: str, path: str) -> Optional[Branch]:
        """Return the way of a request in a place, or None where its host has no place."""
        fitting = [
            mark for mark in self.marks if (host in mark.exact if mark.exact else host.endswith(mark.suffix))
        ]
        if not fitting or fitting[-1].number is None:
            return None
        place = self.by_key[f"_{fitting[-1].number}"]
        return next(each for each in place.branches if f"{path}/".startswith(f"{each.prefix}/"))

    def strips(self, backend: str) -> list[tuple[Place, Branch]]:
        """Return the branches that take a prefix off before a backend, and longer ones that do not.

        The first that matches a request is its way.
        """
        found: list[tuple[Place, Branch]] = []
        for place in self.places:
            own = [(place, each) for each in place.branches if each.backend == backend and each.prefix]
            while own and not own[-1][1].strip:
                own.pop()
            found += own
        return found


def ways(site: "Site") -> Ways:
    """Return the ways of all requests of a site."""
    roots = {host: name for name, backend in site.backends.items() for host in backend.host_names}
    if site.default_backend:
        roots[ANY] = site.default_backend
    branches: dict[str, list[Branch]] = {}
    for name, _, host, route in each_route(site):
        branches.setdefault(host, []).append(Branch(route.path_prefix, name, route.strip_prefix))
    for number, redirect in enumerate(site.front_end.redirects):
        prefix = redirect.path_prefix or ""
        branch = Branch(prefix, None, bool(prefix and redirect.keep_path), number)
        for host in redirect.host_names:
            branches.setdefault(host, []).append(branch)
    groups: dict[tuple[Branch, ...], list[str]] = {}
    for host, found in branches.items():
        ordered = sorted(found, key=lambda branch: (-len(branch.prefix), branch.prefix))
        if ordered[-1].prefix:
            ordered.append(Branch("", roots.get(host, site.default_backend)))
        groups.setdefault(tuple(ordered), []).append(host)
    ordered_groups = sorted((tuple(sorted(hosts)), each) for each, hosts in groups.items())
    places = [Place(number, *group) for number, group in enumerate(ordered_groups, 1)]
    return Ways(
        plain={
            name: [host for host in sorted(backend.host_names) if host not in branches]
            for name, backend in sorted(site.backends.items())
        },
        places=places,
        default=next((place.key for place in places if place.any_host), site.default_backend),
    )


def each_route(site: "Site") -> Iterator[tuple[str, int, str, "PathRoute"]]:
    """Yield each host of each route, with the name of its backend and the number of the route there."""
    for name, backend in sorted(site.backends.items()):
        for number, route in enumerate(backend.routes):
            for host in route.host_names or backend.host_names or [ANY]:
                yield name, number, host, route


def _covered(host: str, patterns: Mapping[str, object]) -> bool:
    """Return whether a pattern of a place is less specific than a host and covers it."""
    rest = host.removeprefix("*.")
    while "." in rest:
        rest = rest.partition(".")[2]
        if f"*.{rest}" in patterns:
            return True
    return ANY in patterns
