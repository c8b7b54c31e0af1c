"""An engine behind ssh as a local socket: each connection to it is one run of the ssh program.

The ssh program, as pulumi-docker has it: one place for keys, jump hosts and known hosts. (The Docker SDK
runs it, too, but loses connections on which a command's output, or a request's body, has gone.)
"""

import contextlib
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

CONNECT_SECONDS = 30
END_SECONDS = 5.0


class Tunnel:
    """A way to the engine at `ssh://[user@]name[:port]`, while its context is open."""

    def __init__(self, address: str, folder: Path) -> None:
        parts = urlsplit(address)
        # No part of it begins with -: see hosts.Host. Below level ERROR, a banner would pass for a reason.
        self._command = ["ssh", "-T", "-o", f"ConnectTimeout={CONNECT_SECONDS}", "-o", "LogLevel=ERROR"]
        self._command += ["-l", parts.username] if parts.username else []
        self._command += ["-p", str(parts.port)] if parts.port else []
        self._command += ["--", str(parts.hostname), "docker system dial-stdio"]
        self._socket = folder / "engine.sock"
        self._errors = folder / "errors"
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self._socket))
        self._server.listen()
        self._running: list[subprocess.Popen[bytes]] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Address of the local socket."""
        return f"unix://{self._socket}"

    @property
    def said(self) -> str:
        """The last line that ssh wrote, such as why it was refused; empty when it wrote none."""
        text = self._errors.read_text(errors="replace") if self._errors.exists() else ""
        return (text.strip().splitlines() or [""])[-1].strip()

    def close(self) -> None:
        """Take no connection any more and end those that there are."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # ends `accept`
        self._server.close()
        self._thread.join()
        for process in self._running:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _serve(self) -> None:
        with self._errors.open("wb") as errors, contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with connection:
                    self._running.append(
                        subprocess.Popen(
                            self._command,
                            stdin=connection.fileno(),
                            stdout=connection.fileno(),
                            stderr=errors,
                            start_new_session=True,  # Ctrl-C is for Pulumi to act on
                        )
                    )


@contextlib.contextmanager
def tunnel(address: str) -> Iterator[Tunnel]:
    """Return the way to the engine at `ssh://[user@]name[:port]`; the socket is for this user alone.

    Raises OSError when this machine cannot make it.
    """
    if shutil.which("ssh") is None:
        raise OSError("there is no program ssh on this machine")
    with tempfile.TemporaryDirectory(prefix="longshore-ssh-") as folder:
        made = Tunnel(address, Path(folder))
        try:
            yield made
        finally:
            made.close()
