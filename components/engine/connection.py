"""The Engine API of a Docker host."""

import contextlib
import os
import re
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from ..arguments.connections import Connection
from .ssh import tunnel

if TYPE_CHECKING:
    import docker

CONNECT_SECONDS = 10.0
"""Seconds in which an engine must give its version, from the start of the connection."""
_ORIGIN = "longshore_client"
"""Attribute of an error with the client that raised it."""
_UNREACHABLE = re.compile(
    r"cannot reach the Docker engine at (\S+)|the Docker engine at (\S+) does not answer"
)
_LEADERLESS = re.compile(r"rpc error: .*(does not have a leader|DeadlineExceeded)", re.DOTALL)


@contextlib.contextmanager
def connect(host: Connection, timeout: float = 60) -> Iterator["docker.DockerClient"]:
    """Return an Engine API client for a host; closed on leaving.

    The engine has CONNECT_SECONDS to answer at all. In each call after that it may be silent for `timeout`.

    Raises HostUnreachable, which names the host and how it was tried. Raises EngineRefused when the engine
    answers a call with an error, and EngineUnsupported when the program is no Docker Engine.
    """
    import docker

    address = host["address"]
    with contextlib.ExitStack() as stack:
        options: dict[str, Any] = {"base_url": address, "timeout": min(timeout, CONNECT_SECONDS)}
        if "clientKey" in host:
            options["tls"] = stack.enter_context(_tls(host))
        way = None
        try:
            if address.startswith("ssh://"):
                way = stack.enter_context(tunnel(address))
                options["base_url"] = way.url
            client = _client(options, address)
        except (docker.errors.DockerException, OSError) as error:  # what requests raises is the latter
            raise HostUnreachable(address, error, way.said if way else "") from error
        stack.callback(client.close)
        api: Any = client.api
        api.timeout = timeout
        try:
            yield client
        except OSError as error:
            if vars(error).get(_ORIGIN, api) is not api:
                raise  # of another engine, around whose connection this one is
            if isinstance(error, docker.errors.APIError):
                raise EngineRefused(address, str(error.explanation or error)) from error
            raise HostUnreachable(address, error, way.said if way else "") from error


def _client(options: Mapping[str, Any], address: str) -> "docker.DockerClient":
    """Return a client that speaks the engine's newest version of the API. Raises EngineUnsupported."""
    import docker
    from docker.constants import DEFAULT_DOCKER_API_VERSION

    client = docker.DockerClient(version=DEFAULT_DOCKER_API_VERSION, **options)
    api: Any = client.api
    # Before the first call: of REQUESTS_CA_BUNDLE and the given authority, requests would believe the first.
    api.trust_env = False
    # Of a pull, a wait and what comes in parts the SDK lifts the timeout. No call here waits for ever.
    api._disable_socket_timeout = lambda _: None
    api._set_request_timeout = lambda given: {**given, "timeout": given.get("timeout") or api.timeout}
    api.send, api._raise_for_status = _of(api, api.send), _of(api, api._raise_for_status)
    version = client.version(api_version=False)
    for component in version.get("Components") or []:
        if component["Name"] == "Podman Engine":
            client.close()
            raise EngineUnsupported(address, f"Podman {component['Version']}")
    api._version = version["ApiVersion"]
    return client


def _of(api: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return `call`, whose errors name the client `api` as their origin."""

    def named(*arguments: Any, **options: Any) -> Any:
        try:
            return call(*arguments, **options)
        except OSError as error:  # what the SDK raises is one, too
            vars(error)[_ORIGIN] = api
            raise

    return named


def no_leader(said: str) -> Optional[str]:
    """Return the remedy when an engine says that the managers of its swarm have no leader, or None."""
    if not _LEADERLESS.search(said):
        return None
    return (
        "the managers of its swarm have no leader. They choose one within seconds while more than half of "
        "them are up: start managers that are down, then run the same command again"
    )


def unreachable_in(line: str) -> Optional[str]:
    """Return the address of the host that a line of a preview calls unreachable, or None."""
    found = _UNREACHABLE.search(line)
    return (found[1] or found[2]).rstrip(":") if found else None


def answers(address: str) -> bool:
    """Return whether something listens at a `unix://` or `tcp://` address; `ssh://` is not tried."""
    if address.startswith("ssh:"):
        return True
    with contextlib.suppress(OSError, ValueError):
        _opened(address, 2).close()
        return True
    return False


def responds(address: str) -> bool:
    """Return whether the listener answers within CONNECT_SECONDS, not only accepts; `ssh://` is not tried."""
    if address.startswith("ssh:"):
        return True
    with contextlib.suppress(OSError, ValueError), _opened(address, CONNECT_SECONDS) as client:
        client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        client.recv(1)  # an engine that wants TLS responds to this, too
        return True
    return False


def _opened(address: str, seconds: float) -> socket.socket:
    """Return a connection to a `unix://` or `tcp://` address. Raises OSError or ValueError."""
    scheme, _, where = address.partition("://")
    if scheme == "tcp":
        name, _, port = where.partition("/")[0].rpartition(":")
        return socket.create_connection((name.strip("[]"), int(port)), timeout=seconds)
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(seconds)
    try:
        client.connect(where)
    except OSError:
        client.close()
        raise
    return client


class EngineRefused(Exception):
    """The engine did not do what it was asked for."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"the Docker engine at {address} refused: {no_leader(reason) or reason.strip()}")


class EngineUnsupported(EngineRefused):
    """The program that answers at the address is no Docker Engine."""

    def __init__(self, address: str, found: str) -> None:
        Exception.__init__(
            self,
            f"the engine at {address} is {found}, which Longshore does not support: name the socket of a "
            "Docker Engine 20.10 or later in host.address or DOCKER_HOST",
        )


class HostUnreachable(Exception):
    """No engine answered at the address."""

    def __init__(self, address: str, error: Exception, reason: str = "") -> None:
        how = {"unix": "the socket", "ssh:": "the ssh program", "tcp:": "tcp"}[address[:4]]
        # The first words of the system: the libraries in between repeat the address at length.
        said, inner = error, error.__cause__ or error.__context__
        while inner:
            said = inner if isinstance(inner, OSError) else said
            inner = inner.__cause__ or inner.__context__
        reason = reason or (str(said).splitlines() or [type(said).__name__])[0]
        super().__init__(f"cannot reach the Docker engine at {address} (tried {how}): {reason[:200]}")


@contextlib.contextmanager
def _tls(host: Connection) -> Iterator[Any]:
    """Yield TLS settings; the Docker SDK wants files, which nobody else can read while connected."""
    import docker

    with _files({name: host[name] for name in ("caCertificate", "clientCertificate", "clientKey")}) as paths:
        yield docker.tls.TLSConfig(
            ca_cert=paths["caCertificate"],
            client_cert=(paths["clientCertificate"], paths["clientKey"]),
            verify=True,
        )


@contextlib.contextmanager
def _files(texts: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield paths of files with these texts, by name; on Linux in memory: a killed process leaves none."""
    with contextlib.ExitStack() as stack:
        if sys.platform == "linux":
            paths = {}
            for name, text in texts.items():
                file = stack.enter_context(os.fdopen(os.memfd_create(name), "w"))
                file.write(text)
                file.flush()
                paths[name] = f"/proc/self/fd/{file.fileno()}"
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="longshore-tls-"))
            paths = {name: str(Path(folder, name)) for name in texts}
            for name, text in texts.items():
                Path(paths[name]).touch(mode=0o600)
                Path(paths[name]).write_text(text)
        yield paths
