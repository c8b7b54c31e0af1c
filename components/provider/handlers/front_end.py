"""Readiness of a front end, and its configuration: `Readiness` and `FrontEndConfig`."""

import hashlib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Optional

from ...engine import config_check, demands, facts, front_end_config, history, namesakes
from ...engine.connection import connect
from ...engine.containers import EngineError
from ...engine.front_end_changes import Wanted
from ...engine.front_end_steps import existing
from ...engine.limits import limit_processes
from ...engine.replicas import wait_until_well
from ...proxies.registry import kind_of
from ...resources import front_end as declared
from ...resources.front_end import (
    FrontEndConfigInputs,
    FrontEndConfigOutputs,
    FrontEndConfigState,
    ReadinessInputs,
)
from ...resources.resource import NoOutputs
from ..authors import author, noting_failure
from ..notices import FRONT_END_REPLACED, keeps_port
from ..values import UNKNOWN, has_unknown
from .certificates import files_of, wrong
from .handler import Handler, Warn, checked, differences


class Readiness(Handler[ReadinessInputs, NoOutputs, ReadinessInputs]):
    """Readiness of a front end: its configuration is accepted, its replicas are healthy.

    It is a resource of its own, because it comes before the front end's container. A refused configuration,
    or a replica that never becomes healthy, is found while the old container serves.
    """

    resource = declared.Readiness

    def check(self, new: ReadinessInputs, old: ReadinessInputs, warn: Warn) -> Optional[str]:
        asked = self.kept(new)
        if has_unknown([asked["config"], *(new[key] for key in ("names", "image", "kind", "host"))]):
            return None
        if said := wrong(new, warn):
            return said
        if moved := differences(old.get("container", {}), _told(old, new)):
            warn(f"{FRONT_END_REPLACED} ({moved}): {_cost(old['container'], new['container'])}")
        accepted = not moved and all(old.get(key) == asked[key] for key in ("config", "image", "kind"))
        configured = old.get("config") != asked["config"]
        return checked(lambda: _refused(new, old, configured) or (None if accepted else _problem(new)), warn)

    def kept(self, new: ReadinessInputs) -> ReadinessInputs:
        kept = new.copy()
        kept.pop("demands", None)
        kept.pop("certificates", None)
        kept.pop("clientCa", None)
        # FrontEndConfig shows the text and its differences; once is enough.
        if not has_unknown(new["config"]):
            kept["config"] = f"sha256:{hashlib.sha256(new['config'].encode()).hexdigest()}"
        return kept

    def create(self, new: ReadinessInputs, preview: bool) -> tuple[str, NoOutputs]:
        return "ready", self.update(new, {**new, "replicas": {}, "pidsLimits": {}}, preview)

    def update(self, new: ReadinessInputs, old: ReadinessInputs, preview: bool) -> NoOutputs:
        known = set(old.get("replicas", {}).values())
        # Those without a limit here are healthy already, and have it: `Replicas` has made them.
        alone = {name: id_ for name, id_ in new["replicas"].items() if name in new["pidsLimits"]}
        replicas = {name: id_ for name, id_ in alone.items() if id_ not in known}
        before, limits = _limits(old), _limits(new)
        changed = {id_: limit for id_, limit in limits.items() if before.get(id_) != limit}
        if (replicas or changed) and not preview:
            with connect(new["host"]) as engine, noting_failure(engine, lambda: new["labels"]):
                wait_until_well(engine, replicas, new["startTimeout"])
                limit_processes(engine, changed)
        return {}


def _told(old: ReadinessInputs, new: ReadinessInputs) -> dict[str, str]:
    """Return what replaces the container; also what was given before, and is not any more."""
    return {**dict.fromkeys(old.get("container", {}), "none"), **new["container"]}


def _cost(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Return what the replacement of a front end's container is for clients."""
    if keeps_port(old, new):
        return (
            "one container at a time can hold its port. New connections are refused for about a second, "
            "and for as long as clients keep connections to the old one (at most its drain time)"
        )
    return f"{new['port']} serves before {old['port']} is closed"


def _limits(values: ReadinessInputs) -> dict[str, int]:
    """Return the limits of processes by the id of the container; older states have none."""
    limits = values.get("pidsLimits", {})
    return {id_: limits[name] for name, id_ in values.get("replicas", {}).items() if name in limits}


def _problem(new: ReadinessInputs) -> Optional[str]:
    program = kind_of(new["kind"]).program
    with connect(new["host"], timeout=30) as engine:
        return config_check.problem(
            engine,
            program,
            new["image"],
            config_check.Configuration(new["config"], new["names"], files_of(new)),
            new["labels"],
            new["demands"]["memory"],
        )


def _refused(new: ReadinessInputs, old: ReadinessInputs, configured: bool) -> Optional[str]:
    """Return what the host cannot give, or None. The host is asked about changes only."""
    said = []
    asked, labels = new["demands"], new["labels"]
    if old.get("container") != new["container"] or (configured and demands.needs_files(asked)):
        said += demands.refusals(facts.of(new["host"], labels), asked, labels)
    named = any(old.get(key) != new[key] for key in ("names", "container")) and namesakes.possible(asked)
    made = has_unknown(new["replicas"])  # there will be new ones
    known = {key: limits for key, limits in asked["replicas"].items() if not has_unknown(limits)}
    if named or made:
        with connect(new["host"], timeout=30) as engine:
            said += namesakes.refusals(engine, asked, labels) if named else []
            said += demands.replica_refusals(engine, known, labels) if made else []
    return "; ".join(said) or None


class FrontEndConfig(Handler[FrontEndConfigInputs, FrontEndConfigOutputs, FrontEndConfigState]):
    """The configuration in force in a front end's container. See `front_end_config`."""

    resource = declared.FrontEndConfig

    def carried(self, new: FrontEndConfigInputs, old: FrontEndConfigInputs) -> FrontEndConfigInputs:
        # A state of 0.2.0 has none: that alone is no change.
        others = self.resource.inputs.__annotations__.keys() - {"settings"}
        if not old or "settings" in old or any(new.get(key) != old.get(key) for key in others):
            return new
        kept = new.copy()
        kept.pop("settings", None)
        return kept

    def replaces(self, changed: set[str]) -> set[str]:
        return changed & {"host"}

    def paths(self, key: str, new: FrontEndConfigInputs, old: FrontEndConfigState) -> Mapping[str, str]:
        # A preview shows the same change where it has its effect.
        return {} if key == "settings" and new["config"] != old["config"] else super().paths(key, new, old)

    def drifted(self, state: FrontEndConfigState) -> set[str]:
        return {"running"} if state.get("running") is False else set()

    def create(self, new: FrontEndConfigInputs, preview: bool) -> tuple[str, FrontEndConfigOutputs]:
        if preview:
            return "", {"addresses": UNKNOWN, "running": True}
        return str(new["container"]), self._put_in_force(new)

    def update(
        self, new: FrontEndConfigInputs, old: FrontEndConfigState, preview: bool
    ) -> FrontEndConfigOutputs:
        same = new["container"] == old.get("container")
        if preview:
            return {"addresses": old["addresses"] if same else UNKNOWN, "running": True}
        changed = {key for key in self.resource.inputs.__annotations__ if new.get(key) != old.get(key)}
        deliver = not changed <= {"pidsLimit", "networks", "settings"} or bool(self.drifted(old))
        networks = set(new.get("networks", {}).values())
        left = set(old.get("networks", {}).values()) - networks
        adopted = set(old.get("adopted", []))
        secured = "certificates" in old
        made = self._put_in_force(new, deliver, left, adopted, secured)
        if kept := sorted(adopted & set(new["replicas"].values())):
            made["adopted"] = kept
        return made

    def _put_in_force(
        self,
        new: FrontEndConfigInputs,
        deliver: bool = True,
        left: AbstractSet[str] = frozenset(),
        adopted: AbstractSet[str] = frozenset(),
        secured: bool = False,
    ) -> FrontEndConfigOutputs:
        files = files_of(new)
        wanted = Wanted(
            container=new["container"],
            program=kind_of(new["kind"]).program,
            text=new["config"] if deliver else None,
            files=files if files or secured else None,
            drain=new["drain"],
            joins=set(new.get("networks", {}).values()),
            leaves=left,
            processes=new.get("pidsLimit"),
            replicas=new["replicas"],
            adopted=adopted,
        )
        with connect(new["host"]) as engine:
            with noting_failure(engine, lambda: existing(engine, wanted.container).labels):
                front_end_config.put_in_force(engine, wanted)
                found = front_end_config.running(engine, wanted.container)
                if found is None or not found["running"]:
                    raise EngineError("the front end ended right after its start")
            if "settings" in new:
                in_force = (new["settings"], new["config"], new["replicas"])
                history.keep(engine, wanted.container, author(), *in_force)
        return {"addresses": found["addresses"], "running": True}

    def read(self, state: FrontEndConfigState) -> Optional[front_end_config.Found]:
        program = kind_of(state["kind"]).program
        with connect(state["host"]) as engine:
            return front_end_config.state(engine, program, state["container"])

    def delete(self, state: FrontEndConfigState) -> None:
        with connect(state["host"]) as engine:
            front_end_config.stop(engine, state["container"], state["drain"])
