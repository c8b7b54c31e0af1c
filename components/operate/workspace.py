"""Requirements of a run: the Pulumi command, its docker plugin, a backend, a passphrase, a stack."""

import fcntl
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Optional

from pulumi import automation

from ..arguments import project_files
from ..naming import PACKAGE
from ..repair.telling import CannotGoOn
from ..resources.home import pulumi_home

PRIVATE = f"~/.config/{PACKAGE}"
"""Folder of what only the user may read."""
LOCAL = "file://~"
"""Pulumi's state in files below the home folder."""
_CLOUD = ("http://", "https://")
_IN_CLEAR = {"current", "accessTokens", "accounts"}
"""Keys of Pulumi's credentials.json, unless it is encrypted."""


class NoPulumi(CannotGoOn):
    """Error: `pulumi` is missing and cannot be installed; `reason` gives the cause without the remedy."""

    def __init__(self, error: Exception) -> None:
        self.reason = f"there is no usable pulumi, and it could not be installed ({error})"
        super().__init__(
            f"{self.reason}: install version {metadata.version('pulumi')} or later from "
            "https://www.pulumi.com/docs/install/"
        )


@dataclass(frozen=True)
class Project:
    """A Pulumi project in a folder, and the settings of one of its stacks."""

    folder: Path
    stack: str

    @property
    def settings_file(self) -> Path:
        """File of the stack's settings."""
        return self.folder / f"Pulumi.{self.stack.rpartition('/')[2]}.yaml"

    def about(self) -> dict[str, Any]:
        """Read Pulumi.yaml. Raises WrongFile without one."""
        return project_files.about(self.folder)

    def require_settings(self) -> None:
        """Raise CannotGoOn where other stacks have a settings file and this one, maybe misspelt, has none."""
        stacks = sorted(file.name.split(".")[1] for file in self.folder.glob("Pulumi.*.yaml"))
        if stacks and not self.settings_file.exists():
            raise CannotGoOn(
                f"no {self.settings_file.name} in {self.folder}: name one of its stacks "
                f"({', '.join(stacks)}), or write that file"
            )

    def settings(self) -> dict[str, Any]:
        """Read the stack's settings file; empty without one. Raises WrongFile."""
        return project_files.settings(self.settings_file)


def command() -> automation.PulumiCommand:
    """Return Pulumi's command: on PATH, in ~/.pulumi, or else installed there. NoPulumi without it."""
    for root in (None, str(Path.home() / ".pulumi")):
        try:
            return automation.PulumiCommand(root=root)
        except (OSError, subprocess.CalledProcessError, automation.InvalidVersionError):
            continue
    try:
        return automation.PulumiCommand.install()
    except (OSError, subprocess.CalledProcessError, automation.InvalidVersionError) as error:
        raise NoPulumi(error) from error


def ensure_plugin(workspace: automation.LocalWorkspace, home: Path) -> None:
    """Install the docker plugin that the packages ask for, unless it is there. CannotGoOn."""
    version = metadata.version("pulumi_docker")
    name = "pulumi-resource-docker"
    if shutil.which(name) or (home / f"plugins/resource-docker-v{version}" / name).exists():
        return
    print(f"installing Pulumi's docker plugin {version}", flush=True)
    try:
        workspace.install_plugin("docker", f"v{version}")
    except automation.CommandError as error:
        raise CannotGoOn(
            f"Pulumi's docker plugin {version} could not be installed ({last_line(error)}): run "
            f"`pulumi plugin install resource docker {version}` where there is a network"
        ) from error


def backend(environment: Mapping[str, str], about: Mapping[str, Any]) -> Optional[str]:
    """Return the URL of the backend the user has chosen, as Pulumi looks for it; None without a choice."""
    if url := environment.get("PULUMI_BACKEND_URL") or (about.get("backend") or {}).get("url"):
        return str(url)
    folder = environment.get("PULUMI_CREDENTIALS_PATH") or pulumi_home(environment)
    try:
        credentials = json.loads((Path(folder) / "credentials.json").read_text())
    except (OSError, ValueError):
        credentials = {}
    current = credentials.get("current")
    # Without a readable choice, a token or an encrypted file of credentials is for Pulumi's cloud.
    if not current and (environment.get("PULUMI_ACCESS_TOKEN") or credentials.keys() - _IN_CLEAR):
        return "https://api.pulumi.com"
    return str(current) if current else None


def passphrase(
    environment: Mapping[str, str], url: str, settings: Mapping[str, Any], folder: Path
) -> tuple[Optional[Path], str]:
    """Return a file with the passphrase of the stack's secrets, and what to tell about it.

    No file when the user has set one or none is needed. The file is made when there is none, for the user
    alone. CannotGoOn when the stack is already encrypted with another one.
    """
    provider = settings.get("secretsprovider") or "default"
    needed = provider == "passphrase" or (provider == "default" and not url.startswith(_CLOUD))
    if "PULUMI_CONFIG_PASSPHRASE" in environment or not needed:
        return None, ""
    if given := environment.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        _refuse_empty(Path(given))
        return None, ""
    file = folder / "passphrase"
    if file.exists():
        _refuse_empty(file)
        return file, f"passphrase for secrets: the one in {file}"
    if settings.get("encryptionsalt"):
        raise CannotGoOn(
            "the stack's settings are encrypted with a passphrase that is not here: set "
            "PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE"
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(file, secrets.token_urlsafe(32) + "\n")
    return file, f"passphrase for secrets: a new one in {file}; keep a copy of it"


def _refuse_empty(file: Path) -> None:
    """Raise CannotGoOn for a passphrase file without a passphrase: a full disk makes such a one."""
    if file.is_file() and not file.read_text().strip():
        raise CannotGoOn(
            f"the passphrase file {file} is empty: put your copy of the passphrase back into it; where no "
            "stack was made with it yet, delete it"
        )


def write_whole(file: Path, text: str) -> None:
    """Write a file that only the user can read, whole or not at all; an existing file stays."""
    new = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        with suppress(FileExistsError):
            os.link(new, file)
    finally:
        new.unlink(missing_ok=True)


@contextmanager
def alone(project: Project) -> Iterator[None]:
    """Hold a stack on this machine, from before Pulumi can lock it. CannotGoOn while another run does."""
    file = project.settings_file if project.settings_file.exists() else project.folder / "Pulumi.yaml"
    with file.open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotGoOn(
                f"another run of stack {project.stack} is under way on this machine: wait for it to end"
            ) from error
        except OSError:  # a file system without such locks: Pulumi's own is left
            pass
        # The lock is of this process: a fork of it, which may live longer, does not keep it.
        os.register_at_fork(after_in_child=held.close)
        yield


def last_line(error: automation.CommandError) -> str:
    """Return the last line with which `pulumi` said what is wrong."""
    said = [line for line in str(error).splitlines() if "error: " in line]
    return said[-1].rpartition("error: ")[2] if said else "it did not say why"
