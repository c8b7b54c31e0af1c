"""`Replicas`: the containers of one backend. See `replica_set`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Optional, cast

from ...arguments.parsing import parse
from ...engine import replica_listing, replica_set
from ...engine.canary_steps import NO_CANARY
from ...engine.connection import HostUnreachable, connect
from ...engine.containers import EngineError
from ...engine.images import PULL_SECONDS
from ...engine.replica import (
    DEFINES,
    ROLE,
    Declared,
    Template,
    Wanted,
    digest,
    marks_of,
)
from ...engine.replica_steps import listed
from ...naming import LABEL
from ...proxies.health import of_any_host
from ...resources import replicas as declared
from ...resources.replicas import ReplicasInputs, ReplicasOutputs, ReplicasState
from ..authors import noting_failure
from ..values import UNKNOWN, has_unknown
from .handler import UPDATED, Handler, Warn

_SAMPLES = {"image": "unknown", "replicas": 2, "networks": ["unknown"]}
"""Values in place of those that a preview does not know."""


class Replicas(Handler[ReplicasInputs, ReplicasOutputs, ReplicasState]):
    """The containers of one backend, found again by a mark that only this resource sets."""

    resource = declared.Replicas

    def check(self, new: ReplicasInputs, old: ReplicasInputs, warn: Warn) -> Optional[str]:
        if has_unknown(new["labels"]):
            return None
        if said := _mistake(new):
            return said
        if old or has_unknown(new["host"]):
            return None
        owner = replica_listing.name_of(new["labels"])
        try:
            with connect(new["host"], timeout=30) as engine:
                if "contact" not in new:
                    return replica_listing.unmarked(engine, new["labels"])
                others = replica_listing.others(replica_listing.entries(engine, new["labels"]))
        except HostUnreachable as error:
            if "contact" not in new:  # else the front end's resources say so
                warn(f"replicas of {owner} not checked at this preview: {error}")
            return None
        if others:
            warn(
                f"the replicas of {owner} ({listed(others)}) are a resource each: `longshore migrate` keeps "
                "them; without it, `up` replaces them as for a new image"
            )
        return None

    def kept(self, new: ReplicasInputs) -> ReplicasInputs:
        if has_unknown([new["replicas"], new["labels"]]):
            return new
        return {**new, "each": dict.fromkeys(_names(new), "running")}

    def carried(self, new: ReplicasInputs, old: ReplicasInputs) -> ReplicasInputs:
        # A route alone replaces no replica: those that run go on asking as they do.
        now, was = (cast(Mapping[str, Any], each.get("container", {})) for each in (new, old))
        asks, asked = now.get("health"), was.get("health")
        if (
            not isinstance(asks, list)
            or not isinstance(asked, list)
            or of_any_host(asks) != of_any_host(asked)
        ):
            return new
        as_before: Any = {**now, "health": asked}
        carried: ReplicasInputs = {**new, "container": as_before}
        return carried if _definition(carried) == _definition(old) else new

    def replaces(self, changed: set[str]) -> set[str]:
        return changed & {"host", "labels"}

    def paths(self, key: str, new: ReplicasInputs, old: ReplicasState) -> Mapping[str, str]:
        now, was = new.get("each"), old.get("each")
        if key != "each" or not isinstance(now, Mapping) or not isinstance(was, Mapping):
            return super().paths(key, new, old)
        # A change of the count is shown as that; here are the replicas of before that are otherwise.
        before = set(_names(old))
        kinds = {name: UPDATED if name in was else "ADD" for name in now.keys() & before}
        kinds |= dict.fromkeys(was.keys() - now.keys() - before, "DELETE")
        return {
            f'each["{name}"]': kind for name, kind in sorted(kinds.items()) if now.get(name) != was.get(name)
        }

    def holds(self, state: ReplicasState) -> Optional[str]:
        return f"{replica_listing.name_of(state['labels'])} (mark {_mark(state)})"

    def create(self, new: ReplicasInputs, preview: bool) -> tuple[str, ReplicasOutputs]:
        if preview:
            return "", {"generation": _first_generation(new), "containers": UNKNOWN, "names": UNKNOWN}
        arguments = _declared(new)
        with (
            connect(new["host"], timeout=PULL_SECONDS) as engine,
            noting_failure(engine, lambda: new["labels"]),
        ):
            made = replica_set.deliver(engine, _wanted(new, arguments), arguments)
        return replica_listing.name_of(new["labels"]), {**made}

    def update(self, new: ReplicasInputs, old: ReplicasState, preview: bool) -> ReplicasOutputs:
        if preview:
            _check_canary(new, old)
            return _foreseen(new, old)
        arguments, number = _declared(new), old["generation"]
        known = frozenset(old["containers"].values())
        wanted, former = (
            _wanted(values, asked, number, known, _adopted(old))
            for values, asked in ((new, arguments), (old, _declared(old)))
        )
        with (
            connect(new["host"], timeout=PULL_SECONDS) as engine,
            noting_failure(engine, lambda: new["labels"]),
        ):
            return {**replica_set.deliver(engine, wanted, arguments, former)}

    def read(self, state: ReplicasState) -> Optional[Mapping[str, object]]:
        wanted = _wanted(state, _declared(state), state["generation"], adopted=_adopted(state))
        with connect(state["host"]) as engine:
            there = replica_listing.look(engine, wanted.template)
            states = replica_set.states(engine, there, wanted)
        # It is there without any container, too: its number must outlive them.
        return {"each": states, **replica_set.made(there, wanted)}

    def delete(self, state: ReplicasState) -> Optional[str]:
        template = _wanted(state, _declared(state), adopted=_adopted(state)).template
        with connect(state["host"]) as engine:
            replica_set.remove(engine, template, state["containers"].values())
        return None


def _mistake(new: ReplicasInputs) -> Optional[str]:
    """Return the mistake that no host has to be asked for, or None; ArgumentError for a wrong argument."""
    if not new["labels"].get(f"{LABEL}.role", "").startswith(ROLE):
        return f"labels must have a {LABEL}.role that begins with {ROLE!r}, such as {ROLE}web"
    _declared(new)
    if "canary" in new and "contact" not in new:
        return "canary is for replicas behind a front end, which contact describes: drop it"
    return None


def _declared(values: ReplicasInputs) -> Declared:
    """Return the arguments, validated; ArgumentError when one is wrong."""
    asked: dict[str, Any] = {
        "image": values["image"],
        "replicas": values["replicas"],
        "networks": values["networks"],
        "container": _known_container(values.get("container", {})),
        "update": values.get("update"),
        "rollback": values.get("rollback"),
        "canary": values.get("canary"),
        "drain": values.get("drain"),
        "start_timeout": values.get("startTimeout"),
    }
    known = {key: value for key, value in asked.items() if not has_unknown(value)}
    return parse(Declared, {**_SAMPLES, **known}, f"Replicas {replica_listing.name_of(values['labels'])!r}")


def _known_container(container: Any) -> Any:
    """Return a container without variables that are not known yet."""
    if not isinstance(container, Mapping) or not isinstance(container.get("environment"), Mapping):
        return container
    environment = {key: value for key, value in container["environment"].items() if value != UNKNOWN}
    return {**container, "environment": environment}


def _wanted(
    values: ReplicasInputs,
    asked: Declared,
    number: int = 0,
    known: frozenset[str] = frozenset(),
    adopted: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> Wanted:
    template = Template(
        labels=values["labels"],
        mark=_mark(values),
        definition=digest(*_definition(values)),
        image=asked.image,
        networks=asked.networks,
        container=asked.container,
        drain=asked.drain,
        adopted=adopted,
    )
    return Wanted(
        template=template,
        count=asked.replicas,
        generation=number,
        start_timeout=asked.start_timeout,
        registries=values["registries"],
        known=known,
        contact=values.get("contact"),
    )


def _adopted(state: ReplicasState) -> dict[str, dict[str, str]]:
    """Return the labels that adopted containers would carry, by id."""
    definition = digest(*_definition(state))
    return marks_of(state.get("adopted", {}), _mark(state), definition, state["generation"])


def _definition(values: ReplicasInputs) -> list[object]:
    return [cast(Mapping[str, object], values).get(key) for key in DEFINES]


def _mark(values: ReplicasInputs) -> str:
    """Return the mark of the containers: of another owner, or through another address, it is another."""
    return digest(values["labels"], values["host"]["address"])


def _names(values: ReplicasInputs) -> list[str]:
    return [replica_listing.key(values["labels"], index) for index in range(values["replicas"])]


def _check_canary(new: ReplicasInputs, old: ReplicasState) -> None:
    """Raise EngineError for a change in which a front end could send nothing to a canary."""
    now, was = (new.get("contact"), _definition(new)), (old.get("contact"), _definition(old))
    if "canary" in new and not has_unknown([*now]) and now[0] != was[0] and now[1] != was[1]:
        raise EngineError(NO_CANARY)


def _foreseen(new: ReplicasInputs, old: ReplicasState) -> ReplicasOutputs:
    """Return the outputs as a preview knows them; their number is known as soon as the definition is."""
    unknown, same = has_unknown(_definition(new)), _definition(new) == _definition(old)
    number = UNKNOWN if unknown else old["generation"] + (not same)
    if same and (new["replicas"], new.get("each")) == (old["replicas"], old.get("each")):
        return {"generation": number, "containers": old["containers"], "names": old["names"]}
    return {"generation": number, "containers": UNKNOWN, "names": UNKNOWN}


def _first_generation(new: ReplicasInputs) -> Any:
    """Return the number of the first definition; UNKNOWN where the host has to say it, and cannot."""
    if "contact" not in new:
        return 1
    if has_unknown([new["host"], new["labels"]]):
        return UNKNOWN
    try:
        with connect(new["host"], timeout=30) as engine:
            return replica_listing.next_generation(engine, new["labels"])
    except HostUnreachable:
        return UNKNOWN
