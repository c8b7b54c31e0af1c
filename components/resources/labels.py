"""Labels of what a program makes: whose it is."""

import pulumi

from ..naming import LABEL


def labels_of(component: str, role: str) -> dict[str, str]:
    """Labels that say whose a container or network is: project, stack, component and role in it."""
    return {
        f"{LABEL}.project": pulumi.get_project(),
        f"{LABEL}.stack": pulumi.get_stack(),
        f"{LABEL}.component": component,
        f"{LABEL}.role": role,
    }
