"""Trial of new replicas: they get a share of the requests, and their answers decide."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, isfinite
from typing import TYPE_CHECKING, Optional

from ..proxies.container import Canary
from . import replica_changes
from .answers import LINES, Answers, answers, log_of
from .canary import too_many_errors, too_slow
from .canary_weights import NAME
from .containers import clock, front_ends
from .progress import report, warn
from .replica import Wanted, backend_of
from .replica_steps import ReplicasFailed, Watch
from .replica_traffic_steps import Send, servers_of
from .replicas import problem_of
from .steps import Step

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

LOOK = 1.0
"""Seconds between two looks at replicas and log."""
FEW_LINES, MESSAGES = 8_000, 8
"""Lines of a log that are read first, and lines for each answer at most: the others are messages."""
NO_CANARY = (
    "canary: the front end reaches the new replicas in another way than the former ones (port, health check "
    "or network differ), and cannot send a share to them: make this change without canary"
)


def trial_of(wanted: Wanted, canary: Optional[Canary]) -> Optional[replica_changes.Trial]:
    """Return how new replicas are tried, or None."""
    if canary is None or wanted.contact is None:
        return None
    template = wanted.template

    def steps(serving: Sequence[str], new: Mapping[str, str], old: Mapping[str, str]) -> list[Step]:
        def send(percent: int) -> Send:
            return Send(
                labels=template.labels,
                serving=serving,
                canary=sorted(new),
                percent=percent,
                drain=template.drain,
                cause="the canary is tried",
            )

        return [
            Trial(
                send=send(percent),
                new=new,
                old=old,
                terms=canary,
                cause=f"step {number} of {len(canary.steps)} of the canary",
            )
            for number, percent in enumerate(canary.steps, 1)
        ]

    return steps


@dataclass
class _Seen:
    """Answers of both in a step so far."""

    new: Answers = field(default_factory=Answers)
    old: Answers = field(default_factory=Answers)


@dataclass(frozen=True, kw_only=True)
class Trial(Step):
    """New replicas get a share of the requests for some time, and are judged by their answers."""

    send: Send
    new: Mapping[str, str]
    """Ids or names of the canary's containers by network name."""
    old: Mapping[str, str]
    """Ids of those beside which it serves."""
    terms: Canary

    @property
    def action(self) -> str:
        return f"{self.send.action}, and judge it after {self.terms.interval:g} s"

    def perform(self, engine: "DockerClient") -> None:
        self.send.perform(engine)
        found, restarts = _Seen(), dict[str, int]()
        watch = Watch(containers=self.new, seconds=self.terms.interval, cause=self.cause)
        backend = backend_of(self.send.labels)[1]
        servers = servers_of(engine, backend, self.new, NAME), servers_of(engine, backend, self.old)
        begin, until = time.monotonic(), clock(engine)
        offset = until - begin
        while True:
            watch.look(engine, restarts)
            passed = time.monotonic() - begin
            since, until = until, offset + begin + passed
            self._read(engine, found, servers, since, until)
            if (left := self._left(found.new.count, passed)) is None:
                break
            report(f"{self._progress(found)}; {left}")
            rest = self.terms.interval - passed
            time.sleep(min(LOOK, rest) if rest > 0 else LOOK)
        watch.ask(engine)
        self._judge(engine, found, passed)

    @property
    def _title(self) -> str:
        return f"{backend_of(self.send.labels)[1]}: canary at {self.send.percent} %"

    def _left(self, count: int, passed: float) -> Optional[str]:
        """Return what the step waits for, or None at its end."""
        if passed < self.terms.interval:
            return f"verdict in {ceil(self.terms.interval - passed)} s"
        if count >= self.terms.min_requests:
            return None
        left = self.terms.longest - passed
        if left <= 0:
            return None
        bound = f", at most {ceil(left)} s" if isfinite(left) else ""
        return f"it waits for {self.terms.min_requests:,}{bound}"

    def _progress(self, found: _Seen) -> str:
        return (
            f"{self._title}: {found.new.count:,} answers, {found.new.errors.total():,} errors "
            f"(old: {found.old.errors.total():,} of {found.old.count:,})"
        )

    def _read(
        self,
        engine: "DockerClient",
        found: _Seen,
        servers: tuple[Mapping[str, str], Mapping[str, str]],
        since: float,
        until: float,
    ) -> None:
        """Add the answers of a time to those found; `servers` are the new and the former ones in the log."""
        backend, (new, old) = backend_of(self.send.labels)[1], servers
        for container in front_ends(engine, self.send.labels):
            lines = _lines(container, since, until)
            found.new.add(answers(lines, backend, new))
            found.old.add(answers(lines, backend, old))

    def _judge(self, engine: "DockerClient", found: _Seen, passed: float) -> None:
        """Raise ReplicasFailed when the canary is refused."""
        said = too_many_errors(found.new, found.old, self.terms)
        wrong = [name for name in self.new if found.new.errors[name]] if said else list(self.new)
        said = said or too_slow(found.new, found.old, self.terms)
        if said is None and found.new.count < self.terms.min_requests:
            few = f"{found.new.count:,} of {self.terms.min_requests:,} answers came within {passed:.0f} s"
            if self.terms.on_no_traffic == "fail":
                said = f"{few} (on_no_traffic: fail)"
            else:
                warn(f"{self._title}: only {few}; it goes on (on_no_traffic: promote)")
        if said is None:
            return
        raise ReplicasFailed(
            {
                name: problem_of(
                    engine, name, engine.api.inspect_container(self.new[name]), f"{self._title}: {said}"
                )
                for name in wrong
            }
        )


def _lines(front_end: "Container", since: float, until: float) -> list[str]:
    """Return the lines of a log between two moments; few are read from its end where few are new."""
    lines = FEW_LINES
    while True:
        found = log_of(front_end, since, until, lines)
        if len(found) * MESSAGES < lines or lines >= LINES:
            return found
        lines = min(LINES, lines * MESSAGES)
