"""A client that sends what it is told, byte by byte, and keeps what comes back with the time of it."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import struct
import threading
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.support.certificates import Authority, client_context, names, of_client

PATIENCE = 20.0
"""Seconds after which a client gives up."""


@dataclass
class Answer:
    """One answer of HTTP/1."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    framing: str = "length"
    """`length`, `chunked` or `close`."""
    whole: bool = False
    trailers: list[tuple[str, str]] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """Return values of a header in one text; None without it."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(found) if found else None


@dataclass
class Heard:
    """The bytes of one connection, and when they came."""

    port: int = 0
    """The client's own, which the front end logs."""
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    """Wall clock and bytes of each read."""
    began: float = 0.0
    ended: float = 0.0
    end: str = "open"
    """`open`, `closed`, `reset`, `refused` or `late` (nothing more within the client's patience); or why
    there is no TLS, such as `TLSV1_UNRECOGNIZED_NAME`."""
    tls: dict[str, Any] = field(default_factory=dict)
    """The `names` of the server's certificate, the `version` and the `protocol` that were agreed on."""

    @property
    def data(self) -> bytes:
        return b"".join(data for _, data in self.pieces)

    @property
    def first(self) -> float | None:
        """Seconds until the first byte."""
        return self.pieces[0][0] - self.began if self.pieces else None


def handshake(connection: socket.socket, given: dict[str, Any], heard: Heard) -> ssl.SSLSocket:
    """Return the connection with TLS. `tls` of a case has these keys, which may all be missing:

    name: a.example        name that the client asks for; none by default
    protocols: [h2]        what it can speak
    version: "1.1"         the only version that it knows

    client: {authority: A, subject: S}      issuer and subject of its certificate
    """
    assert not given.keys() - {"name", "protocols", "version", "client"}, f"tls: {sorted(given)}"
    client = given.get("client")
    own = of_client(Authority(client["authority"]), client["subject"]) if client else None
    context = client_context(own)
    if version := given.get("version"):
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        known = ssl.TLSVersion[f"TLSv{version.replace('.', '_')}"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # old ones are what is tried
            context.minimum_version = context.maximum_version = known
    if protocols := given.get("protocols"):
        context.set_alpn_protocols(protocols)
    secure = context.wrap_socket(connection, server_hostname=given.get("name"))
    data = secure.getpeercert(binary_form=True)
    assert data
    heard.tls = {
        "names": names(data),
        "version": secure.version(),
        "protocol": secure.selected_alpn_protocol(),
    }
    return secure


def proxy_header(given: dict[str, Any], port: int) -> bytes:
    """Return a header of the PROXY protocol, in which a client has `port`. `proxy` of a case has these keys:

    client: 192.0.2.7      address of the client; none by default, for the balancer's own connection
    version: 2             binary; 1 by default

    own: true              a connection of the balancer, although its header names a client
    """
    assert not given.keys() - {"client", "version", "own"}, f"proxy: {sorted(given)}"
    client = ipaddress.ip_address(given.get("client", "0.0.0.0"))
    own, ports = ipaddress.ip_address("192.0.2.1" if client.version == 4 else "2001:db8::1"), (port, 80)
    if given.get("version", 1) == 1:
        words = f"TCP{client.version} {client} {own} {port} 80" if "client" in given else "UNKNOWN"
        return f"PROXY {words}\r\n".encode()
    addresses = client.packed + own.packed + struct.pack("!HH", *ports) if "client" in given else b""
    family = {4: 0x11, 6: 0x21}[client.version] if "client" in given else 0
    command = 0x20 if given.get("own") or "client" not in given else 0x21
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", command, family, len(addresses)) + addresses


class Client:
    """One connection to a front end.

    Pieces to send are text (a line ends with CRLF) or one of

        {bytes: N}                 N letters
        {text: T, times: N, every: S}   T again and again, S seconds apart
        {sleep: S}                 nothing for S seconds; as the first piece, before it connects
        {await: T}                 nothing until T has come back
        {end: true}                no more: the client shuts its half down
        {abort: true}              the client closes with a reset; at the end of the pieces, it does so
                                   as soon as the other steps of its case are done
    """

    def __init__(
        self,
        address: tuple[str, int],
        methods: list[str],
        enough: threading.Event,
        tls: dict[str, Any] | None = None,
        proxy: dict[str, Any] | None = None,
    ) -> None:
        self._address, self._methods, self._enough, self._tls = address, methods, enough, tls
        self._proxy = proxy
        self.heard = Heard()
        self._come = threading.Condition()
        self._done = self._hurries = False

    def talk(self, pieces: list[Any], answers: int | None) -> Heard:
        """Send all pieces, await so many answers or (None) the end of the connection, and close."""
        if isinstance(first := next(iter(pieces), None), dict) and "sleep" in first:
            self._enough.wait(first["sleep"])
            pieces = pieces[1:]
        self.heard.began = time.time()
        self._hurries = {"abort": True} in pieces[-1:]
        try:
            connection = socket.create_connection(self._address, timeout=PATIENCE)
        except OSError:
            self.heard.end = "refused"
            self.heard.ended = time.time()
            return self.heard
        try:
            connection = self._begun(connection)
        except OSError as error:
            self.heard.end = getattr(error, "reason", None) or "reset"
            self.heard.ended = time.time()
            connection.close()
            return self.heard
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.heard.port = connection.getsockname()[1]
            reader = threading.Thread(target=self._read, args=(connection, answers), daemon=True)
            if self._tls is None:  # two threads cannot have one TLS connection
                reader.start()
            with suppress(OSError):  # a front end may close before it has read all
                for piece in pieces:
                    if not self._piece(connection, piece):
                        break
                if [each.status for each in parsed(self.heard, self._methods)][-1:] == [101]:
                    connection.shutdown(socket.SHUT_RDWR)  # a tunnel ends when there is nothing more to send
            if self._tls is not None:
                reader.start()
            reader.join()
            self.heard.ended = time.time()
        return self.heard

    def _begun(self, connection: socket.socket) -> socket.socket:
        """Send what comes before a request, and return the connection on which it comes."""
        if self._proxy is not None:
            connection.sendall(proxy_header(self._proxy, connection.getsockname()[1]))
        return connection if self._tls is None else handshake(connection, self._tls, self.heard)

    def _piece(self, connection: socket.socket, piece: Any) -> bool:
        if isinstance(piece, str):
            connection.sendall(wire(piece))
        elif "bytes" in piece:
            connection.sendall(b"x" * piece["bytes"])
        elif "sleep" in piece and self._hurries:
            self._enough.wait(piece["sleep"])
        elif "sleep" in piece:
            with self._come:
                self._come.wait_for(lambda: self.heard.end != "open", piece["sleep"])
        elif "text" in piece:
            self._text(connection, piece)
        elif "await" in piece:
            with self._come:
                awaited = wire(piece["await"])
                return self._come.wait_for(
                    lambda: awaited in self.heard.data or self._done or self.heard.end != "open", PATIENCE
                )
        elif "end" in piece:
            connection.shutdown(socket.SHUT_WR)
        elif "abort" in piece:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.shutdown(socket.SHUT_RD)
            connection.close()
            return False
        return self.heard.end == "open"

    def _text(self, connection: socket.socket, piece: dict[str, Any]) -> None:
        for _ in range(piece.get("times", 1)):
            connection.sendall(wire(piece["text"]))
            self._piece(connection, {"sleep": piece.get("every", 0)})
            if self._hurries and self._enough.is_set():
                break

    def _read(self, connection: socket.socket, answers: int | None) -> None:
        end = "open"
        while end == "open":
            if answers is not None and len(whole(self.heard, self._methods)) >= answers:
                with self._come:
                    self._done = True
                    self._come.notify_all()
                break
            try:
                data = connection.recv(65536)
            except TimeoutError:
                end = "late"
            except OSError:
                end = "reset"
            else:
                if not data:
                    end = "closed"
            with self._come:
                if end == "open":
                    self.heard.pieces.append((time.time(), data))
                self.heard.end = end
                self._come.notify_all()


def wire(text: str) -> bytes:
    """Return text of a case as it is sent: lines end with CRLF, letters are bytes of Latin-1."""
    return re.sub(r"\r?\n", "\r\n", text).encode("latin-1")


def whole(heard: Heard, methods: list[str]) -> list[Answer]:
    """Return the whole final answers so far."""
    return [each for each in parsed(heard, methods) if each.whole and each.status >= 200]


def parsed(heard: Heard, methods: list[str]) -> list[Answer]:
    """Return the answers in the received bytes, interim ones too; the last may not be whole.

    `methods` are those of the requests, in order.
    """
    data, found, asked = heard.data, list[Answer](), list(methods)
    while b"\r\n\r\n" in data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        status = re.match(r"HTTP/1\.[01] (\d{3})", first)
        if not status:
            break
        answer = Answer(int(status[1]), [_header(line) for line in lines])
        found.append(answer)
        if answer.status < 200:
            answer.whole = True
            if answer.status == 101:
                answer.status, answer.framing, answer.body = 101, "close", data
                break
            continue
        method = asked.pop(0) if asked else "GET"
        if method == "HEAD" or answer.status in (204, 304):
            answer.whole = True
        elif (answer.header("Transfer-Encoding") or "").lower() == "chunked":
            data = _chunked(answer, data)
        elif (length := answer.header("Content-Length")) is not None:
            answer.body, data = data[: int(length)], data[int(length) :]
            answer.whole = len(answer.body) == int(length)
        else:
            answer.framing, answer.body, data = "close", data, b""
            answer.whole = heard.end == "closed"
        if not answer.whole:
            break
    return found


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()


def _chunked(answer: Answer, data: bytes) -> bytes:
    answer.framing = "chunked"
    while match := re.match(rb"([0-9a-fA-F]+)[^\r\n]*\r\n", data):
        size = int(match[1], 16)
        rest = data[match.end() :]
        if size:
            answer.body += rest[:size]
            if len(rest) < size + 2:
                return b""
            data = rest[size + 2 :]
            continue
        trailers, end, after = (b"\r\n" + rest).partition(b"\r\n\r\n")
        if not end:
            return b""
        answer.trailers = [_header(line) for line in trailers.decode("latin-1").split("\r\n") if line]
        answer.whole = True
        return after
    return b""
