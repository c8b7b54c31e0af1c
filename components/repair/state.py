"""The state of a stack, through `pulumi`: read, written, and whose lock it has."""

import json
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pulumi import automation

from ..naming import PACKAGE
from . import lock
from .leftovers import Span
from .survey import Owner
from .telling import CannotGoOn, say

T = TypeVar("T")
Json = dict[str, Any]


class State:
    """The state of one stack."""

    def __init__(self, workspace: automation.LocalWorkspace, name: str, backend: str, owner: Owner) -> None:
        self._workspace, self.name, self._backend, self._owner = workspace, name, backend, owner

    @property
    def in_files(self) -> bool:
        """True if the backend is a folder, where locks show who is at work."""
        return self._backend.startswith("file://")

    def is_in_a_file(self) -> bool:
        """Return whether the backend is a folder with this stack in it, which takes no `pulumi` to know."""
        return lock.deployment(self._backend, self._owner.project, self._owner.stack) is not None

    def deployment(self) -> Json:
        """Return what the state holds, secrets encrypted; empty for a stack that is not made yet."""
        found = lock.deployment(self._backend, self._owner.project, self._owner.stack)
        if found is not None:
            return found
        try:
            return self._export()["deployment"]  # type: ignore[no-any-return]
        except automation.StackNotFoundError:
            return {}

    def clear(self) -> Json:
        """Return what the state holds, secrets in clear."""
        return self._export("--show-secrets")["deployment"]  # type: ignore[no-any-return]

    def outputs(self) -> Json:
        """Return the outputs of the program, secrets in clear."""
        outputs: Json = json.loads(self._pulumi("stack", "output", "--json", "--show-secrets"))
        return outputs

    def change(self, change: Callable[[Json], Json]) -> None:
        """Write the deployment that `change` makes of the present one."""
        exported = self.exported()
        self.put({**exported, "deployment": change(exported["deployment"])})

    def exported(self) -> Json:
        """Return what `pulumi stack export` prints, secrets encrypted."""
        return self._export()

    def put(self, exported: Json) -> None:
        """Write a state, in the form of `exported`."""
        with tempfile.TemporaryDirectory(prefix=f"{PACKAGE}-") as folder:
            file = Path(folder, "state.json")
            file.write_text(json.dumps(exported))
            self._pulumi("stack", "import", "--file", str(file))

    def holders(self) -> list[lock.Holder]:
        """Return who holds the stack's lock, as far as the backend shows it."""
        return lock.holders_in(self._backend, self._owner.project, self._owner.stack)

    def require_free(self) -> None:
        """Raise CannotGoOn when a run of the stack is under way."""
        if self.in_files:
            lock.refuse_unless_gone(self.name, self.holders())
        else:
            # Other backends say who is at work only to one who writes.
            self.unlocking(lambda: self.change(lambda deployment: deployment))

    def cancel(self, holders: list[lock.Holder]) -> None:
        """Remove the locks of dead runs."""
        if holders:
            self._pulumi("cancel", "--yes")
        for holder in holders:
            say(f"repaired: lock of pid {holder.pid} (gone) removed")

    def unlocking(self, action: Callable[[], T]) -> T:
        """Run `action`, and once more when only the lock of a dead run was in its way."""
        try:
            return action()
        except automation.ConcurrentUpdateError as error:
            holders = lock.holders_said(str(error))
            if not holders:
                raise CannotGoOn(
                    f"another update of stack {self.name} is under way: wait for it to end; if it "
                    f"was killed, run `pulumi cancel --stack {self.name}` and try again"
                ) from error
            lock.refuse_unless_gone(self.name, holders)
            self.cancel(holders)
            return action()

    def runs(self) -> list[Span]:
        """Return when runs of the stack have begun and ended; the last ones."""
        said = json.loads(self._pulumi("stack", "history", "--output=json", "--page-size=100"))
        return [(_seconds(each["startTime"]), _seconds(each["endTime"])) for each in said]

    def _export(self, *options: str) -> Json:
        exported: Json = json.loads(self._pulumi("stack", "export", *options))
        return exported

    def _pulumi(self, *arguments: str) -> str:
        result = self._workspace.pulumi_command.run(
            [*arguments, "--stack", self.name], str(self._workspace.work_dir), self._workspace.env_vars
        )
        return str(result.stdout)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
