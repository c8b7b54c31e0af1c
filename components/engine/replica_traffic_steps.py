"""The front end of a component sends to the replicas that serve, while its replicas are replaced in rounds.

The configuration in force stays as it is, but for the network names of replicas. So a round needs no
settings of the front end, and the change of one backend leaves the others as they are.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Optional

from ..proxies.program import Program
from ..proxies.registry import KINDS
from .answers import answers, log_of
from .canary_weights import shared
from .containers import clock, front_ends, read_file, workers
from .front_end_steps import AwaitOldWorkers, Reload
from .progress import report
from .replica import Wanted, backend_of
from .replica_changes import Load, no_front_end
from .replica_steps import ReplicasFailed, Watch, listed
from .replicas import problem_of
from .rounds_record import Served, Serving, keep, loaded, rounds_of
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
    canary: Sequence[str] = ()
    """Network names of replicas that get a share only, beside those that serve."""
    percent: int = 0
    """Share in percent."""
    watch: Optional[Watch] = None
    """Watch of some of the replicas, once requests are sent to them."""

    @property
    def action(self) -> str:
        if self.canary:
            return f"send {self.percent} % of the requests to {listed(self.canary)}"
        return f"send requests to {listed(self.serving)}"

    def perform(self, engine: "DockerClient") -> None:
        found, begin = front_ends(engine, self.labels), clock(engine)
        for container in found:
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
            for container in found:
                self._compare(engine, container, self.watch, begin, watched)

    def _compare(
        self, engine: "DockerClient", container: "Container", watch: Watch, begin: float, watched: float
    ) -> None:
        """Raise ReplicasFailed when the watched replicas answer errors that those before them did not."""
        backend = backend_of(self.labels)[1]
        before = answers(log_of(container, begin - watch.seconds, begin), backend)
        servers = servers_of(engine, backend, watch.containers)
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
        served = Served(names=list(self.serving), canary=list(self.canary), percent=self.percent)
        now = {**rounds.serving, "-".join(backend_of(self.labels)): served}
        text = sending(rounds.before, now)
        if text == live and not rounds.loading:
            return None
        old = workers(container)
        keep(container, live, rounds, text, now)
        Reload(container=str(container.id), program=program, text=text, before=old, cause=self.cause).perform(
            engine
        )
        wait = AwaitOldWorkers(container=str(container.id), before=old, drain=self.drain, cause=self.cause)
        return text, wait


def loader(wanted: Wanted) -> Load:
    """Return how a front end learns which replicas serve."""
    template = wanted.template
    if wanted.contact is None:
        return no_front_end
    cause = f"they serve as {'-'.join(backend_of(template.labels))}"
    return lambda names, watch: [
        Send(labels=template.labels, serving=names, drain=template.drain, watch=watch, cause=cause)
    ]


def servers_of(
    engine: "DockerClient", backend: str, containers: Mapping[str, str], end: str = ""
) -> dict[str, str]:
    """Return replicas by what a front end logs of each: its server's name and `end`, or its address."""
    found: dict[str, str] = {}
    for name, container in containers.items():
        found[f"{backend}-{name.rpartition('-g')[0].rpartition('-')[2]}{end}"] = name
        networks = engine.api.inspect_container(container)["NetworkSettings"]["Networks"].values()
        found |= {each["IPAddress"]: name for each in networks if each.get("IPAddress")}
    return found


def sending(before: str, serving: Serving) -> str:
    """Return the configuration of before the rounds, with the replicas that serve since."""
    text = before
    for owner, served in serving.items():
        text = exchanged(text, owner, served.names)
        if served.canary:
            text = shared(text, owner, served.canary, served.percent)
    return text


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
    for container in front_ends(engine, labels):
        if configuration := _configuration(container):
            _, text = configuration
            found |= {each[0] for each in _names("-".join(backend_of(labels))).finditer(text)}
    return found


def _names(owner: str) -> re.Pattern[str]:
    """Return the pattern of the network names of an owner's replicas: index and generation."""
    return re.compile(rf"(?<![\w-]){re.escape(owner)}-(\d+)-g(\d+)(?![\w-])")


def _configuration(container: "Container") -> tuple[Program, str] | None:
    """Return the program of the container and its configuration; it may be of another kind than declared."""
    for kind in KINDS.values():
        text = read_file(container, kind.program.path)
        if text is not None:
            return kind.program, text
    return None
