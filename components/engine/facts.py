"""Facts of a host: what only the host can tell, asked once per host and preview."""

import ipaddress
import json
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Optional

from ..arguments.connections import Connection
from ..naming import CHECK
from .connection import connect
from .containers import EngineError

if TYPE_CHECKING:
    from docker import DockerClient

DEADLINE_SECONDS = 20.0
FRESH_SECONDS = 10.0
"""Seconds for which an answer is valid for all components of a preview."""
TRIED = 5
"""Images of a host that are tried for one that has `cat`."""
TABLES = ("route", "fib_trie", "if_inet6", "tcp", "tcp6")
LIMITS, NONLOCAL = "/proc/self/limits", "/proc/sys/net/ipv4/ip_nonlocal_bind"
FILES = (*(f"/proc/net/{name}" for name in TABLES), NONLOCAL, LIMITS)
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104
_LISTENING, _GATEWAY = "0A", 0x2


@dataclass(frozen=True)
class Facts:
    """Ports, addresses, networks and limits of a host."""

    info: Mapping[str, Any]
    """The engine's own description."""
    networks: list[dict[str, Any]]
    containers: list[dict[str, Any]]
    """Those that run."""
    files: Mapping[str, str]
    """FILES of the host that could be read, by path; none without an image that can show them."""

    @property
    def binds_itself(self) -> bool:
        """True where the engine binds ports on the host that a throw-away container sees.

        Docker Desktop and a rootless engine have somebody else do it, elsewhere.
        """
        rootless = any("rootless" in option for option in self.info.get("SecurityOptions") or [])
        return not rootless and self.info.get("OperatingSystem") != "Docker Desktop"

    @cached_property
    def routes(self) -> dict[str, str]:
        """IPv4 subnets that the host itself is in, and the interface of each."""
        found = {}
        for line in self._rows("route"):
            interface, destination, _, flags, _, _, _, mask, *_ = line
            address, bits = (int.from_bytes(bytes.fromhex(each), "little") for each in (destination, mask))
            if bits and not int(flags, 16) & _GATEWAY:
                found[str(ipaddress.ip_network((address, bits.bit_count())))] = interface
        return found

    @cached_property
    def addresses(self) -> set[str]:
        """The host's own addresses; none when they could not be read, and when any can be bound."""
        if self.files.get(NONLOCAL, "").strip() == "1":
            return set()
        lines = self.files.get("/proc/net/fib_trie", "").split("\n")
        local = {before.split()[-1] for before, line in pairwise(lines) if "host LOCAL" in line}
        six = self.files.get("/proc/net/if_inet6", "").splitlines()
        return local | {str(ipaddress.IPv6Address(int(line.split()[0], 16))) for line in six if local}

    @cached_property
    def listening(self) -> set[tuple[str, int]]:
        """Addresses and TCP ports on which something on the host listens."""
        return {
            _endpoint(row[1])
            for table in ("tcp", "tcp6")
            for row in self._rows(table)
            if row[3] == _LISTENING
        }

    @property
    def open_files(self) -> Optional[int]:
        """Files that a process of a container may have open; None when that could not be read."""
        for line in self.files.get(LIMITS, "").splitlines():
            if line.startswith("Max open files"):
                hard = line.split()[4]
                return int(hard) if hard.isdigit() else None
        return None

    def _rows(self, table: str) -> Iterator[list[str]]:
        for line in self.files.get(f"/proc/net/{table}", "").splitlines()[1:]:
            yield line.split()


def overlap(one: str, other: str) -> bool:
    """Return whether two networks have addresses in common."""
    first, second = (ipaddress.ip_network(each, strict=False) for each in (one, other))
    return first.version == second.version and first.overlaps(second)


def of(host: Connection, labels: Mapping[str, str]) -> Facts:
    """Return the facts of a host; several components of a preview share one answer.

    Raises HostUnreachable, EngineRefused, or EngineError when there is no answer within DEADLINE_SECONDS.
    """
    key = json.dumps(host, sort_keys=True)
    with _lock:
        when, found = _asked.get(key, (0.0, None))
        if found is None or time.monotonic() - when > FRESH_SECONDS:
            found = Future()
            _asked[key] = time.monotonic(), found
            threading.Thread(target=_ask, args=(host, labels, found), daemon=True).start()
    try:
        return found.result(DEADLINE_SECONDS)
    except TimeoutError as error:
        raise EngineError(
            f"the Docker host at {host['address']} did not say within {DEADLINE_SECONDS:.0f} s what it has"
        ) from error


_lock = threading.Lock()
_asked: dict[str, tuple[float, "Future[Facts]"]] = {}


def _ask(host: Connection, labels: Mapping[str, str], answer: "Future[Facts]") -> None:
    try:
        with connect(host, timeout=DEADLINE_SECONDS) as engine:
            answer.set_result(gather(engine, labels))
    except BaseException as error:  # noqa: BLE001 — raised for each that waits for the answer
        answer.set_exception(error)


def gather(engine: "DockerClient", labels: Mapping[str, str]) -> Facts:
    """Ask an engine."""
    return Facts(
        info=engine.info(),
        networks=engine.api.networks(),
        containers=engine.api.containers(),
        files=files(engine, labels),
    )


def files(engine: "DockerClient", labels: Mapping[str, str]) -> dict[str, str]:
    """Return the FILES of the host.

    The Engine API does not have them. So `cat` of an image that is already on the host reads them, in a
    throw-away container on the host's network with no rights at all.
    """
    from docker.errors import APIError

    for image in engine.images.list()[:TRIED]:
        try:
            container = engine.containers.create(
                str(image.id),
                entrypoint=["sh", "-c"],
                command=[f'for f in {" ".join(FILES)}; do echo "==> $f"; cat "$f"; done'],
                network_mode="host",
                user="65534:65534",
                read_only=True,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                labels={**labels, **CHECK},
            )
        except APIError:
            continue
        try:
            container.start()
            container.wait()
            parts = container.logs(stderr=False).decode().split("==> ")[1:]
            if parts:
                return {name: text for name, _, text in (part.partition("\n") for part in parts)}
        except APIError:
            continue  # it has no shell
        finally:
            container.remove(force=True, v=True)
    return {}


def _endpoint(text: str) -> tuple[str, int]:
    """Read address and port of a row of /proc/net/tcp or tcp6: words of 4 bytes, each in the host's order."""
    address, port = text.split(":")
    raw = b"".join(bytes.fromhex(address[n : n + 8])[::-1] for n in range(0, len(address), 8))
    found = ipaddress.ip_address(raw)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found), int(port, 16)
