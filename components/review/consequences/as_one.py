"""Consequences for a backend whose replicas are one resource, before its change or after it."""

from collections.abc import Iterable, Mapping, Sequence

from ...preview.instance import Instance
from ...preview.reading import Step
from ...proxies.container import Update
from .consequence import Consequence, differences, removed, started
from .rounds import beside, changed, peak, plan


def as_one(
    instance: Instance, backend: str, step: Step, containers: Mapping[str, Sequence[Step]]
) -> Iterable[Consequence]:
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


def together(steps: Iterable[Step]) -> Iterable[Consequence]:
    """Yield the memory limits of all backends whose replicas are replaced, where these are several."""
    peaks = [found for step in steps if step.operation == "update" and (found := peak(step))]
    if len(peaks) > 1:
        most, after = map(sum, zip(*peaks, strict=True))
        yield Consequence(
            f"{len(peaks)} backends change at the same time: their memory limits are at most {most:,} MiB "
            f"together meanwhile, and {after:,} MiB afterwards."
        )


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
