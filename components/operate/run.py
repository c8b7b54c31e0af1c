"""One run of `up`, `preview`, `down` or `refresh` on a stack, with the repair before and after it."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pulumi import automation

from ..arguments.connections import Connection
from ..arguments.hosts import LOCAL_SOCKET
from ..engine.connection import HostUnreachable, connect, unreachable_in
from ..naming import PACKAGE
from ..repair import lock
from ..repair.mending import Mending
from ..repair.state import State
from ..repair.survey import Owner
from ..repair.telling import CannotGoOn, complain, say
from ..resources.home import pulumi_home
from . import host, serving, workspace
from .causes import Output, way_in

COMMANDS = {
    "up": ("up", "--yes", "--skip-preview"),
    "preview": ("preview", "--diff"),
    "down": ("destroy", "--yes", "--skip-preview"),
    "refresh": ("refresh", "--yes", "--skip-preview"),
}
"""Commands of `pulumi` for ours."""
AUTOMATION = {"PULUMI_AUTOMATION_API": "true"}
"""Variables that the Automation API gives to `pulumi`, and so to a program."""
SCHEMES = ("unix://", "ssh://", "tcp://")


class HostsUnchecked(CannotGoOn):
    """A preview that is whole but for what hosts would say that did not answer."""

    code = 3
    """Exit code of the command, unless such previews are allowed."""


class Run:
    """A stack of a project, ready to be operated with `pulumi`."""

    def __init__(
        self,
        project: workspace.Project,
        *,
        debug: bool = False,
        provide: Callable[[Iterable[str]], None] = lambda _: None,
    ) -> None:
        """Get what is missing on this machine. Raises CannotGoOn, and NoPulumi before anything is made.

        With `debug` everything that Pulumi prints is shown as it is. Before `up`, `provide` gets the
        addresses of the hosts in the settings.
        """
        self._project, self._provide, self._debug = project, provide, debug
        self._options: list[str] = []
        self._name = project.stack
        about = project.about()
        command = workspace.command()
        self.owner = Owner(about["name"], project.stack.rpartition("/")[2])
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
        self._state = State(self._workspace, self._name, self._backend, self.owner)
        self._mending = Mending(self._state, self.owner, project.folder, self._addresses())
        added = host.environment(project.folder, about)
        self._starter = None if added is None else host.Starter({**extra, **AUTOMATION, **added})

    def up(self) -> None:
        """Make the stack what its settings say. The last lines say where its services are."""
        self._expect_a_program()
        self._provide(self._addresses())
        self._begin()
        self._make()
        self._repairing("up")
        self._say_where(self._state.outputs().get("urls") or {})

    def preview(self) -> None:
        """Show what `up` would change."""
        self._expect_a_program()
        if all(holder.gone for holder in self._state.holders()):
            self._mend_files()
        unchecked: set[str] = set()
        with ThreadPoolExecutor(1) as pool:
            repairs = pool.submit(self._mending.foresee)
            if not self._state.is_in_a_file():
                self._make()
            self._streamed("preview", lambda line: unchecked.update(filter(None, [unreachable_in(line)])))
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
        if self._is_made("remove"):
            self._repairing("down")

    def refresh(self) -> None:
        """Read into the state what became of all that the stack has made."""
        self._begin()
        if self._is_made("refresh"):
            self._repairing("refresh")

    def hosts(self) -> list[Connection]:
        """Return the hosts of the settings and of the state, as `connection.connect` takes them."""
        return self._mending.hosts()

    @contextmanager
    def with_settings(self, file: Path) -> Iterator[None]:
        """Give programs the settings in `file` instead of the stack's own."""
        self._options = ["--config-file", str(file)]
        try:
            yield
        finally:
            self._options = []

    def _expect_a_program(self) -> None:
        if self._starter is not None:
            self._starter.expect()

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

    def _make(self) -> None:
        """Make the stack unless there is one."""
        with suppress(automation.StackAlreadyExistsError):  # made elsewhere, this very moment
            automation.Stack.create_or_select(self._name, self._workspace)

    def _is_made(self, what: str) -> bool:
        """Return whether there is such a stack; say that there is nothing to do without one.

        Raises CannotGoOn where other stacks have settings, and this one has none.
        """
        try:
            automation.Stack.select(self._name, self._workspace)
        except automation.StackNotFoundError:
            self._project.require_settings()
            say(f"there is no stack {self._name}: nothing to {what}")
            return False
        return True

    def _begin(self) -> None:
        """Look whether the stack is free and its state can be read, before Pulumi does."""
        self._ask_hosts()
        lock.refuse_unless_gone(self._name, self._state.holders())
        self._mend_files()

    def _passphrase(self) -> dict[str, str]:
        folder = Path(workspace.PRIVATE).expanduser()
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
        for mended in lock.mend(self._backend, self.owner.project, self.owner.stack):
            say(f"repaired: {mended}")

    def _repairing(self, what: str) -> None:
        """Run `pulumi`, and repair what an interrupted run left, before it and after it."""
        self._mending.before(reviving=what == "up")
        try:
            self._state.unlocking(lambda: self._streamed(what))
        finally:
            self._mending.after()

    def _streamed(self, what: str, heard: Callable[[str], None] = lambda _: None) -> None:
        """Run `pulumi` and print its output; `heard` gets each line of standard error."""
        output = Output(say, complain, debug=self._debug)

        def complaint(line: str) -> None:
            heard(line)
            output.complaint(line)

        try:
            with _patient(), self._program() as options:
                arguments = [
                    *COMMANDS[what],
                    *self._options,
                    *options,
                    "--suppress-progress",
                    "--stack",
                    self._name,
                ]
                self._workspace.pulumi_command.run(
                    arguments, str(self._project.folder), self._workspace.env_vars, output.line, complaint
                )
        except automation.ConcurrentUpdateError:
            raise
        except automation.CommandError as error:
            output.end()
            raise CannotGoOn(f"{what} of stack {self._name} failed: {output.reason}") from error
        finally:
            output.end()

    @contextmanager
    def _program(self) -> Iterator[list[str]]:
        """Yield the options with which `pulumi` gets the program: from here, or from its language host."""
        if self._starter is None:
            yield ["--exec-kind=auto.local"]
        else:
            with host.serving(self._starter) as address:
                yield ["--exec-kind=auto.inline", f"--client={address}"]


@contextmanager
def _patient() -> Iterator[None]:
    """Leave the first Ctrl-C to `pulumi`, which gets it, too, and ends in order; raises it afterwards.

    The second one ends everything at once.
    """
    before, interrupted = signal.getsignal(signal.SIGINT), False

    def wait(*_: object) -> None:
        nonlocal interrupted
        interrupted = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if interrupted:
            raise KeyboardInterrupt


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
