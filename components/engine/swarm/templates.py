"""Swarm's templates: texts that the engine takes for Go templates, and fills in anew for each task.

It does so with environment variables and host names: https://docs.docker.com/reference/cli/docker/service/create/
"""

import re
from collections.abc import Collection
from typing import Optional

_OPEN, _LITERAL = "{{", '{{"{{"}}'
_FIELDS = frozenset(
    [
        "Service.ID",
        "Service.Name",
        "Node.ID",
        "Node.Hostname",
        "Node.Platform.Architecture",
        "Node.Platform.OS",
        "Task.ID",
        "Task.Name",
        "Task.Slot",
    ]
)
_LABEL = "Service.Labels."
_PLACE = re.compile(r"\{\{\s*\.([A-Za-z0-9_.]+)\s*\}\}", re.ASCII)
_FILLED_IN = re.compile(rf"{_PLACE.pattern}|{re.escape(_LITERAL)}", re.ASCII)


def literal(text: str) -> str:
    """Return the template that becomes `text`, whatever is in it."""
    return text.replace(_OPEN, _LITERAL)


def meant(template: str) -> str:
    """Return the text that `literal` was given."""
    return template.replace(_LITERAL, _OPEN)


def problem(template: str, labels: Collection[str]) -> Optional[str]:
    """Return why Swarm cannot fill in a template for each task of a service with these labels, or None."""
    unknown = [name for name in _PLACE.findall(template) if not _known(name, labels)]
    if not unknown and _OPEN not in without(template):
        return None
    known = ", ".join(f"{{{{.{name}}}}}" for name in [*sorted(_FIELDS), f"{_LABEL}<label>"])
    return f"must hold no templates of Swarm but {known}, with labels that the service has"


def without(template: str) -> str:
    """Return a template without what Swarm fills in."""
    return _FILLED_IN.sub("", template)


def _known(name: str, labels: Collection[str]) -> bool:
    label = name.removeprefix(_LABEL)
    return name in _FIELDS or (label != name and "." not in label and label in labels)
