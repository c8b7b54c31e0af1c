"""Settings of a stack with one service as a revision had it. Pure functions."""

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any

from ..engine.history import SECRET, Revision
from ..repair.telling import CannotGoOn
from .revisions import long_form


def laid_over(
    settings: Mapping[str, Any], project: str, service: str, revision: Revision, images: Mapping[str, str]
) -> dict[str, Any]:
    """Return the content of a settings file with the service as `revision` had it.

    `images` has the names of its images by backend. Secrets and the host are those of `settings`. CannotGoOn
    where the settings do not name the service, or lack a secret.
    """
    key = f"{project}:services"
    config = dict(settings.get("config") or {})
    services = config.get(key)
    present = services.get(service) if isinstance(services, Mapping) else None
    if not isinstance(present, Mapping):
        raise CannotGoOn(
            f"{key}.{service} is not in the settings of this stack, so its program declares the service in "
            f"another way: change the program to what `longshore history {revision.number}` shows"
        )
    now = _restored(long_form(revision.settings), long_form(present), f"{key}.{service}", revision.number)
    for name, image in images.items():
        now["backends"][name]["image"] = image
    if "host" in present:
        now["host"] = present["host"]
    return {**settings, "config": {**config, key: {**services, service: now}}}  # type: ignore[dict-item]


def secret_places(settings: Any, path: str = "") -> list[str]:
    """Return the paths at which a revision has a secret."""
    if settings == SECRET:
        return [path]
    items: Iterable[tuple[object, Any]] = ()
    if isinstance(settings, Mapping | list):
        items = settings.items() if isinstance(settings, Mapping) else enumerate(settings)
    return [
        place for key, value in items for place in secret_places(value, f"{path}.{key}" if path else str(key))
    ]


def _restored(kept: Any, present: Any, path: str, number: int) -> Any:
    """Return settings as a revision kept them, with the secrets that the present settings have there."""
    if kept == SECRET:
        if isinstance(present, Mapping) and present.keys() == {"secret"}:
            return dict(present)
        raise CannotGoOn(
            f"revision {number} had a secret at {path}, which no history keeps, and the settings have none "
            "there: set one there (`{secret: <name>}`), and roll back again"
        )
    if isinstance(kept, Mapping):
        given = present if isinstance(present, Mapping) else {}
        return {key: _restored(kept[key], given.get(key), f"{path}.{key}", number) for key in kept}
    if isinstance(kept, list):
        theirs = present if isinstance(present, list) else []
        pairs = zip_longest(kept, theirs[: len(kept)])
        return [_restored(*pair, f"{path}.{place}", number) for place, pair in enumerate(pairs)]
    return kept
