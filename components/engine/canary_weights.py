"""Weights by which a front end sends a share of the requests to a canary, in the text of its configuration.

HAProxy and nginx both have one line a server, with its weight. A canary is a further server beside that of
its index, and the weights of all others are multiplied by the same number. Backups keep theirs.
"""

import re
from collections.abc import Collection, Sequence
from itertools import groupby
from typing import NamedTuple

MOST = 256
"""Largest weight of a server of HAProxy."""
NAME = "-canary"
"""End of the name of a canary's server in HAProxy, and of its cookie."""
_MARK = " # canary"


class Weights(NamedTuple):
    """Weights of a step."""

    times: int
    """Number by which the weight of each other server is multiplied."""
    canary: int
    """Weight of each canary."""

    def percent(self, canaries: int, others: int) -> float:
        """Return the share that they give to canaries beside servers of this total weight."""
        return 100 * canaries * self.canary / (canaries * self.canary + self.times * others)


def weights(percent: int, canaries: int, others: Sequence[int]) -> Weights:
    """Return the weights that come closest to a share, the smallest of them."""
    total = sum(others)

    def closest(times: int) -> Weights:
        wished = times * total * percent / (canaries * (100 - percent)) if percent < 100 else MOST  # noqa: PLR2004
        return Weights(times, min(MOST, max(1, round(wished))))

    found = (closest(times) for times in range(1, MOST // max(others) + 1))
    return min(found, key=lambda each: (round(abs(each.percent(canaries, total) - percent), 6), each))


def shared(text: str, owner: str, canaries: Collection[str], percent: int) -> str:
    """Return a configuration in which canaries (network names) get a share of an owner's requests.

    The replicas of `owner` (`<component>-<backend>`) in it keep the rest. Lines of another canary are left
    out. A canary whose index has no line there gets no share.
    """
    names = {name.rpartition("-g")[0]: name for name in canaries}
    pattern = _server(owner)
    lines = [line for line in text.split("\n") if not line.endswith(_MARK)]
    groups = [
        (serves, [*group]) for serves, group in groupby(lines, lambda line: bool(pattern.fullmatch(line)))
    ]
    made: list[str] = []
    for serves, group in groups:
        found = [match for line in group if (match := pattern.fullmatch(line))] if serves else []
        added = {names[each["replica"]]: each for each in reversed(found) if each["replica"] in names}
        if not added:
            made += group
            continue
        chosen = weights(percent, len(added), [int(each["weight"]) for each in found])
        made += [_line(each, each["name"], int(each["weight"]) * chosen.times) for each in found]
        made += [_canary(each, name, chosen.canary) for name, each in sorted(added.items())]
    return "\n".join(made)


def _server(owner: str) -> re.Pattern[str]:
    """Return the pattern of the line of a server that is a replica of `owner`, and no backup."""
    return re.compile(
        rf"(?P<begin> *server )(?P<own>\S+ )?(?P<name>(?P<replica>{re.escape(owner)}-\d+)-g\d+)"
        r"(?P<port>:\d+ (?:.* )?weight[ =])(?P<weight>\d+)(?P<end>(?!.* backup\b).*)"
    )


def _line(found: re.Match[str], name: str, weight: int) -> str:
    return f"{found['begin']}{found['own'] or ''}{name}{found['port']}{weight}{found['end']}"


def _canary(found: re.Match[str], name: str, weight: int) -> str:
    """Return the line of a canary, beside the one of its index: what names that server names the canary's."""
    own = re.sub(r"(-tunnel)? $", rf"{NAME}\g<0>", found["own"] or "")
    end = re.sub(r" (cookie |track \S+/|route=)[^ ;]+", rf"\g<0>{NAME}", found["end"])
    return f"{found['begin']}{own}{name}{found['port']}{weight}{end}{_MARK}"
