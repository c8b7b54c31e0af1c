"""The Engine API of a Docker host given as `hosts.Host.properties()`."""

import contextlib
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .ssh import tunnel

if TYPE_CHECKING:
    import docker


@contextlib.contextmanager
def connect(properties: Mapping[str, Any], timeout: float = 60) -> Iterator["docker.DockerClient"]:
    """An Engine API client for a host given as `Host.properties()`; closed on leaving.

    Raises HostUnreachable, which names the host and how it was tried, and EngineRefused for what the
    engine answers to a call with an error.
    """
    import docker

    address = properties["address"]
    with contextlib.ExitStack() as stack:
        options: dict[str, Any] = {"base_url": address, "timeout": timeout}
        if "clientKey" in properties:
            options["tls"] = stack.enter_context(_tls(properties))
        way = stack.enter_context(tunnel(address)) if address.startswith("ssh://") else None
        if way:
            options["base_url"] = way.url
        try:
            client = _client(options)
        except (docker.errors.DockerException, OSError) as error:  # what requests raises is the latter
            raise HostUnreachable(address, error, way.said if way else "") from error
        stack.callback(client.close)
        try:
            yield client
        except docker.errors.APIError as error:
            raise EngineRefused(address, str(error.explanation or error)) from error
        except OSError as error:
            raise HostUnreachable(address, error, way.said if way else "") from error


def _client(options: Mapping[str, Any]) -> "docker.DockerClient":
    """A client that speaks the engine's newest version of the API."""
    import docker
    from docker.constants import DEFAULT_DOCKER_API_VERSION

    client = docker.DockerClient(version=DEFAULT_DOCKER_API_VERSION, **options)
    api: Any = client.api
    # Before the first call: of REQUESTS_CA_BUNDLE and the given authority, requests would believe the first.
    api.trust_env = False
    api._version = client.version(api_version=False)["ApiVersion"]
    return client


def answers(address: str) -> bool:
    """Whether something listens at a `unix://` or `tcp://` address; `ssh://` is not tried."""
    scheme, _, where = address.partition("://")
    with contextlib.suppress(OSError, ValueError):
        if scheme == "ssh":
            return True
        if scheme == "tcp":
            name, _, port = where.partition("/")[0].rpartition(":")
            socket.create_connection((name.strip("[]"), int(port)), timeout=2).close()
            return True
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(where)
            return True
    return False


class EngineRefused(Exception):
    """The engine did not do what it was asked for."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"the Docker engine at {address} refused: {reason.strip()}")


class HostUnreachable(Exception):
    """No engine answered at the address."""

    def __init__(self, address: str, error: Exception, reason: str = "") -> None:
        how = {"unix": "the socket", "ssh:": "the ssh program", "tcp:": "tcp"}[address[:4]]
        # What the system said first: the libraries in between repeat the address at length.
        said, inner = error, error.__cause__ or error.__context__
        while inner:
            said = inner if isinstance(inner, OSError) else said
            inner = inner.__cause__ or inner.__context__
        reason = reason or (str(said).splitlines() or [type(said).__name__])[0]
        super().__init__(f"cannot reach the Docker engine at {address} (tried {how}): {reason[:200]}")


@contextlib.contextmanager
def _tls(properties: Mapping[str, Any]) -> Iterator[Any]:
    """TLS settings; the Docker SDK wants files: they are in a private folder while connected."""
    import docker

    with tempfile.TemporaryDirectory(prefix="longshore-tls-") as folder:
        paths = {}
        for name in ("caCertificate", "clientCertificate", "clientKey"):
            path = Path(folder, name)
            path.touch(mode=0o600)
            path.write_text(properties[name])
            paths[name] = str(path)
        yield docker.tls.TLSConfig(
            ca_cert=paths["caCertificate"],
            client_cert=(paths["clientCertificate"], paths["clientKey"]),
            verify=True,
        )
