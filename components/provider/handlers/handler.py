"""Protocol of a kind of resource towards Pulumi."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Generic, Optional, TypeVar

from ...engine.config_check import ImageMissing
from ...engine.connection import HostUnreachable
from ...engine.containers import EngineError
from ...resources.resource import Resource
from ..values import has_unknown

UPDATED = "UPDATE"
"""Name of the change of a property that stays, among those of Pulumi's `PropertyDiffKind`."""

Warn = Callable[[str], None]
Inputs = TypeVar("Inputs")
Outputs = TypeVar("Outputs")
State = TypeVar("State")


def differences(old: Mapping[str, object], new: Mapping[str, object]) -> str:
    """Describe the keys whose value changed, as `old → new` by key; unknown values are left out."""
    changed = [key for key in sorted(new) if old and old.get(key) != new[key] and not has_unknown(new[key])]
    return ", ".join(f"{key}: {old.get(key)} → {new[key]}" for key in changed)


def fixed(new: Mapping[str, object], old: Mapping[str, object], remedy: str) -> Optional[str]:
    """Return what is wrong with a change of `new`, which only another resource can have, or None."""
    for key, value in new.items():
        if old and not has_unknown(value) and old[key] != value:
            return f"{key} cannot be changed from {old[key]!r} to {value!r} while it exists: {remedy}"
    return None


def checked(ask: Callable[[], Optional[str]], warn: Warn) -> Optional[str]:
    """Return a host's objection to a configuration (`ask`), or None; warn when the host cannot be asked."""
    try:
        return ask()
    except (EngineError, HostUnreachable, ImageMissing) as error:
        warn(f"configuration not checked at this preview: {error}; `up` checks it before it is in force")
    return None


class Handler(ABC, Generic[Inputs, Outputs, State]):
    """One kind of resource. Values are plain; a value that a preview does not know yet is UNKNOWN.

    A state has the inputs and the outputs. One of an older release may lack some, which a handler reads with
    `get`; old inputs are empty where there is no resource yet.
    """

    resource: type[Resource[Inputs, Outputs]]
    """The resource as a program declares it."""

    def check(self, new: Inputs, old: Inputs, warn: Warn) -> Optional[str]:
        """Return the mistake in the inputs, or None."""
        return None

    def kept(self, new: Inputs) -> Inputs:
        """Return the inputs as the state keeps them."""
        return new

    def carried(self, new: Inputs, old: Inputs) -> Inputs:
        """Return the inputs without those an older state lacks, if that alone is no reason for a change."""
        return new

    def replaces(self, changed: set[str]) -> set[str]:
        """Return the changed inputs that replace the resource."""
        return set()

    def paths(self, key: str, new: Inputs, old: State) -> Mapping[str, str]:
        """Return the paths below a changed input that a preview names, each with the kind of its change."""
        return {key: UPDATED}

    def delete_first(self, new: Inputs, changed: set[str]) -> bool:
        """Return whether the present resource is deleted before its replacement is made."""
        return False

    def holds(self, state: State) -> Optional[str]:
        """Return the name of the thing that only one resource can have at a time, or None.

        When another resource has it, the removal of this one is no more than forgetting it.
        """
        return None

    def drifted(self, state: State) -> set[str]:
        """Return the outputs that call for an update, as a refresh has found them or the host has them."""
        return set()

    @abstractmethod
    def create(self, new: Inputs, preview: bool) -> tuple[str, Outputs]:
        """Make it; its id and outputs."""

    @abstractmethod
    def update(self, new: Inputs, old: State, preview: bool) -> Outputs:
        """Change it; its outputs."""

    def read(self, state: State) -> Optional[Mapping[str, object]]:
        """Return the real properties, laid over the state; None when the resource is gone."""
        return {}

    def delete(self, state: State) -> Optional[str]:
        """Undo it; what there is to warn of, or None."""
        return None


AnyHandler = Handler[Any, Any, Any]
"""A handler of some kind, for the wire's edge: the schema says which keys its values have."""
