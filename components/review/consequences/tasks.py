"""Consequences for the tasks of a SwarmService and a SwarmGateway: see docs/swarm-services.md."""

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from ...preview.instance import Instance
from ...preview.reading import Step, items, mapping
from ...provider.notices import GATEWAY_REPLACED
from .certificates import certificates
from .consequence import ENDLESS, Consequence, count, differences, duration, pair
from .protections import protections

GAP = 1.0
"""Seconds from the end of a task until the next one has its node's port: measured, 0.8 to 0.9."""


def service(instance: Instance) -> Iterable[Consequence]:
    """Yield the consequences of a SwarmService's change."""
    return _definition(instance, f"service {instance.name}")


def gateway(instance: Instance) -> Iterable[Consequence]:
    """Yield the consequences of a SwarmGateway's change."""
    yield from _definition(instance, f"gateway {instance.name}")
    if instance.fate != "removed":
        config = instance.one("GatewayConfig")
        yield from certificates(config, "The tasks are replaced.")
        yield from protections(*pair(config, "settings"))


def tasks(values: Mapping[str, Any]) -> str:
    """Return the number of tasks of a service with these inputs, in words."""
    spec = mapping(values.get("spec"))
    if "Global" in mapping(spec.get("Mode")):
        return "a task on each node that meets its constraints"
    number = _replicas(spec)
    return "tasks" if number is None else count(number, "task")


def constraints(values: Mapping[str, Any]) -> list[str]:
    """Return the constraints of a service with these inputs."""
    placement = mapping(mapping(mapping(values.get("spec")).get("TaskTemplate")).get("Placement"))
    return [str(each) for each in placement.get("Constraints") or []]


def host_ports(spec: Mapping[str, Any]) -> list[str]:
    """Return the ports that each task of a service has on its node, as words."""
    ports = items(mapping(spec.get("EndpointSpec")).get("Ports"))
    return [str(port.get("PublishedPort")) for port in ports if port.get("PublishMode") == "host"]


def _definition(instance: Instance, what: str) -> Iterable[Consequence]:
    step = instance.one("ServiceDefinition")
    if step is None:
        return
    start = what[0].upper() + what[1:]
    match step.operation:
        case "create":
            yield Consequence(f"{start} starts with {tasks(step.new)}.")
        case "delete":
            yield Consequence(f"{start} is removed; its tasks end.", ENDLESS)
        case "replace":
            yield _made_anew(step, start)
        case "update":
            yield from _update(step, what)


def _made_anew(step: Step, start: str) -> Consequence:
    spec = mapping(step.new.get("spec"))
    if step.differs("mode") or not spec or _ports(spec):
        return Consequence(
            f"{start} is removed and then made anew: nobody is served until its old tasks have ended (at "
            "most "
            f"{duration(step.old.get('stopTimeout'))}) and new ones are healthy.",
            ENDLESS,
        )
    return Consequence(
        f"{start} is made under another name ({step.old.get('name')} → {step.new.get('name')}), and then "
        "the old one is removed: requests to the old name fail.",
        ENDLESS,
    )


def _update(step: Step, what: str) -> Iterable[Consequence]:
    old, new = (mapping(values.get("spec")) for values in (step.old, step.new))
    start = what[0].upper() + what[1:]
    if not old or not new:
        if step.differs("spec"):
            yield Consequence(f"{start} changes; how is secret, or not known yet.", known=False)
        return
    unseen = "spec" in step.changed and old == new
    parts = [{key: spec.get(key) for key in ("TaskTemplate", "EndpointSpec")} for spec in (old, new)]
    if parts[0] != parts[1] or unseen or step.differs("forceUpdate"):
        why = differences(parts[0], parts[1]) or ("a value that is secret" if unseen else "force_update")
        yield _replacement(step, new, f"Tasks of {what} are replaced ({why})")
    if closed := sorted(_ports(old) - _ports(new)):
        yield Consequence(f"Afterwards {start} has no port {', '.join(map(str, closed))} any more.", ENDLESS)
    before, after = _replicas(old), _replicas(new)
    if before is not None and after is not None and before != after:
        yield Consequence(f"{start} is scaled from {before} to {after} tasks.", 0.0 if after else ENDLESS)


def _replacement(step: Step, new: Mapping[str, Any], head: str) -> Consequence:
    update, number = mapping(new.get("UpdateConfig")), _replicas(new)
    at_once = update.get("Parallelism") or 0
    everyone = not at_once or (number is not None and at_once >= number)
    if host_ports(new):
        if everyone:
            return Consequence(
                f"{head}, all at once: their ports are closed for about {GAP:g} s.",
                GAP,
                warned=GATEWAY_REPLACED,
            )
        return Consequence(
            f"{head}, {at_once} at a time: one task at a time can have a port of its node. "
            f"Each node in turn refuses new connections for about {GAP:g} s; "
            "nodes with a task of their own serve meanwhile.",
            GAP,
            warned=GATEWAY_REPLACED,
        )
    pace = "all at once" if everyone else f"{at_once} at a time"
    if update.get("Order") == "start-first":
        if _has_check(new) or not _ports(new):
            ready = "is healthy" if _has_check(new) else "runs"
            return Consequence(
                f"{head}, {pace}, without a gap: each new task {ready} before the old one loses its "
                "address and ends."
            )
        return Consequence(
            f"{head}, {pace}: without a health check each new task gets connections when it runs, and may "
            "refuse "
            f"them for about {GAP:g} s, until it listens.",
            GAP,
        )
    if everyone:
        return Consequence(
            f"{head}, {pace}: the old tasks end (at most {duration(step.new.get('stopTimeout'))}) before "
            "the new "
            "ones start, and nobody is served until those are healthy.",
            ENDLESS if number != 0 else 0.0,
        )
    return Consequence(f"{head}, {pace}: each old task ends before the new one starts, so fewer serve.")


def _replicas(spec: Mapping[str, Any]) -> Optional[int]:
    """Return the number of tasks; None of a global service, or when it is not known."""
    number = mapping(mapping(spec.get("Mode")).get("Replicated")).get("Replicas")
    return int(number) if isinstance(number, int | float) else None


def _ports(spec: Mapping[str, Any]) -> set[int]:
    ports = items(mapping(spec.get("EndpointSpec")).get("Ports"))
    return {
        int(port["PublishedPort"]) for port in ports if isinstance(port.get("PublishedPort"), int | float)
    }


def _has_check(spec: Mapping[str, Any]) -> bool:
    return bool(mapping(mapping(spec.get("TaskTemplate")).get("ContainerSpec")).get("Healthcheck"))
