"""Answers of replicas as the access log of their front end has them, before a change and after it."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import exp, lgamma
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from docker.models.containers import Container

LINES = 200_000
"""Lines of the log that are read, from its end: an engine reads all of an older log to find a time in it."""
FEWEST = 5
"""Errors that may be chance, whatever there was before."""
CHANCE = 0.001
"""Largest probability with which good replicas are taken for worse ones."""
SWITCHED = 101
"""Status of an upgraded connection: nginx takes its whole life for the time of the answer."""
FAILED = 500
_LINE = re.compile(
    r"^\S+ \[[^]]*\] vhost=\S* backend=(?P<backend>\S+) server=(?P<server>[^=]+?) status=(?P<status>\d{3}) "
    r"(?:\d+ (?:-?\d+/(?P<queue>\d+)/(?P<connect>\d+)/(?P<answer>\d+)/"
    r"|[\d.]+/(?:[\d.]+, )*(?P<seconds>[\d.]+) ))?"
)
"""Begin of a line, up to what the client cannot choose; a host name with a blank in it is no line."""


@dataclass
class Answers:
    """Answers of a backend."""

    count: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    """Answers with a status from 500 on, by the server that the log names."""
    times: list[int] = field(default_factory=list)
    """Milliseconds of each other answer: with HAProxy until its head has come, with nginx until its end."""

    def add(self, others: "Answers") -> None:
        """Add answers of a later time."""
        self.count += others.count
        self.errors += others.errors
        self.times += others.times

    def worse_than(self, before: "Answers") -> bool:
        """Return whether errors are more frequent than before, and not by chance.

        Fisher's exact test, one-sided: the probability that so many of all errors fall on these answers is
        below CHANCE. Fewer errors than FEWEST are not enough, and without an answer before, nothing is.
        """
        errors, all_errors = self.errors.total(), self.errors.total() + before.errors.total()
        if errors < FEWEST:
            return False
        return _tail(errors, self.count, all_errors, self.count + before.count) < CHANCE


def answers(lines: Iterable[str], backend: str, servers: Optional[Mapping[str, str]] = None) -> Answers:
    """Return the answers of a backend, or of some of its servers.

    `servers` has the name under which to count each server: HAProxy logs its name, nginx its address.
    """
    found = Answers()
    for line in lines:
        each = _LINE.match(line)
        # A backend has sections of its own for tunnels, and in nginx for each server: `web_0`.
        if each is None or each["backend"].partition("_")[0] != backend:
            continue
        # nginx names all servers that it has tried; the last one has answered.
        server = each["server"].rpartition(", ")[2].partition(":")[0].removesuffix("-tunnel")
        if servers is not None:
            if server not in servers:
                continue
            server = servers[server]
        found.count += 1
        status, time = int(each["status"]), _milliseconds(each)
        found.errors[server] += status >= FAILED
        if time is not None and status < FAILED and status != SWITCHED:
            found.times.append(time)
    return found


def log_of(
    front_end: "Container", since: float, until: Optional[float] = None, lines: int = LINES
) -> list[str]:
    """Return the last lines of a front end's access log between two moments of its engine's clock."""
    from docker.errors import APIError

    try:
        raw = front_end.logs(stdout=True, stderr=False, since=since, until=until, tail=lines)
    except APIError:  # a host whose logs go where the engine cannot read them
        return []
    return raw.decode(errors="replace").splitlines()


def _milliseconds(line: re.Match[str]) -> Optional[int]:
    """Return the time that a server took to answer, after the client's request; None without an answer."""
    if line["seconds"] is not None:
        return round(float(line["seconds"]) * 1000)
    parts = line.group("queue", "connect", "answer")
    return None if None in parts else sum(map(int, parts))


def _tail(errors: int, count: int, all_errors: int, everything: int) -> float:
    """Return the probability that at least `errors` of `all_errors` are among `count` of `everything`."""

    def ways(n: int, k: int) -> float:
        return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

    whole = ways(everything, all_errors)
    return sum(
        exp(ways(count, k) + ways(everything - count, all_errors - k) - whole)
        for k in range(errors, min(count, all_errors) + 1)
        if all_errors - k <= everything - count
    )
