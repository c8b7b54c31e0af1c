"""The replicas of one backend, through the Engine API. Plain functions, no Pulumi."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NotRequired, Optional, TypedDict

from ..naming import LABEL, same_owner
from ..proxies.container import Policy, Rollback, Update
from .canary_steps import NO_CANARY, Trial, trial_of
from .containers import EngineError, Halted, Unfinished
from .progress import report
from .replica import INDEX, MARK, Declared, Seen, Template, Wanted, generation_in, seen
from .replica_changes import as_declared, beside, changes, generation_of, retired
from .replica_drift_steps import Limit, by_hand, limits
from .replica_listing import entries, highest, key, look, name_of, ours, refusal
from .replica_steps import Remove, ReplicasFailed, Stop, first, listed
from .replica_traffic_steps import loader, names_in_force
from .steps import Step, perform

if TYPE_CHECKING:
    from docker import DockerClient


class Adopted(TypedDict):
    """Containers of another resource that have become replicas."""

    adopted: NotRequired[dict[str, str]]
    """Network names by id; absent without such a container."""


class Made(Adopted):
    """Replicas as a change has left them."""

    generation: int
    containers: dict[str, str]
    names: list[str]


def deliver(
    engine: "DockerClient", wanted: Wanted, declared: Declared, former: Optional[Wanted] = None
) -> Made:
    """Make the replicas as `wanted`; its generation is the one in the state, 0 without one.

    A change that fails is rolled back to `former`, or ends where it is. Raises EngineError for a change that
    has left everything as it was, and Unfinished for others, with the replicas as they are then.
    """
    everyone = entries(engine, wanted.template.labels)
    if wanted.contact is None and (said := refusal(everyone, wanted.template.labels)):
        raise EngineError(said)
    there = ours(everyone, wanted.template)
    same = former is not None and former.template.definition == wanted.template.definition
    taken = 0 if former or wanted.contact is None else highest(engine, everyone)
    number = generation_of(there, wanted.template.definition, max(wanted.generation, taken), same=same)
    wanted = replace(wanted, generation=number)
    plan = _limited(engine, there, wanted) if same else []
    in_force = _in_force(engine, wanted)
    in_rounds = not everyone or _in_rounds(in_force, wanted, former)
    if in_rounds:
        trial = trial_of(wanted, declared.canary)
        plan += changes(there, wanted, declared.update, loader(wanted), in_force, trial)
    elif declared.canary and former and not same:
        raise EngineError(NO_CANARY)
    else:
        plan += beside(there, wanted, declared.update)
    try:
        failed = _perform(engine, plan, declared.update, wanted.count)
    except ReplicasFailed as error:
        if former is None or declared.update.failure_action != "rollback":
            said = f"{_failures(error.reasons, wanted)}; the change ends here, the next `up` goes on: {error}"
            raise _ended(engine, wanted, former, said, error.reasons) from error
        raise _taken_back(engine, wanted, former, declared.rollback, error) from error
    except EngineError as error:
        raise _ended(engine, wanted, former, str(error), ()) from error
    if len(failed) > declared.update.max_failure_ratio * wanted.count:
        said = f"{_failures(failed, wanted)}; the change went on to its end: {first(failed)}"
        raise _unfinished(look(engine, wanted.template), wanted, said, failed)
    there = look(engine, wanted.template)
    now = there if in_rounds else list(as_declared(there, wanted).values())
    # Where the front end changes first, it removes adopted containers of before; they are known until then.
    return {**made(now, wanted), **_adopted(there, wanted)}


def made(there: Sequence[Seen], wanted: Wanted, failed: Collection[str] = ()) -> Made:
    """Return the replicas as they are, without those that a change has yet to prove.

    These are the `failed` ones (network names), and those beside which the former one of their index stands.
    """
    places = Counter(each.index for each in there if each.running)
    proven = {
        key(wanted.template.labels, index): each
        for index, each in sorted(as_declared(there, wanted).items())
        if places[index] <= 1 and each.alias not in failed
    }
    ids = {name: each.id for name, each in proven.items()}
    names = [each.name for each in proven.values()]
    found: Made = {"generation": wanted.generation, "containers": ids, "names": names}
    return {**found, **_adopted(there, wanted)}


def _adopted(there: Iterable[Seen], wanted: Wanted) -> Adopted:
    found = {each.id: each.alias for each in there if each.id in wanted.template.adopted}
    return {"adopted": found} if found else {}


def states(engine: "DockerClient", there: Sequence[Seen], wanted: Wanted) -> dict[str, str]:
    """Return the status of each replica by name, and of each container too many by the container's name.

    A limit that is not as declared follows the status: `running, memory 256 instead of 512`.
    """
    good = as_declared(there, wanted)
    limited = by_hand(engine, list(good.values()), wanted.template)
    found = {
        key(wanted.template.labels, index): ", ".join(filter(None, [each.status, limited.get(each.id)]))
        for index, each in sorted(good.items())
    }
    return found | {each.name: each.status for each in there if each not in good.values()}


def remove(engine: "DockerClient", template: Template, recorded: Iterable[str]) -> None:
    """Stop and remove the recorded containers (ids), and those that carry our mark."""
    there = look(engine, template)
    running = {each.name: each.id for each in there if each.running}
    every = {each.name: each.id for each in there}
    every |= {id_[:12]: id_ for id_ in set(recorded) - {*every.values()}}
    cause = "the backend is no longer declared"
    steps: list[Step] = [Stop(containers=running, seconds=template.drain, cause=cause)] if running else []
    perform([*steps, Remove(containers=every, cause=cause)] if every else [], engine)


def left(
    engine: "DockerClient",
    front_end: Mapping[str, str],
    serving: Mapping[str, str],
    adopted: Collection[str] = (),
) -> list[Seen]:
    """Return replicas that are not among those of a front end (its labels), but of its backends.

    `serving` has the ids of all its replicas by name. Containers of an index without an id are not returned.
    `adopted` has the ids of replicas that another resource has made.
    """
    backends = {name.rpartition("-")[0] for name in serving}
    roles = engine.api.containers(all=True, filters={"label": [f"{LABEL}.role"]})
    owned = [each for each in roles if same_owner(each["Labels"], front_end)]
    former = [each for each in owned if each["Id"] in adopted and each["Id"] not in serving.values()]
    return [seen(each) for each in former] + [
        seen(each)
        for each in owned
        if {MARK, INDEX} <= each["Labels"].keys()
        and name_of(each["Labels"]) in backends
        and each["Id"] not in serving.values()
        and serving.get(key(each["Labels"], each["Labels"][INDEX])) != ""
    ]


def _limited(engine: "DockerClient", there: Sequence[Seen], wanted: Wanted) -> list[Step]:
    """Return the step that limits containers again whose limits somebody has changed."""
    good = as_declared(there, wanted).values()
    changed = by_hand(engine, list(good), wanted.template)
    containers = {each.alias: each.id for each in good if each.id in changed}
    if not containers:
        return []
    said = f"by hand they have {first(changed)}"
    return [Limit(containers=containers, limits=limits(wanted.template), cause=said)]


def _in_force(engine: "DockerClient", wanted: Wanted) -> set[str]:
    """Return the network names of these replicas that a front end has in its configuration."""
    return set() if wanted.contact is None else names_in_force(engine, wanted.template.labels)


def _in_rounds(in_force: Iterable[str], wanted: Wanted, former: Optional[Wanted]) -> bool:
    """Return whether a front end, if there is one, reaches new replicas as it reaches those that they follow.

    Newer replicas than those of the state are in its configuration after rounds that were interrupted, in
    which it reached all as before. Older ones are there while `FrontEndConfig` has yet to change it.
    """
    if wanted.contact is None:
        return True
    if former is None or former.contact != wanted.contact:
        return False
    return all(generation_in(name) >= former.generation for name in in_force)


def _perform(
    engine: "DockerClient", plan: Sequence[Step], policy: Update | Rollback, count: int
) -> dict[str, str]:
    """Do the steps, and return why replicas failed that the policy tolerates; raise for others."""
    failed: dict[str, str] = {}
    for number, step in enumerate(plan):
        report(str(step))
        try:
            step.perform(engine)
        except ReplicasFailed as error:
            failed |= error.reasons
            untried = any(isinstance(each, Trial) for each in plan[number:])
            if untried or (policy.failure_action != "continue" and _too_many(failed, policy, count)):
                raise ReplicasFailed(failed) from error
    return failed


def _too_many(failed: Mapping[str, str], policy: Policy, count: int) -> bool:
    return len(failed) > policy.max_failure_ratio * count


def _failures(failed: Mapping[str, str], wanted: Wanted) -> str:
    return f"{len(failed)} of {wanted.count} replicas of {name_of(wanted.template.labels)} failed"


def _ended(
    engine: "DockerClient", wanted: Wanted, former: Optional[Wanted], said: str, failed: Collection[str]
) -> EngineError:
    """Return the error of a change that ends where it is; no container means nothing to record."""
    if former is not None:
        return _halted(engine, former, said)
    there = look(engine, wanted.template)
    return _unfinished(there, wanted, said, failed) if there else EngineError(said)


def _unfinished(there: Sequence[Seen], wanted: Wanted, said: str, failed: Collection[str]) -> Unfinished:
    return Unfinished(said, name_of(wanted.template.labels), {**made(there, wanted, failed)})


def _halted(engine: "DockerClient", former: Wanted, said: str) -> EngineError:
    """Return the error of a change whose former inputs the state keeps, so that it compares with them again.

    The state stays as it is where exactly its containers are there.
    """
    there = look(engine, former.template)
    if {each.id for each in there} == former.known:
        return EngineError(said)
    return Halted(said, name_of(former.template.labels), {**made(there, former)})


def _taken_back(
    engine: "DockerClient", wanted: Wanted, former: Wanted, policy: Rollback, error: ReplicasFailed
) -> EngineError:
    """Return the error of a change, after a rollback to the former replicas."""
    report(f"{_failures(error.reasons, wanted)}: rolling back")
    back = listed([each.alias for each in former.replicas])
    try:
        failed = _perform(engine, _way_back(engine, wanted, former, policy), policy, former.count)
    except EngineError as again:
        said = f"the rollback to {back} ended before it was done: {again}"
    else:
        said = f"rolled back to {back}"
        said += f", of which {len(failed)} failed: {first(failed)}" if failed else ""
    return _halted(engine, former, f"{_failures(error.reasons, wanted)}; {said}; the first: {error}")


def _way_back(engine: "DockerClient", wanted: Wanted, former: Wanted, policy: Rollback) -> list[Step]:
    there, in_force = look(engine, wanted.template), _in_force(engine, former)
    if _in_rounds(in_force, former, former):
        return changes(there, former, policy, loader(former), in_force)
    failed = [each for each in there if each.generation == wanted.generation]
    return [*beside(there, former, policy), *retired(failed, wanted.template.drain)]
