"""The Engine API below the Docker SDK's own methods, which know fewer keys and have fewer types."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docker import DockerClient

NONE: Mapping[str, str] = MappingProxyType({})


def api(engine: "DockerClient") -> Any:
    """Return the SDK's lower layer."""
    return engine.api


def get(engine: "DockerClient", path: str) -> Any:
    """Return the answer to a GET."""
    client = api(engine)
    return client._result(client._get(client._url(path)), json=True)


def post(
    engine: "DockerClient", path: str, body: dict[str, Any], headers: Mapping[str, str] = NONE, **query: Any
) -> Any:
    """Return the answer to a POST."""
    client = api(engine)
    sent = client._post_json(client._url(path), data=body, params=query, headers=dict(headers))
    return client._result(sent, json=True)


def log(engine: "DockerClient", task: str, lines: int) -> bytes:
    """Return the last lines that a task of a swarm wrote, to both streams."""
    client = api(engine)
    query = {"stdout": True, "stderr": True, "tail": lines}
    answer = client._get(client._url("/tasks/{0}/logs", task), params=query)
    return bytes(client._get_result_tty(False, answer, False))


def output(engine: "DockerClient", run: str, seconds: float) -> bytes:
    """Return what the command of an `exec` writes to both streams; it may be silent for `seconds`."""
    client = api(engine)
    data = {"Tty": False, "Detach": False}
    answer = client._post_json(client._url("/exec/{0}/start", run), data=data, timeout=seconds)
    return bytes(client._get_result_tty(False, answer, False))


def older(engine: "DockerClient", version: str) -> bool:
    """Return whether the engine's API is older than `version`."""
    from docker.utils import version_lt

    return bool(version_lt(api(engine)._version, version))


def delete(engine: "DockerClient", path: str) -> None:
    """Send a DELETE."""
    client = api(engine)
    client._raise_for_status(client._delete(client._url(path)))
