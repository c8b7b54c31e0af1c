"""Services of a swarm: `ServiceDefinition`, `SwarmConfig`, `SwarmSecret`. See `services`, `files`."""

import contextlib
import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional, TypedDict, TypeVar

from ...engine import files
from ...engine.connection import EngineRefused, HostUnreachable
from ...engine.containers import EngineError, Unfinished
from ...engine.swarm import crowding as room
from ...engine.swarm import membership, services
from ...proxies.health import known
from ...proxies.program import PIDS_LIMIT
from ...resources import services as declared
from ...resources.services import (
    FileOutputs,
    ServiceDefinitionInputs,
    ServiceDefinitionOutputs,
    ServiceDefinitionState,
    SwarmConfigInputs,
    SwarmConfigState,
    SwarmSecretInputs,
    SwarmSecretState,
)
from ..values import UNKNOWN, has_unknown
from .handler import Handler, Warn

if TYPE_CHECKING:
    from docker import DockerClient

Inputs = TypeVar("Inputs", bound=SwarmConfigInputs)
State = TypeVar("State", bound=SwarmConfigState)


class Found(TypedDict, total=False):
    """Properties of a service that differ from its state."""

    spec: services.Spec


def _counted(spec: Any) -> Any:
    """Return the part of a definition that decides how many addresses the service takes."""
    if not isinstance(spec, dict):
        return spec  # not known yet
    return {
        **{key: spec.get(key) for key in ("Mode", "EndpointSpec", "UpdateConfig", "RollbackConfig")},
        **{key: (spec.get("TaskTemplate") or {}).get(key) for key in ("Networks", "Placement")},
    }


def _as_written_before(spec: services.Spec, old: Any) -> services.Spec:
    """Return a definition as an earlier release wrote it, where that alone would replace all tasks.

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


def _check(spec: Any) -> services.Spec:
    """Return the health check of a definition, or nothing."""
    container: services.Spec = spec["TaskTemplate"]["ContainerSpec"] if isinstance(spec, dict) else {}
    return container.get("Healthcheck") or {}


class ServiceDefinition(Handler[ServiceDefinitionInputs, ServiceDefinitionOutputs, ServiceDefinitionState]):
    """A service as the Engine API defines one, and that its tasks run."""

    resource = declared.ServiceDefinition

    def check(self, new: ServiceDefinitionInputs, old: ServiceDefinitionInputs, warn: Warn) -> Optional[str]:
        spec = new["spec"]
        if has_unknown([new["managers"], new["swarmId"], _counted(spec)]) or old.get("spec") == spec:
            return None
        # Where no manager answers there is no swarm yet, or `up` says so.
        failed = (EngineError, EngineRefused, HostUnreachable)
        with contextlib.suppress(*failed), membership.manager(new["managers"], new["swarmId"]) as engine:
            return room.crowded(engine, new["name"], spec)
        return None

    def carried(self, new: ServiceDefinitionInputs, old: ServiceDefinitionInputs) -> ServiceDefinitionInputs:
        if not old or has_unknown(new["spec"]) or new["forceUpdate"] != old.get("forceUpdate"):
            return new
        before = _as_written_before(new["spec"], old.get("spec"))
        return {**new, "spec": before} if before == old.get("spec") else new

    def replaces(self, changed: set[str]) -> set[str]:
        return changed & {"name", "mode"}

    def delete_first(self, new: ServiceDefinitionInputs, changed: set[str]) -> bool:
        # There is one service of a name, and one that publishes a port.
        return "mode" in changed or has_unknown(new["spec"]) or bool(new["spec"]["EndpointSpec"]["Ports"])

    def create(self, new: ServiceDefinitionInputs, preview: bool) -> tuple[str, ServiceDefinitionOutputs]:
        if preview:
            return "", {"serviceId": UNKNOWN}
        with membership.manager(new["managers"], new["swarmId"]) as engine:
            id_ = services.create(engine, new["name"], new["spec"], new["registries"])
            return id_, self._settled(engine, id_, new["timeout"])

    def update(
        self, new: ServiceDefinitionInputs, old: ServiceDefinitionState, preview: bool
    ) -> ServiceDefinitionOutputs:
        if preview:
            return {"serviceId": old["serviceId"]}
        force = new["forceUpdate"] != old.get("forceUpdate")
        with membership.manager(new["managers"], new["swarmId"]) as engine:
            services.update(engine, old["serviceId"], new["spec"], new["registries"], force)
            return self._settled(engine, old["serviceId"], new["timeout"])

    def _settled(self, engine: "DockerClient", id_: str, seconds: float) -> ServiceDefinitionOutputs:
        made: ServiceDefinitionOutputs = {"serviceId": id_}
        try:
            services.await_settled(engine, id_, seconds)
        except EngineError as error:
            raise Unfinished(str(error), id_, made) from error
        return made

    def read(self, state: ServiceDefinitionState) -> Optional[Found]:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            found = services.look(engine, state["serviceId"], state["spec"])
        if found is None:
            return None
        return {} if found == state["spec"] else {"spec": found}

    def delete(self, state: ServiceDefinitionState) -> None:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            services.remove(engine, state["serviceId"], state["stopTimeout"])


class File(Handler[Inputs, FileOutputs, State]):
    """A file that the tasks of a swarm may have; it cannot be changed, so its name says its content."""

    kind: str
    """`config` or `secret`."""
    remedy = "split it into several files"
    """Way out for one that is too large."""

    def check(self, new: Inputs, old: Inputs, warn: Warn) -> Optional[str]:
        # A certificate that is refused has no text here: another resource says why.
        if has_unknown(new["data"]) or not (said := files.too_large(self.kind, new["data"])):
            return None
        return f"{said}: {self.remedy}"

    def replaces(self, changed: set[str]) -> set[str]:
        return changed & {"name", "data"}

    def create(self, new: Inputs, preview: bool) -> tuple[str, FileOutputs]:
        if preview:
            return "", {"keptId": UNKNOWN}
        with membership.manager(new["managers"], new["swarmId"]) as engine:
            id_ = files.keep(engine, self.kind, new["name"], new["data"], new["labels"])
        return id_, {"keptId": id_}

    def update(self, new: Inputs, old: State, preview: bool) -> FileOutputs:
        return {"keptId": old["keptId"]}  # other managers to ask: nothing to do

    def read(self, state: State) -> Optional[Mapping[str, object]]:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            return {} if files.kept(engine, self.kind, state["keptId"]) else None

    def delete(self, state: State) -> None:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            files.discard(engine, self.kind, state["keptId"])


class SwarmConfig(File[SwarmConfigInputs, SwarmConfigState]):
    """A config of the swarm."""

    resource = declared.SwarmConfig
    kind = "config"


class SwarmSecret(File[SwarmSecretInputs, SwarmSecretState]):
    """A secret of the swarm."""

    resource = declared.SwarmSecret
    kind = "secret"
