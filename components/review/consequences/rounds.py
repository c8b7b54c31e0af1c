"""Forecast of replicas that are one resource, and are replaced in rounds: see docs/order.md."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isinf
from typing import Annotated, Any, Optional

from pydantic import ValidationError

from ...arguments.parsing import Frozen
from ...arguments.types import Whole
from ...engine.replica import DEFINES
from ...engine.replica_steps import CHECK_SECONDS
from ...preview.reading import Step, mapping
from ...preview.replicas import drifted
from ...proxies.container import MOST_REPLICAS, Canary, Drain, StartTimeout, Update
from .consequence import Consequence, count, differences, duration, removed, started

_PACE = ("canary", "drain", "rollback", "startTimeout", "update")
"""Inputs that say how later changes are carried out."""
_STOP_FIRST = "stop-first"


class Plan(Frozen):
    """Number of replicas, their memory, and the pace of their change."""

    replicas: Annotated[int, Whole(1, MOST_REPLICAS)]
    memory: Annotated[int, Whole(1, 2**40)]
    """Memory limit of a replica in MiB."""
    drain: Drain
    start_timeout: StartTimeout
    update: Update
    canary: Optional[Canary] = None

    @property
    def limits(self) -> int:
        """Memory limits of all replicas in MiB."""
        return self.replicas * self.memory


def plan(values: Mapping[str, Any]) -> Optional[Plan]:
    """Return the plan in the inputs of `Replicas`; None where a part is secret, or not known yet."""
    asked = {
        "replicas": values.get("replicas"),
        "memory": mapping(values.get("container")).get("memory"),
        "drain": values.get("drain"),
        "start_timeout": values.get("startTimeout"),
        "update": values.get("update", {}),
        "canary": values.get("canary"),
    }
    try:
        return Plan.model_validate(asked)
    except ValidationError:
        return None


@dataclass(frozen=True)
class Course:
    """Rounds of a change, counted as `replica_changes` plans them."""

    rounds: int
    replacing: int
    """Rounds that replace replicas; the others only create some."""
    serving: int
    """Fewest replicas that serve at any moment."""
    running: int
    """Most replicas that exist at any moment."""
    memory: int
    """Most memory limits at any moment, in MiB."""


def course(old: Plan, new: Plan) -> Course:
    """Return the course of a change that replaces all replicas."""
    size, stops_first = new.update.at_once, new.update.order == _STOP_FIRST
    follows = [index < old.replicas for index in range(new.replicas)]
    if stops_first:  # replicas that follow none are made first
        follows.sort()
    starts = range(0, new.replicas, size)
    before, after, replacing = old.replicas, 0, 0
    serving, running, memory = before, before, old.limits
    for start in starts:
        batch = follows[start : start + size]
        going = sum(batch)
        replacing += going > 0
        before -= going if stops_first else 0
        serving = min(serving, before + after)
        after += len(batch)
        running = max(running, before + after)
        memory = max(memory, before * old.memory + after * new.memory)
        before -= 0 if stops_first else going
    return Course(len(starts), replacing, min(serving, new.replicas), running, memory)


def peak(step: Step) -> Optional[tuple[int, int]]:
    """Return the most memory limits while replicas are replaced, and those afterwards, in MiB.

    None where no replica is replaced, or a part is not known.
    """
    old, new = plan(step.old), plan(step.new)
    if old is None or new is None or not definition(step):
        return None
    return old.limits + new.limits if step.differs("contact") else course(old, new).memory, new.limits


def changed(backend: str, step: Step) -> Iterable[Consequence]:
    """Yield the consequences of a change of `Replicas` for the replicas of a backend."""
    old, new = plan(step.old), plan(step.new)
    if old is None or new is None:
        yield Consequence(f"Replicas of {backend} change; how is secret, or not known yet.", known=False)
        return
    why = definition(step)
    if why and step.differs("contact"):
        yield beside(backend, why, old, new, _contact(step))
    elif why:
        yield from _in_rounds(backend, why, old, new)
    else:
        if (more := new.replicas - old.replicas) > 0:
            yield started(backend, more)
        elif more < 0:
            yield removed(backend, -more)
        yield from _repaired(backend, step)
    before, after = ({key: values.get(key) for key in _PACE} for values in (step.old, step.new))
    if not why and before != after:
        yield Consequence(
            f"Later changes of {backend} have other terms ({differences(before, after)}): no replica is "
            "replaced for that."
        )


def definition(step: Step) -> str:
    """Describe what defines the replicas and differs; nothing where all of it stays."""
    old, new = (
        {
            **mapping(values.get("container")),
            **{key: values.get(key) for key in DEFINES if key != "container"},
        }
        for values in (step.old, step.new)
    )
    unseen = ", ".join(
        f"{key}: a value that is secret, or of a change that was interrupted"
        for key in sorted(step.changed.intersection(DEFINES))
    )
    return differences(old, new) or unseen


def beside(backend: str, why: str, old: Plan, new: Plan, reason: str = "") -> Consequence:
    """Return the consequence of new replicas beside all old ones, once; `reason` says why not in rounds."""
    monitor = new.update.monitor
    watched = f" and watched for {duration(monitor)}" if monitor else ""
    return Consequence(
        f"{count(old.replicas, 'replica')} of {backend} replaced once ({why}) without a gap{reason}: "
        f"{new.replicas} new ones start beside the old (each healthy within {duration(new.start_timeout)}"
        f"{watched}, or the change fails and the old ones stay). Then the front end learns of them, and the "
        f"old ones end within {duration(new.drain)}, when their requests have. "
        f"{_memory(old.replicas + new.replicas, old.limits + new.limits, new)}"
    )


def _contact(step: Step) -> str:
    return (
        ", not in rounds, since the front end reaches the new ones in another way "
        f"({step.old.get('contact')} → {step.new.get('contact')})"
    )


def _in_rounds(backend: str, why: str, old: Plan, new: Plan) -> Iterable[Consequence]:
    found, pace = course(old, new), new.update
    number = f"{old.replicas}" if old.replicas == new.replicas else f"{old.replicas} → {new.replicas}"
    noun = "replica" if old.replicas == new.replicas == 1 else "replicas"
    rounds = count(found.rounds, "round")
    most = "at most " if new.replicas % pace.at_once else ""
    size = f" of {most}{pace.at_once}" if found.rounds > 1 else ""
    gap = 0.0
    if pace.order != _STOP_FIRST:
        served = "the new ones of a round are healthy and get the requests before its old ones stop"
    elif found.serving:
        served = (
            f"the old ones of a round stop first, which leaves at least {found.serving} of {old.replicas} to "
            "serve"
        )
    else:
        gap = new.drain + new.start_timeout
        served = (
            "nobody is served from the stop of the old ones until new ones are healthy, for at most "
            f"{duration(gap)} unless they fail"
        )
    yield Consequence(
        f"{number} {noun} of {backend} replaced ({why}) in {rounds}{size}, {pace.order}: {served}. "
        f"{_failure(new)}",
        gap,
    )
    if new.canary:
        yield Consequence(_canary(new.canary, min(pace.at_once, old.replicas, new.replicas), old.replicas))
    yield Consequence(f"{_time(backend, found, old, new)} {_memory(found.running, found.memory, new)}")


def _failure(new: Plan) -> str:
    pace = new.update
    tolerated = int(pace.max_failure_ratio * new.replicas)
    who, state, fails = "a replica", "is", "fails"
    if tolerated:
        who, state, fails = f"more than {count(tolerated, 'replica')}", "are", "fail"
    watch = f", or {fails} in the {duration(pace.monitor)} after that" if pace.monitor else ""
    match pace.failure_action:
        case "rollback":
            then = "the former replicas are brought back"
        case "pause":
            then = "all stays as it is then, until the next up goes on"
        case "continue":
            then = "the other replicas are replaced, too"
    return f"If {who} {state} not healthy in time{watch}, up ends with an error, and {then}."


def _canary(terms: Canary, canaries: int, others: int) -> str:
    """Return the sentences on the first round, in which replicas are a canary beside all others."""
    *steps, most = terms.steps
    shares = f"{', '.join(map(str, steps))} and {most} %" if steps else f"{most} %"
    each = " in each step" if steps else ""
    few = f"with fewer than {terms.min_requests:,} of its answers in {duration(terms.longest)}"
    match terms.on_no_traffic:
        case "promote":
            then = f"{few} it goes on"
        case "wait":
            then = f"it waits for {terms.min_requests:,} of its answers, however long that takes"
        case "fail":
            then = f"{few} it is refused"
    load = most * others / (canaries * max(1, 100 - most))
    heavy = (
        f" A replica of the canary has {load:.1f} times the requests of an old one then." if load > 1 else ""
    )
    return (
        f"The first round is a canary: {count(canaries, 'replica')} of {others + canaries} with {shares} of "
        f"the requests. After {duration(terms.interval)}{each} it is refused and removed if it answers worse "
        f"than the old ones; {then}.{heavy}"
    )


def seconds(found: Course, old: Plan, new: Plan) -> tuple[float, float]:
    """Return the seconds that a change waits for in any case, and those that all its waits may take."""
    pace = new.update
    steps, interval, longest = 0, 0.0, 0.0
    if new.canary:
        steps, interval, longest = len(new.canary.steps), new.canary.interval, new.canary.longest
    watched = (found.replacing - (steps > 0)) if pace.monitor else 0
    least = watched * pace.monitor + (found.rounds - 1) * pace.delay + steps * interval
    # Each reload of the front end waits for its old workers, and each stop for the replicas.
    drains = found.rounds + found.replacing * (2 if pace.order == _STOP_FIRST else 1)
    drains += 2 if new.replicas < old.replicas else 0
    waits = (
        (watched + steps) * CHECK_SECONDS + found.rounds * new.start_timeout + (drains + steps) * new.drain
    )
    return least, least + waits + (steps * (longest - interval) if steps else 0)


def _time(backend: str, found: Course, old: Plan, new: Plan) -> str:
    least, most = seconds(found, old, new)
    begin = f"The rounds of {backend} take" if found.rounds > 1 else f"The round of {backend} takes"
    parts = "monitor, delay and canary" if new.canary else "monitor and delay"
    floor = f" at least {duration(least)} ({parts})" if least else ""
    if isinf(most):
        return f"{begin}{floor}, and no more is known: the canary waits for requests."
    both = " and" if floor else ""
    return (
        f"{begin}{floor}{both} at most {duration(most)}: a bound, with each start_timeout and drain used up, "
        "and without the engine's own time to pull, create and reload."
    )


def _memory(running: int, memory: int, new: Plan) -> str:
    """Return the sentence on the memory limits during a change and afterwards."""
    if memory <= new.limits:
        return f"Memory limits never exceed those of afterwards: {new.limits:,} MiB."
    return (
        f"Memory limits are at most {memory:,} MiB meanwhile, with {count(running, 'replica')}, and "
        f"{new.limits:,} MiB afterwards."
    )


def _repaired(backend: str, step: Step) -> Iterable[Consequence]:
    """Yield the repair of replicas that a refresh has found otherwise."""
    found = drifted(step)
    if found:
        said = "; ".join(f"{name}: {status}" for name, status in sorted(found.items()))
        yield Consequence(f"Replicas of {backend} that a refresh has found otherwise are repaired: {said}.")
