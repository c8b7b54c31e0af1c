"""Services of a swarm through the Engine API. Plain functions, no Pulumi.

A service is what the Engine API calls a ServiceSpec: https://docs.docker.com/reference/api/engine/
"""

import copy
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Optional

from ...arguments.connections import Login
from ...naming import same_owner
from ..containers import POLL, EngineError, wait_until
from ..images import login
from ..masking import without_values
from ..progress import report
from ..raw import api, log, older, post
from .membership import in_sequence
from .tasks import unfinished
from .templates import meant

if TYPE_CHECKING:
    from docker import DockerClient

Spec = dict[str, Any]
"""JSON of the Engine API."""
ENDED = frozenset({"complete", "failed", "rejected", "orphaned"})
"""States of a task that has ended by itself."""
GIVE_UP = 3
"""Tasks of one slot that end during a wait before the service is called broken."""
STABLE_SECONDS = 2.0
"""Seconds that a task without a health check must run before it counts as healthy."""
LOG_LINES = 10
STOPPED = {
    "paused": "stopped, as its failure action says: tasks of both definitions may serve",
    "rollback_paused": "rolled back, but that stopped, too",
    "rollback_completed": "rolled back: the former definition serves",
}
"""States of an update in which Swarm does nothing more."""
ENGINE_25 = "1.44"
"""API of the first engine that can forbid new privileges to the tasks of a service. It also has an interval
of its own for health checks in the start period."""


def create(engine: "DockerClient", name: str, spec: Spec, registries: Iterable[Login]) -> str:
    """Make the service, or find the one with our labels and make it so; its id.

    Nodes pull its image with the first login to its registry among `registries`.
    """
    for found in api(engine).services(filters={"name": name}):
        if found["Spec"]["Name"] == name:
            if not same_owner(found["Spec"].get("Labels") or {}, spec["Labels"]):
                raise EngineError(
                    f"there is a service {name} in this swarm already, which is not ours: give this one "
                    "another name, or remove that one"
                )
            update(engine, found["ID"], spec, registries)
            return str(found["ID"])
    body = {**adapted(engine, spec), "Name": name}
    return str(post(engine, "/services/create", body, _login_header(spec, registries))["ID"])


def update(
    engine: "DockerClient", service: str, spec: Spec, registries: Iterable[Login], force: bool = False
) -> None:
    """Make the service what `spec` says; Swarm does it task by task, see `await_settled`.

    `registries` as in `create`: another login alone replaces no task. `force` replaces all, also when they
    are what `spec` says.
    """
    wanted = adapted(engine, spec)

    def change() -> None:
        from docker.errors import NotFound

        try:
            found = api(engine).inspect_service(service)
        except NotFound as error:
            raise EngineError("the service is gone: refresh, then up again") from error
        # Somebody may have forced an update by hand; that number must not go back.
        forced = found["Spec"]["TaskTemplate"].get("ForceUpdate", 0) + force
        template = _but_for_start_interval(wanted["TaskTemplate"], found["Spec"]["TaskTemplate"])
        body = {
            **wanted,
            "Name": found["Spec"]["Name"],
            "TaskTemplate": {**template, "ForceUpdate": forced},
        }
        header = _login_header(spec, registries)
        post(engine, f"/services/{service}/update", body, header, version=found["Version"]["Index"])

    in_sequence(change)


def await_settled(engine: "DockerClient", service: str, seconds: float) -> None:
    """Wait until all tasks of the present definition run, and an update under way has ended.

    Raises EngineError with the tasks' own reasons when nothing has gone on for `seconds`, when tasks
    fail again and again, or when the update was stopped or rolled back.
    """
    former = _ended(engine, service).keys()
    before, since, most, gained = None, 0.0, -1, 0.0
    while True:
        found = api(engine).inspect_service(service)
        name, state = found["Spec"]["Name"], (found.get("UpdateStatus") or {}).get("State", "")
        if state in STOPPED:
            raise EngineError(f"the update of service {name} was {STOPPED[state]}{_reasons(engine, service)}")
        wanted, running = _progress(engine, found)
        now = time.monotonic()
        if before is None or before[0] != state or running > most:
            most, gained = running, now  # a task that runs again is no progress
        if before != (state, wanted, running):
            before, since = (state, wanted, running), now
            report(f"{running} of {wanted} tasks run" + (f", update {state}" if state else ""))
        if running >= wanted and state in ("", "completed"):
            settled = state == "completed" or _has_check(found["Spec"])
            if settled or now - since >= STABLE_SECONDS:
                return
        elif now - gained > seconds:
            said = f"{running} of {wanted} tasks of service {name} run, and no more for {seconds:g} s"
            raise EngineError(f"{said}{_reasons(engine, service)}")
        if state in ("", "completed") and _given_up(_ended(engine, service), former):
            raise EngineError(f"service {name} does not run{_reasons(engine, service)}")
        time.sleep(POLL)


def look(engine: "DockerClient", service: str, declared: Spec) -> Optional[Spec]:
    """Return `declared` with the differences of the real service; None when the service is gone.

    The engine adds its defaults: undeclared keys are left out.
    """
    from docker.errors import NotFound

    try:
        found = api(engine).inspect_service(service)["Spec"]
    except NotFound:
        return None
    return dict(_as_found(declared, adapted(engine, declared), found))


def remove(engine: "DockerClient", service: str, seconds: float) -> None:
    """Remove the service and wait until its tasks have ended."""
    from docker.errors import NotFound

    try:
        api(engine).remove_service(service)
    except NotFound:
        return
    wait_until(lambda: not unfinished(engine, service=service), seconds)


def adapted(engine: "DockerClient", spec: Spec) -> Spec:
    """Return `spec` as this engine takes it: networks by id, and nothing that it is too old for."""
    made = copy.deepcopy(spec)
    for network in made["TaskTemplate"]["Networks"]:
        network["Target"] = _network(engine, network["Target"])
    container = made["TaskTemplate"]["ContainerSpec"]
    if older(engine, ENGINE_25):
        del container["Privileges"]
    elif health := container.get("Healthcheck"):
        # Unset it is 5 s, which a healthy task would wait.
        health["StartInterval"] = health["Interval"]
    return made


def _but_for_start_interval(wanted: Spec, before: Spec) -> Spec:
    """Return the next task template; without a start interval where that alone would replace tasks."""
    made = copy.deepcopy(wanted)
    (made["ContainerSpec"].get("Healthcheck") or {}).pop("StartInterval", None)
    had = before["ContainerSpec"].get("Healthcheck") or {}
    return made if "StartInterval" not in had and _as_found(made, made, before) == made else wanted


_UNSENT = object()


def _as_found(declared: Any, sent: Any, actual: Any) -> Any:
    """Return `declared`, with `actual` in place of what differs from `sent`."""
    if sent is _UNSENT or sent == actual or (actual is None and not sent):
        return declared  # the engine leaves out what is empty, zero or false
    if isinstance(declared, Mapping) and isinstance(actual, Mapping):
        return {
            key: _as_found(value, sent.get(key, _UNSENT), actual.get(key)) for key, value in declared.items()
        }
    if isinstance(declared, list) and isinstance(actual, list) and len(declared) == len(actual):
        return [_as_found(*each) for each in zip(declared, sent, actual, strict=True)]
    if isinstance(declared, Mapping) and actual is None:
        return {key: _as_found(value, sent.get(key, _UNSENT), None) for key, value in declared.items()}
    return actual


def _network(engine: "DockerClient", name: str) -> str:
    """Return the id of an overlay network."""
    for found in api(engine).networks():
        if name in (found["Name"], found["Id"]) and found["Scope"] == "swarm":
            return str(found["Id"])
    raise EngineError(f"there is no overlay network {name} in this swarm: make it first, or name another")


def _progress(engine: "DockerClient", found: dict[str, Any]) -> tuple[int, int]:
    """Return the number of wanted tasks, and of running tasks that have the present definition."""
    fresh = [
        task
        for task in _tasks(engine, found["ID"], **{"_up-to-date": "true"})
        if task["DesiredState"] == "running"
    ]
    running = sum(task["Status"]["State"] == "running" for task in fresh)
    replicated = found["Spec"]["Mode"].get("Replicated")
    return (max(1, len(fresh)) if replicated is None else int(replicated.get("Replicas", 0))), running


def _ended(engine: "DockerClient", service: str) -> dict[str, Any]:
    """Return the slot, by task, of the tasks of the present definition that have ended by themselves."""
    return {
        task["ID"]: task.get("Slot") or task.get("NodeID")
        for task in _tasks(engine, service, **{"_up-to-date": "true"})
        if task["Status"]["State"] in ENDED
    }


def _given_up(ended: Mapping[str, Any], former: AbstractSet[str]) -> bool:
    """Return whether a slot has ended again and again; `former` are tasks of before that do not count."""
    slots = Counter(slot for task, slot in ended.items() if task not in former)
    return any(count >= GIVE_UP for count in slots.values())


def _reasons(engine: "DockerClient", service: str) -> str:
    """Return why tasks did not run, newest first, with the last lines of the newest."""
    said, last = [], ""
    tasks = _tasks(engine, service)
    for task in sorted(tasks, key=lambda task: str(task["CreatedAt"]), reverse=True):
        status = task["Status"]
        reason = status.get("Err") or (
            status["Message"] if status["State"] in ("pending", "complete") else ""
        )
        line = f"task {task.get('Slot') or task.get('NodeID', '')}: {reason}"
        if reason and line not in said:
            said.append(line)
        if status["State"] in ENDED and not last:
            last = _log(engine, task["ID"])
    parts = [f": {'; '.join(said[:3])}"] if said else []
    if last:
        parts.append("; its last log lines:\n" + "\n".join(f"    {line}" for line in last.splitlines()))
    return without_values("".join(parts), _environment(tasks))


def _environment(tasks: Iterable[dict[str, Any]]) -> list[str]:
    given = [entry for task in tasks for entry in task["Spec"]["ContainerSpec"].get("Env") or []]
    return [form for entry in given for form in (entry, meant(entry))]


def _log(engine: "DockerClient", task: str) -> str:
    """Return the last lines that a task wrote; nothing when its node does not tell."""
    from docker.errors import APIError

    try:
        raw = log(engine, task, LOG_LINES)
    except APIError:
        return ""
    return "\n".join(raw.decode(errors="replace").splitlines()[-LOG_LINES:])


def _has_check(spec: Spec) -> bool:
    return bool(spec["TaskTemplate"]["ContainerSpec"].get("Healthcheck"))


def _tasks(engine: "DockerClient", service: str, **filters: str) -> list[dict[str, Any]]:
    return list(api(engine).tasks(filters={"service": service, **filters}))


def _login_header(spec: Spec, registries: Iterable[Login]) -> dict[str, str]:
    """Return the header with the login to the registry of the image; none where none is known."""
    from docker.auth import encode_header, resolve_repository_name

    image = spec["TaskTemplate"]["ContainerSpec"]["Image"]
    known = login(image, registries)
    if known is None:
        return {}
    address = resolve_repository_name(image)[0]
    return {"X-Registry-Auth": encode_header({**known, "serveraddress": address}).decode()}
