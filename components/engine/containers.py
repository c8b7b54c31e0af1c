"""Containers of our resources, through the Engine API. Plain functions, no Pulumi."""

import io
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Optional

from ..naming import LABEL

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container
    from docker.types import Mount

POLL = 0.1


class EngineError(Exception):
    """Error on a host, with the reason, in words for the user who ran `up`."""


class Unfinished(EngineError):
    """Error of a resource that was made but is not ready: the state keeps it, the next `up` goes on."""

    def __init__(self, reason: str, made: str, outputs: Mapping[str, object]) -> None:
        super().__init__(reason)
        self.made, self.outputs = made, outputs


class Halted(Unfinished):
    """Error of a change that has not come to its end: the state keeps the former inputs."""


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Return whether `condition` became true within `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(POLL)
    return True


def nameless_volume(path: str) -> "Mount":
    """Return the mount of a volume that has no name and is removed with its container.

    docker-py sends `volumes=[path]` as a bind without a source. Engine 28 records such a volume without its
    name, and does not start the container again after a restart of the engine.
    """
    from docker.types import Mount

    return Mount(path, None, type="volume")


def write_file(
    container: "Container", folder: str, name: str, text: str, *, owner: Optional[int] = None
) -> None:
    """Write `text` to a file in a container, running or not: readable for all users, or for `owner` alone."""
    import tarfile

    data, archive = text.encode(), io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = len(data), 0o644 if owner is None else 0o600, int(time.time())
        info.uid = owner or 0
        tar.addfile(info, io.BytesIO(data))
    container.put_archive(folder, archive.getvalue())


def read_file(container: "Container", path: str) -> Optional[str]:
    """Return the text of a file in a container, or None without one."""
    import tarfile

    from docker.errors import NotFound

    try:
        chunks, _ = container.get_archive(path)
    except NotFound:
        return None
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks)), mode="r:") as tar:
        member = tar.next()
        file = tar.extractfile(member) if member else None
        return file.read().decode(errors="replace") if file else None


def files_in(container: "Container", folder: str) -> dict[str, str]:
    """Return the text of each file in a folder of a container, by its name; none where the folder is gone."""
    import tarfile

    from docker.errors import NotFound

    try:
        chunks, _ = container.get_archive(folder)
    except NotFound:
        return {}
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks)), mode="r:") as tar:
        return {
            each.name.rpartition("/")[2]: file.read().decode(errors="replace")
            for each in tar.getmembers()
            if (file := tar.extractfile(each))
        }


def find(engine: "DockerClient", container_id: str) -> "Optional[Container]":
    """Return the container, or None when it is gone."""
    from docker.errors import NotFound

    try:
        return engine.containers.get(container_id)
    except NotFound:
        return None


def front_ends(
    engine: "DockerClient", owner: Mapping[str, str], *, stopped: bool = False
) -> "list[Container]":
    """Return the front ends with these labels of an owner that run; one, but for an interrupted change.

    With `stopped` also those that do not run.
    """
    labels = {key: value for key, value in owner.items() if key.startswith(LABEL)}
    labels[f"{LABEL}.role"] = "front-end"
    same = [f"{key}={value}" for key, value in labels.items()]
    return engine.containers.list(all=stopped, filters={"label": same})


def workers(container: "Container") -> dict[str, int]:
    """Return the KiB of memory of each child of a container's first process, by process id."""
    from docker.errors import APIError

    container.reload()
    first = str(container.attrs["State"]["Pid"])
    if first == "0":
        return {}
    try:
        table = container.top(ps_args="-eo pid,ppid,rss")
    except APIError:  # it ended, or is being restarted, since the last call
        return {}
    rows = [row for row in table["Processes"] or [] if row[1] == first]
    return {pid: int(kib) for pid, _, kib in rows}


def clock(engine: "DockerClient") -> float:
    """Return the time by the engine's clock, as its logs have it."""
    return datetime.fromisoformat(engine.info()["SystemTime"]).timestamp()


class ErrorLog:
    """The lines that a container writes to standard error after this was made."""

    def __init__(self, container: "Container") -> None:
        self._container = container
        # By the engine's clock. A number of last lines would not do: the engine counts those of
        # standard output too, and every request writes one.
        client: Any = container.client
        self._since = clock(client)

    def new(self) -> list[str]:
        """Return the new lines."""
        raw = self._container.logs(stdout=False, stderr=True, since=self._since)
        return [str(line) for line in raw.decode(errors="replace").splitlines()]
