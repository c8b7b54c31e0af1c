"""One request over HTTP/2, written by hand: only the programs of front ends know more of it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, NamedTuple

from .certificates import client_context

if TYPE_CHECKING:
    import ssl

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
KNOWN = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}
"""Statuses of the static table, RFC 7541 A."""


class Answer(NamedTuple):
    status: int
    body: bytes


def ask(
    address: str, port: int, host: str, *, method: str = "GET", path: str = "/", body: bytes = b"",
    headers: dict[str, str] | None = None,
) -> Answer:  # fmt: skip
    """Return the answer to a request for `host`; a body is sent without its length."""
    context = client_context()
    context.set_alpn_protocols(["h2"])
    given = {":method": method, ":scheme": "https", ":authority": host, ":path": path, **(headers or {})}
    with (
        socket.create_connection((address, port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        assert connection.selected_alpn_protocol() == "h2"
        fields = b"".join(map(_field, given.items()))
        head = _frame(HEADERS, END_HEADERS | (0 if body else END_STREAM), 1, fields)
        pieces = [body[start : start + 16_384] for start in range(0, len(body), 16_384)]
        sent = [_frame(DATA, END_STREAM if each is pieces[-1] else 0, 1, each) for each in pieces]
        connection.sendall(PREFACE + _frame(SETTINGS, 0, 0, b"") + head + b"".join(sent))
        return _answer(connection)


def _answer(connection: ssl.SSLSocket) -> Answer:
    status, body = 0, b""
    while True:
        length, kind, flags, stream = _head(connection)
        payload = _read(connection, length)
        if kind == SETTINGS and not flags & ACK:
            connection.sendall(_frame(SETTINGS, ACK, 0, b""))
        assert kind not in (RESET, GOAWAY), f"the stream was ended: {payload!r}"
        if stream != 1:
            continue
        if kind == HEADERS and not status:
            status = _status(payload)
        if kind == DATA:
            body += payload
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            return Answer(status, body)


def _head(connection: ssl.SSLSocket) -> tuple[int, int, int, int]:
    data = _read(connection, 9)
    return int.from_bytes(data[:3], "big"), data[3], data[4], int.from_bytes(data[5:], "big")


def _read(connection: ssl.SSLSocket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connection.recv(count - len(data))
        assert more, "the connection was closed"
        data += more
    return data


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _field(pair: tuple[str, str]) -> bytes:
    """Return a header as a literal with a new name, which no table keeps."""
    return b"\0" + b"".join(bytes([len(each)]) + each.encode() for each in pair)


def _status(block: bytes) -> int:
    while block[0] & 0xE0 == 0x20:  # another size of the table
        block = block[1:]
    return KNOWN[block[0] & 0x7F] if block[0] & 0x80 else int(block[2:5])
