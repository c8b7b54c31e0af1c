"""Steps that change the replicas of a backend. Pure functions: they compare, and touch nothing."""

from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from ..proxies.container import Policy
from .images import PullImage
from .replica import Replica, Seen, Wanted
from .replica_steps import AwaitHealthy, Create, Pause, Remove, Start, Stop, Watch
from .steps import Step

Load = Callable[[Sequence[str], Optional[Watch]], Sequence[Step]]
"""Steps that make a front end send to the replicas with these network names and no other, and watch some."""


Trial = Callable[[Sequence[str], Mapping[str, str], Mapping[str, str]], Sequence[Step]]
"""Steps that try new replicas beside those that serve: their names, the new containers, the former ones."""


def no_front_end(_: Sequence[str], watch: Optional[Watch]) -> Sequence[Step]:
    """Return the watch alone: no front end has to know."""
    return [watch] if watch else ()


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


def changes(
    seen: Sequence[Seen],
    wanted: Wanted,
    policy: Policy,
    load: Load = no_front_end,
    in_force: Container[str] = (),
    trial: Optional[Trial] = None,
) -> list[Step]:
    """Return the steps from `seen` to `wanted`, in rounds.

    A round makes replicas, waits until they are healthy, has the front end send to them, watches them, and
    only then stops those whose place they take. One round makes all where nothing is replaced. `in_force` has
    the network names in the front end's configuration. It never sends to others before they are healthy.
    The first round of a new definition begins with its `trial`.
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
    steps = _pull(todo, held, wanted)
    size = policy.at_once if former else max(1, len(todo))
    serving = {held[index].alias for index in settled}
    serving |= {
        each.alias
        for each in seen
        if each.running and each.index not in settled and (each.alias in in_force or each.id in wanted.known)
    }
    if policy.order == "stop-first":  # those that serve come last: a round of all of them would leave nobody
        todo.sort(key=lambda each: any(old.alias in serving for old in former.get(each.index, ())))
    rounds = _Rounds(wanted, policy, load, held, former)
    for start in range(0, len(todo), size):
        if start and policy.delay:
            steps.append(Pause(seconds=policy.delay, cause="the delay between two rounds"))
        batch = todo[start : start + size]
        if trial and not start and not settled and not rounds.promoted(batch, in_force):
            steps += rounds.tried(batch, serving, trial)
            continue
        progress = f"; {start} of {len(todo)} are replaced" if start else ""
        steps += rounds.steps(batch, serving, progress)
    if not todo or any(each.running for each in surplus):
        serving -= {each.alias for each in surplus}
        steps += load(sorted(serving), None)
    return [*steps, *_removal(surplus, wanted.template.drain, _declared(wanted))]


def beside(seen: Sequence[Seen], wanted: Wanted, policy: Policy) -> list[Step]:
    """Return the steps that make replicas beside all that run, in one round, and remove what has ended.

    For a front end that reaches the new ones in another way: its configuration changes first, and then
    `retired` removes the others.
    """
    held = as_declared(seen, wanted)
    proven = [index for index, each in held.items() if each.running and each.id in wanted.known]
    todo = [each for each in wanted.replicas if each.index not in proven]
    ended = [each for each in seen if each not in held.values() and not each.running]
    steps = _pull(todo, held, wanted)
    if todo:
        steps += _start(todo, held, wanted, "the front end reaches these in another way")
        steps += no_front_end((), _watch(todo, held, policy))
    return [*steps, *_removal(ended, wanted.template.drain, _declared(wanted))]


def retired(seen: Sequence[Seen], drain: float) -> list[Step]:
    """Return the steps that remove replicas which no configuration names."""
    return _removal(seen, drain, "no front end sends to them")


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


@dataclass(frozen=True)
class _Rounds:
    """A change in rounds."""

    wanted: Wanted
    policy: Policy
    load: Load
    held: Mapping[int, Seen]
    """Containers that are as declared, by index."""
    former: Mapping[int, Sequence[Seen]]
    """Containers whose place others take, by index."""

    def promoted(self, batch: Sequence[Replica], in_force: Container[str]) -> bool:
        """Return whether a run that was killed has sent all requests of former replicas to these."""
        return any(
            each.alias in in_force
            and not any(old.alias in in_force for old in self.former.get(each.index, ()))
            for each in batch
        )

    def tried(self, batch: Sequence[Replica], serving: set[str], trial: Trial) -> list[Step]:
        """Return the steps of a first round that begins with a trial; `serving` as in `steps`."""
        going = [each for replica in batch for each in self.former.get(replica.index, ())]
        if not going:
            return self.steps(batch, serving, "")
        new = _containers(batch, self.held)
        serving -= {*new}
        old = {
            each.alias: each.id for found in self.former.values() for each in found if each.alias in serving
        }
        begin = _start(batch, self.held, self.wanted, "the definition changes; they are tried as a canary")
        tries = trial(sorted(serving), new, old)
        serving -= {each.alias for each in going}
        serving |= {*new}
        removal = _removal(going, self.wanted.template.drain, "another replica has its place")
        return [*begin, *tries, *self.load(sorted(serving), None), *removal]

    def steps(self, batch: Sequence[Replica], serving: set[str], progress: str) -> list[Step]:
        """Return the steps of one round; `serving` has the names that serve before it, and then after it."""
        going = [each for replica in batch for each in self.former.get(replica.index, ())]
        cause = f"the definition changes{progress}" if going else _declared(self.wanted)
        begin = _start(batch, self.held, self.wanted, cause)
        removal = _removal(going, self.wanted.template.drain, "another replica has its place")
        serving -= {each.alias for each in going}
        stop_first = self.policy.order == "stop-first"
        before = self.load(sorted(serving), None) if going and stop_first else ()
        serving |= {each.alias for each in batch}
        after = self.load(sorted(serving), _watch(batch, self.held, self.policy) if going else None)
        return [*before, *removal, *begin, *after] if stop_first else [*begin, *after, *removal]


def _pull(todo: Sequence[Replica], held: Mapping[int, Seen], wanted: Wanted) -> list[Step]:
    if all(each.index in held for each in todo):
        return []
    image, registries = wanted.template.image, wanted.registries
    return [PullImage(image=image, registries=registries, cause="replicas are made of it")]


def _containers(batch: Sequence[Replica], held: Mapping[int, Seen]) -> dict[str, str]:
    """Return the containers of replicas by network name: by id, or by name where they are yet to be made."""
    return {each.alias: held[each.index].id if each.index in held else each.name for each in batch}


def _start(batch: Sequence[Replica], held: Mapping[int, Seen], wanted: Wanted, cause: str) -> list[Step]:
    """Return the steps after which these replicas are healthy."""
    missing = [each for each in batch if each.index not in held]
    idle = {
        each.alias: held[each.index].id
        for each in batch
        if each.index in held and not held[each.index].running
    }
    steps: list[Step] = []
    if missing:
        steps.append(Create(replicas=missing, cause=cause))
    if idle:
        networks = wanted.template.networks
        steps.append(Start(containers=idle, networks=networks, cause="declared, and does not run"))
    health = AwaitHealthy(
        containers=_containers(batch, held),
        seconds=wanted.start_timeout,
        cause="only healthy replicas serve",
    )
    return [*steps, health]


def _watch(batch: Sequence[Replica], held: Mapping[int, Seen], policy: Policy) -> Optional[Watch]:
    if not policy.monitor:
        return None
    containers = _containers(batch, held)
    return Watch(containers=containers, seconds=policy.monitor, cause="a failure now ends the change")


def _declared(wanted: Wanted) -> str:
    return "1 replica is declared" if wanted.count == 1 else f"{wanted.count} replicas are declared"


def _removal(containers: Sequence[Seen], drain: float, cause: str) -> list[Step]:
    """Return the steps that remove containers; those that run get `drain` seconds to end."""
    ordered = sorted(containers, key=lambda each: (each.index, each.generation, each.name))
    running = {each.name: each.id for each in ordered if each.running}
    stop = [Stop(containers=running, seconds=drain, cause=cause)] if running else []
    every = {each.name: each.id for each in ordered}
    return [*stop, Remove(containers=every, cause=cause)] if every else []
