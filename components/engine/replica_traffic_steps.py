"""The front end of a component sends to the replicas that serve, while its replicas are replaced in rounds.

The configuration in force stays as it is, but for the network names of replicas. So a round needs no
settings of the front end, and the change of one backend leaves the others as they are.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Optional

from ..naming import LABEL
from ..proxies.program import Program
from ..proxies.registry import KINDS
from .answers import answers, log_of
from .containers import clock, read_file, workers
from .front_end_steps import AwaitOldWorkers, Reload
from .progress import report
from .replica import backend_of
from .replica_steps import ReplicasFailed, Watch, listed
from .replicas import problem_of
from .rounds_record import keep, loaded, rounds_of
from .steps import Step

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_one_at_a_time = Lock()
"""The backends of a front end change at the same time; each reload has the replicas of all of them."""


@dataclass(frozen=True, kw_only=True)
class Send(Step):
    """The front end sends to these replicas, and to no other of their backend."""

    labels: Mapping[str, str] = field(repr=False)
    """Labels that name the owner of the replicas."""
    serving: Sequence[str]
    """Network names of the replicas."""
    drain: float
    """Seconds that requests in flight get."""
    watch: Optional[Watch] = None
    """Watch of some of the replicas, once requests are sent to them."""

    @property
    def action(self) -> str:
        return f"send requests to {listed(self.serving)}"

    def perform(self, engine: "DockerClient") -> None:
        front_ends, begin = _front_ends(engine, self.labels), clock(engine)
        for container in front_ends:
            with _one_at_a_time:
                loading = self._reload(engine, container)
            if loading is None:
                continue
            text, wait = loading
            wait.perform(engine)
            with _one_at_a_time:
                loaded(container, text)
        if self.watch:
            watched = clock(engine)
            report(str(self.watch))
            self.watch.perform(engine)
            for container in front_ends:
                self._compare(engine, container, self.watch, begin, watched)

    def _compare(
        self, engine: "DockerClient", container: "Container", watch: Watch, begin: float, watched: float
    ) -> None:
        """Raise ReplicasFailed when the watched replicas answer errors that those before them did not."""
        backend = backend_of(self.labels)[1]
        before = answers(log_of(container, begin - watch.seconds, begin), backend)
        servers = _servers(engine, backend, watch.containers)
        now = answers(log_of(container, watched), backend, servers)
        if now.worse_than(before):
            total = f"{now.errors.total()} of {now.count} answers have a status from 500 on"
            usual = f"{before.errors.total()} of {before.count} had one in the {watch.seconds:g} s before"
            raise ReplicasFailed(
                {
                    name: problem_of(engine, name, engine.api.inspect_container(id_), f"{total}, {usual}")
                    for name, id_ in watch.containers.items()
                    if now.errors[name]
                }
            )

    def _reload(self, engine: "DockerClient", container: "Container") -> tuple[str, AwaitOldWorkers] | None:
        """Put the replicas in force; return the configuration, and the wait for the workers of before."""
        found = _configuration(container)
        if found is None or not self.serving:
            return None
        program, live = found
        rounds = rounds_of(container, live)
        now = {**rounds.serving, "-".join(backend_of(self.labels)): list(self.serving)}
        text = rounds.before
        for owner, names in now.items():
            text = exchanged(text, owner, names)
        if text == live and not rounds.loading:
            return None
        old = workers(container)
        keep(container, live, rounds, text, now)
        Reload(container=str(container.id), program=program, text=text, before=old, cause=self.cause).perform(
            engine
        )
        wait = AwaitOldWorkers(container=str(container.id), before=old, drain=self.drain, cause=self.cause)
        return text, wait


def _servers(engine: "DockerClient", backend: str, containers: Mapping[str, str]) -> dict[str, str]:
    """Return replicas by what a front end logs of each: the name of its server, or its address."""
    found: dict[str, str] = {}
    for name, container in containers.items():
        found[f"{backend}-{name.rpartition('-g')[0].rpartition('-')[2]}"] = name
        networks = engine.api.inspect_container(container)["NetworkSettings"]["Networks"].values()
        found |= {each["IPAddress"]: name for each in networks if each.get("IPAddress")}
    return found


def exchanged(text: str, owner: str, serving: Sequence[str]) -> str:
    """Return a configuration in which the replicas of `owner` (`<component>-<backend>`) are those that serve.

    Each is the one of its index, or another one where none of its index serves.
    """
    names = _names(owner)
    indexes = {int(found[1]): name for name in serving if (found := names.fullmatch(name))}
    others = [indexes[index] for index in sorted(indexes)]

    def chosen(found: re.Match[str]) -> str:
        index = int(found[1])
        return found[0] if found[0] in serving else indexes.get(index) or others[index % len(others)]

    return names.sub(chosen, text)


def names_in_force(engine: "DockerClient", labels: Mapping[str, str]) -> set[str]:
    """Return the network names of these replicas that front ends have in their configurations."""
    found: set[str] = set()
    for container in _front_ends(engine, labels):
        if configuration := _configuration(container):
            _, text = configuration
            found |= {each[0] for each in _names("-".join(backend_of(labels))).finditer(text)}
    return found


def _names(owner: str) -> re.Pattern[str]:
    """Return the pattern of the network names of an owner's replicas: index and generation."""
    return re.compile(rf"(?<![\w-]){re.escape(owner)}-(\d+)-g(\d+)(?![\w-])")


def _front_ends(engine: "DockerClient", labels: Mapping[str, str]) -> "list[Container]":
    """Return the front ends of the same component that run; one, but for a change that was interrupted."""
    same = {**labels, f"{LABEL}.role": "front-end"}
    return engine.containers.list(filters={"label": [f"{key}={value}" for key, value in same.items()]})


def _configuration(container: "Container") -> tuple[Program, str] | None:
    """Return the program of the container and its configuration; it may be of another kind than declared."""
    for kind in KINDS.values():
        text = read_file(container, kind.program.path)
        if text is not None:
            return kind.program, text
    return None
