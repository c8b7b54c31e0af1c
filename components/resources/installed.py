"""The plugin of the installed package, where Pulumi looks for plugins: a program needs no path to it.

Pulumi finds a plugin by what a program's Pulumi.yaml says, on PATH, or by name and version in its own folder.
The wheel brings `pulumi-resource-longshore` into the environment of the program, which is on Pulumi's PATH
only where somebody made it active. So a link to it goes into that folder.
"""

import os
from functools import cache
from pathlib import Path
from typing import Optional

import pulumi
from pulumi.runtime.proto.resource_pb2_grpc import ResourceMonitorStub

from ..naming import DISTRIBUTION, PACKAGE
from ..version import VERSION
from .home import pulumi_home

PROGRAM = f"pulumi-resource-{PACKAGE}"


@cache
def link() -> None:
    """Have Pulumi find the plugin of this very environment; once, and only for a program that Pulumi runs.

    Nothing is done in a checkout, whose plugin is named by its path. RunError when it cannot be done.
    """
    program = _program()
    if program is None or not isinstance(pulumi.runtime.settings.get_monitor(), ResourceMonitorStub):
        return
    home = pulumi_home(os.environ)
    wanted = home / "plugins" / f"resource-{PACKAGE}-v{VERSION}" / PROGRAM
    if wanted.is_symlink() and wanted.readlink() == program:
        return
    fresh = wanted.with_name(f".{PROGRAM}.{os.getpid()}")
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        fresh.symlink_to(program)
        fresh.replace(wanted)  # at once: another program may be starting it
    except OSError as error:
        raise pulumi.RunError(
            f"the plugin cannot be put where Pulumi finds it ({error}): "
            f"make {home} writable, or put {program.parent} on PATH"
        ) from error


def _program() -> Optional[Path]:
    """Return the plugin's program as it was installed with this package, or None in a checkout."""
    if __name__.partition(".")[0] != PACKAGE:
        return None
    from importlib import metadata  # slow, and of no use to the plugin

    files = metadata.files(DISTRIBUTION) or []
    return next((Path(str(each.locate())).resolve() for each in files if each.name == PROGRAM), None)
