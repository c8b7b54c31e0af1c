"""The components of a program, each with the steps of its resources."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Optional

from ..naming import LABEL, PACKAGE
from .reading import DOCKER_CONTAINER, Preview, Step, items

COMPONENTS = ("FloatingAddress", "LoadBalancedService", "SwarmCluster", "SwarmGateway", "SwarmService")
_TYPES = frozenset(f"{PACKAGE}:index:{kind}" for kind in COMPONENTS)
STACK = "pulumi:pulumi:Stack"
CONFIGURATIONS = {"FloatingAddressNode": "config", "FrontEndConfig": "config", "GatewayConfig": "data"}
"""Resources that hold a generated configuration, and the input that it is."""
Fate = Literal["created", "updated", "replaced", "removed", "unchanged"]


@dataclass(frozen=True)
class Instance:
    """One component, and what happens to the resources of its own."""

    kind: str
    name: str
    fate: Fate
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = ()
    """Warnings of the preview about its resources."""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """Inputs of the component itself."""
    services: tuple[Step, ...] = ()
    """Definitions of the services that are declared within it, as far as the preview shows them."""

    def of(self, kind: str, *operations: str) -> list[Step]:
        """Return the steps of resources of that kind, by name; by default with any operation."""
        found = [s for s in self.steps if s.kind == kind and (not operations or s.operation in operations)]
        return sorted(found, key=lambda step: step.name)

    def one(self, kind: str) -> Optional[Step]:
        """Return the only resource of that kind, or None."""
        found = self.of(kind)
        return found[0] if found else None

    def node(self, step: Step) -> str:
        """Return the name of the node that a resource of this instance is for, as the settings have it."""
        return step.name.removeprefix(f"{self.name}-node-")

    def definition(self, backend: str) -> Optional[Step]:
        """Return the step that defines the replicas of a backend, or None."""
        name = f"{self.name}-{backend}-generation"
        return next((step for step in self.of("Generation") if step.name == name), None)

    def rounds(self, backend: str) -> Optional[Step]:
        """Return the step of the resource that changes the replicas of a backend in rounds, or None."""
        name = f"{self.name}-{backend}-replicas"
        return next((step for step in self.of("Replicas") if step.name == name), None)

    def containers(self, role: str, *operations: str) -> list[Step]:
        """Return the steps of containers with that role (or one that begins with it, where it ends in -).

        A replica that is changed in rounds has the step of a container, too.
        """
        return [
            step
            for step in self._running
            if (not operations or step.operation in operations)
            and (label(step, "role") == role or (role.endswith("-") and label(step, "role").startswith(role)))
        ]

    @cached_property
    def _running(self) -> list[Step]:
        return running(self.steps)


def running(steps: Iterable[Step]) -> list[Step]:
    """Return the steps of containers, by name: also one for each replica of a resource `Replicas`."""
    found = [each for step in steps for each in _expanded(step)]
    return sorted((each for each in found if each.type == DOCKER_CONTAINER), key=lambda step: step.name)


def _expanded(step: Step) -> Iterable[Step]:
    """Return the steps of the containers that a step stands for."""
    if step.kind != "Replicas":
        return [step]
    from .replicas import expanded  # which loads Pulumi: a preview without such a resource does not need it

    return expanded(step)


def label(step: Step, key: str) -> str:
    """Return a label of ours on a container; nothing where it has none."""
    for each in items(step.inputs.get("labels")):
        if each.get("label") == f"{LABEL}.{key}":
            return str(each.get("value"))
    return ""


def backend_of(replica: Step) -> str:
    """Return the backend of a replica's container."""
    return label(replica, "role").removeprefix("replica-")


def instances(preview: Preview) -> list[Instance]:
    """Return all instances, by name; those without a change, too, as far as the preview shows them."""
    own: dict[str, Optional[Step]] = {}
    parts: dict[str, list[Step]] = {}
    for step in preview.steps:
        if _component(step.urn):
            own[step.urn] = step
        elif _component(step.parent):
            own.setdefault(step.parent, None)
            parts.setdefault(step.parent, []).append(step)
    services: dict[str, list[Step]] = {}
    for urn, component in own.items():
        within = component.parent if component else ""
        services.setdefault(within, []).extend(s for s in parts.get(urn, []) if s.kind == "ServiceDefinition")
    found = [
        _instance(preview, urn, step, parts.get(urn, []), services.get(urn, [])) for urn, step in own.items()
    ]
    return sorted(found, key=lambda each: (each.kind, each.name))


def others(preview: Preview) -> list[Step]:
    """Return the steps of resources that belong to no component of ours and change."""
    return [
        step
        for step in preview.steps
        if step.operation != "same"
        and step.type != STACK
        and not _component(step.urn)
        and not _component(step.parent)
    ]


def _component(urn: str) -> bool:
    return _type(urn) in _TYPES


def _type(urn: str) -> str:
    match urn.split("::"):
        case [_, _, types, _, *_]:
            return types.rpartition("$")[2]
    return ""


def _instance(
    preview: Preview, urn: str, own: Optional[Step], steps: Iterable[Step], services: Iterable[Step]
) -> Instance:
    known = tuple(steps)
    said = [line for about in (urn, *(s.urn for s in known)) for line in preview.warnings.get(about, ())]
    kind, name = _type(urn).rpartition(":")[2], urn.rpartition("::")[2]
    return Instance(kind, name, _fate(own, known), known, tuple(said), inputs(own), tuple(services))


def _fate(own: Optional[Step], steps: Iterable[Step]) -> Fate:
    if own is not None and own.operation == "create":
        return "created"
    if own is not None and own.operation == "delete":
        return "removed"
    changed = {step.operation for step in steps} - {"same"}
    if not changed:
        return "unchanged"
    runs = [*running(steps), *(step for step in steps if step.kind == "ServiceDefinition")]
    there = [step for step in runs if step.operation != "create"]
    return "replaced" if there and all(step.operation == "replace" for step in there) else "updated"


def inputs(step: Optional[Step]) -> Mapping[str, Any]:
    """Return the inputs of a step that may not be there."""
    return step.inputs if step else {}
