"""One run of `up`, `preview` or `down` on a stack, with the repair before and after it."""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pulumi import automation

from ..connection import HostUnreachable, connect, unreachable_in
from ..home import pulumi_home
from ..hosts import LOCAL_SOCKET
from ..naming import PACKAGE
from . import CannotGoOn, HostsUnchecked, lock, machine, processes, repair, workspace

T = TypeVar("T")

SCHEMES = ("unix://", "ssh://", "tcp://")


class Run:
    """A stack of a project, ready to be operated with `pulumi`."""

    def __init__(self, project: workspace.Project, consent: machine.Consent) -> None:
        """Get what is missing on this machine. Raises CannotGoOn, and NoPulumi before anything is made."""
        self._project, self._consent = project, consent
        self._name = project.stack
        about = project.about()
        command = workspace.command()
        self._owner = repair.Owner(about["name"], project.stack.rpartition("/")[2])
        chosen = workspace.backend(os.environ, about)
        self._backend = chosen or workspace.LOCAL
        extra = {} if chosen else {"PULUMI_BACKEND_URL": self._backend}
        if not chosen:
            say(f"state: {self._backend} (not logged in to another Pulumi backend)")
        extra |= self._passphrase()
        self._workspace = automation.LocalWorkspace(
            work_dir=str(project.folder), pulumi_command=command, env_vars=extra
        )
        workspace.ensure_plugin(self._workspace, pulumi_home(os.environ))
        self._late: list[repair.Leftover] = []

    def up(self) -> None:
        """Make the stack what its settings say. The last lines say where its services are."""
        machine.provide(self._addresses(), self._consent, compose=False)
        self._begin()
        stack = automation.Stack.create_or_select(self._name, self._workspace)
        result = self._repairing("up", stack.up)
        urls = result.outputs.get("urls")
        for name, url in sorted((urls.value if urls else {}).items()):
            say(f"{name}: {url}")

    def preview(self) -> None:
        """Show what `up` would change."""
        if all(holder.gone for holder in self._holders()):
            self._mend_files()
        stack = automation.Stack.create_or_select(self._name, self._workspace)
        unchecked: set[str] = set()

        def warned(line: str) -> None:
            complain(line)
            unchecked.update(filter(None, [unreachable_in(line)]))

        self._streamed("preview", lambda **given: stack.preview(diff=True, **{**given, "on_error": warned}))
        if unchecked:
            raise HostsUnchecked(
                f"this preview is not checked against {', '.join(sorted(unchecked))}: try again when the "
                "host answers, or allow it with --allow-unchecked (make preview ALLOW_UNCHECKED=1)"
            )

    def down(self) -> None:
        """Remove everything the stack has made; its settings stay."""
        self._begin()
        try:
            stack = automation.Stack.select(self._name, self._workspace)
        except automation.StackNotFoundError:
            say(f"there is no stack {self._name}: nothing to remove")
            return
        self._repairing("down", stack.destroy)

    def _begin(self) -> None:
        """Look whether the stack is free and its state can be read, before Pulumi does."""
        self._ask_hosts()
        lock.refuse_unless_gone(self._name, self._holders())
        self._mend_files()

    def _passphrase(self) -> dict[str, str]:
        folder = Path(f"~/.config/{PACKAGE}").expanduser()
        settings = self._project.settings()
        file, told = workspace.passphrase(os.environ, self._backend, settings, folder)
        if file is None:
            return {}
        say(told)
        return {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}

    def _ask_hosts(self) -> None:
        """Raise CannotGoOn when the engine of a host in the settings does not answer."""
        for address in self._addresses():
            try:
                with connect({"address": address}, timeout=10):
                    pass
            except HostUnreachable as error:
                raise CannotGoOn(
                    f"{error}: start Docker there, or name another host in DOCKER_HOST or under "
                    f"{PACKAGE}:host in {self._project.settings_file.name}"
                ) from error

    def _addresses(self) -> list[str]:
        return addresses(self._project.settings().get("config") or {})

    def _holders(self) -> list[lock.Holder]:
        return lock.holders_in(self._backend, self._owner.project, self._owner.stack)

    def _mend_files(self) -> None:
        for mended in lock.mend(self._backend, self._owner.project, self._owner.stack):
            say(f"repaired: {mended}")

    def _repairing(self, what: str, action: Callable[..., T]) -> T:
        """`action`, with what an interrupted run left put right before it and after it."""
        self._repair()
        try:
            return self._unlocking(lambda: self._streamed(what, action))
        finally:
            self._remove_late()

    def _streamed(self, what: str, action: Callable[..., T]) -> T:
        try:
            return action(on_output=say, on_error=complain, suppress_progress=True)
        except automation.ConcurrentUpdateError:
            raise
        except automation.CommandError as error:
            raise CannotGoOn(f"{what} of stack {self._name} failed, as said above") from error

    def _repair(self) -> None:
        holders = self._holders()
        # Before anything is looked at: they may still be making things.
        for ended in processes.end_orphans(self._project.folder):
            say(f"repaired: {ended}")
        lock.refuse_unless_gone(self._name, holders)
        exported = self._export()
        pending = exported["deployment"].get("pending_operations")
        if not pending and not holders:
            return
        if pending and not self._backend.startswith("file://"):
            # Other backends say who is at work only to one who writes.
            self._unlocking(lambda: self._import(exported))
        # The keys of hosts are clear in memory alone; what is written back is as it was read.
        clear = self._export("--show-secrets")["deployment"]
        plan = repair.plan(clear, self._owner)
        for found in repair.remove(plan.leftovers, self._owner, repair.recorded_ids(clear)):
            say(f"repaired: {found}, removed")
        for name in repair.remove_checks(clear, self._owner):
            say(f"repaired: container {name}, a check cut short, removed")
        for note in plan.notes:
            say(f"repaired: {note}")
        # The lock of the dead run has kept others away until here.
        self._cancel(holders)
        if pending:
            cleaned = repair.plan(exported["deployment"], self._owner).deployment
            self._import({**exported, "deployment": cleaned})
        self._late = [leftover for leftover in plan.leftovers if not leftover.id]

    def _remove_late(self) -> None:
        """Look again: an engine may have finished a creation that nobody waited for."""
        if self._late:
            recorded = repair.recorded_ids(self._export()["deployment"])
            for found in repair.remove(self._late, self._owner, recorded):
                say(f"repaired: {found} and late, removed")

    def _unlocking(self, action: Callable[[], T]) -> T:
        """`action`, and again when only the lock of a dead run was in its way."""
        try:
            return action()
        except automation.ConcurrentUpdateError as error:
            holders = lock.holders_said(str(error))
            if not holders:
                raise CannotGoOn(
                    f"another update of stack {self._name} is under way: wait for it to end; if it "
                    f"was killed, run `pulumi cancel --stack {self._name}` and try again"
                ) from error
            lock.refuse_unless_gone(self._name, holders)
            self._cancel(holders)
            return action()

    def _cancel(self, holders: list[lock.Holder]) -> None:
        if holders:
            self._pulumi("cancel", "--yes")
        for holder in holders:
            say(f"repaired: lock of pid {holder.pid} (gone) removed")

    def _export(self, *options: str) -> dict[str, Any]:
        exported: dict[str, Any] = json.loads(self._pulumi("stack", "export", *options))
        return exported

    def _import(self, exported: dict[str, Any]) -> None:
        with tempfile.TemporaryDirectory(prefix=f"{PACKAGE}-") as folder:
            file = Path(folder, "state.json")
            file.write_text(json.dumps(exported))
            self._pulumi("stack", "import", "--file", str(file))

    def _pulumi(self, *arguments: str) -> str:
        result = self._workspace.pulumi_command.run(
            [*arguments, "--stack", self._name],
            str(self._project.folder),
            self._workspace.env_vars,
        )
        return str(result.stdout)


def say(line: str) -> None:
    """One line for the user, at once."""
    print(line, flush=True)


def complain(line: str) -> None:
    """One line of an error, at once."""
    print(line, file=sys.stderr, flush=True)


def addresses(config: Mapping[str, Any]) -> list[str]:
    """Addresses of the hosts in the settings, but for those that only the program has a key to.

    What is wrong in the settings is the component's to say.
    """
    services = config.get(f"{PACKAGE}:services")
    found = set()
    for service in services.values() if isinstance(services, Mapping) else ():
        given = service.get("host") if isinstance(service, Mapping) else None
        host = given or config.get(f"{PACKAGE}:host") or {}
        if isinstance(host, Mapping) and not host.get("client_key"):
            found.add(str(host.get("address") or os.environ.get("DOCKER_HOST") or LOCAL_SOCKET))
    return sorted(address for address in found if address.startswith(SCHEMES))
