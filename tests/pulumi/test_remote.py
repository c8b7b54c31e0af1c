"""An engine reached over ssh or TLS does the same as one behind a socket, with the real `pulumi`."""

import asyncio
import contextlib
import os
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.naming import PACKAGE
from tests.bench import ssh as bench_ssh
from tests.bench.hosts import Host
from tests.pulumi.test_stack import drifted, everything, files_with, get
from tests.support.program import PORT, Inline, Program, service

PULUMIS_OWN = {"error: preview failed", "error: Resource monitor has terminated, shutting down"}
"""Pulumi's words for any failure; the second ones where the program declares more after it."""
pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.slow]

REPLICAS = 10
"""More connections at once than sshd admits by default without dropping some: `MaxStartups 10`."""


@pytest.fixture
def ssh(host: Host, monkeypatch: pytest.MonkeyPatch) -> Iterator[bench_ssh.SshServer]:
    """Provide the host behind an sshd with Debian's limits; the bench's own takes more."""
    lenient = bench_ssh._server_config
    monkeypatch.setattr(
        bench_ssh,
        "_server_config",
        lambda *of: lenient(*of).replace("MaxStartups 200", "MaxStartups 10:30:100"),
    )
    with host.serve_ssh() as server:
        assert "MaxStartups 10:30:100" in server.config.with_name("sshd_config").read_text()
        yield server


@pytest.mark.parametrize("scheme", ["unix", "ssh"])
def test_the_way_to_the_engine_makes_no_difference(
    scheme: str, tmp_path: Path, host: Host, request: pytest.FixtureRequest
) -> None:
    """Up, change, destroy: the same containers, the same answers, nothing left."""
    environment, address, name = {}, host.url, "localhost"
    if scheme == "ssh":
        server = request.getfixturevalue("ssh")
        path = os.environ["PATH"]
        environment = {"PATH": f"{server.bin_dir}:{path}"}
        address, name = server.url, host.address
    before = everything(host)
    args = service(replicas=REPLICAS, drain=1)
    settings = {"services": {"web": args}, "host": {"address": address}}
    program = Inline(tmp_path, host, settings, environment=environment)

    program.up()
    first = images(host, program)
    program.configure({"services": {"web": {**args, "image": "longshore-app:2"}}})
    program.up()
    second = images(host, program)
    answer, urls, drift = get(host), program.outputs()["urls"], drifted(program)
    program.destroy()

    assert first == ["longshore-app:1"] * REPLICAS + ["longshore-proxy:1"]
    assert second == ["longshore-app:2"] * REPLICAS + ["longshore-proxy:1"]
    assert re.fullmatch(r"\w+ v2 /\n", answer)
    assert urls == {"web": f"http://{name}:{PORT}"}
    assert drift == []
    assert everything(host) == before


def images(host: Host, program: Program) -> list[str]:
    """Return images of the program's running containers, one for each container."""
    found = host.engine().containers.list(filters={"label": program.labels})
    return sorted(container.attrs["Config"]["Image"] for container in found)


@dataclass(frozen=True)
class Pki:
    """Certificates of an engine and its clients, as PEM files in a folder."""

    folder: Path

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def make(self, authority: str, name: str, extension: str) -> None:
        """Make a key and a certificate `name`, signed by `authority`, which is made if necessary."""
        if not (self.folder / f"{authority}.pem").exists():
            self._openssl(
                *("req", "-x509", "-subj", f"/CN={authority}", "-days", "2", "-nodes"),
                *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
                *("-keyout", f"{authority}.key", "-out", f"{authority}.pem"),
            )
        self._openssl(
            *("req", "-x509", "-subj", f"/CN={name}", "-days", "2", "-nodes"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-CA", f"{authority}.pem", "-CAkey", f"{authority}.key"),
            *("-addext", extension, "-addext", "basicConstraints=critical,CA:FALSE"),
            *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
        )

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Provide an engine's certificate, a client's of the same authority, and a client's of another."""
    pki = Pki(tmp_path_factory.mktemp("pki"))
    pki.make("ca", "engine", "subjectAltName=IP:127.0.0.1")
    pki.make("ca", "client", "extendedKeyUsage=clientAuth")
    pki.make("other", "stranger", "extendedKeyUsage=clientAuth")
    return pki


@pytest.fixture(scope="module")
def tls_address(host: Host, pki: Pki) -> Iterator[str]:
    """Provide the host's engine behind TLS, as dockerd's --tlsverify: a client needs a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.folder / "engine.pem", pki.folder / "engine.key")
    context.load_verify_locations(pki.folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside = await asyncio.open_unix_connection(host.socket)
        await asyncio.gather(copy(reader, inside[1]), copy(inside[0], writer))

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # refused clients are what is tested
    listener = socket.create_server(("127.0.0.1", 0))
    server = loop.run_until_complete(asyncio.start_server(relay, sock=listener, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


def over_tls(folder: Path, host: Host, address: str, pki: Pki, client: str) -> Program:
    """Return a program that reaches the host at `address` with the certificate of `client`."""
    where = {
        "address": address,
        "ca_certificate": pki.text("ca.pem"),
        "client_certificate": pki.text(f"{client}.pem"),
        "client_key": {"secret": "key"},
    }
    program = Inline(
        folder,
        host,
        {"host": where, "services": {"web": service(drain=1)}},
        # As where a company's proxy has a certificate: not the engine's authority.
        environment={"REQUESTS_CA_BUNDLE": str(pki.folder / "other.pem")},
    )
    program.set_secret("other", "x")
    # A key has several lines and begins with dashes: from a file, not as an argument.
    key = f"{PACKAGE}:secrets.key"
    subprocess.run(
        ["pulumi", "config", "set", "--path", "--secret", key, "--stack", program.stack],
        input=pki.text(f"{client}.key"),
        cwd=program.project,
        env=program.environment,
        text=True,
        check=True,
    )
    return program


def test_tls_with_a_client_certificate(tmp_path: Path, host: Host, tls_address: str, pki: Pki) -> None:
    """Up, no drift, destroy; the key is nowhere in clear."""
    before = everything(host)
    program = over_tls(tmp_path, host, tls_address, pki, "client")
    secret = pki.text("client.key").splitlines()[1]

    said = program.pulumi("preview", "--diff").output
    said += program.up().output
    answer, urls, drift = get(host), program.outputs()["urls"], drifted(program)
    exported = program.pulumi("stack", "export").output
    in_clear = files_with(program.folder, secret)
    program.destroy()

    assert re.fullmatch(r"\w+ v1 /\n", answer)
    assert urls == {"web": f"http://127.0.0.1:{PORT}"}
    assert drift == []
    assert secret not in said + exported
    assert in_clear == []
    assert files_with(program.state, "io.longshore.role")
    assert everything(host) == before


def test_a_certificate_of_another_authority_is_refused(
    tmp_path: Path, host: Host, tls_address: str, pki: Pki
) -> None:
    """With one error, the docker plugin's, at preview; nothing is made."""
    before = everything(host)
    program = over_tls(tmp_path, host, tls_address, pki, "stranger")

    run = program.pulumi("up", "--yes", check=False)

    assert run.code != 0
    told = {line.strip() for line in run.output.splitlines() if line.startswith("    error: ")}
    (told_of_host,) = told - PULUMIS_OWN
    assert "failed to connect to any docker daemon" in told_of_host
    assert "components/" not in run.output  # no traceback of ours; Pulumi interrupts its Python with one
    assert everything(host) == before
