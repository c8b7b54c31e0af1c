"""Revisions of a service, compared and printed. Pure functions; `past` finds the revisions on hosts."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any, Optional

from ..engine.history import SECRET, Content, Failure, History, Revision

DEFAULT_BACKEND = "web"
"""Name of the backend in the short form of a service."""
_NAMED = 3
"""Changes that a line of the table names."""
_COMMON = ("front_end", "network", "backends")
_LONGEST = 60
"""Letters of a value in a table."""
_GENERATION = re.compile(r"(?<=\d)-g\d+\b")
"""End of a replica's network name, which every change of the replicas counts up."""


def long_form(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a service with its backends by name, without its host and what is not given."""
    given = {key: value for key, value in settings.items() if key != "host" and value is not None}
    if "backends" in given:
        return given
    common = {key: given.pop(key) for key in _COMMON if key in given}
    return {**common, "backends": {given.pop("name", DEFAULT_BACKEND): given}}


def without_secrets(settings: Any) -> Any:
    """Return settings as a file has them, with SECRET in place of each `{secret: <name>}`."""
    if isinstance(settings, Mapping):
        if settings.keys() == {"secret"}:
            return SECRET
        return {key: without_secrets(value) for key, value in settings.items() if value is not None}
    return [without_secrets(each) for each in settings] if isinstance(settings, list) else settings


def alike(one: Revision, other: Revision) -> bool:
    """Return whether two revisions are the same to a user; names of images do not count, images do."""
    images = [{name: image.id for name, image in each.images.items()} for each in (one, other)]
    kept = [_without_images(each.settings) for each in (one, other)]
    return images[0] == images[1] and kept[0] == kept[1]


def before(history: History, revision: Revision) -> Optional[Revision]:
    """Return the revision before this one, if it is kept."""
    earlier = [each for each in history.revisions if each.number < revision.number]
    return earlier[-1] if earlier else None


def changed_settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Describe the settings that differ, as `key: old → new`."""
    was, now = (dict(_flat(long_form(each) if each else {})) for each in (old, new))
    return [
        f"{key}: {_shown(was, key)} → {_shown(now, key)}"
        for key in sorted(was.keys() | now.keys())
        if was.get(key) != now.get(key)
    ]


def changes(old: Optional[Content], new: Content) -> list[str]:
    """Describe what differs between two revisions."""
    if old is None:
        images = (f"{name}: {_count(new, name)} of {image.reference}" for name, image in new.images.items())
        return list(images)
    said = changed_settings(old.settings, new.settings)
    for name in sorted(old.images.keys() & new.images.keys()):
        was, now = old.images[name], new.images[name]
        if was.id != now.id and was.reference == now.reference:
            said.append(f"{name}: {now.reference} is another image ({_short(was.id)} → {_short(now.id)})")
    lines = [line[0] for line in _configuration(old, new) if not line.startswith(("+++", "---"))]
    if lines.count("+") or lines.count("-"):
        said.append(f"configuration +{lines.count('+')} -{lines.count('-')} lines")
    return said or ["replicas replaced, for something that is not kept, such as a secret"]


def table(service: str, history: History) -> list[str]:
    """Return the lines of a table of revisions and failed changes, the newest first."""
    rows = [(_when(each), str(each.number), each.by, _change(history, each)) for each in history.revisions]
    rows += [(_when(each), "-", each.by, f"failed: {each.reason}") for each in history.failures]
    rows = [("WHEN (UTC)", "REVISION", "BY", "CHANGE"), *sorted(rows, reverse=True, key=lambda row: row[0])]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([number.ljust(widths[1]), when.ljust(widths[0]), by.ljust(widths[2]), change])
        for when, number, by, change in rows
    ]
    in_force = history.in_force
    title = f"revision {in_force.number} is in force" if in_force else "no change has succeeded yet"
    return [f"{service}: {title}", *lines]


def difference(service: str, history: History, revision: Revision) -> list[str]:
    """Return all that a revision has changed: settings, images and configuration."""
    former = before(history, revision)
    since = f"since revision {former.number}" if former else "no revision before it is kept"
    title = (
        f"{service}: revision {revision.number}, {_when(revision)} UTC, by {revision.by}, with Longshore "
        f"{revision.version}; {since}"
    )
    settings = changed_settings(former.settings if former else {}, revision.settings)
    images = [
        f"image of {name}: {image.reference}, {', '.join([image.id, *image.digests])}"
        for name, image in sorted(revision.images.items())
    ]
    return [title, *settings, *images, *_configuration(former, revision)]


def as_json(service: str, history: History) -> dict[str, Any]:
    """Return a history as data."""
    kept = history.model_dump(exclude={"written"})
    return {
        "service": service,
        "in_force": history.in_force.number if history.in_force else None,
        "revisions": [
            {**fields, "changes": changes(before(history, revision), revision)}
            for fields, revision in zip(kept["revisions"], history.revisions, strict=True)
        ],
        "failures": kept["failures"],
    }


def _change(history: History, revision: Revision) -> str:
    said = changes(before(history, revision), revision)
    more = f"; and {len(said) - _NAMED} more" if len(said) > _NAMED else ""
    earlier = [each for each in history.revisions if each.number < revision.number and alike(each, revision)]
    begin = f"as {earlier[-1].number}: " if earlier else ""
    return begin + "; ".join(said[:_NAMED]) + more


def _configuration(old: Optional[Content], new: Content) -> list[str]:
    """Return the lines of a configuration that differ, but for the numbers in names of replicas."""
    texts = [_GENERATION.sub("", each.config).splitlines() if each else [] for each in (old, new)]
    return list(unified_diff(texts[0], texts[1], "configuration before", "configuration", n=2, lineterm=""))


def _without_images(settings: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(_flat(long_form(settings)))
    return {key: value for key, value in found.items() if not re.fullmatch(r"backends\.[^.]+\.image", key)}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value below a mapping, with its path."""
    if isinstance(value, Mapping) and (value or not path):
        for key, each in value.items():
            yield from _flat(each, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def _shown(values: Mapping[str, Any], key: str) -> str:
    if key not in values:
        return "(default)"
    text = "".join(each if each.isprintable() else " " for each in str(values[key]))
    if len(text) <= _LONGEST:
        return text
    # Two long texts that begin alike, such as certificates, are told apart.
    return f"{text[: _LONGEST - 16]}… ({hashlib.sha256(text.encode()).hexdigest()[:12]})"


def _count(content: Content, backend: str) -> str:
    number = content.replicas[backend]
    return f"{number} replica{'s' if number > 1 else ''}"


def _short(image: str) -> str:
    return image.removeprefix("sha256:")[:12]


def _when(noted: Revision | Failure) -> str:
    return noted.when.partition("+")[0].replace("T", " ")
