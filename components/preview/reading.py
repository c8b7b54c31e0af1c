"""A preview as `pulumi preview --json` prints it.

https://www.pulumi.com/docs/iac/cli/commands/pulumi_preview/; Pulumi has put `[secret]` in place of secrets.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..arguments.depth import is_deep

Operation = Literal["same", "create", "update", "replace", "delete"]
_OPERATIONS: dict[str, Operation] = {
    "same": "same",
    "read": "same",
    "refresh": "same",
    "create": "create",
    "import": "create",
    "replace": "replace",
    "create-replacement": "replace",
    "import-replacement": "replace",
    "delete": "delete",
}
"""Any other operation changes something: update."""
_OF_THE_MACHINE = re.compile(r"using pulumi-\S+ from \$PATH at ")
"""Folder of plugins on the machine that made the preview; it does not matter for the change."""
_EXACT = 16
"""Digits from which on a whole number may be more than 2**53."""
_PART_OF_REPLACE = frozenset({"delete-replaced", "discard-replaced", "remove-pending-replace"})
DOCKER_CONTAINER = "docker:index/container:Container"
IN_PLACE = frozenset(
    [
        "attach",
        "containerReadRefreshTimeoutMilliseconds",
        "cpuPeriod",
        "cpuQuota",
        "cpuSet",
        "cpuShares",
        "destroyGraceSeconds",
        "healthcheck",
        "init",
        "logs",
        "maxRetryCount",
        "memory",
        "memoryReservation",
        "memorySwap",
        "mustRun",
        "removeVolumes",
        "restart",
        "rm",
        "start",
        "tmpfs",
        "wait",
        "waitTimeout",
    ]
)
"""Properties that pulumi-docker changes in a running container. Any other replaces the container, even where
the preview shows an update: it does so when the new value is not known yet (pulumi-docker issue 293)."""
SHOWN_SECRET, SHOWN_UNKNOWN = "[secret]", "[unknown]"
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The SDK's own UNKNOWN. To import it takes five times as long as a review."""
DEEPEST = 100
"""Levels of mappings and lists that a preview may have; the deepest have twenty."""


class NotAPreview(Exception):
    """The text is not what `pulumi preview --json` prints; the message says what to do."""


@dataclass(frozen=True)
class Step:
    """Operation on one resource."""

    operation: Operation
    urn: str
    type: str
    """Type token, such as longshore:index:Swarm."""
    parent: str
    """URN of its parent; nothing for those at the top."""
    old: Mapping[str, Any] = field(default_factory=dict)
    """Inputs before; none of what is created."""
    new: Mapping[str, Any] = field(default_factory=dict)
    """Inputs after; none of what is deleted."""
    changed: frozenset[str] = frozenset()
    """Properties that make it an update or a replacement."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """Outputs before, as the last run or refresh has left them."""
    hidden: bool = False
    """True if the preview calls it an update, but it is a replacement."""

    @property
    def kind(self) -> str:
        """The last part of the type, such as Swarm."""
        return self.type.rpartition(":")[2]

    @property
    def name(self) -> str:
        """Name of the resource."""
        return self.urn.rpartition("::")[2]

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Inputs after the change, or before it where there are none after."""
        return self.new or self.old

    def differs(self, key: str) -> bool:
        """Return whether the input `key` changes; a secret may, though both are shown alike."""
        return key in self.changed or self.old.get(key) != self.new.get(key)


@dataclass(frozen=True)
class Preview:
    """Resources of a stack, and the messages about them."""

    steps: tuple[Step, ...]
    warnings: Mapping[str, tuple[str, ...]]
    """By URN; by nothing where they are about none."""
    errors: tuple[str, ...]


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a mapping of the program's, or an empty one in place of what is secret or not known."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Mapping[str, Any]]:
    """Return a list of mappings of the program's, or an empty one in place of what is secret or not known."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def read(text: str) -> Preview:
    """Return the preview that `text` is. Raises NotAPreview."""
    try:
        found = json.loads(text, parse_constant=_finite, parse_float=_finite, parse_int=_finite)
    except (ValueError, RecursionError) as error:
        raise NotAPreview(f"not JSON ({error}): give what `pulumi preview --json` prints") from error
    if is_deep(found, DEEPEST):
        raise NotAPreview(f"more than {DEEPEST} levels in it: give what `pulumi preview --json` prints")
    if not isinstance(found, dict) or not {"steps", "diagnostics"} & set(found):
        raise NotAPreview("no steps in it: give what `pulumi preview --json` prints")
    steps, diagnostics = (found.get(key) or [] for key in ("steps", "diagnostics"))
    for each in (steps, diagnostics):
        if not isinstance(each, list) or len(items(each)) < len(each):
            raise NotAPreview("steps are no list of mappings: give what `pulumi preview --json` prints")
    return Preview(
        tuple(_step(each) for each in steps if str(each.get("op")) not in _PART_OF_REPLACE),
        _warnings(diagnostics),
        tuple(_said(each) for each in diagnostics if each.get("severity") == "error"),
    )


def _warnings(diagnostics: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for each in diagnostics:
        if each.get("severity") == "warning" and not _OF_THE_MACHINE.match(_said(each)):
            urn = str(each.get("urn") or "")
            found[urn] = (*found.get(urn, ()), _said(each))
    return found


def _finite(digits: str) -> int | float:
    """Return a number that JSON has. ValueError for others, which Python reads."""
    if len(digits) < _EXACT and digits.isdigit():
        return int(digits)
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"no number: {digits[:40]}")
    return int(number) if digits.lstrip("-").isdigit() and abs(number) < 2**53 else number


def _said(line: Mapping[str, Any]) -> str:
    text = str(line.get("message", "")).strip()
    return text.removeprefix("error: ").removeprefix("warning: ")


def _step(found: Mapping[str, Any]) -> Step:
    before, after = mapping(found.get("oldState")), mapping(found.get("newState"))
    state = after or before
    operation = _OPERATIONS.get(str(found.get("op")), "update")
    reasons = found.get("diffReasons")
    changed = frozenset(map(str, reasons)) if isinstance(reasons, list) else frozenset()
    kind = str(state.get("type", ""))
    hidden = operation == "update" and kind == DOCKER_CONTAINER and bool(changed - IN_PLACE)
    return Step(
        operation="replace" if hidden else operation,
        urn=str(found.get("urn", "")),
        type=kind,
        parent=str(state.get("parent", "")),
        old={} if operation == "create" else _shown(mapping(before.get("inputs"))),
        new={} if operation == "delete" else _shown(mapping(after.get("inputs"))),
        changed=changed,
        outputs=_shown(mapping(before.get("outputs"))),
        hidden=hidden,
    )


def _shown(value: Any) -> Any:
    """Return the value with a word in place of each unknown part."""
    if isinstance(value, dict):
        return {key: _shown(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shown(each) for each in value]
    return SHOWN_UNKNOWN if value == _UNKNOWN else value
