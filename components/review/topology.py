"""A picture of what is there after a change, in the language of Mermaid: https://mermaid.js.org"""

from collections.abc import Iterable, Iterator

from .consequences import tasks
from .instance import Instance, backend_of, inputs
from .preview import Step, items, mapping

MOST = 60
"""Lines of a picture: a larger one nobody reads."""
_CLASS = {"create": ":::added", "update": ":::changed", "replace": ":::changed", "delete": ":::removed"}
_STYLES = (
    "classDef added stroke:#2da44e,stroke-width:3px",
    "classDef changed stroke:#bf8700,stroke-width:3px",
    "classDef removed stroke:#cf222e,stroke-width:3px,stroke-dasharray:4",
)


def picture(instances: Iterable[Instance]) -> str:
    """A flowchart of all instances, with what changes marked; nothing where there is too much to show."""
    lines = ["flowchart LR"]
    for number, instance in enumerate(instances):
        lines += [f"  {line}" for line in _lines(f"i{number}", instance)]
    if not 1 < len(lines) <= MOST:
        return ""
    return "\n".join([*lines, *(f"  {style}" for style in _STYLES)])


def _lines(prefix: str, instance: Instance) -> Iterator[str]:
    match instance.kind:
        case "LoadBalancedService":
            yield from _load_balanced(prefix, instance)
        case "SwarmCluster":
            for number, step in enumerate(instance.of("SwarmNode")):
                node = instance.node(step)
                role = step.inputs.get("role")
                box = f"{prefix}n{number}([{_text(f'{role} {node}')}])"
                yield f"{prefix}[{_text(instance.name)}] --- {box}{_class([step])}"
        case "FloatingAddress":
            group = mapping(inputs(instance.one("FloatingAddressGroup")).get("agreed"))
            address = group.get("first address", instance.name)
            box = f"{prefix}{{{{{_text(str(address))}}}}}{_class(instance.steps)}"
            for number, step in enumerate(instance.of("FloatingAddressNode")):
                node = instance.node(step)
                yield f"{box} -.-> {prefix}n{number}([{_text(node)}]){_class([step])}"
        case _:
            removed = instance.fate == "removed"
            count = "removed" if removed else tasks(inputs(instance.one("ServiceDefinition")))
            yield f"{prefix}[{_text(f'{instance.name}: {count}')}]{_class(instance.steps)}"


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
        box = f"{prefix}b{number}[{_text(f'{backend}: {there}')}]{_class(steps)}"
        yield f"{prefix}([{_text(name)}]){changed} --> {box}"


def _class(steps: Iterable[Step]) -> str:
    """The mark of what is new, changed or gone as a whole; nothing where all stays."""
    operations = {step.operation for step in steps}
    if operations <= {"same"}:
        return ""
    return _CLASS[operations.pop()] if len(operations) == 1 else _CLASS["update"]


def _text(value: str) -> str:
    """A label that cannot end before its end: whatever is not a plain letter is a numbered entity."""
    plain = "".join(c if c.isalnum() or c in " .:-/" else f"#{ord(c)};" for c in value[:60])
    return f'"{plain}"'
