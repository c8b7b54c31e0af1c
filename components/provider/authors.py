"""The author of a change, and the changes that fail, in the history of a service."""

import getpass
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ..engine import history
from ..engine.containers import EngineError
from ..version import VERSION

if TYPE_CHECKING:
    from docker import DockerClient

_SERVICES = {"GITHUB_ACTOR": "GitHub Actions", "GITLAB_USER_LOGIN": "GitLab CI"}
"""Variables in which a CI service names the person who started a job."""
_LONGEST = 100


def author() -> history.Author:
    """Return who runs `pulumi`: a person in a CI service, or a user at a machine."""
    started = [(os.environ.get(variable), service) for variable, service in _SERVICES.items()]
    here = (os.environ.get("SUDO_USER") or _user(), socket.gethostname())
    person, service = next((each for each in started if each[0]), here)
    by = "".join(each for each in f"{person} at {service}" if each.isprintable())
    return history.Author(by=by[:_LONGEST], version=VERSION)


@contextmanager
def noting_failure(engine: "DockerClient", owner: Callable[[], Mapping[str, str]]) -> Iterator[None]:
    """Note in the front ends of a component that a change has failed, if it does; `owner` has its labels."""
    from docker.errors import APIError

    try:
        yield
    except (EngineError, APIError) as error:
        with suppress(EngineError, OSError):  # the failure itself is what the user has to see
            history.keep_failure(engine, owner(), author(), str(error))
        raise


def _user() -> str:
    """Return the name of the user; the number of one without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
