"""Model of routes by path: what a request gets, from the arguments alone, and requests by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from components.arguments.parsing import ArgumentError
from components.load_balanced.validation import service

if TYPE_CHECKING:
    from random import Random

HOSTS = ("a.example", "x.a.example", "*.a.example", "*.x.a.example", "b.example", "*.example")
ASKED = ("a.example", "x.a.example", "y.a.example", "Z.X.a.example", "b.example", "c.example", "other.test")
SEGMENTS = ("api", "v1", "a.b", "x~")
BACKENDS = ("one", "two", "three")
ENDS = (
    *("", "/", "x", "/x", "//y", "%2Fz", ";v=1", "%0A", "%3Fq", "%23", "+x", "/a%2Fb", "/%2541"),
    *("/..", "/%2e%2E/z", "/.", "/..x", "/...", "/%2E%2Fx", "/.%2e", "/x..", "/%00"),
)
"""Ends of a path behind a prefix."""
QUERIES = ("", "", "?q=/../%2e", "?")
UNKNOWN, UNCLEAR, NOBODY = 503, 400, 404


@dataclass(frozen=True)
class Way:
    """Answer that a request gets."""

    status: int
    backend: str = ""
    target: str = ""
    """Target that the replica sees."""


def expected(settings: dict[str, Any], host: str, target: str) -> Way | None:
    """Return the answer that a request gets; None where the kinds differ although no route has its host."""
    tables = _tables(settings)
    found = [name for name in tables if _fits(name, host.lower())]
    table = tables[max(found, key=lambda name: (name == host.lower(), len(name)))] if found else {}
    path, mark, query = target.partition("?")
    segments = unquote_to_bytes(path).decode("latin-1").split("/")
    unclear = bool({".", ".."} & set(segments)) or "\0" in "".join(segments)
    if set(table) <= {""}:
        known = Way(200, table[""][0], target) if table else Way(UNKNOWN)
        return None if unclear else known
    if unclear:
        return Way(UNCLEAR)
    whole = "/".join(["", *_without_empty(segments)]) + "/"
    prefixes = [prefix for prefix in table if whole.startswith(f"{prefix}/")]
    if not prefixes:
        return Way(NOBODY)
    prefix = max(prefixes, key=len)
    backend, strip = table[prefix]
    if not strip:
        return Way(200, backend, target)
    if not f"{path}/".startswith(f"{prefix}/"):
        return Way(NOBODY)
    return Way(200, backend, f"/{path[len(prefix) + 1 :]}{mark}{query}")


def _tables(settings: dict[str, Any]) -> dict[str, dict[str, tuple[str, bool]]]:
    """Return backend and stripping of each prefix of each host; the host `` is any other."""
    found: dict[str, dict[str, tuple[str, bool]]] = {}
    default = settings["front_end"].get("default_backend")
    for name, backend in settings["backends"].items():
        for host in backend.get("host_names", []):
            found.setdefault(host, {})[""] = (name, False)
        for route in backend.get("routes", []):
            for host in route.get("host_names") or backend.get("host_names") or [""]:
                found.setdefault(host, {})[route["path_prefix"]] = (name, route["strip_prefix"])
    if default:
        found.setdefault("", {})
        for table in found.values():
            table.setdefault("", (default, False))
    return found


def _fits(name: str, host: str) -> bool:
    return name in ("", host) or (name.startswith("*") and host.endswith(name[1:]))


def _without_empty(segments: list[str]) -> list[str]:
    return [segment for segment in segments if segment]


def drawn(chance: Random) -> dict[str, Any]:
    """Return backends with routes, drawn until they are accepted."""
    while True:
        front_end = {"default_backend": "one"} if chance.random() < 0.5 else {}
        settings = {"front_end": front_end, "backends": {name: _backend(chance) for name in BACKENDS}}
        try:
            service("site", _with_images(settings))
        except ArgumentError:
            continue
        return settings


def _with_images(settings: dict[str, Any]) -> dict[str, Any]:
    backends = {name: {**each, "image": "app:1"} for name, each in settings["backends"].items()}
    return {**settings, "backends": backends}


def _backend(chance: Random) -> dict[str, Any]:
    hosts = chance.sample(HOSTS, chance.choice((0, 0, 1, 2)))
    routes = []
    for _ in range(chance.randrange(4)):
        own = chance.sample(HOSTS, chance.choice((0, 1, 1, 2)))
        routes.append(
            {
                **({"host_names": own} if own else {}),
                "path_prefix": _prefix(chance),
                "strip_prefix": chance.random() < 0.4,
            }
        )
    return {
        "replicas": 1,
        **({"host_names": hosts} if hosts else {}),
        **({"routes": routes} if routes else {}),
    }


def _prefix(chance: Random) -> str:
    return "".join(f"/{chance.choice(SEGMENTS)}" for _ in range(chance.choice((1, 1, 2, 3))))


def request(chance: Random) -> tuple[str, str]:
    """Return a host and a target."""
    path = _prefix(chance) + chance.choice(ENDS)
    where = chance.randrange(len(path))
    letter = path[where]
    if chance.random() < 0.2 and "%" not in path[max(0, where - 2) : where + 1]:
        path = f"{path[:where]}%{ord(letter):02x}{path[where + 1 :]}"
        path = path if path.startswith("/") else f"/{path}"
    elif chance.random() < 0.1 and letter == "/":
        path = f"{path[:where]}/{path[where:]}"
    elif chance.random() < 0.05:
        path = path.upper() if "%" not in path else path
    return chance.choice(ASKED), path + chance.choice(QUERIES)
