"""One run of `up`, `preview` or `down` on a stack, with the repair before and after it."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from pulumi import automation

from components.arguments.hosts import LOCAL_SOCKET
from components.engine.connection import HostUnreachable, connect, unreachable_in
from components.naming import PACKAGE
from components.repair import lock
from components.repair.mending import Mending
from components.repair.state import State
from components.repair.survey import Owner
from components.repair.telling import CannotGoOn, complain, say
from components.resources.home import pulumi_home

from . import machine, serving, workspace
from .causes import Output, way_in

T = TypeVar("T")

SCHEMES = ("unix://", "ssh://", "tcp://")


class HostsUnchecked(CannotGoOn):
    """A preview that is whole but for what hosts would say that did not answer."""

    code = 3
    """Exit code of the command, unless such previews are allowed."""


class Run:
    """A stack of a project, ready to be operated with `pulumi`."""

    def __init__(self, project: workspace.Project, consent: machine.Consent, *, debug: bool = False) -> None:
        """Get what is missing on this machine. Raises CannotGoOn, and NoPulumi before anything is made.

        With `debug` everything that Pulumi prints is shown as it is.
        """
        self._project, self._consent, self._debug = project, consent, debug
        self._name = project.stack
        about = project.about()
        command = workspace.command()
        self._owner = Owner(about["name"], project.stack.rpartition("/")[2])
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
        self._state = State(self._workspace, self._name, self._backend, self._owner)
        self._mending = Mending(self._state, self._owner, project.folder, self._addresses())

    def up(self) -> None:
        """Make the stack what its settings say. The last lines say where its services are."""
        machine.provide(self._addresses(), self._consent, compose=False)
        self._begin()
        stack = self._stack()
        result = self._repairing("up", stack.up)
        urls = result.outputs.get("urls")
        self._say_where(urls.value if urls else {})

    def preview(self) -> None:
        """Show what `up` would change."""
        if all(holder.gone for holder in self._state.holders()):
            self._mend_files()
        unchecked: set[str] = set()
        with ThreadPoolExecutor(1) as pool:
            repairs = pool.submit(self._mending.foresee)
            stack = self._stack()
            self._streamed(
                "preview",
                lambda **options: stack.preview(diff=True, **options),
                lambda line: unchecked.update(filter(None, [unreachable_in(line)])),
            )
            for line in repairs.result():
                say(line)
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

    def _say_where(self, urls: Mapping[str, str]) -> None:
        """Print where the services answer. Raises CannotGoOn, naming those that do not."""
        deployment = self._mending.deployment() if urls else {}
        silent = []
        for name, url in sorted(urls.items()):
            why = serving.problem(name, url, lambda: self._mending.survey(deployment))
            if why is None:
                say(f"{name}: {url}")
            else:
                silent.append(f"{name} does not answer at {url} after {serving.PATIENCE:g} s: {why}")
        if silent:
            raise CannotGoOn(f"{'; '.join(silent)}: see `docker logs` of its containers on their host")

    def _stack(self) -> automation.Stack:
        with suppress(automation.StackAlreadyExistsError):  # made elsewhere, this very moment
            return automation.Stack.create_or_select(self._name, self._workspace)
        return automation.Stack.select(self._name, self._workspace)

    def _begin(self) -> None:
        """Look whether the stack is free and its state can be read, before Pulumi does."""
        self._ask_hosts()
        lock.refuse_unless_gone(self._name, self._state.holders())
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
                other = f"name another host in DOCKER_HOST or under {PACKAGE}:host in "
                remedy = way_in(address, str(error)) or "start Docker there"
                raise CannotGoOn(
                    f"{error}: {remedy}, or {other}{self._project.settings_file.name}"
                ) from error

    def _addresses(self) -> list[str]:
        return addresses(self._project.settings().get("config") or {})

    def _mend_files(self) -> None:
        for mended in lock.mend(self._backend, self._owner.project, self._owner.stack):
            say(f"repaired: {mended}")

    def _repairing(self, what: str, action: Callable[..., T]) -> T:
        """Run `action`, and repair what an interrupted run left, before it and after it."""
        self._mending.before(reviving=what == "up")
        try:
            return self._state.unlocking(lambda: self._streamed(what, action))
        finally:
            self._mending.after()

    def _streamed(
        self, what: str, action: Callable[..., T], heard: Callable[[str], None] = lambda _: None
    ) -> T:
        """Run `action` and print its output; `heard` gets each line of standard error."""
        output = Output(say, complain, debug=self._debug)

        def complaint(line: str) -> None:
            heard(line)
            output.complaint(line)

        try:
            return action(on_output=output.line, on_error=complaint, suppress_progress=True)
        except automation.ConcurrentUpdateError:
            raise
        except automation.CommandError as error:
            output.end()
            reason = "; ".join(output.causes) or "as said above"
            raise CannotGoOn(f"{what} of stack {self._name} failed: {reason}") from error
        finally:
            output.end()


def addresses(config: Mapping[str, Any]) -> list[str]:
    """Return the addresses of the hosts in the settings, except those that only the program has a key to.

    The component reports mistakes in the settings.
    """
    services = config.get(f"{PACKAGE}:services")
    found = set()
    for service in services.values() if isinstance(services, Mapping) else ():
        given = service.get("host") if isinstance(service, Mapping) else None
        host = given or config.get(f"{PACKAGE}:host") or {}
        if isinstance(host, Mapping) and not host.get("client_key"):
            found.add(str(host.get("address") or os.environ.get("DOCKER_HOST") or LOCAL_SOCKET))
    return sorted(address for address in found if address.startswith(SCHEMES))
