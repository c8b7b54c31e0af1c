"""A Docker host: how it is described, and how it is reached."""

import contextlib
import json
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.arguments import hosts
from components.arguments.connections import Connection
from components.arguments.hosts import Host
from components.arguments.parsing import parse
from components.engine import connection
from components.engine.connection import (
    EngineUnsupported,
    HostUnreachable,
    answers,
    connect,
    responds,
    unreachable_in,
)
from components.operate.causes import way_in
from tests.support.mocks import Secret, run

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
TLS = {"ca_certificate": PEM, "client_certificate": PEM, "client_key": PEM}


def host(**values: Any) -> Host:
    return parse(Host, values, "test")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("unix:///var/run/docker.sock", "localhost"),
        ("unix:///tmp/a-b_c/d.e/docker.sock", "localhost"),
        ("ssh://server", "server"),
        ("ssh://root@server.example:2222", "server.example"),
        ("ssh://deploy.user-1@10.0.0.5", "10.0.0.5"),
        ("ssh://root@[fd00::1]:22", "fd00::1"),
        ("tcp://server:2376", "server"),
        ("tcp://[fd00::1]:2376", "fd00::1"),
        ("tcp://10.0.0.5:2376/", "10.0.0.5"),
    ],
)
def test_an_address_says_where_clients_find_the_host(address: str, name: str) -> None:
    """A published port is found at the host's name; behind a socket that is this machine."""
    described = host(address=address, insecure=True)

    assert described.address == address
    assert described.public_name == name


def test_without_an_address_it_is_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """DOCKER_HOST is the default, as for every Docker client."""
    monkeypatch.setenv("DOCKER_HOST", "ssh://from-environment")

    assert host().address == "ssh://from-environment"
    assert host(address=None).address == "ssh://from-environment"
    assert host(address="ssh://said").address == "ssh://said"


@pytest.mark.parametrize("value", [None, ""])
def test_without_an_environment_it_is_the_local_socket(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """An empty DOCKER_HOST is none."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    if value is not None:
        monkeypatch.setenv("DOCKER_HOST", value)

    assert host().address == hosts.LOCAL_SOCKET == "unix:///var/run/docker.sock"


def test_a_plain_tcp_engine_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain tcp is refused wherever it comes from."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://server:2375")

    with pytest.raises(ValueError, match="tcp://server:2375 is a plain tcp engine"):
        host()


def test_plain_tcp_can_be_allowed() -> None:
    """With this option a plain tcp engine is accepted."""
    described = host(address="tcp://server:2375", insecure=True)

    assert described.properties() == {"address": "tcp://server:2375"}


def test_properties_of_a_socket_are_its_address() -> None:
    """Nothing is sent that is not there."""
    assert host(address="unix:///x.sock").properties() == {"address": "unix:///x.sock"}


def test_the_private_key_is_a_secret() -> None:
    """Of the TLS files, the key reaches the engine as a secret, also when given as plain text."""

    def program() -> None:
        described = host(address="tcp://server:2376", **TLS)
        pulumi.CustomResource("test:index:Test", "test", {"host": described.properties()})

    properties = run(program).named("test").inputs["host"]

    assert properties == {
        "address": "tcp://server:2376",
        "caCertificate": PEM,
        "clientCertificate": PEM,
        "clientKey": Secret(PEM),
    }


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        (
            {"address": "unix:///nonexistent/docker.sock"},
            (
                r"cannot reach the Docker engine at unix:///nonexistent/docker.sock "
                r"\(tried the socket\): .*No such file"
            ),
        ),
        (
            {"address": "tcp://127.0.0.1:1"},
            r"cannot reach the Docker engine at tcp://127.0.0.1:1 \(tried tcp\): .*refused",
        ),
        (
            {"address": "ssh://nobody@127.0.0.1:1"},
            r"cannot reach the Docker engine at ssh://nobody@127.0.0.1:1 \(tried the ssh program\): ",
        ),
    ],
)
def test_a_host_that_does_not_answer_is_named(properties: Connection, said: str) -> None:
    """The error says which host and how it was tried, in one line."""
    with pytest.raises(HostUnreachable, match=said) as error, connect(properties, timeout=5):
        pass

    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_a_banner_of_a_host_is_no_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host greets everybody before it lets nobody in; ssh shows greetings below level ERROR only."""
    program = tmp_path / "ssh"
    program.write_text(
        "#!/bin/sh\necho 'Connection closed by 192.0.2.7' >&2\n"
        'case "$*" in *LogLevel=ERROR*) ;; *) echo "Authorized users only" >&2 ;; esac\nexit 255\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(HostUnreachable) as error, connect({"address": "ssh://a.example"}):
        pass

    assert str(error.value).endswith("(tried the ssh program): Connection closed by 192.0.2.7")


def test_a_machine_without_ssh_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As small images are; the host is blameless."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(HostUnreachable) as error, connect({"address": "ssh://a.example"}):
        pass

    assert str(error.value) == (
        "cannot reach the Docker engine at ssh://a.example (tried the ssh program): "
        "there is no program ssh on this machine"
    )
    assert way_in("ssh://a.example", str(error.value)) == "install OpenSSH's client here"


@contextlib.contextmanager
def engine_that_says(answer: bytes, folder: Path) -> Iterator[str]:
    """Run a socket that answers each connection so, or accepts and sends nothing; yield its address."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "engine.sock"))
        server.listen()
        accepted: list[socket.socket] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    accepted.append(server.accept()[0])
                    if answer:
                        accepted[-1].recv(4096)
                        accepted[-1].sendall(answer)
                        accepted[-1].close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"unix://{folder}/engine.sock"
        finally:
            server.shutdown(socket.SHUT_RDWR)  # ends `accept`
            thread.join()
            for each in accepted:
                each.close()


def test_an_engine_that_accepts_and_hangs_has_a_deadline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """However long a call may take that it answers at last: a connection is not a pull."""
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.2)

    with (
        engine_that_says(b"", tmp_path) as address,
        pytest.raises(HostUnreachable, match="timed out") as error,
        connect({"address": address}, timeout=3600),
    ):
        pass

    assert unreachable_in(f"warning: not checked: {error.value}; up checks it") == address


def test_a_host_that_only_accepts_does_not_respond(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A preview asks before the docker plugin does, which would wait for ever."""
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.2)

    with engine_that_says(b"", tmp_path) as address:
        assert not responds(address)
        assert answers(address)
    assert not responds(address)
    (tmp_path / "engine.sock").unlink()
    with engine_that_says(b"HTTP/1.0 400 Bad Request", tmp_path) as address:
        assert responds(address)


def test_the_deadline_is_for_the_connection_alone(tmp_path: Path) -> None:
    with (
        engine_that_says(
            _answer({"ApiVersion": "1.41", "Components": [{"Name": "Engine"}]}), tmp_path
        ) as address,
        connect({"address": address}, timeout=3600) as engine,
    ):
        api: Any = engine.api
        assert api.timeout == 3600


def test_podman_is_refused(tmp_path: Path) -> None:
    """In one line with what was found, and what to name instead. It answers as version 4.3.1 does."""
    podman = {"Name": "Podman Engine", "Version": "4.3.1", "Details": {"APIVersion": "4.3.1"}}
    answer = _answer({"Components": [podman, {"Name": "Conmon"}], "Version": "4.3.1", "ApiVersion": "1.41"})

    with (
        engine_that_says(answer, tmp_path) as address,
        pytest.raises(EngineUnsupported) as error,
        connect({"address": address}),
    ):
        pass

    assert str(error.value) == (
        f"the engine at {address} is Podman 4.3.1, which Longshore does not support: name the socket of a "
        "Docker Engine 20.10 or later in host.address or DOCKER_HOST"
    )


def _answer(version: dict[str, Any]) -> bytes:
    body = json.dumps(version).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


TLS_FILES: Connection = {
    "address": "tcp://127.0.0.1:1",
    "caCertificate": PEM,
    "clientCertificate": PEM,
    "clientKey": PEM,
}


@pytest.mark.skipif(sys.platform != "linux", reason="files in memory are Linux's")
def test_a_killed_process_leaves_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The TLS files are in memory: nothing is written to a disk, and nothing stays open afterwards."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    opened = {*Path("/proc/self/fd").iterdir()}

    with connection._tls(TLS_FILES) as settings:
        texts = [Path(path).read_text() for path in (settings.ca_cert, *settings.cert)]
        written = list(tmp_path.iterdir())
    with pytest.raises(HostUnreachable, match="tried tcp"), connect(TLS_FILES, timeout=5):
        pass

    assert texts == [PEM] * 3
    assert written == list(tmp_path.iterdir()) == []
    assert {*Path("/proc/self/fd").iterdir()} <= opened  # another test's may be closed meanwhile


def test_tls_files_are_private_and_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Elsewhere, the TLS files are readable for us alone while connected; afterwards they are gone, also when
    the engine did not answer."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "darwin")

    with connection._tls(TLS_FILES):
        found = [path for path in tmp_path.rglob("*") if path.is_file()]
        modes = {path.name: path.stat().st_mode & 0o777 for path in found}
        folder = found[0].parent.stat().st_mode & 0o777
    after = list(tmp_path.iterdir())
    with pytest.raises(HostUnreachable, match="tried tcp"), connect(TLS_FILES, timeout=5):
        pass

    assert modes == {"caCertificate": 0o600, "clientCertificate": 0o600, "clientKey": 0o600}
    assert folder == 0o700
    assert after == list(tmp_path.iterdir()) == []


def test_a_socket_answers_when_something_listens(tmp_path: Path) -> None:
    """So a preview knows beforehand whether the engine can be asked."""
    path = tmp_path / "docker.sock"
    before = answers(f"unix://{path}")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        bound = answers(f"unix://{path}")
        server.listen()
        listening = answers(f"unix://{path}")

    assert (before, bound, listening) == (False, False, True)


def test_a_port_answers_when_something_listens() -> None:
    """The same for tcp, by IPv4."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        listening = answers(f"tcp://127.0.0.1:{port}")

    assert listening
    assert not answers("tcp://127.0.0.1:1")


def test_ssh_is_not_tried() -> None:
    """An ssh connection may ask for a password or take long, so it counts as answering."""
    assert answers("ssh://nobody@127.0.0.1:1")
