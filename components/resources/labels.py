"""Labels of containers, networks and services: their owner."""

import pulumi

from ..naming import LABEL


def labels_of(component: str, role: str) -> dict[str, str]:
    """Return the labels that name the owner of a container or network: project, stack, component and role."""
    return {
        f"{LABEL}.project": pulumi.get_project(),
        f"{LABEL}.stack": pulumi.get_stack(),
        f"{LABEL}.component": component,
        f"{LABEL}.role": role,
    }
