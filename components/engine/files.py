"""Configs and secrets of a swarm through the Engine API: `kind` says which. Plain functions, no Pulumi."""

import base64
from typing import TYPE_CHECKING, Any, Final, Optional

from ..naming import same_owner
from .containers import EngineError
from .raw import api, delete, get, post

if TYPE_CHECKING:
    from docker import DockerClient

MOST_BYTES: Final = {"config": 1_023_999, "secret": 511_999}
"""Bytes that a file of each kind may have: measured with Docker 20.10 and 28.5."""


def too_large(kind: str, data: str) -> Optional[str]:
    """Return what is wrong with the size of a config or secret, or None."""
    size, most = len(data.encode()), MOST_BYTES[kind]
    return f"a {kind} of a swarm has at most {most} bytes, got {size}" if size > most else None


def keep(engine: "DockerClient", kind: str, name: str, data: str, labels: dict[str, str]) -> str:
    """Make a config or secret (`kind`), or find the one that an `up` which was killed has made; its id."""
    encoded = base64.b64encode(data.encode()).decode()
    for found in get(engine, f"/{kind}s"):
        if found["Spec"]["Name"] == name:
            if (found["Spec"].get("Labels") or {}) != labels:
                raise EngineError(
                    f"there is a {kind} {name} in this swarm already, which is not ours: give the service "
                    "another name, or remove it"
                )
            if found["Spec"].get("Data") == encoded:
                return str(found["ID"])
            delete(engine, f"/{kind}s/{found['ID']}")  # a secret does not show what it holds
    return str(post(engine, f"/{kind}s/create", {"Name": name, "Data": encoded, "Labels": labels})["ID"])


def kept(engine: "DockerClient", kind: str, id_: str) -> bool:
    """Return whether the config or secret is there."""
    return any(found["ID"] == id_ for found in get(engine, f"/{kind}s"))


def discard(engine: "DockerClient", kind: str, id_: str) -> None:
    """Remove a config or secret.

    Nothing is to do when it is gone, or when a change that was taken back has it in use again.
    """
    for found in get(engine, f"/{kind}s"):
        if found["ID"] == id_ and not _wanted_again(engine, kind, found):
            delete(engine, f"/{kind}s/{id_}")


def _wanted_again(engine: "DockerClient", kind: str, found: dict[str, Any]) -> bool:
    for service in api(engine).services():
        spec = service["Spec"]
        files = spec["TaskTemplate"]["ContainerSpec"].get(f"{kind.title()}s") or []
        used = any(file[f"{kind.title()}ID"] == found["ID"] for file in files)
        if used and same_owner(spec.get("Labels") or {}, found["Spec"]["Labels"]):
            return True
    return False
