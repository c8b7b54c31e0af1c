"""Topology after a change as a picture, in the language of Mermaid: https://mermaid.js.org"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..preview.instance import Instance, backend_of, inputs
from ..preview.reading import Step, items, mapping
from .consequences import tasks

MOST = 60
"""Lines of a picture: a larger one nobody reads."""
GONE = "removed"
"""Label of what has nothing that runs any more."""
_TASKS = re.compile(r"\btasks\.([a-z0-9-]+)")
"""A service, as the configuration of a gateway names it."""
_CLASS = {"create": ":::added", "update": ":::changed", "replace": ":::changed", "delete": ":::removed"}
_STYLES = (
    "classDef added stroke:#2da44e,stroke-width:3px",
    "classDef changed stroke:#bf8700,stroke-width:3px",
    "classDef removed stroke:#cf222e,stroke-width:3px,stroke-dasharray:4",
)


@dataclass(frozen=True)
class _Known:
    """Targets that other instances point to, by their names in the picture."""

    nodes: Mapping[str, str]
    """Nodes of swarms by the address of their host."""
    services: Mapping[str, str]
    """Services of swarms by their name."""


def picture(instances: Iterable[Instance]) -> str:
    """Return a flowchart of all instances, with changes marked; empty where there is too much to show."""
    named = {f"i{number}": instance for number, instance in enumerate(instances)}
    known = _Known(
        nodes={
            str(mapping(step.inputs.get("host")).get("address")): f"{key}n{number}"
            for key, instance in named.items()
            for number, step in enumerate(instance.of("SwarmNode"))
        },
        services={
            str(step.inputs.get("name")): key
            for key, instance in named.items()
            for step in instance.of("ServiceDefinition")
        },
    )
    lines = ["flowchart LR"]
    for key, instance in named.items():
        lines += [f"  {line}" for line in _lines(key, instance, known)]
    if not 1 < len(lines) <= MOST:
        return ""
    return "\n".join([*lines, *(f"  {style}" for style in _STYLES)])


def _lines(prefix: str, instance: Instance, known: _Known) -> Iterator[str]:
    match instance.kind:
        case "LoadBalancedService":
            yield from _load_balanced(prefix, instance)
        case "SwarmCluster":
            yield f"subgraph {prefix}[{_text(f'swarm {instance.name}')}]"
            for number, step in enumerate(instance.of("SwarmNode")):
                label = f"{step.inputs.get('role')} {instance.node(step)}"
                yield f"  {prefix}n{number}([{_text(label)}]){_class([step])}"
            yield "end"
        case "FloatingAddress":
            group = mapping(inputs(instance.one("FloatingAddressGroup")).get("agreed"))
            address = group.get("first address", instance.name)
            box = f"{prefix}{{{{{_text(str(address))}}}}}{_class(instance.steps)}"
            for number, step in enumerate(instance.of("FloatingAddressNode")):
                host = str(mapping(step.inputs.get("host")).get("address"))
                own = f"{prefix}n{number}([{_text(instance.node(step))}]){_class([step])}"
                yield f"{box} -.-> {known.nodes.get(host, own)}"
        case _:
            removed = instance.fate == "removed"
            count = GONE if removed else tasks(inputs(instance.one("ServiceDefinition")))
            yield f"{prefix}[{_text(f'{instance.name}: {count}')}]{_class(instance.steps)}"
            text = str(inputs(instance.one("GatewayConfig")).get("data", ""))
            for service in sorted({*_TASKS.findall(text)} & {*known.services}):
                yield f"{prefix} --> {known.services[service]}"


def _load_balanced(prefix: str, instance: Instance) -> Iterator[str]:
    front_end = instance.containers("front-end")
    ports = [port.get("external") for step in front_end for port in items(step.inputs.get("ports"))]
    name = f"{instance.name} :{ports[0]}" if ports else instance.name
    changed = _class([*front_end, *instance.of("FrontEndConfig")])
    backends: dict[str, list[Step]] = {}
    for step in instance.containers("replica-"):
        backends.setdefault(backend_of(step), []).append(step)
    for number, (backend, steps) in enumerate(sorted(backends.items())):
        there = sum(step.operation != "delete" for step in steps)
        box = f"{prefix}b{number}[{_text(f'{backend}: {there or GONE}')}]{_class(steps)}"
        yield f"{prefix}([{_text(name)}]){changed} --> {box}"


def _class(steps: Iterable[Step]) -> str:
    """Return the mark of what is new, changed or gone as a whole; nothing where all stays."""
    operations = {step.operation for step in steps}
    if operations <= {"same"}:
        return ""
    return _CLASS[operations.pop()] if len(operations) == 1 else _CLASS["update"]


def _text(value: str) -> str:
    """Return a label that cannot end before its end: whatever is not a plain letter is a numbered entity."""
    plain = "".join(c if c.isalnum() or c in " .:-/" else f"#{ord(c)};" for c in value[:60])
    return f'"{plain}"'
