"""Clients of a.example that speak TLS and take any certificate, and a look at the files of certificates."""

from __future__ import annotations

import http.client
import io
import ssl
import tarfile
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from components.proxies.program import FOLDER
from tests.bench.process import until

from .certificates import client_context, names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker.models.containers import Container

    from .certificates import Made


class Secure(http.client.HTTPSConnection):
    """A connection that asks for a.example and takes any certificate; `client` is its own."""

    def __init__(self, address: str, port: int, client: Made | None = None) -> None:
        # Without a context of ours it reads all authorities of this machine, for each connection.
        self.context = client_context(client)
        super().__init__(address, port, timeout=10, context=self.context)
        self.session: ssl.SSLSession | None = None
        """Session with which the next connection begins, where the server still takes it."""

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self.context.wrap_socket(self.sock, server_hostname="a.example", session=self.session)

    def get(self) -> int:
        self.request("GET", "/", headers={"Host": "a.example"})
        answer = self.getresponse()
        answer.read()
        return answer.status

    def refused(self) -> bool:
        """Return whether a front end wants another certificate of the client, in the way of either kind."""
        try:
            return self.get() == 400
        except (ssl.SSLError, ConnectionError):
            return True
        finally:
            self.close()

    def again(self) -> int:
        """Ask as clients do over a connection that they have kept: once more where it was closed."""
        try:
            return self.get()
        except (ConnectionError, http.client.RemoteDisconnected):
            self.close()
            return self.get()


def served(address: str, port: int) -> str:
    """Return the certificate that a client gets, as PEM."""
    connection = Secure(address, port)
    connection.connect()
    data: Any = connection.sock.getpeercert(binary_form=True)
    connection.close()
    assert names(data) == ["a.example"]
    return ssl.DER_cert_to_PEM_cert(data)


def there(container: Container) -> list[str]:
    """Return the certificates in the container: mode, owner and name of each."""
    chunks, _ = container.get_archive(FOLDER)
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        found = [each for each in tar.getmembers() if each.name.endswith(".pem")]
    return sorted(f"{each.mode & 0o7777:o} {each.uid} {each.name.rpartition('/')[2]}" for each in found)


@contextmanager
def asked(address: str, port: int, client: Made | None = None) -> Iterator[list[object]]:
    """Ask all the time, over new connections and one that is kept; yield what came, errors included."""
    found: list[object] = []
    ended = threading.Event()

    def ask() -> None:
        kept = Secure(address, port, client)
        while not ended.wait(0.01):
            new = Secure(address, port, client)
            for get in (kept.again, new.get):
                try:
                    found.append(get())
                except (OSError, http.client.HTTPException) as error:
                    found.append(error)
            new.close()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        until(lambda: len(found) >= 20, "there are answers")
        yield found
        count = len(found)
        until(lambda: len(found) >= count + 40, "there are answers afterwards")
    finally:
        ended.set()
        thread.join()
