"""List the differences between a case and the table, in words; an empty list without one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import Answer, Heard

STAMP = re.compile(rb"@(\d{13})@")
"""When a replica sent a piece, in milliseconds: it wrote `@STAMP@`."""


def answer(expected: dict[str, Any], got: Answer | None, heard: Heard) -> list[str]:
    """Compare an answer.

    `answer` of a case has these keys:

        status: 200            or a list of what it may be; `closed`, `reset`, `late`: no answer, and why
        headers: {Name: value} null: not there; /.../: a pattern that it has; the values of several lines
                               are one text, with ", " between them
        body: text             /.../: a pattern in it
        size: N                bytes of the body
        data: text             /.../: a pattern in all that came, where it is no HTTP/1
        whole: false           the body broke off
        framing: chunked       or `length`, `close`
        trailers: {Name: value}
        within: S              seconds until its end, at most
        after: S               seconds until its end, at least
        first: S               seconds until the first byte, at most
        delay: S               seconds from a replica's `@STAMP@` in the body until it came, at most
        end: closed            how the connection ends: `open` (the client closed it), `closed`, `reset`
        tls: {names: …}        what `client.Heard.tls` has
    """
    found: list[str] = []
    plain = _plain(got, heard)
    for key, wanted in expected.items():
        if key == "status":
            found += _status(wanted, got.status if got else heard.end, heard)
        elif key in ("headers", "trailers"):
            lines = getattr(got, key) if got else []
            for name, value in wanted.items():
                found += _unless(value, header(lines, name), f"{key}: {name}")
        elif key == "tls":
            found += [
                text for name, value in wanted.items() for text in _unless(value, heard.tls.get(name), name)
            ]
        elif key in ("within", "after", "first", "delay"):
            found += _in_time(key, wanted, heard)
        elif key in plain:
            found += _unless(wanted, plain[key], key)
        else:
            raise AssertionError(f"answer: no such key: {key}")
    if got and "whole" not in expected and not got.whole and got.status != 101:
        found.append(f"the answer broke off ({heard.end}): {heard.data[-200:]!r}")
    return found


def _plain(got: Answer | None, heard: Heard) -> dict[str, Any]:
    """Return what the keys are compared with that name one value each."""
    return {
        "body": got.body.decode("latin-1").strip() if got else None,
        "data": heard.data.decode("latin-1"),
        "size": len(got.body) if got else 0,
        "whole": bool(got and got.whole),
        "framing": got.framing if got else None,
        "end": heard.end,
    }


def _unless(wanted: Any, value: Any, what: str) -> list[str]:
    return [] if fits(wanted, value) else [f"{what}: {wanted!r} expected, got {value!r}"]


def _status(wanted: Any, status: Any, heard: Heard) -> list[str]:
    if status in (wanted if isinstance(wanted, list) else [wanted]):
        return []
    return [f"status: {wanted} expected, got {status}: {heard.data[:300]!r}"]


def _in_time(key: str, wanted: float, heard: Heard) -> list[str]:
    seconds = {"first": heard.first, "delay": delay(heard)}.get(key, heard.ended - heard.began)
    if seconds is None or (seconds < wanted if key == "after" else seconds > wanted):
        return [f"{key}: {wanted} s expected, got {seconds} s"]
    return []


def replica(expected: dict[str, Any], seen: list[dict[str, Any]]) -> list[str]:
    """Compare the requests of a client that the replicas saw.

    `replica` of a case has these keys:

        times: N               requests that came, in all replicas together
        replicas: N            replicas that had one
        line: GET / HTTP/1.1   request line of each; /.../: a pattern
        headers: {Name: value} of each; null: not there
        lines: {Name: N}       header lines of that name
        body: N                bytes of the body, of each that had one
    """
    heads = [each for each in seen if "head" in each]
    bodies = [each["body"] for each in seen if "body" in each]
    found: list[str] = []
    if "times" in expected:
        found += _unless(expected["times"], len(heads), "replica: times")
    elif not heads:
        found.append("replica: no request came")
    if "replicas" in expected:
        found += _unless(expected["replicas"], len({each["replica"] for each in heads}), "replica: replicas")
    for each in heads:
        found += _head(expected, each["head"])
    if "body" in expected:
        found += _unless([expected["body"]] * len(heads), bodies, "replica: body")
    if unknown := expected.keys() - {"times", "replicas", "line", "headers", "lines", "body"}:
        raise AssertionError(f"replica: no such key: {sorted(unknown)}")
    return found


def _head(expected: dict[str, Any], head: str) -> list[str]:
    """Compare the head of one request."""
    first, *lines = head.split("\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    found = _unless(expected["line"], first, "replica: line") if "line" in expected else []
    for name, wanted in expected.get("headers", {}).items():
        found += _unless(wanted, header(headers, name), f"replica: {name}")
    for name, wanted in expected.get("lines", {}).items():
        count = sum(key.lower() == name.lower() for key, _ in headers)
        found += _unless(wanted, count, f"replica: lines of {name}")
    return found


def log(expected: list[str], lines: list[str]) -> list[str]:
    """Compare what the front end logged about a connection."""
    text = "\n".join(lines)
    found = []
    for each in expected:
        wanted = not each.startswith("not ")
        if (each.removeprefix("not ") in text) != wanted:
            found.append(f"log: {each!r} expected, got {text!r}")
    return found


def header(headers: list[tuple[str, str]], name: str) -> str | None:
    """Return values of a header in one text; None without it."""
    found = [value for key, value in headers if key.lower() == name.lower()]
    return ", ".join(found) if found else None


def fits(wanted: Any, value: Any) -> bool:
    """Return whether a value is the wanted one; `/.../` is a pattern."""
    if isinstance(wanted, str) and len(wanted) > 1 and wanted[0] == wanted[-1] == "/":
        return value is not None and re.search(wanted[1:-1], str(value), re.DOTALL) is not None
    if isinstance(wanted, str):
        return value is not None and str(value) == wanted.strip()
    return bool(wanted == value)


def delay(heard: Heard) -> float | None:
    """Return the longest time from a stamp of a replica until its piece came."""
    found: list[float] = []
    rest = b""
    for at, data in heard.pieces:
        rest += data
        found += [at - int(match[1]) / 1000 for match in STAMP.finditer(rest)]
        rest = rest[-14:] if not STAMP.search(rest[-15:]) else b""
    return max(found) if found else None
