"""A Pulumi program under test: the repository's own, with settings, state and plugins of its own.

    program = Program(tmp_path, host, {"services": {"web": service(replicas=2)}})
    program.up()
    assert program.preview().changes == []
    program.configure({"services": {"web": service(replicas=3)}})
    run = program.start_up()  # a process to kill
    program.destroy()

Everything it writes is below `tmp_path`; containers and networks on the host are those of project
`longshore` and stack `program.stack`, a name that no other program has.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import yaml

from components.naming import LABEL, PACKAGE
from tests.support import prepared

ROOT = Path(__file__).resolve().parents[2]
RUN_A_PROGRAM = ("up", "preview", "refresh", "destroy")
"""Commands of `pulumi` that ask a host for the program."""
SALT = "encryptionsalt"
_made: dict[tuple[type["Program"], str | None], tuple[str, str]] = {}
"""State and salt of a stack that `pulumi` has just made, by kind of program and passphrase."""
APP, PROXY = "longshore-app:1", "longshore-proxy:1"
PORT = 8090


def service(**keys: Any) -> dict[str, Any]:
    """Return arguments of a LoadBalancedService on the bench: its images, 3 replicas, port 8090."""
    front_end = {"image": PROXY, "port": PORT, **keys.pop("front_end", {})}
    return {"image": APP, "replicas": 3, "front_end": front_end, **keys}


def unavailable() -> str | None:
    """Return the reason why no Pulumi program can run on this machine, or None."""
    if shutil.which("pulumi") is None:
        return "no pulumi on PATH: `make up` installs it, then put ~/.pulumi/bin on PATH"
    if shutil.which("pulumi-resource-docker") is None and not any(_plugins().glob("resource-docker-v*")):
        return "no docker plugin: run `pulumi plugin install resource docker`"
    return None


class PulumiError(AssertionError):
    """`pulumi` ended with an error; the message is all it printed."""

    def __init__(self, run: "Run") -> None:
        super().__init__(f"{' '.join(run.arguments)}: exit {run.code}\n{run.output}")
        self.run = run


@dataclass(frozen=True)
class Run:
    """A finished command."""

    arguments: tuple[str, ...]
    code: int
    output: str
    """Standard output, then standard error."""
    stdout: str
    seconds: float


@dataclass(frozen=True)
class Preview:
    """Changes that `up` would make."""

    steps: list[dict[str, Any]]
    """Steps as `pulumi preview --json` prints them, without the ones that change nothing."""
    diagnostics: list[str]
    """Warnings and errors, without colours."""

    @cached_property
    def changes(self) -> list[tuple[str, str]]:
        """(operation, resource's name) of every change, in order of name."""
        return sorted((step["op"], step["urn"].rpartition("::")[2]) for step in self.steps)


class Engine(Protocol):
    """Facts of a Docker host that a program needs."""

    @property
    def url(self) -> str:
        """Address of its engine."""
        ...


class Program:
    """The repository's program as a stack of its own. One at a time on a port of a host."""

    root = ROOT
    """The checkout whose program it is."""

    def __init__(
        self,
        folder: Path,
        host: Engine,
        settings: Mapping[str, Any],
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Make a project in `folder`; `host` serves every service that names no other.

        `settings` by name: `services` and whatever else the stack's settings may hold;
        `environment` is added to that of the commands.
        """
        self.stack = f"t{secrets.token_hex(4)}"
        self.folder = folder / self.stack
        self.state = self.folder / "state"
        self.home = self.folder / "home"
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")},
            "PULUMI_HOME": str(self.home),
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "NO_COLOR": "1",
            **(environment or {}),
        }
        self.project = self.folder / "project"
        self._lay_out()
        self.configure({"host": {"address": host.url}, **settings})

    def _lay_out(self) -> None:
        for folder in (self.project, self.state, self.home):
            folder.mkdir(parents=True)
        # Links, not copies: what is tested is the repository, and nothing is written there.
        for name in ("Pulumi.yaml", "__main__.py", "components", "checkout", "templates", "plugin"):
            (self.project / name).symlink_to(self.root / name)
        (self.project / ".venv").symlink_to(sys.prefix)
        if _plugins().is_dir():
            (self.home / "plugins").symlink_to(_plugins())

    @property
    def state_file(self) -> Path:
        name = yaml.safe_load((self.project / "Pulumi.yaml").read_text())["name"]
        return self.state / f".pulumi/stacks/{name}/{self.stack}.json"

    @property
    def settings_file(self) -> Path:
        return self.project / f"Pulumi.{self.stack}.yaml"

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Change the settings of these names; others stay."""
        file = self.settings_file
        content = yaml.safe_load(file.read_text()) if file.exists() else {}
        config = content.setdefault("config", {})
        for name, value in settings.items():
            config[f"{PACKAGE}:{name}"] = value
        file.write_text(yaml.safe_dump(content, sort_keys=False))

    def set_secret(self, name: str, value: str) -> None:
        """Set an encrypted value; a service takes it as `{"secret": name}`."""
        self._init()
        self.pulumi("config", "set", "--path", "--secret", f"{PACKAGE}:secrets.{name}", value)

    def up(self, *arguments: str, check: bool = True) -> Run:
        """Run `pulumi up`."""
        self._init()
        return self.pulumi("up", "--yes", "--skip-preview", *arguments, check=check)

    def preview(self, *arguments: str) -> Preview:
        """Run `pulumi preview`; raise PulumiError when the program or a check refuses."""
        self._init()
        found = json.loads(self.pulumi("preview", "--json", *arguments).stdout)
        steps = [step for step in found.get("steps", []) if step["op"] != "same"]
        said = [line["message"].strip() for line in found.get("diagnostics") or []]
        return Preview(steps, said)

    def refresh(self, *arguments: str) -> Run:
        """Run `pulumi refresh`."""
        return self.pulumi("refresh", "--yes", "--skip-preview", *arguments)

    def destroy(self, *arguments: str, check: bool = True) -> Run:
        """Run `pulumi destroy`."""
        return self.pulumi("destroy", "--yes", "--skip-preview", *arguments, check=check)

    def export(self) -> dict[str, Any]:
        """Return the deployment in the state: `resources`, `pending_operations` …"""
        return dict(json.loads(self.state_file.read_text())["checkpoint"].get("latest") or {})

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs."""
        return dict(json.loads(self.pulumi("stack", "output", "--json", "--show-secrets").stdout))

    def start_up(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `pulumi up` as a process, in a session of its own; it prints to `log`."""
        self._init()
        return self.start("up", "--yes", "--skip-preview", *arguments)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `pulumi <arguments>` as a process in a session of its own; it prints to `log`."""
        return self._start(self._command(arguments))

    def start_to_operate(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `python -m checkout <arguments>` likewise."""
        return self._start((sys.executable, "-m", "checkout", *arguments, "--stack", self.stack))

    def _start(self, command: tuple[str, ...]) -> "subprocess.Popen[str]":
        with self.log.open("w") as log:
            return subprocess.Popen(
                command,
                cwd=self.project,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
            )

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def pulumi(self, *arguments: str, check: bool = True, timeout: float = 300) -> Run:
        """Run `pulumi <arguments>` on this stack; raise PulumiError on an error unless `check` is false."""
        return self._run(self._command(arguments), check, timeout)

    def operate(self, *arguments: str, check: bool = True, timeout: float = 300) -> Run:
        """Run `python -m checkout <arguments>` on this stack, as `make` runs it."""
        module = (sys.executable, "-m", "checkout")
        return self._run((*module, *arguments, "--stack", self.stack), check, timeout)

    def _command(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        return ("pulumi", *arguments, "--stack", self.stack, "--non-interactive", "--color=never")

    def _init(self) -> None:
        """Make the stack unless there is one: the first of a kind by `pulumi`, the others as that one."""
        file = self.state_file
        if file.exists():
            return
        kind = (type(self), self.environment.get("PULUMI_CONFIG_PASSPHRASE"))
        if kind not in _made:
            self._run(("pulumi", "stack", "init", self.stack, "--non-interactive"), True, 60)
            salt = yaml.safe_load(self.settings_file.read_text())[SALT]
            _made[kind] = file.read_text().replace(f"/{self.stack}", "/NAME"), salt
            return
        text, salt = _made[kind]
        file.parent.mkdir(parents=True)
        file.write_text(text.replace("/NAME", f"/{self.stack}"))
        (self.state / ".pulumi/meta.yaml").write_text("version: 1\n")
        settings = yaml.safe_load(self.settings_file.read_text())
        self.settings_file.write_text(yaml.safe_dump({SALT: salt, **settings}, sort_keys=False))

    def _run(self, command: tuple[str, ...], check: bool, timeout: float) -> Run:
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        seconds = time.monotonic() - began
        run = Run(command, done.returncode, done.stdout + done.stderr, done.stdout, seconds)
        if check and run.code != 0:
            raise PulumiError(run)
        return run

    @property
    def labels(self) -> list[str]:
        """The Docker label filter for everything this stack makes."""
        return [f"{LABEL}.project={PACKAGE}", f"{LABEL}.stack={self.stack}"]


class Inline(Program):
    """A program run without a language host, also where only our own plugin is.

    Program, plugin and `operate` are forks of a prepared process: nothing is loaded anew. With `as_a_user`
    they are started as they are for a user, which figures of time and memory need.
    """

    main = ""
    """Text of its `__main__.py`; empty: the repository's."""
    as_a_user = False

    def _lay_out(self) -> None:
        for folder in (self.project, self.state, self.home):
            folder.mkdir(parents=True)
        for name in ("components", "templates"):
            (self.project / name).symlink_to(ROOT / name)
        (self.project / "__main__.py").write_text(self.main or (ROOT / "__main__.py").read_text())
        plugin = self.project / "plugin" / f"pulumi-resource-{PACKAGE}"
        plugin.parent.mkdir()
        started = str(ROOT / "plugin")
        if not self.as_a_user:
            client = plugin.with_name("plugin")  # the name of a plugin's folder, by which a repair finds it
            client.symlink_to(prepared.CLIENT)
            started = f"{client} {prepared.name()} plugin"
            self.environment["GOGC"] = "400"  # a command ends before garbage matters
        plugin.write_text(f'#!/bin/sh\nexec {sys.executable} {started} "$@"\n')
        plugin.chmod(0o755)
        project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
        project["runtime"] = "python"
        (self.project / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False))
        self.environment["PYTHONPATH"] = str(ROOT)

    def _command(self, arguments: tuple[str, ...]) -> tuple[str, ...]:
        pulumi, *rest = super()._command(arguments)
        if arguments[0] not in RUN_A_PROGRAM:
            return (pulumi, *rest)
        if self.as_a_user:
            return (sys.executable, "-m", "tests.support.inline", *rest)
        return _prepared("program", *rest)

    def operate(self, *arguments: str, check: bool = True, timeout: float = 300) -> Run:
        if self.as_a_user:
            return super().operate(*arguments, check=check, timeout=timeout)
        return self._run(_prepared("command", *arguments, "--stack", self.stack), check, timeout)


def _prepared(*work: str) -> tuple[str, ...]:
    return (sys.executable, "-IS", str(prepared.CLIENT), prepared.name(), *work)


def kill(process: "subprocess.Popen[str]") -> None:
    """Kill that process alone with SIGKILL, as `kill -9 <pid>` does: its children are left to themselves."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def _plugins() -> Path:
    """Return the folder of Pulumi's plugins of the user who runs the tests."""
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins"
