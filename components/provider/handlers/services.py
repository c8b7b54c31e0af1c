"""What runs in a swarm: `ServiceDefinition`, `SwarmConfig`, `SwarmSecret`. See `services`, `files`."""

import contextlib
import copy
from typing import TYPE_CHECKING, Any, Optional

from pulumi.runtime.rpc import UNKNOWN

from ...engine import files
from ...engine.connection import EngineRefused, HostUnreachable
from ...engine.containers import EngineError, Unfinished
from ...engine.swarm import crowding as room
from ...engine.swarm import membership, services
from ...proxies.health import known
from ...proxies.program import PIDS_LIMIT
from ..values import has_unknown
from .handler import (
    ANY,
    LABELS,
    MANAGERS,
    NUMBER,
    REGISTRIES,
    SWARM_ID,
    TEXT,
    WHOLE,
    Handler,
    Values,
    Warn,
    described,
    mapped,
    secret,
)

if TYPE_CHECKING:
    from docker import DockerClient


def _counted(spec: Any) -> Any:
    """The part of a definition that says how many addresses the service takes."""
    if not isinstance(spec, dict):
        return spec  # not known yet
    return {
        **{key: spec.get(key) for key in ("Mode", "EndpointSpec", "UpdateConfig", "RollbackConfig")},
        **{key: (spec.get("TaskTemplate") or {}).get(key) for key in ("Networks", "Placement")},
    }


def _as_written_before(spec: Values, old: Any) -> Values:
    """A definition as an earlier release wrote it, where that alone would replace all tasks.

    It had no limit of processes, and another text of the same health check.
    """
    made = copy.deepcopy(spec)
    limits = made["TaskTemplate"]["Resources"]["Limits"]
    if limits.get("Pids") == PIDS_LIMIT:
        del limits["Pids"]
    check, had = (_check(each) for each in (made, old))
    if check and had and check["Test"] == known(had["Test"]):
        check["Test"] = had["Test"]
    return made


def _check(spec: Any) -> Values:
    """The health check of a definition, or nothing."""
    container: Values = spec["TaskTemplate"]["ContainerSpec"] if isinstance(spec, dict) else {}
    return container.get("Healthcheck") or {}


class ServiceDefinition(Handler):
    """A service as the Engine API defines one, and that its tasks run."""

    inputs = {
        "managers": MANAGERS,
        "swarmId": SWARM_ID,
        "registries": REGISTRIES,
        "name": described(TEXT, "Name of the service in the swarm; another one is another service."),
        "mode": described(TEXT, "`replicated` or `global`; another one is another service."),
        "spec": described(mapped(ANY), "The service as the Engine API defines one, without its name."),
        "forceUpdate": described(WHOLE, "Another number replaces all tasks though nothing else has changed."),
        "timeout": described(NUMBER, "Seconds without progress after which a change has failed."),
        "stopTimeout": described(NUMBER, "Seconds that the tasks have to end when the service is removed."),
    }
    outputs = {"serviceId": described(TEXT, "Id of the service.")}

    def check(self, new: Values, old: Values, warn: Warn) -> Optional[str]:
        spec = new["spec"]
        if has_unknown([new["managers"], new["swarmId"], _counted(spec)]) or old.get("spec") == spec:
            return None
        # Where no manager answers there is no swarm yet, or `up` says so.
        failed = (EngineError, EngineRefused, HostUnreachable)
        with contextlib.suppress(*failed), membership.manager(new["managers"], new["swarmId"]) as engine:
            return room.crowded(engine, new["name"], spec)
        return None

    def carried(self, new: Values, old: Values) -> Values:
        if not old or has_unknown(new["spec"]) or new["forceUpdate"] != old.get("forceUpdate"):
            return new
        before = _as_written_before(new["spec"], old.get("spec"))
        return {**new, "spec": before} if before == old.get("spec") else new

    def replaces(self, changed: set[str]) -> set[str]:
        return changed & {"name", "mode"}

    def delete_first(self, new: Values, changed: set[str]) -> bool:
        # There is one service of a name, and one that publishes a port.
        return "mode" in changed or has_unknown(new["spec"]) or bool(new["spec"]["EndpointSpec"]["Ports"])

    def create(self, new: Values, preview: bool) -> tuple[str, Values]:
        if preview:
            return "", {"serviceId": UNKNOWN}
        with membership.manager(new["managers"], new["swarmId"]) as engine:
            id_ = services.create(engine, new["name"], new["spec"], new["registries"])
            return id_, self._settled(engine, id_, new["timeout"])

    def update(self, new: Values, old: Values, preview: bool) -> Values:
        if preview:
            return {"serviceId": old["serviceId"]}
        force = new["forceUpdate"] != old.get("forceUpdate")
        with membership.manager(new["managers"], new["swarmId"]) as engine:
            services.update(engine, old["serviceId"], new["spec"], new["registries"], force)
            return self._settled(engine, old["serviceId"], new["timeout"])

    def _settled(self, engine: "DockerClient", id_: str, seconds: float) -> Values:
        made = {"serviceId": id_}
        try:
            services.await_settled(engine, id_, seconds)
        except EngineError as error:
            raise Unfinished(str(error), id_, made) from error
        return made

    def read(self, state: Values) -> Optional[Values]:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            found = services.look(engine, state["serviceId"], state["spec"])
        if found is None:
            return None
        return {} if found == state["spec"] else {"spec": found}

    def delete(self, state: Values) -> None:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            services.remove(engine, state["serviceId"], state["stopTimeout"])


class SwarmConfig(Handler):
    """A file that the tasks of a swarm may have; it cannot be changed, so its name says its content."""

    kind = "config"
    inputs = {
        "managers": MANAGERS,
        "swarmId": SWARM_ID,
        "name": described(TEXT, "Its name in the swarm: another one for another content."),
        "data": described(TEXT, "Its content."),
        "labels": LABELS,
    }
    outputs = {"keptId": described(TEXT, "Its id in the swarm.")}

    def replaces(self, changed: set[str]) -> set[str]:
        return changed & {"name", "data"}

    def create(self, new: Values, preview: bool) -> tuple[str, Values]:
        if preview:
            return "", {"keptId": UNKNOWN}
        with membership.manager(new["managers"], new["swarmId"]) as engine:
            id_ = files.keep(engine, self.kind, new["name"], new["data"], new["labels"])
        return id_, {"keptId": id_}

    def update(self, new: Values, old: Values, preview: bool) -> Values:
        return {"keptId": old["keptId"]}  # other managers to ask: nothing to do

    def read(self, state: Values) -> Optional[Values]:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            return {} if files.kept(engine, self.kind, state["keptId"]) else None

    def delete(self, state: Values) -> None:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            files.discard(engine, self.kind, state["keptId"])


class SwarmSecret(SwarmConfig):
    """The same for what nobody else may see."""

    kind = "secret"
    inputs = {**SwarmConfig.inputs, "data": secret(SwarmConfig.inputs["data"])}
