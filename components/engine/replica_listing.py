"""Containers of replicas on a host: listed by their owner's labels, and told apart by who has made them."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Optional

from ..naming import LABEL
from .replica import GENERATION, MARK, Seen, Template, backend_of, generation_in, seen
from .replica_steps import listed

if TYPE_CHECKING:
    from docker import DockerClient

Entry = dict[str, Any]


def name_of(labels: Mapping[str, str]) -> str:
    """Return the begin of the names of this owner's replicas: `<component>-<backend>`."""
    return "-".join(backend_of(labels))


def key(labels: Mapping[str, str], index: int | str) -> str:
    """Return the name of a replica of this owner, of any generation."""
    return f"{name_of(labels)}-{index}"


def next_generation(engine: "DockerClient", labels: Mapping[str, str]) -> int:
    """Return the number of replicas that are the first of `Replicas`, beside those of another resource."""
    return highest(engine, entries(engine, labels)) + 1


def first_generation(engine: "DockerClient", labels: Mapping[str, str]) -> int:
    """Return the number of replicas that are the first of a `Generation`: no container here has it."""
    there = entries(engine, labels)
    marked = [int(each["Labels"][GENERATION]) for each in there if MARK in each["Labels"]]
    return max([*marked, *_numbers(engine, there)], default=0) + 1


def unmarked(engine: "DockerClient", labels: Mapping[str, str]) -> Optional[str]:
    """Return the objection to containers with these labels that no resource `Replicas` has made, or None."""
    return refusal(entries(engine, labels), labels)


def look(engine: "DockerClient", template: Template) -> list[Seen]:
    """Return the containers that are of these replicas, in one list call."""
    return ours(entries(engine, template.labels), template)


def ours(found: Iterable[Entry], template: Template) -> list[Seen]:
    """Return the containers that carry the mark of these replicas, or that their resource has adopted."""
    laid = [{**each, "Labels": {**each["Labels"], **template.adopted.get(each["Id"], {})}} for each in found]
    return [seen(each) for each in laid if each["Labels"].get(MARK) == template.mark]


def highest(engine: "DockerClient", found: Iterable[Entry]) -> int:
    """Return the highest generation in network names of containers that no `Replicas` has made."""
    # The other form counts from 1, and may follow this one.
    return max([1, *_numbers(engine, found)])


def entries(engine: "DockerClient", labels: Mapping[str, str]) -> list[Entry]:
    """Return what the engine lists of this owner's containers."""
    same = [f"{key}={value}" for key, value in sorted(labels.items())]
    found: list[Entry] = engine.api.containers(all=True, filters={"label": same})
    return found


def others(found: Iterable[Entry]) -> list[str]:
    """Return the names of containers that no `Replicas` has made."""
    return sorted(str(each["Names"][0]).lstrip("/") for each in found if MARK not in each["Labels"])


def refusal(found: Iterable[Entry], labels: Mapping[str, str]) -> Optional[str]:
    """Return the objection to containers that no `Replicas` has made, or None."""
    strangers = others(found)
    if not strangers:
        return None
    return (
        f"the host has containers with the labels of {name_of(labels)} that this resource has not made "
        f"({listed(strangers)}), and it takes over none: declare it with another {LABEL}.component, "
        "run `up`, and then drop the resources of those containers"
    )


def _numbers(engine: "DockerClient", found: Iterable[Entry]) -> list[int]:
    """Return the generations in network names of containers that no `Replicas` has made."""
    numbers = []
    for each in found:
        if MARK not in each["Labels"]:
            networks = engine.api.inspect_container(each["Id"])["NetworkSettings"]["Networks"].values()
            aliases = [alias for network in networks for alias in network.get("Aliases") or ()]
            numbers += [generation_in(alias) for alias in aliases]
    return numbers
