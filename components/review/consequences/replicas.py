"""Consequences for the replicas of a LoadBalancedService: containers, or one resource a backend."""

from collections.abc import Iterable, Mapping, Sequence

from ...engine.replica import ROLE
from ...preview.instance import Instance, backend_of, inputs, label
from ...preview.reading import Step
from ...proxies.container import Update
from .consequence import Consequence, count, differences, duration, keys, pair
from .rounds import beside, changed, plan, removed, started

Containers = Mapping[str, Sequence[Step]]
"""Steps of a backend's containers by their operation."""


def replicas(instance: Instance) -> Iterable[Consequence]:
    """Yield the consequences for the replicas, backend by backend."""
    apart: dict[str, dict[str, list[Step]]] = {}
    for step in instance.of("Container", "create", "replace", "delete"):
        if label(step, "role").startswith(ROLE):
            apart.setdefault(backend_of(step), {}).setdefault(step.operation, []).append(step)
    whole = {
        step.name.removeprefix(f"{instance.name}-").removesuffix("-replicas"): step
        for step in instance.of("Replicas", "create", "update", "replace", "delete")
    }
    for backend in sorted({*apart, *whole}):
        containers = apart.get(backend, {})
        if backend in whole:
            yield from _as_one(instance, backend, whole[backend], containers)
        else:
            yield from _containers(instance, backend, containers)


def _containers(instance: Instance, backend: str, steps: Containers) -> Iterable[Consequence]:
    if some := steps.get("create"):
        yield started(backend, len(some), served=instance.fate != "created")
    if some := steps.get("replace"):
        why = _definition(instance, backend) or keys(some)
        start = duration(inputs(instance.one("Readiness")).get("startTimeout"))
        drain = duration(inputs(instance.one("FrontEndConfig")).get("drain"))
        yield Consequence(
            f"{count(len(some), 'replica')} of {backend} replaced ({why}) without a gap: the new ones "
            f"start beside the old (healthy within {start}, or the change fails and the old ones stay). "
            f"Then the front end learns of them, and the old ones end within {drain}, "
            "when their requests have."
        )
    if some := steps.get("delete"):
        yield removed(backend, len(some))


def _as_one(instance: Instance, backend: str, step: Step, containers: Containers) -> Iterable[Consequence]:
    """Yield the consequences for a backend whose replicas are one resource, before the change or after it."""
    match step.operation:
        case "create" if gone := containers.get("delete"):
            yield _handed_over(backend, gone, step, "update begins")
        case "create":
            yield started(backend, step.new.get("replicas"), served=instance.fate != "created")
        case "delete" if made := containers.get("create"):
            yield _handed_over(backend, made, step, "update ends")
        case "delete":
            yield removed(backend, step.old.get("replicas"))
        case "update":
            yield from changed(backend, step)
        case _:
            yield Consequence(f"The replicas of {backend} are made anew.", known=False)


def _handed_over(backend: str, containers: Sequence[Step], step: Step, reason: str) -> Consequence:
    """Return the one replacement when a backend gets `update`, or loses it."""
    whole, single = plan(step.inputs), containers[0].inputs
    memory = single.get("memory")
    if whole is None or not isinstance(memory, int):
        return Consequence(f"The replicas of {backend} are replaced once ({reason}) without a gap.")
    # Readiness waits for containers, and does not watch them.
    apart = whole.model_copy(
        update={"replicas": len(containers), "memory": memory, "update": Update(monitor=0)}
    )
    shapes = (
        {"image": single.get("image"), "memory": memory},
        {"image": step.inputs.get("image"), "memory": whole.memory},
    )
    if step.operation == "create":
        why = ", ".join(filter(None, [reason, differences(*shapes)]))
        return beside(backend, why, apart, whole)
    why = ", ".join(filter(None, [reason, differences(*reversed(shapes))]))
    return beside(backend, why, whole, apart)


def _definition(instance: Instance, backend: str) -> str:
    """Describe the differences in the definition of a backend's replicas."""
    step = instance.definition(backend)
    return differences(*pair(step, "definition")) if step and step.operation == "update" else ""
