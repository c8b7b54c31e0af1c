"""What a kind of resource does for Pulumi, and the words in which its schema is written."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Optional

from ...engine.config_check import ImageMissing
from ...engine.connection import HostUnreachable
from ...engine.containers import EngineError
from ...proxies.registry import KINDS
from ..values import has_unknown

Values = dict[str, Any]
Warn = Callable[[str], None]

TEXT = {"type": "string"}
TEXTS = {"type": "object", "additionalProperties": TEXT}
FLAG = {"type": "boolean"}
NUMBER = {"type": "number"}
WHOLE = {"type": "integer"}
ANY = {"$ref": "pulumi.json#/Any"}


def listed(item: Values) -> Values:
    """Schema of a list of `item`."""
    return {"type": "array", "items": item}


def mapped(item: Values) -> Values:
    """Schema of a mapping of names to `item`."""
    return {"type": "object", "additionalProperties": item}


def secret(schema: Values) -> Values:
    """The same, kept as a secret."""
    return {**schema, "secret": True}


def described(schema: Values, meaning: str) -> Values:
    """The same with what it means, for whom reads the schema."""
    return {**schema, "description": meaning}


HOST = described(
    TEXTS,
    "The Docker host: its `address`; for `tcp://` also `caCertificate`, `clientCertificate` and `clientKey`.",
)
MANAGERS = described(listed(TEXTS), "Managers of the swarm, each a host; the first that answers is asked.")
SWARM_ID = described(TEXT, "Id of the swarm: in another one nothing is done. Empty: whichever they are in.")
LABELS = described(TEXTS, "Labels that say whose it is: project, stack, component and role in it.")
REGISTRIES = described(
    secret(listed(TEXTS)), "Logins for the images' registries: `address`, `username` and `password` of each."
)
KIND = described(TEXT, f"The program that serves: {' or '.join(f'`{kind}`' for kind in KINDS)}.")
RUNNING = described(FLAG, "Whether its container runs.")


def differences(old: Values, new: Values) -> str:
    """What of `new` was otherwise in `old`, from what to what; nothing of what is not known yet."""
    changed = [key for key in sorted(new) if old and old.get(key) != new[key] and not has_unknown(new[key])]
    return ", ".join(f"{key}: {old.get(key)} → {new[key]}" for key in changed)


def fixed(keys: Iterable[str], new: Values, old: Values, remedy: str) -> Optional[str]:
    """What is wrong with a change of what only a new one can have."""
    for key in keys:
        if old and not has_unknown(new[key]) and old[key] != new[key]:
            return f"{key} cannot be changed from {old[key]!r} to {new[key]!r} while it exists: {remedy}"
    return None


def checked(ask: Callable[[], Optional[str]], warn: Warn) -> Optional[str]:
    """What a host finds wrong with a configuration (`ask`), or None; a warning when it cannot be asked."""
    try:
        return ask()
    except (EngineError, HostUnreachable, ImageMissing) as error:
        warn(f"configuration not checked at this preview: {error}; `up` checks it before it is in force")
    return None


class Handler(ABC):
    """One kind of resource. Values are plain; what is not known yet at preview is UNKNOWN."""

    inputs: Values
    """Schema of the inputs."""
    outputs: Values = {}
    """Schema of what is known beside the inputs."""

    def check(self, new: Values, old: Values, warn: Warn) -> Optional[str]:
        """What is wrong with the inputs, or None."""
        return None

    def kept(self, new: Values) -> Values:
        """The inputs as the state keeps them."""
        return new

    def carried(self, new: Values, old: Values) -> Values:
        """The inputs without what an older state lacks, where that alone is no reason for a change."""
        return new

    def replaces(self, changed: set[str]) -> set[str]:
        """Which of the changed inputs make another resource of it."""
        return set()

    def delete_first(self, new: Values, changed: set[str]) -> bool:
        """Whether the present one goes before the one that replaces it is made."""
        return False

    def holds(self, state: Values) -> Optional[str]:
        """Return the name of the thing that only one resource can have at a time, or None.

        When another resource has it, the removal of this one is no more than forgetting it.
        """
        return None

    def drifted(self, state: Values) -> set[str]:
        """Outputs in a state that call for an update: what a refresh has found, or a look says now."""
        return set()

    @abstractmethod
    def create(self, new: Values, preview: bool) -> tuple[str, Values]:
        """Make it; its id and outputs."""

    @abstractmethod
    def update(self, new: Values, old: Values, preview: bool) -> Values:
        """Change it; its outputs."""

    def read(self, state: Values) -> Optional[Values]:
        """What is really there, laid over the state; None when it is gone."""
        return {}

    def delete(self, state: Values) -> Optional[str]:
        """Undo it; what there is to warn of, or None."""
        return None
