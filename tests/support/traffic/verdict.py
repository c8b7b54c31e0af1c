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
    """
    found: list[str] = []

    def check(what: str, wanted: Any, value: Any) -> None:
        if not fits(wanted, value):
            found.append(f"{what}: {wanted!r} expected, got {value!r}")

    status = got.status if got else heard.end
    for key, wanted in expected.items():
        if key == "status":
            if status not in (wanted if isinstance(wanted, list) else [wanted]):
                found.append(f"status: {wanted} expected, got {status}: {heard.data[:300]!r}")
        elif key in ("headers", "trailers"):
            for name, value in wanted.items():
                check(
                    f"{key}: {name}",
                    value,
                    header(got.headers if key == "headers" else got.trailers, name) if got else None,
                )
        elif key == "body":
            check(key, wanted, got.body.decode("latin-1").strip() if got else None)
        elif key == "data":
            check(key, wanted, heard.data.decode("latin-1"))
        elif key == "size":
            check(key, wanted, len(got.body) if got else 0)
        elif key == "whole":
            check(key, wanted, bool(got and got.whole))
        elif key == "framing":
            check(key, wanted, got.framing if got else None)
        elif key == "end":
            check(key, wanted, heard.end)
        elif key in ("within", "after", "first", "delay"):
            seconds = {"first": heard.first, "delay": delay(heard)}.get(key, heard.ended - heard.began)
            if seconds is None or (seconds < wanted if key == "after" else seconds > wanted):
                found.append(f"{key}: {wanted} s expected, got {seconds} s")
        else:
            raise AssertionError(f"answer: no such key: {key}")
    if got and "whole" not in expected and not got.whole and got.status != 101:
        found.append(f"the answer broke off ({heard.end}): {heard.data[-200:]!r}")
    return found


def replica(expected: dict[str, Any], seen: list[dict[str, Any]]) -> list[str]:
    """Compare what the replicas saw of a client's requests.

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

    def check(what: str, wanted: Any, value: Any) -> None:
        if not fits(wanted, value):
            found.append(f"replica: {what}: {wanted!r} expected, got {value!r}")

    if "times" in expected:
        check("times", expected["times"], len(heads))
    elif not heads:
        found.append("replica: no request came")
    if "replicas" in expected:
        check("replicas", expected["replicas"], len({each["replica"] for each in heads}))
    for each in heads:
        first, *lines = each["head"].split("\r\n")
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        if "line" in expected:
            check("line", expected["line"], first)
        for name, wanted in expected.get("headers", {}).items():
            check(name, wanted, header(headers, name))
        for name, wanted in expected.get("lines", {}).items():
            check(f"lines of {name}", wanted, sum(key.lower() == name.lower() for key, _ in headers))
    if "body" in expected:
        check("body", [expected["body"]] * len(heads), bodies)
    if unknown := expected.keys() - {"times", "replicas", "line", "headers", "lines", "body"}:
        raise AssertionError(f"replica: no such key: {sorted(unknown)}")
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
    """Values of a header in one text; None without it."""
    found = [value for key, value in headers if key.lower() == name.lower()]
    return ", ".join(found) if found else None


def fits(wanted: Any, value: Any) -> bool:
    """Whether a value is the one that is wanted; `/.../` is a pattern."""
    if isinstance(wanted, str) and len(wanted) > 1 and wanted[0] == wanted[-1] == "/":
        return value is not None and re.search(wanted[1:-1], str(value), re.DOTALL) is not None
    if isinstance(wanted, str):
        return value is not None and str(value) == wanted.strip()
    return bool(wanted == value)


def delay(heard: Heard) -> float | None:
    """The longest time from a stamp of a replica until it came."""
    found = []
    rest = b""
    for at, data in heard.pieces:
        rest += data
        for match in STAMP.finditer(rest):
            found.append(at - int(match[1]) / 1000)
        rest = rest[-14:] if not STAMP.search(rest[-15:]) else b""
    return max(found) if found else None
