"""Claims of the components of one deployment, so that no two want the same thing."""

from contextvars import ContextVar
from typing import Any, Optional
from weakref import WeakKeyDictionary

import pulumi

_stores: WeakKeyDictionary[object, dict[str, Any]] = WeakKeyDictionary()


class Deployment:
    """A preview or an `up` that a plugin takes part in."""


current: ContextVar[Optional[Deployment]] = ContextVar("deployment", default=None)
"""Set where one process declares components for a program elsewhere, each with a monitor of its own."""


def claims(kind: str, empty: type[Any]) -> Any:
    """Return the claims of this kind in this deployment, an `empty()` at first."""
    deployment = current.get() or pulumi.runtime.settings.get_monitor()
    return _stores.setdefault(deployment, {}).setdefault(kind, empty())
