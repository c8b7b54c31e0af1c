"""Consequences for the replicas of a LoadBalancedService: containers, or one resource a backend."""

from collections.abc import Iterable, Mapping, Sequence

from ...preview.instance import Instance, backend_of, inputs, label
from ...preview.reading import Step
from .consequence import Consequence, count, differences, duration, keys, pair, removed, started

Containers = Mapping[str, Sequence[Step]]
"""Steps of a backend's containers by their operation."""


def replicas(instance: Instance) -> Iterable[Consequence]:
    """Yield the consequences for the replicas, backend by backend."""
    apart: dict[str, dict[str, list[Step]]] = {}
    for step in instance.of("Container", "create", "replace", "delete"):
        if label(step, "role").startswith("replica-"):
            apart.setdefault(backend_of(step), {}).setdefault(step.operation, []).append(step)
    whole = {
        step.name.removeprefix(f"{instance.name}-").removesuffix("-replicas"): step
        for step in instance.of("Replicas", "create", "update", "replace", "delete")
    }
    if whole:
        from .as_one import as_one, together  # loads Pulumi: a preview without one does not need it
    for backend in sorted({*apart, *whole}):
        containers = apart.get(backend, {})
        if backend in whole:
            yield from as_one(instance, backend, whole[backend], containers)
        else:
            yield from _containers(instance, backend, containers)
    if whole:
        yield from together(whole.values())


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


def _definition(instance: Instance, backend: str) -> str:
    """Describe the differences in the definition of a backend's replicas."""
    step = instance.definition(backend)
    return differences(*pair(step, "definition")) if step and step.operation == "update" else ""
