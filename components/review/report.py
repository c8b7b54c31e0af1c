"""Report of a change, instance by instance."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..preview.instance import CONFIGURATIONS, STACK, Fate, Instance, instances, others
from ..preview.reading import NotAPreview, Preview, Step, read
from .consequences import ENDLESS, Consequence, consequences

CONTEXT = 3
_NOT_AS_EXPECTED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""Errors that a value of another kind than the property's may raise."""


@dataclass(frozen=True)
class TextChange:
    """A generated configuration that changes."""

    name: str
    """Name of the resource that holds it."""
    lines: tuple[str, ...]
    """A unified diff, without line ends."""


@dataclass(frozen=True)
class Change:
    """Change of one instance."""

    kind: str
    name: str
    fate: Fate
    counts: Mapping[str, int]
    """Resources by operation; only those that are there."""
    consequences: tuple[Consequence, ...]
    warnings: tuple[str, ...]
    texts: tuple[TextChange, ...]

    @property
    def gap(self) -> float:
        """The longest time in seconds in which somebody is refused; 0 where nobody is."""
        return max((each.gap for each in self.consequences), default=0.0)

    @property
    def known(self) -> bool:
        """True if everything that happens is known; if false, there may be a gap."""
        return all(each.known for each in self.consequences)


@dataclass(frozen=True)
class Report:
    """Report of a preview."""

    changes: tuple[Change, ...]
    """Of the instances that change."""
    instances: tuple[Instance, ...]
    """All that the preview shows."""
    others: tuple[Step, ...]
    """Resources of no component of ours that change."""
    warnings: tuple[str, ...]
    """Warnings about none of the instances that change."""
    errors: tuple[str, ...]
    """Reasons why there is no whole preview."""
    complete: bool = False
    """True if unchanged instances are included, too: with `--show-sames`, or in an empty stack."""

    @property
    def refuses(self) -> bool:
        """True if clients are, or may be, refused for some time."""
        return any(change.gap or not change.known for change in self.changes)

    @property
    def unprotects(self) -> bool:
        """True if a protection is dropped."""
        return any(each.protection for change in self.changes for each in change.consequences)

    def has(self, operation: str) -> bool:
        """Return whether a resource is replaced (`replace`), or removed (`delete`)."""
        return any(change.counts.get(operation) for change in self.changes) or any(
            step.operation == operation for step in self.others
        )

    def properties(self) -> dict[str, Any]:
        """Return the report as plain values, for tools; a gap that does not end is null."""
        return {
            "changes": [
                {
                    "kind": change.kind,
                    "name": change.name,
                    "fate": change.fate,
                    "resources": dict(change.counts),
                    "consequences": [
                        {
                            "text": each.text,
                            "gap_seconds": None if each.gap == ENDLESS else each.gap,
                            "known": each.known,
                            "protection": each.protection,
                        }
                        for each in change.consequences
                    ],
                    "warnings": list(change.warnings),
                    "configurations": {text.name: list(text.lines) for text in change.texts},
                }
                for change in self.changes
            ],
            "others": [{"name": s.name, "type": s.type, "operation": s.operation} for s in self.others],
            "warnings": list(self.warnings),
            "errors": list(self.errors),
        }


def unreadable(reason: str) -> Report:
    """Return the report of what could not be read."""
    return Report((), (), (), (), (reason,))


def review(text: str) -> Report:
    """Review `text`, a preview as `pulumi preview --json` prints it. Raises NotAPreview."""
    preview = read(text)
    try:
        return reviewed(preview)
    except _NOT_AS_EXPECTED as error:
        raise NotAPreview(
            f"its resources are not as Longshore declares them ({type(error).__name__}: {error}): give what "
            "`pulumi preview --json` prints"
        ) from error


def reviewed(preview: Preview) -> Report:
    """Return the report of a preview."""
    found = instances(preview)
    changes = tuple(_change(each) for each in found if each.fate != "unchanged")
    told = {line for change in changes for line in change.warnings}
    rest = [line for lines in preview.warnings.values() for line in lines if line not in told]
    return Report(
        changes=changes,
        warnings=tuple(dict.fromkeys(rest)),
        instances=tuple(found),
        others=tuple(others(preview)),
        errors=preview.errors,
        complete=_complete(preview),
    )


def _complete(preview: Preview) -> bool:
    operations = {step.operation for step in preview.steps if step.type != STACK}
    return "same" in operations or operations <= {"create"}


def _change(instance: Instance) -> Change:
    counts: dict[str, int] = {}
    for step in instance.steps:
        if step.operation != "same":
            counts[step.operation] = counts.get(step.operation, 0) + 1
    hidden = tuple(
        f"{step.name}: the preview says update, but {', '.join(sorted(step.changed))} cannot change in a "
        "container that runs: it is replaced"
        for step in instance.steps
        if step.hidden
    )
    return Change(
        kind=instance.kind,
        name=instance.name,
        fate=instance.fate,
        counts=counts,
        consequences=tuple(consequences(instance)),
        warnings=(*instance.warnings, *hidden),
        texts=tuple(_texts(instance)),
    )


def _texts(instance: Instance) -> list[TextChange]:
    found = []
    for kind, key in CONFIGURATIONS.items():
        for step in instance.of(kind, "create", "update", "replace", "delete"):
            old, new = (str(values.get(key, "")).splitlines() for values in (step.old, step.new))
            lines = list(difflib.unified_diff(old, new, "before", "after", lineterm="", n=CONTEXT))
            if lines:
                found.append(TextChange(step.name, tuple(lines)))
    return found
