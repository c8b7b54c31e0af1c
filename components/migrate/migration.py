"""Move of the replicas of a stack between their two forms: shown, carried out, and checked by a preview."""

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pulumi import automation

from ..operate.run import Run
from ..operate.workspace import PRIVATE, write_whole
from ..repair.leftovers import REPLICAS
from ..repair.survey import key_of
from ..repair.telling import CannotGoOn, say
from .rewriting import (
    GENERATION,
    Json,
    Unfinished,
    apart,
    differences,
    is_adopted,
    joined,
    owner_of,
    returns,
    split,
)

_ROLL_OUT = "`longshore up` replaces the containers, without a failed request"
_NOTED = {"registries", "settings"}
"""Inputs that no container shows: the next `up` notes them, the settings in the history of the service."""


@dataclass(frozen=True)
class Move:
    """The move of the replicas of one backend."""

    whole: Json
    """Entry of the one resource, of before the move or after it."""
    change: Callable[[Json], Json]
    """Function that rewrites a deployment."""


class Migration(Run):
    """A move of a stack's replicas. It changes the state alone."""

    def move(self, *, back: bool, certain: bool) -> None:
        """Move the replicas as the program declares them; only say so unless `certain`."""
        self._begin()
        try:
            automation.Stack.select(self._name, self._workspace)
        except automation.StackNotFoundError as error:
            raise CannotGoOn(f"there is no stack {self._name}: nothing to move") from error
        if certain:
            self._mending.before(reviving=False)
        else:
            for line in self._mending.foresee():
                say(line)
        deployment = self._state.deployment()
        try:
            moves = [*(self._back if back else _forward)(deployment, self._steps())]
        except Unfinished as error:
            raise CannotGoOn(
                f"a change of {error} was interrupted: finish it by `longshore up` with the settings of "
                "before, then run this command again"
            ) from error
        self._require_there(move.whole for move in moves)
        for move in moves:
            say(_told(move.whole, back=back))
        if not certain:
            say(f"nothing is changed yet: `longshore migrate{' --back' if back else ''} --yes` does this")
            return
        self._rewrite(moves)
        say("done: a preview shows no change of these replicas")

    def _back(self, deployment: Json, steps: Sequence[Json]) -> Iterable[Move]:
        """Yield the moves to a resource for each replica. Raises CannotGoOn without any."""
        wholes = [each for each in deployment.get("resources") or [] if each["type"] == REPLICAS]
        wished = {(step["newState"]["parent"], _name(step)) for step in steps if _creates(step, GENERATION)}
        found = [each for each in wholes if (each["parent"], f"{owner_of(each)}-generation") in wished]
        if not found and wholes:
            raise CannotGoOn(
                f"the program declares {_listed(wholes)} with the key `update`: take it out of the settings, "
                "then run this command again"
            )
        if not found:
            raise CannotGoOn("no replicas of this stack are one resource: nothing to move back")
        for whole in found:
            if not is_adopted(whole):
                raise CannotGoOn(
                    f"replicas of {owner_of(whole)} have been created since they are one resource, so they "
                    f"cannot be moved back: {_ROLL_OUT}"
                )
            saved = next((each for each in self._saved() if returns(whole, each)), None)
            if saved is None:
                raise CannotGoOn(
                    f"no state in {self._folder} has the replicas of {owner_of(whole)} as they were before "
                    "the move: copy that folder from the machine of the move, or leave them as they are: "
                    f"{_ROLL_OUT}"
                )
            yield Move(whole, partial(split, whole=whole, saved=saved))

    def _require_there(self, wholes: Iterable[Json]) -> None:
        """Raise CannotGoOn unless the hosts have all containers."""
        survey = self._mending.survey(self._mending.deployment())
        for whole in wholes:
            ids, host = whole["outputs"]["containers"], whole["inputs"]["host"]
            there = {thing.id for thing in survey.get(key_of(host), [])}
            if not there and any(isinstance(value, dict) for value in host.values()):
                there = {thing.id for things in survey.values() for thing in things}  # the key is encrypted
            if missing := [name for name, id_ in ids.items() if id_ not in there]:
                raise CannotGoOn(
                    f"the host shows no container of {', '.join(missing)}: see that it answers; where they "
                    "are gone, run `longshore up` with the settings of before, then this command again"
                )

    def _rewrite(self, moves: Sequence[Move]) -> None:
        """Write the state; put it back when a preview of it shows a change."""
        before = self._state.exported()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._folder / f"{self.owner.stack}-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}.json"
        write_whole(file, json.dumps(before))
        say(f"the state of before is kept in {file}")
        after = before["deployment"]
        for move in moves:
            after = move.change(after)
        self._state.unlocking(lambda: self._state.put({**before, "deployment": after}))
        said = "the move ended before its preview"
        try:
            said = _changes(self._steps(), {move.whole["parent"] for move in moves})
        finally:
            if said:
                self._state.put(before)
        if said:
            raise CannotGoOn(
                f"the settings change more than the key `update` ({said}), so nothing is moved: take that "
                "back, run this command, and change it afterwards"
            )

    @property
    def _folder(self) -> Path:
        return Path(PRIVATE).expanduser() / "states" / self.owner.project

    def _saved(self) -> Iterable[Json]:
        """Yield the deployments that moves of this stack have kept, the newest first."""
        for file in sorted(self._folder.glob(f"{self.owner.stack}-*.json"), reverse=True):
            with suppress(ValueError, KeyError):
                yield json.loads(file.read_text())["deployment"]

    def _steps(self) -> list[Json]:
        """Return the steps of a preview, also of what does not change."""
        with suppress(automation.CommandError, ValueError), self._program() as options:
            command = ["preview", "--json", "--show-sames", *options, "--stack", self._name]
            done = self._workspace.pulumi_command.run(
                command, str(self._project.folder), self._workspace.env_vars
            )
            return list(json.loads(done.stdout)["steps"])
        raise CannotGoOn(
            "the preview of these settings fails: `longshore preview` says why; repair that first"
        )


def _forward(deployment: Json, steps: Sequence[Json]) -> Iterable[Move]:
    """Yield the moves to one resource for all replicas of a backend. Raises CannotGoOn without any."""
    wished = [step for step in steps if step["op"] != "delete" and _kind(step) == REPLICAS]
    if not wished:
        raise CannotGoOn(
            "no backend of this program has the key `update`: add `update: {}` to the settings of each "
            "backend that is to move, then run this command again"
        )
    new = [step["newState"] for step in wished if _creates(step, REPLICAS)]
    if not new:
        raise CannotGoOn(f"{_listed(step['newState'] for step in wished)}: one resource already")
    found = [each for each in new if apart(deployment, each["parent"], owner_of(each))]
    if not found:
        raise CannotGoOn(f"there are no replicas of {_listed(new)} yet: `longshore up` creates them")
    for declared in found:
        after = joined(deployment, declared)
        whole = next(each for each in after["resources"] if each["urn"] == declared["urn"])
        if said := differences(declared, whole):
            raise CannotGoOn(
                f"the settings of {owner_of(declared)} change more than the key `update` "
                f"({', '.join(said)}): take that back, run this command, and change it afterwards"
            )
        yield Move(whole, partial(joined, declared=declared))


def _told(whole: Json, *, back: bool) -> str:
    count, number = len(whole["outputs"]["containers"]), whole["outputs"]["generation"]
    containers = "1 container stays as it is" if count == 1 else f"{count} containers stay as they are"
    form = "a resource each" if back else f"one resource, {_name(whole)}"
    return (
        f"{owner_of(whole)}: {containers}, and become{'s' if count == 1 else ''} {form}; generation {number}"
    )


def _changes(steps: Iterable[Json], parents: set[str]) -> str:
    """Return what a preview changes of the components with these URNs; nothing when all stays."""
    found = []
    for step in steps:
        state: Any = step.get("newState") or step.get("oldState") or {}
        ours = state.get("parent") in parents or step["urn"] in parents
        harmless = step["op"] == "update" and {*(step.get("diffReasons") or [""])} <= _NOTED
        if ours and step["op"] != "same" and not harmless:
            found.append(": ".join([_name(step), ", ".join(step.get("diffReasons") or [step["op"]])]))
    return "; ".join(sorted(found))


def _creates(step: Json, kind: str) -> bool:
    return bool(step["op"] == "create" and _kind(step) == kind)


def _kind(step: Json) -> str:
    return str(step["urn"].split("::")[2].rpartition("$")[2])


def _name(entry: Json) -> str:
    return str(entry["urn"].rpartition("::")[2])


def _listed(wholes: Iterable[Json]) -> str:
    return ", ".join(sorted(owner_of(each) for each in wholes))
