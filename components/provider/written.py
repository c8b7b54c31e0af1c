"""Version of ours that has written a state; an older version leaves such a state alone.

A newer version may keep other things in the state of a resource, or mean something else by them. A version
that does not know that could take a service for changed, or for gone. So all properties that the plugin hands
to the engine carry the version. Inputs carry it as well as outputs: a check sees no outputs, a removal sees
no inputs.
"""

import re
from typing import Any, Optional

from pulumi.provider.experimental.property_value import PropertyValue

from ..engine.containers import EngineError
from ..naming import PACKAGE
from ..version import VERSION
from .values import Properties, plain

WRITTEN_BY = "__writtenBy"
"""The property that says so. Of keys with two underscores Pulumi shows nothing; 0.1.0 had none."""


def marked(properties: Properties) -> dict[str, PropertyValue]:
    """Mark these properties as written by this version."""
    return {**properties, WRITTEN_BY: PropertyValue(VERSION)}


def refuse_newer(properties: Optional[Properties]) -> None:
    """Raise EngineError for properties that a newer version has written.

    Patch releases read each other's: what is kept, and what it means, changes with a minor one at the least.
    So a patch that turns out badly can always be taken back.
    """
    if WRITTEN_BY not in (properties or {}):
        return
    found: Any = plain(properties[WRITTEN_BY])  # type: ignore[index]
    release = _release(str(found))
    if release is None or release > _RELEASE:
        least = f"{PACKAGE} {found}" if release is None else f"{PACKAGE} {release[0]}.{release[1]} or later"
        raise EngineError(
            f"the state was written by {PACKAGE} {found}, and this is {PACKAGE} {VERSION}, which may misread "
            f"it and leaves it alone: install {least}, or restore the state from before"
        )


def _release(version: str) -> Optional[tuple[int, int]]:
    """Return the first two numbers of a version, or None where it has none."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None


_RELEASE = _release(VERSION) or (0, 0)
