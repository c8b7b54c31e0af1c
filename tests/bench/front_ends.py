"""Containers of front ends as the component makes them, without Pulumi."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.engine.containers import nameless_volume
from components.proxies.program import FOLDER, SYSCTLS, TMPFS, USER
from components.proxies.registry import kind_of

from .images import PROXY

if TYPE_CHECKING:
    from docker.models.containers import Container

    from .hosts import Host


def create(host: Host, kind: str, network: str | None, *ports: int, **options: Any) -> Container:
    """Create the container of a front end on a network, its ports published, and do not start it.

    `options` are further ones of the engine, such as limits.
    """
    program = kind_of(kind).program
    return host.engine().containers.create(
        PROXY,
        entrypoint=[program.run[0]],
        command=list(program.run[1:]),
        user=USER,
        read_only=True,
        tmpfs=TMPFS,
        mounts=[nameless_volume(FOLDER)],
        sysctls=SYSCTLS,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        network=network,
        ports={f"{port}/tcp": port for port in ports},
        **options,
    )
