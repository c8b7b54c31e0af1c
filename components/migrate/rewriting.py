"""A state, rewritten: replicas that are a resource each become one resource, and the other way round.

Pure functions of what `pulumi stack export` prints. Encrypted values stay as they are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..engine.replica import generation_in
from ..naming import LABEL, replica_alias, type_token
from ..preview.reading import SHOWN_SECRET
from ..provider.values import UNKNOWN
from ..proxies.health import known, of_any_host
from ..repair.leftovers import FRONT_END
from ..repair.survey import CONTAINER

Json = dict[str, Any]
GENERATION, READINESS = type_token("Generation"), type_token("Readiness")
_PENDING = ("delete", "pendingReplacement")
_SET_APART = {"each", "registries"}
"""Inputs of `Replicas` that may differ from the declared ones: they change nothing on the host."""


class Unfinished(Exception):
    """Error: an interrupted change has left replicas that are to be deleted or replaced."""


@dataclass(frozen=True)
class Apart:
    """The replicas of a backend as a resource each."""

    count: Json
    """Their `Generation`."""
    containers: dict[str, Json]
    """Each container by the replica's name, in the order of the state."""

    @property
    def number(self) -> int:
        """The generation."""
        return int(self.count["outputs"]["number"])

    @property
    def ids(self) -> dict[str, str]:
        """Ids of the containers by the replica's name, by index."""
        ordered = sorted(self.containers, key=lambda name: int(name.rpartition("-")[2]))
        return {name: self.containers[name]["id"] for name in ordered}

    @property
    def urns(self) -> set[str]:
        """URNs of all its resources."""
        return {each["urn"] for each in (self.count, *self.containers.values())}


def owner_of(whole: Json) -> str:
    """Return the begin of the names of a backend's replicas: `<component>-<backend>`."""
    return _name(whole).removesuffix("-replicas")


def apart(deployment: Json, parent: str, owner: str) -> Optional[Apart]:
    """Return the replicas of a backend that are a resource each, or None. Raises Unfinished."""
    counts, containers = [], {}
    for each in deployment.get("resources") or []:
        name, kind = _name(each), each["type"]
        start, _, index = name.rpartition("-")
        is_count = kind == GENERATION and name == f"{owner}-generation"
        if each.get("parent") != parent or not (is_count or (kind, start) == (CONTAINER, owner)):
            continue
        if any(each.get(key) for key in _PENDING):
            raise Unfinished(name)
        if is_count:
            counts.append(each)
        elif index.isdecimal():
            containers[name] = each
    return Apart(counts[0], containers) if counts and containers else None


def joined(deployment: Json, declared: Json) -> Json:
    """Return the deployment with the replicas of one backend as the one resource that is declared.

    The resource is recorded with the definition of the containers, not with the declared one.
    """
    owner, parent = owner_of(declared), declared["parent"]
    parts = apart(deployment, parent, owner)
    assert parts is not None  # noqa: S101 — who calls has asked
    whole = _whole(deployment, declared, parts)
    containers = {each["urn"] for each in parts.containers.values()}
    last = [each["urn"] for each in parts.containers.values()][-1]

    def linked(each: Json) -> Json:
        # A network depended on the number alone; what depends on a container follows all of them.
        instead = [whole["urn"]] if containers & set(each.get("dependencies") or []) else []
        return _linked(each, lambda _, urns: _exchanged(urns, parts.urns, instead))

    recorded = {each["urn"] for each in deployment["resources"]}
    whole = _linked(whole, lambda _, urns: [urn for urn in urns if urn in recorded - parts.urns])
    found: list[Json] = []
    for each in deployment["resources"]:
        if each["urn"] == last:
            found.append(whole)
        elif each["urn"] not in parts.urns:
            found.append(_of_front_end(linked(each), parent, parts))
    return {**deployment, "resources": found}


def split(deployment: Json, whole: Json, saved: Json) -> Json:
    """Return the deployment with adopted replicas as a resource each, as a state of before has them."""
    parent, owner = whole["parent"], owner_of(whole)
    parts = apart(saved, parent, owner)
    assert parts is not None  # noqa: S101
    former = {each["urn"]: each for each in saved["resources"]}
    found: list[Json] = []

    def linked(each: Json) -> Json:
        was, there = former.get(each["urn"], {}), {earlier["urn"] for earlier in found}

        def links(key: Optional[str], urns: Sequence[str]) -> list[str]:
            before = (was.get("propertyDependencies") or {}).get(key) if key else was.get("dependencies")
            again = [urn for urn in before or [] if urn in parts.urns]
            kept = [urn for urn in urns if urn != whole["urn"] and urn not in again]
            return [urn for urn in [*kept, *again] if urn in there]

        return _linked(each, links)

    # A network depends on the number, too; one that stands before the number's provider does not yet.
    first, *containers = parts.count, *parts.containers.values()
    needed = {parent, first["provider"].rpartition("::")[0]}
    for each in deployment["resources"]:
        here, there = each["urn"] == whole["urn"], {earlier["urn"] for earlier in found}
        follows = first["urn"] in (former.get(each["urn"], {}).get("dependencies") or [])
        if first["urn"] not in there and (here or (follows and needed <= there)):
            found.append(first)
        if not here:
            found.append(_of_front_end(linked(each), parent, parts, former.get(each["urn"])))
        found += [linked(container) for container in containers] if here else []
    return {**deployment, "resources": found}


def returns(whole: Json, saved: Json) -> bool:
    """Return whether a state of before has exactly the containers and the number of these replicas."""
    parts = apart(saved, whole["parent"], owner_of(whole))
    outputs = whole["outputs"]
    return parts is not None and (parts.ids, parts.number) == (outputs["containers"], outputs["generation"])


def is_adopted(whole: Json) -> bool:
    """Return whether all replicas are those that a move has taken over."""
    outputs = whole["outputs"]
    adopted = outputs.get("adopted") or {}
    numbers = {generation_in(adopted.get(id_, "")) for id_ in outputs["containers"].values()}
    return numbers == {outputs["generation"]}


def differences(declared: Json, whole: Json) -> list[str]:
    """Return the declared inputs that are not those of the containers; hidden secrets are not compared."""
    now, was = ({**each["inputs"], **each["inputs"]["container"]} for each in (declared, whole))
    for each in (now, was):
        each["health"] = of_any_host(each["health"])
        del each["container"]
    keys = (now.keys() | was.keys()) - _SET_APART
    return sorted(key for key in keys if key[:2] != "__" and not _same(now.get(key), was.get(key)))


def _whole(deployment: Json, declared: Json, parts: Apart) -> Json:
    """Return the entry of the one resource."""
    inputs, recorded = dict(declared["inputs"]), parts.count["inputs"]
    (front_end,) = (
        each
        for each in deployment["resources"]
        if each["type"] == FRONT_END and each.get("parent") == declared["parent"]
    )
    ids, owner = parts.ids, owner_of(declared)
    inputs |= {
        "container": _container(declared["inputs"]["container"], recorded),
        "image": recorded["definition"]["image"],
        "replicas": len(ids),
        "host": front_end["inputs"]["host"],
        "registries": recorded.get("registries") or [],
        "each": dict.fromkeys(ids, "running"),
    }
    backend = owner.removeprefix(f"{inputs['labels'][f'{LABEL}.component']}-")
    component = inputs["labels"][f"{LABEL}.component"]
    outputs = {
        **inputs,
        "generation": parts.number,
        "containers": ids,
        "names": [parts.containers[name]["inputs"]["name"] for name in ids],
        "adopted": {
            id_: replica_alias(component, backend, int(name.rpartition("-")[2]), parts.number)
            for name, id_ in ids.items()
        },
    }
    keys = ("urn", "custom", "type", "parent", "dependencies", "propertyDependencies")
    entry = {key: declared[key] for key in keys if key in declared}
    return {**entry, "id": owner, "provider": parts.count["provider"], "inputs": inputs, "outputs": outputs}


def _container(declared: Json, recorded: Json) -> Json:
    """Return the container of the replicas as a `Generation` has recorded its definition."""
    definition = recorded["definition"]
    policy, _, retries = definition["restart"].rpartition(":")
    container = {key: declared[key] for key in declared if key not in ("command", "cpus", "user")}
    same = sorted(declared["capabilities"]) == definition["capabilities"]  # recorded in order
    return {
        **container,
        **{key: definition[key] for key in ("command", "cpus", "user") if key in definition},
        "health": recorded.get("health") or known(definition["health"]),
        "environment": definition.get("environment") or {},
        "memory": definition["memory"],
        "capabilities": declared["capabilities"] if same else definition["capabilities"],
        "read_only": definition["readOnly"],
        "restart": {"policy": policy, "max_retries": int(retries)},
    }


def _of_front_end(each: Json, parent: str, parts: Apart, former: Optional[Json] = None) -> Json:
    """Return a resource of the front end as it is with adopted replicas; with a `former` entry, without."""
    ids = set(parts.ids.values())
    if each.get("parent") == parent and each["type"] == READINESS:
        values = {key: dict(each[key]) for key in ("inputs", "outputs")}
        for key, properties in values.items():
            limits = {
                name: limit
                for name, limit in properties.get("pidsLimits", {}).items()
                if name not in parts.containers
            }
            before = former[key].get("pidsLimits", {}) if former else {}
            limits |= {name: before[name] for name in parts.containers if name in before}
            if limits or "pidsLimits" in properties:
                properties["pidsLimits"] = limits
        return {**each, **values}
    if each.get("parent") == parent and each["type"] == FRONT_END:
        outputs = dict(each["outputs"])
        adopted = set(outputs.pop("adopted", [])) - ids | (set() if former else ids)
        return {**each, "outputs": {**outputs, **({"adopted": sorted(adopted)} if adopted else {})}}
    return each


def _linked(each: Json, change: Callable[[Optional[str], Sequence[str]], list[str]]) -> Json:
    """Return an entry with other dependencies; `change` gets the property, or None for all of them."""
    found = dict(each)
    if "dependencies" in each:
        found["dependencies"] = change(None, each["dependencies"])
    if "propertyDependencies" in each:
        found["propertyDependencies"] = {
            key: change(key, urns or []) for key, urns in each["propertyDependencies"].items()
        }
    return found


def _exchanged(urns: Iterable[str], gone: set[str], instead: Sequence[str]) -> list[str]:
    return [*dict.fromkeys(new for urn in urns for new in (instead if urn in gone else [urn]))]


def _same(given: Any, recorded: Any) -> bool:
    """Return whether a declared value is known and equals the recorded one, as far as it is shown."""
    if given == UNKNOWN:
        return False
    if given == SHOWN_SECRET:
        return True
    if isinstance(given, Mapping) and isinstance(recorded, Mapping):
        return given.keys() == recorded.keys() and all(_same(given[key], recorded[key]) for key in given)
    if isinstance(given, list) and isinstance(recorded, list):
        return len(given) == len(recorded) and all(map(_same, given, recorded))
    return bool(given == recorded)


def _name(each: Json) -> str:
    return str(each["urn"].rpartition("::")[2])
