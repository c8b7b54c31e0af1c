"""Where Pulumi keeps what is its own, on behalf of the user who runs it."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path


def user_home() -> Path:
    """The user's folder as Pulumi finds it: in the list of users, whatever HOME says there."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:  # a number without a user, as containers may have
        return Path.home()


def expanded(path: str) -> Path:
    """A path that may begin with ~, as Pulumi reads it in the URL of a backend."""
    first, *rest = Path(path).parts or ("",)
    return user_home().joinpath(*rest) if first == "~" else Path(path)


def pulumi_home(environment: Mapping[str, str]) -> Path:
    """Pulumi's own folder."""
    return expanded(environment.get("PULUMI_HOME") or "~/.pulumi")
