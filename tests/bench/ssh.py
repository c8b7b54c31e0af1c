"""An ssh server in a host's network namespace, and the client's side of it."""

from __future__ import annotations

import signal
import socket
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .process import BenchUnavailable, RunFile, jail, run, until

if TYPE_CHECKING:
    from collections.abc import Iterator

SSHD = "/usr/sbin/sshd"
SSH = "/usr/bin/ssh"


@dataclass(frozen=True)
class SshServer:
    """Address and key of a host that is served over ssh."""

    url: str
    """For a Docker client, such as ssh://root@10.77.0.11:2222."""
    bin_dir: Path
    """Holds an `ssh` that knows key and host; put it first on PATH."""
    config: Path
    """The client's configuration file, for `ssh -F`."""


@contextmanager
def serve_ssh(netns: str, address: str, port: int, engine_url: str, record: RunFile) -> Iterator[SshServer]:
    """Run sshd in `netns`; what is run through it finds the engine at `engine_url`."""
    for program in (SSHD, SSH):
        if not Path(program).exists():
            raise BenchUnavailable(f"not installed: {program}; run: apt-get install openssh-server")
    with tempfile.TemporaryDirectory(prefix="lsbench-ssh-") as name:
        home = Path(name)
        for key in ("host_key", "client_key"):
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", str(home / key)])
        (home / "authorized_keys").write_text((home / "client_key.pub").read_text())
        host_key = (home / "host_key.pub").read_text()
        (home / "known_hosts").write_text(f"[{address}]:{port} {host_key}")
        (home / "sshd_config").write_text(_server_config(home, address, port, engine_url))
        config = home / "ssh_config"
        config.write_text(_client_config(home, address, port))
        wrapper = home / "bin" / "ssh"
        wrapper.parent.mkdir()
        wrapper.write_text(f'#!/bin/sh\nexec {SSH} -F {config} "$@"\n')
        wrapper.chmod(0o755)

        log = home / "sshd.log"
        setup = "mount -t tmpfs tmpfs /run\nmkdir -m 755 /run/sshd"
        argv = [SSHD, "-D", "-e", "-f", str(home / "sshd_config")]
        server = jail(netns, setup, argv, name, record, log)

        def listens() -> bool:
            if not server.alive():
                raise RuntimeError(f"sshd ended: {log.read_text().strip()}")
            with suppress(OSError), socket.create_connection((address, port), timeout=1.0):
                return True
            return False

        try:
            until(listens, f"sshd listens on {address}:{port}")
            yield SshServer(f"ssh://root@{address}:{port}", wrapper.parent, config)
        finally:
            server.signal(signal.SIGKILL)  # its children are in its process namespace and end too
            until(lambda: not server.alive(), "sshd ends")


def _server_config(home: Path, address: str, port: int, engine_url: str) -> str:
    return "\n".join(
        [
            f"ListenAddress {address}:{port}",
            f"HostKey {home}/host_key",
            f"AuthorizedKeysFile {home}/authorized_keys",
            "AuthenticationMethods publickey",
            "PermitRootLogin prohibit-password",
            "StrictModes no",  # the directory above is one anyone may write to
            "UsePAM no",
            "PrintMotd no",
            "MaxStartups 200",
            # A home of its own: what root's shell does at its start here is no part of a test.
            f"SetEnv DOCKER_HOST={engine_url} HOME={home}",
            "",
        ]
    )


def _client_config(home: Path, address: str, port: int) -> str:
    return "\n".join(
        [
            f"Host {address}",
            f"  Port {port}",
            "  User root",
            f"  IdentityFile {home}/client_key",
            "  IdentitiesOnly yes",
            f"  UserKnownHostsFile {home}/known_hosts",
            "  GlobalKnownHostsFile /dev/null",
            "  StrictHostKeyChecking yes",
            "  BatchMode yes",
            "  LogLevel ERROR",
            "",
        ]
    )
