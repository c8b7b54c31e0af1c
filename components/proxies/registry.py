"""The kinds of front end, one file each, behind one protocol."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Protocol

from .haproxy import HAProxy
from .nginx import Nginx
from .program import Program
from .served import Given

if TYPE_CHECKING:
    from .model import Service
    from .site import Site
    from .views import Tasks


class FrontEndKind(Protocol):
    """Facts and functions of a kind of front end, for the component and the provider."""

    default_image: str
    program: Program

    def refusals(self, service: "Service") -> list[str]:
        """Return why this kind cannot do what `service` asks for, with the alternative; empty when it can."""
        ...

    def files(self, site: "Site", servers: int) -> int:
        """Return the files that one process may have open at the same time, in front of so many servers."""
        ...

    def render(
        self, service: "Service", component: str, generations: Mapping[str, int], certificates: Given = ()
    ) -> str:
        """Return the configuration, for the generation of each backend's replicas."""
        ...

    def refusals_for_tasks(self, site: "Site") -> list[str]:
        """Return the refusals for backends whose servers come and go."""
        ...

    def render_for_tasks(self, site: "Site", tasks: Mapping[str, "Tasks"], certificates: Given = ()) -> str:
        """Return the configuration for backends whose servers come and go."""
        ...


ProxyKind = Literal[
    "haproxy",
    "nginx",
]
"""Names of the kinds, for type checkers, which read no dictionary."""
KINDS: Mapping[str, FrontEndKind] = {
    "haproxy": HAProxy(),
    "nginx": Nginx(),
}


def kind_of(name: str) -> FrontEndKind:
    """Return the front-end kind of that name."""
    return KINDS[name]


__all__ = ["KINDS", "FrontEndKind", "Program", "ProxyKind", "kind_of"]
