"""Steps that change the replicas of a backend. Pure functions: they compare, and touch nothing."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from .images import PullImage
from .replica import Policy, Replica, Seen, Wanted
from .replica_steps import AwaitHealthy, Create, Pause, Remove, Start, Stop, Watch
from .steps import Step

Load = Callable[[Sequence[str]], Sequence[Step]]
"""Steps that make a front end send to the replicas with these network names, and to no other."""


def _no_front_end(_: Sequence[str]) -> Sequence[Step]:
    return ()


def generation_of(seen: Sequence[Seen], definition: str, recorded: int, *, same: bool) -> int:
    """Return the number of a definition: one that is new gets a number that nothing on the host has.

    `recorded` is the number in the state, 0 without one; it stays for the `same` definition. A run that was
    killed may have made replicas that the state does not know: its number stays for the same definition, too.
    """
    if same:
        return recorded
    going_on = max((each.generation for each in seen if each.definition == definition), default=0)
    if going_on > recorded:
        return going_on
    return max([recorded, *(each.generation for each in seen)]) + 1


def changes(seen: Sequence[Seen], wanted: Wanted, policy: Policy, load: Load = _no_front_end) -> list[Step]:
    """Return the steps from `seen` to `wanted`, in rounds.

    A round makes replicas, waits until they are healthy, has the front end send to them, watches them, and
    only then stops those whose place they take. One round makes all where nothing is replaced.
    """
    held = as_declared(seen, wanted)
    proven = {index for index, each in held.items() if each.running and each.id in wanted.known}
    former: dict[int, list[Seen]] = defaultdict(list)
    surplus: list[Seen] = []
    for each in seen:
        if each not in held.values():
            has_place = each.running and 0 <= each.index < wanted.count and each.index not in proven
            (former[each.index] if has_place else surplus).append(each)
    good = {index for index, each in held.items() if each.running and each.health == "healthy"}
    settled = proven | (good - former.keys())
    todo = [each for each in wanted.replicas if each.index not in settled]
    steps: list[Step] = []
    if any(each.index not in held for each in todo):
        steps.append(
            PullImage(
                image=wanted.template.image, registries=wanted.registries, cause="replicas are made of it"
            )
        )
    size = policy.at_once if former else max(1, len(todo))
    serving = {each.alias for each in seen if each.running}
    for start in range(0, len(todo), size):
        if start and policy.delay:
            steps.append(Pause(seconds=policy.delay, cause="the delay between two rounds"))
        steps += _round(todo[start : start + size], held, former, serving, wanted, policy, load)
    if any(each.running for each in surplus):
        serving -= {each.alias for each in surplus}
        steps += load(sorted(serving))
    return [*steps, *_removal(surplus, wanted.template.drain, _declared(wanted))]


def as_declared(seen: Sequence[Seen], wanted: Wanted) -> dict[int, Seen]:
    """Return the containers that are as declared, by index; of two the one that runs, and has our name."""
    names = {each.index: each.name for each in wanted.replicas}
    good = [
        each
        for each in seen
        if (each.definition, each.generation) == (wanted.template.definition, wanted.generation)
        and each.index in names
    ]
    good.sort(key=lambda each: (each.running, each.name == names[each.index]))
    return {each.index: each for each in good}


def _round(
    batch: Sequence[Replica],
    held: Mapping[int, Seen],
    former: Mapping[int, Sequence[Seen]],
    serving: set[str],
    wanted: Wanted,
    policy: Policy,
    load: Load,
) -> list[Step]:
    """Return the steps of one round; `serving` has the names that serve before it, and then after it."""
    going = [each for replica in batch for each in former.get(replica.index, ())]
    cause = "the definition changes" if going else _declared(wanted)
    names = {each.alias: held[each.index].id if each.index in held else each.name for each in batch}
    missing = [each for each in batch if each.index not in held]
    idle = [each for each in batch if each.index in held and not held[each.index].running]
    begin: list[Step] = []
    if missing:
        begin.append(Create(replicas=missing, cause=cause))
    if idle:
        ids = {each.alias: held[each.index].id for each in idle}
        begin.append(
            Start(containers=ids, networks=wanted.template.networks, cause="declared, and does not run")
        )
    begin.append(
        AwaitHealthy(containers=names, seconds=wanted.start_timeout, cause="only healthy replicas serve")
    )
    removal = _removal(going, wanted.template.drain, "another replica has its place")
    serving -= {each.alias for each in going}
    before = load(sorted(serving)) if going and policy.order == "stop-first" else ()
    serving |= names.keys()
    after = load(sorted(serving))
    watch = (
        [Watch(containers=names, seconds=policy.monitor, cause="a failure now ends the change")]
        if going and policy.monitor
        else []
    )
    if policy.order == "stop-first":
        return [*before, *removal, *begin, *after, *watch]
    return [*begin, *after, *watch, *removal]


def _declared(wanted: Wanted) -> str:
    return "1 replica is declared" if wanted.count == 1 else f"{wanted.count} replicas are declared"


def _removal(containers: Sequence[Seen], drain: float, cause: str) -> list[Step]:
    """Return the steps that remove containers; those that run get `drain` seconds to end."""
    ordered = sorted(containers, key=lambda each: (each.index, each.generation, each.name))
    running = {each.name: each.id for each in ordered if each.running}
    stop = [Stop(containers=running, seconds=drain, cause=cause)] if running else []
    every = {each.name: each.id for each in ordered}
    return [*stop, Remove(containers=every, cause=cause)] if every else []
