"""A preview as `pulumi preview --json` prints it.

https://www.pulumi.com/docs/iac/cli/commands/pulumi_preview/; Pulumi has put `[secret]` in place of secrets.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Operation = Literal["same", "create", "update", "replace", "delete"]
_OPERATIONS: dict[str, Operation] = {
    "create": "create",
    "import": "create",
    "update": "update",
    "replace": "replace",
    "create-replacement": "replace",
    "import-replacement": "replace",
    "delete": "delete",
}
_PART_OF_REPLACE = frozenset({"delete-replaced", "discard-replaced", "remove-pending-replace"})
DOCKER_CONTAINER = "docker:index/container:Container"
IN_PLACE = frozenset(
    {
        *(
            "attach",
            "containerReadRefreshTimeoutMilliseconds",
            "cpuPeriod",
            "cpuQuota",
            "cpuSet",
            "cpuShares",
        ),
        *(
            "destroyGraceSeconds",
            "healthcheck",
            "init",
            "logs",
            "maxRetryCount",
            "memory",
            "memoryReservation",
        ),
        *("memorySwap", "mustRun", "removeVolumes", "restart", "rm", "start", "tmpfs", "wait", "waitTimeout"),
    }
)
"""What pulumi-docker changes in a container that runs. Everything else replaces it, also where its preview
says update: it does when the new value is not known yet (pulumi-docker issue 293)."""


class NotAPreview(Exception):
    """The text is not what `pulumi preview --json` prints; the message says what to do."""


@dataclass(frozen=True)
class Step:
    """What happens to one resource."""

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
    hidden: bool = False
    """Whether the preview calls it an update, but it is a replacement."""

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
        """Whether the input `key` is another one afterwards."""
        return self.old.get(key) != self.new.get(key)


@dataclass(frozen=True)
class Preview:
    """All resources of a stack, and what was said about them."""

    steps: tuple[Step, ...]
    warnings: Mapping[str, tuple[str, ...]]
    """By URN; by nothing where they are about none."""
    errors: tuple[str, ...]


def read(text: str) -> Preview:
    """The preview that `text` is. Raises NotAPreview."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise NotAPreview(f"not JSON ({error}): give what `pulumi preview --json` prints") from error
    if not isinstance(found, dict) or not isinstance(found.get("steps", []), list):
        raise NotAPreview("no steps in it: give what `pulumi preview --json` prints")
    steps = [_step(each) for each in found.get("steps", []) if each.get("op") not in _PART_OF_REPLACE]
    warnings: dict[str, list[str]] = {}
    errors = []
    for line in found.get("diagnostics") or []:
        said = str(line.get("message", "")).strip()
        if line.get("severity") == "error":
            errors.append(said.removeprefix("error: "))
        elif line.get("severity") == "warning" and line.get("urn"):
            warnings.setdefault(line["urn"], []).append(said.removeprefix("warning: "))
    return Preview(tuple(steps), {urn: tuple(said) for urn, said in warnings.items()}, tuple(errors))


def _step(found: Mapping[str, Any]) -> Step:
    before, after = found.get("oldState") or {}, found.get("newState") or {}
    state = after or before
    operation = _OPERATIONS.get(str(found.get("op")), "same")
    changed = frozenset(str(key) for key in found.get("diffReasons") or [])
    kind = str(state.get("type", ""))
    hidden = operation == "update" and kind == DOCKER_CONTAINER and bool(changed - IN_PLACE)
    return Step(
        operation="replace" if hidden else operation,
        urn=str(found.get("urn", "")),
        type=kind,
        parent=str(state.get("parent", "")),
        old={} if operation == "create" else before.get("inputs") or {},
        new={} if operation == "delete" else after.get("inputs") or {},
        changed=changed,
        hidden=hidden,
    )
