"""Steps of a change of keepalived on one node. Pure functions: they compare, and touch nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Optional

from .keepalived_steps import Create, PullKeepalived, Reload, Remove, Spec, Start, TakeOver, Validate
from .steps import Step


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A node's container as it is."""

    id: str
    running: bool
    same: bool
    """True when it differs from what is declared in nothing but its configuration."""
    config: Optional[str] = field(repr=False)
    """Its configuration; None without one."""


def changes(
    seen: Optional[Seen], spec: Spec, name: str, strays: Iterable[str], *, starting: bool = True
) -> list[Step]:
    """Return the steps from `seen` to `spec`; a new container gets `name`.

    A changed configuration is reloaded, which does not move the addresses. Another image or limit needs
    another container: keepalived stops, which moves them. `strays` are ids of containers of runs that did not
    come to their end. Without `starting` a new container is only made.
    """
    validate = Validate(spec=spec, cause="it must be accepted before anything changes")
    if seen and seen.same:
        if seen.config != spec["config"]:
            return [
                validate,
                Reload(
                    container=seen.id,
                    config=spec["config"],
                    before=seen.config or "",
                    cause="its configuration changes",
                ),
            ]
        return [] if seen.running else [Start(container=seen.id, cause="it does not run")]
    cause = "declared" if seen is None else "only a new container can have the image and limits"
    steps: list[Step] = [
        PullKeepalived(image=spec["image"], registries=spec["registries"], cause="a container is made of it"),
        validate,
        *(Remove(container=each, cause="a run that did not end left it") for each in strays),
        Create(name=name, spec=spec, cause=cause),
    ]
    if seen:
        steps.append(TakeOver(former=seen.id, container=name, cause="one at a time can have the addresses"))
        steps.append(Remove(container=seen.id, cause="it is replaced"))
    elif starting:
        steps.append(TakeOver(former=None, container=name, cause=cause))
    return steps
