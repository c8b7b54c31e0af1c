"""Folders of Pulumi, on behalf of the user who runs it."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path


def user_home() -> Path:
    """Return the user's folder as Pulumi finds it: in the list of users, not in HOME."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:  # a number without a user, as containers may have
        return Path.home()


def expanded(path: str) -> Path:
    """Return a path that may begin with ~, as Pulumi reads it in the URL of a backend."""
    first, *rest = Path(path).parts or ("",)
    return user_home().joinpath(*rest) if first == "~" else Path(path)


def pulumi_home(environment: Mapping[str, str]) -> Path:
    """Return Pulumi's own folder."""
    return expanded(environment.get("PULUMI_HOME") or "~/.pulumi")
