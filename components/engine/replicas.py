"""Readiness of new replicas: wait until all are healthy, or report the first unhealthy one."""

import contextlib
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any, Optional

from .containers import EngineError
from .masking import without_values
from .progress import report
from .raw import output

if TYPE_CHECKING:
    from docker import DockerClient

AT_ONCE = 8
RESTARTS = 3
LOG_LINES = 10
OUTPUT_SECONDS = 5.0
"""Seconds for which a health check that is repeated for its output may be silent."""
POLL = 0.2
FAILED = "its health check ended with"


def wait_until_well(engine: "DockerClient", replicas: Mapping[str, str], seconds: float) -> None:
    """Return once every replica (name → container id) passes its own health check.

    The check is the one declared on the container, run at once instead of waiting for the engine's next turn:
    engines before 25.0 have no shorter interval at the start. Raises EngineError with the first replica that
    is unhealthy after `seconds`, and its last log lines.
    """
    if found := problems(engine, replicas, seconds):
        raise EngineError(
            f"{len(found)} of {len(replicas)} new replicas are unhealthy, so they get no requests "
            f"and the configuration in force stays: {found[min(found)]}"
        )


def problems(
    engine: "DockerClient", replicas: Mapping[str, str], seconds: float, *, afresh: bool = False
) -> dict[str, str]:
    """Return the replicas (name → container id) that are unhealthy after `seconds`, each with the reason.

    With `afresh` the health check also runs where the engine knows that it passed a moment ago.
    """
    end = time.monotonic() + seconds
    found: dict[str, str] = {}
    report(f"0 of {len(replicas)} new replicas are healthy")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = {
            pool.submit(_problem, engine, name, id_, end, afresh): name
            for name, id_ in sorted(replicas.items())
        }
        try:
            for number, answer in enumerate(as_completed(asked), 1):
                if problem := answer.result():
                    found[asked[answer]] = problem
                report(f"{number - len(found)} of {len(replicas)} new replicas are healthy")
        finally:  # a host that is lost lets each question wait for its timeout
            pool.shutdown(wait=False, cancel_futures=True)
    return found


def _problem(engine: "DockerClient", name: str, container_id: str, end: float, afresh: bool) -> Optional[str]:
    """Return why the replica is unhealthy at `end`, or None as soon as it is healthy."""
    from docker.errors import APIError, NotFound

    said = "its health check did not end"
    while True:
        try:
            container = engine.api.inspect_container(container_id)
            state = container["State"]
            if state["Running"] and not state["Restarting"]:
                code = _check(engine, container, end, afresh)
                if code == 0:
                    return None
                if code is not None:
                    said = f"{FAILED} {code}"
            else:
                said = f"it ended with exit code {state['ExitCode']}"
                if container["RestartCount"]:
                    said += f" and was restarted {container['RestartCount']} times"
                if not state["Restarting"] or container["RestartCount"] >= RESTARTS:
                    return problem_of(engine, name, container, said)
        except NotFound:
            return f"{name}: its container {container_id[:12]} was removed"
        except APIError as error:  # it ended between two calls: the next turn sees how
            said = str(error.explanation or error)
        if time.monotonic() > end:
            return problem_of(engine, name, container, said)
        time.sleep(POLL)


def _command(container: dict[str, Any], afresh: bool = False) -> list[str]:
    """Return the container's own health check; nothing when it has none, or is known to pass it."""
    health = container["State"].get("Health") or {}
    test = (container["Config"].get("Healthcheck") or {}).get("Test") or []
    if (health.get("Status") == "healthy" and not afresh) or not test or test[0] == "NONE":
        return []
    return ["/bin/sh", "-c", test[1]] if test[0] == "CMD-SHELL" else list(test[1:])


def _check(engine: "DockerClient", container: dict[str, Any], end: float, afresh: bool) -> Optional[int]:
    """Return the exit code of the container's own health check, or None when it has not ended at `end`."""
    command = _command(container, afresh)
    if not command:
        return 0
    run = engine.api.exec_create(container["Id"], command)["Id"]
    # Detached: over ssh, the SDK loses each connection on which a command's output has come.
    engine.api.exec_start(run, detach=True)
    while (found := engine.api.exec_inspect(run))["Running"]:
        if time.monotonic() > end:
            return None
        time.sleep(POLL / 4)
    return int(found["ExitCode"])


def _output(engine: "DockerClient", container: dict[str, Any]) -> str:
    """Return the output of the health check, for a report."""
    from docker.errors import APIError

    with contextlib.suppress(OSError, APIError):  # see `_check`; or the container has ended meanwhile
        run = engine.api.exec_create(container["Id"], _command(container, afresh=True))["Id"]
        raw = output(engine, run, OUTPUT_SECONDS).decode(errors="replace").strip()
        return _masked(raw, container)[-200:] or "no output"
    return "its output is lost"


def problem_of(engine: "DockerClient", name: str, container: dict[str, Any], said: str) -> str:
    """Return a replica's problem `said` with its last log lines, without secrets."""
    raw = engine.api.logs(container["Id"], tail=LOG_LINES).decode(errors="replace").strip()
    log = _masked(raw, container) or "(it wrote nothing)"
    lines = "\n".join(f"    {line}" for line in log.splitlines())
    said = _masked(said, container)
    if said.startswith(FAILED):
        said += f": {_output(engine, container)}"
    title = f"{name} (container {container['Name'].lstrip('/')}): {said}"
    return f"{title}; its last log lines:\n{lines}"


def _masked(text: str, container: Mapping[str, Any]) -> str:
    return without_values(text, container["Config"].get("Env") or [])
