"""Put right what interrupted runs of a stack have left, before a run and after it."""

import json
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from ..arguments.connections import Connection
from . import lock, processes, repair
from .leftovers import Drift, Span, Unrecorded, drift, recorded_ids, unrecorded
from .repair import Leftover
from .state import State
from .survey import Owner, Survey, has_encrypted_host, hosts, key_of, look
from .telling import say

Json = dict[str, Any]
CHECK_CUT_SHORT = "a check cut short"


class Mending:
    """The repair of one stack."""

    def __init__(self, state: State, owner: Owner, project: Path, addresses: Iterable[str]) -> None:
        self._state, self._owner, self._project = state, owner, project
        self._declared: list[Json] = [{"address": address} for address in addresses]
        self._late: list[Leftover] = []

    def before(self, *, reviving: bool) -> None:
        """Remove what is left over.

        With `reviving`, start what is down, and mark in the state what the run is to set right.
        Raises CannotGoOn while another run of the stack is under way, and HostUnreachable.
        """
        holders = self._state.holders()
        # Before anything is looked at: they may still be making things.
        for ended in processes.end_orphans(self._project):
            _repaired(ended)
        lock.refuse_unless_gone(self._state.name, holders)
        deployment = self.deployment()
        pending = bool(deployment.get("pending_operations"))
        if pending:
            self._state.require_free()
        survey, plan = self.survey(deployment), repair.plan(deployment, self._owner)
        self._remove(plan.leftovers, deployment)
        found = self._unrecorded(survey, deployment, plan, holders)
        self._remove([Leftover.found(host, thing) for host, thing in found.ours], deployment)
        for line in plan.notes:
            _repaired(line)
        for line in _strangers(found):
            say(line)
        down = drift(survey, plan.deployment, self._owner.labels) if reviving else Drift()
        for line in [*repair.start(down.stopped), *down.notes]:
            _repaired(line)
        # The lock of the dead run has kept others away until here.
        self._state.cancel(holders)
        if pending or down.marked:
            self._state.change(
                lambda present: repair.corrected(repair.plan(present, self._owner).deployment, down)
            )
        self._late = [leftover for leftover in plan.leftovers if not leftover.id]
        self._late += [Leftover.found(host, thing, CHECK_CUT_SHORT) for host, thing in found.checks]

    def after(self) -> None:
        """Look again: an engine may have finished a creation that nobody waited for.

        A check of when the run began that is still there is one cut short.
        """
        if self._late:
            self._remove(self._late, self.deployment(), " and late")

    def foresee(self) -> list[str]:
        """Return what `before` would do, in words; nothing while a run of the stack is under way."""
        if not all(holder.gone for holder in self._state.holders()):
            return []
        deployment = self.deployment()
        survey, plan = self.survey(deployment), repair.plan(deployment, self._owner)
        there = {thing.name for things in survey.values() for thing in things}
        found = self._unrecorded(survey, deployment, plan, self._state.holders(), certain=False)
        going = [leftover for leftover in plan.leftovers if leftover.name in there]
        going += [Leftover.found(host, thing) for host, thing in found.ours]
        going += [Leftover.found(host, thing, CHECK_CUT_SHORT) for host, thing in found.checks]
        down = drift(survey, plan.deployment, self._owner.labels)
        return [
            *(f"`up` will remove {leftover}" for leftover in going),
            *(f"`up` will start container {thing.name}, which does not run" for _, thing in down.stopped),
            *(f"`up` will repair: {note}" for note in (*plan.notes, *down.notes)),
            *_strangers(found),
        ]

    def deployment(self) -> Json:
        """Return what the state holds; secrets in clear, in memory alone, where a host needs them."""
        deployment = self._state.deployment()
        return self._state.clear() if has_encrypted_host(deployment) else deployment

    def survey(self, deployment: Json) -> Survey:
        """Ask the hosts of the settings and of the state."""
        return look([*self._declared, *hosts(deployment)], self._owner)

    def hosts(self) -> list[Connection]:
        """Return the hosts of the settings and of the state, each once."""
        keys = {key_of(host) for host in [*self._declared, *hosts(self.deployment())]}
        return [json.loads(key) for key in sorted(keys)]

    def _unrecorded(
        self,
        survey: Survey,
        deployment: Json,
        plan: repair.Plan,
        holders: list[lock.Holder],
        *,
        certain: bool = True,
    ) -> Unrecorded:
        """Sort what is on the hosts and not in the state, `certain` that no run is making it just now."""
        pending = {leftover.name for leftover in plan.leftovers}
        rest = {
            host: [thing for thing in things if thing.name not in pending] for host, things in survey.items()
        }
        known = recorded_ids(deployment)
        if all(thing.id in known for things in rest.values() for thing in things):
            return Unrecorded()
        if certain:
            # A run that was under way at the survey has ended by now, and has recorded what it made.
            self._state.require_free()
            deployment = self._state.deployment()
        return unrecorded(rest, deployment, lambda: [*self._state.runs(), *_cut_short(holders)])

    def _remove(self, leftovers: Iterable[Leftover], deployment: Json, when: str = "") -> None:
        for gone in repair.remove(leftovers, self._owner, recorded_ids(deployment)):
            _repaired(f"{gone}{when}, removed")


def _repaired(line: str) -> None:
    say(f"repaired: {line}")


def _strangers(found: Unrecorded) -> list[str]:
    """Say what carries the stack's labels and is left alone."""
    return [
        f"left alone: {thing.name} carries the labels of this stack, but no run of this state has made it: "
        "does another state have a stack of this name on the same host?"
        for _, thing in found.others
    ]


def _cut_short(holders: Iterable[lock.Holder]) -> list[Span]:
    now = time.time()
    return [(datetime.fromisoformat(holder.since).timestamp(), now) for holder in holders]
