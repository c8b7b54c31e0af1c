"""Steps of a change of replicas. Each is for several containers, which it changes in parallel."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Optional, TypeVar

from .containers import EngineError, wait_until
from .raw import post
from .replica import MARK, Replica
from .replicas import AT_ONCE, problem_of, problems
from .steps import Step

if TYPE_CHECKING:
    from docker import DockerClient

LISTED = 3
"""Names that a step lists; of more it names the first and the last."""
WATCH_POLL = 0.5
CHECK_SECONDS = 10.0
"""Seconds that the health check after a watch may take."""

T = TypeVar("T")


class ReplicasFailed(EngineError):
    """Error of replicas that cannot be made, are unhealthy, or end."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__(first(reasons))
        self.reasons = dict(reasons)
        """Reason by the replica's network name."""


def first(reasons: Mapping[str, str]) -> str:
    """Return the first reason, by name: it stands for all."""
    return reasons[min(reasons)]


def listed(names: Sequence[str]) -> str:
    """Return names in one short line."""
    return ", ".join(names) if len(names) <= LISTED else f"{names[0]} … {names[-1]} ({len(names)})"


def in_parallel(work: Callable[[T], None], items: Mapping[str, T], at_once: int) -> dict[str, str]:
    """Call `work` for each item, by name; return why the engine refused some."""
    from docker.errors import APIError

    def reason(name: str) -> Optional[str]:
        try:
            work(items[name])
        except APIError as error:
            return f"{name}: the engine refused: {error.explanation or error}"
        except EngineError as error:
            return f"{name}: {error}"
        return None

    with ThreadPoolExecutor(min(at_once, len(items))) as pool:
        found = dict(zip(items, pool.map(reason, items), strict=True))
    return {name: said for name, said in found.items() if said}


@dataclass(frozen=True, kw_only=True)
class Create(Step):
    """Containers are made and started. One of the same name that a former run has made is taken."""

    replicas: Sequence[Replica] = field(repr=False)

    @property
    def action(self) -> str:
        return f"create {listed([each.alias for each in self.replicas])}"

    def perform(self, engine: "DockerClient") -> None:
        def make(replica: Replica) -> None:
            start(engine, _made(engine, replica), replica.template.networks)

        if refused := in_parallel(make, {each.alias: each for each in self.replicas}, AT_ONCE):
            raise ReplicasFailed(refused)


@dataclass(frozen=True, kw_only=True)
class Start(Step):
    """Containers that exist are started."""

    containers: Mapping[str, str]
    """Ids by network name."""
    networks: Sequence[str]

    @property
    def action(self) -> str:
        return f"start {listed(list(self.containers))}"

    def perform(self, engine: "DockerClient") -> None:
        begin = partial(start, engine, networks=self.networks)
        if refused := in_parallel(begin, self.containers, AT_ONCE):
            raise ReplicasFailed(refused)


@dataclass(frozen=True, kw_only=True)
class AwaitHealthy(Step):
    """Wait until replicas pass their health checks."""

    containers: Mapping[str, str]
    """Ids or names by network name."""
    seconds: float

    @property
    def action(self) -> str:
        return f"await health of {listed(list(self.containers))}, at most {self.seconds:g} s"

    def perform(self, engine: "DockerClient") -> None:
        if found := problems(engine, self.containers, self.seconds):
            raise ReplicasFailed(found)


@dataclass(frozen=True, kw_only=True)
class Watch(Step):
    """New replicas run for some time without a restart, and pass their health checks at its end."""

    containers: Mapping[str, str]
    seconds: float

    @property
    def action(self) -> str:
        return f"watch {listed(list(self.containers))} for {self.seconds:g} s"

    def perform(self, engine: "DockerClient") -> None:
        end = time.monotonic() + self.seconds
        restarts: dict[str, int] = {}
        while True:
            self.look(engine, restarts)
            if (left := end - time.monotonic()) <= 0:
                break
            time.sleep(min(WATCH_POLL, left))
        self.ask(engine)

    def look(self, engine: "DockerClient", restarts: dict[str, int]) -> None:
        """Raise ReplicasFailed when a replica has failed; `restarts` has those of each at the first look."""
        for name, container in self.containers.items():
            if said := self._failure(engine, name, container, restarts):
                raise ReplicasFailed({name: said})

    def ask(self, engine: "DockerClient") -> None:
        """Raise ReplicasFailed when a replica does not pass its health check."""
        if found := problems(engine, self.containers, CHECK_SECONDS, afresh=True):
            raise ReplicasFailed(found)

    def _failure(
        self, engine: "DockerClient", name: str, container: str, restarts: dict[str, int]
    ) -> Optional[str]:
        """Return why a replica has failed since the first look, or None."""
        from docker.errors import NotFound

        try:
            found = engine.api.inspect_container(container)
        except NotFound:
            return f"{name}: its container was removed"
        state, count = found["State"], found["RestartCount"]
        if not state["Running"]:
            said = f"it ended with exit code {state['ExitCode']} within {self.seconds:g} s"
        elif count > restarts.setdefault(name, count):
            said = f"it ended within {self.seconds:g} s, and was started again"
        elif (state.get("Health") or {}).get("Status") == "unhealthy":
            said = f"it became unhealthy within {self.seconds:g} s"
        else:
            return None
        return problem_of(engine, name, found, said)


@dataclass(frozen=True, kw_only=True)
class Stop(Step):
    """Containers get their stop signal, and time to end, all at the same time.

    The engine's own stop would hold a connection for each, and over ssh a connection is a run of ssh. Those
    that have not ended are ended by their removal.
    """

    containers: Mapping[str, str]
    """Ids by name."""
    seconds: float

    @property
    def action(self) -> str:
        return f"stop {listed(list(self.containers))}, at most {self.seconds:g} s"

    def perform(self, engine: "DockerClient") -> None:
        from docker.errors import APIError, NotFound

        def signal(container: str) -> None:
            try:
                config = engine.api.inspect_container(container)["Config"]
                engine.api.kill(container, config.get("StopSignal") or "SIGTERM")
            except NotFound:
                return
            except APIError as error:  # it has ended by itself
                if error.status_code != HTTPStatus.CONFLICT:
                    raise

        def ended() -> bool:
            return asked.isdisjoint(each["Id"] for each in engine.api.containers())

        asked = set(self.containers.values())
        if refused := in_parallel(signal, self.containers, AT_ONCE):
            raise EngineError(first(refused))
        wait_until(ended, self.seconds)


@dataclass(frozen=True, kw_only=True)
class Remove(Step):
    """Containers are removed, with their anonymous volumes."""

    containers: Mapping[str, str]
    """Ids by name."""

    @property
    def action(self) -> str:
        return f"remove {listed(list(self.containers))}"

    def perform(self, engine: "DockerClient") -> None:
        from docker.errors import APIError, NotFound

        def remove(container: str) -> None:
            try:
                engine.api.remove_container(container, v=True, force=True)
            except NotFound:
                return
            except APIError as error:
                if "already in progress" not in str(error):
                    raise

        if refused := in_parallel(remove, self.containers, AT_ONCE):
            raise EngineError(first(refused))


@dataclass(frozen=True, kw_only=True)
class Pause(Step):
    """Nothing happens for some time."""

    seconds: float

    @property
    def action(self) -> str:
        return f"wait {self.seconds:g} s"

    def perform(self, engine: "DockerClient") -> None:
        time.sleep(self.seconds)


def _made(engine: "DockerClient", replica: Replica) -> str:
    """Return the id of a replica's container, made now or by a run that was killed."""
    from docker.errors import APIError

    try:
        return str(post(engine, "/containers/create", replica.body(), name=replica.name)["Id"])
    except APIError as error:
        if error.status_code != HTTPStatus.CONFLICT:
            raise
    found: Any = engine.api.inspect_container(replica.name)
    if (found["Config"]["Labels"] or {}).get(MARK) != replica.template.mark:
        raise EngineError(
            f"a container that this resource has not made has its name {replica.name}: remove or rename it"
        )
    return str(found["Id"])


def start(engine: "DockerClient", container: str, networks: Sequence[str]) -> None:
    """Have a container run on all of its networks: engines before 25.0 make one on a single network."""
    from docker.errors import APIError

    if others := networks[1:]:
        joined = engine.api.inspect_container(container)["NetworkSettings"]["Networks"]
        for network in others:
            if network not in joined:
                engine.api.connect_container_to_network(container, network)
    try:
        engine.api.start(container)
    except APIError as error:
        if "paused" not in str(error.explanation):
            raise
        engine.api.unpause(container)
