"""Names and labels of what we make. Resource names are a contract: see tests/declared/test_names.py."""

from collections.abc import Mapping

PACKAGE = "longshore"
"""The package of Pulumi and of Python."""
DISTRIBUTION = "longshore-pulumi"
"""The project of PyPI; `longshore` is another one there."""
LABEL = "io.longshore"
CHECK = {f"{LABEL}.role": "check"}
"""The role of every throw-away container in which something is checked."""


def type_token(name: str) -> str:
    """Return the Pulumi type of a component or resource of ours."""
    return f"{PACKAGE}:index:{name}"


def same_owner(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Return whether both labels name the same project, stack and component."""
    keys = [f"{LABEL}.{key}" for key in ("project", "stack", "component")]
    return [one.get(key) for key in keys] == [other.get(key) for key in keys]


def replica_alias(component: str, backend: str, index: int, generation: int) -> str:
    """Return the network name of one replica of one generation: old and new replicas never share a name."""
    return f"{component}-{backend}-{index}-g{generation}"


def backend_of_replica(component: str, name: str) -> str:
    """Return the backend of a replica from its name, `<component>-<backend>-<index>`."""
    return name.removeprefix(f"{component}-").rpartition("-")[0]
