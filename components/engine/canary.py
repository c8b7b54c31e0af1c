"""Verdict on a canary: its answers beside those of the former replicas, in the same step.

Both get requests at the same time from the same clients, so whatever else slows or breaks answers does it to
both. Each rule needs two things: a difference that matters, and one that good replicas have by chance with a
probability below CHANCE. So few requests never refuse a canary.
"""

from collections import Counter
from math import ceil, erfc, sqrt
from typing import Optional

from ..proxies.container import Canary
from .answers import CHANCE, Answers

SLOWER = 5
"""Milliseconds that are never slower: logs have whole milliseconds, and a new process has cold caches."""
FEWEST_TIMES = 20
"""Answers of a canary below which it is not slower: the first ones of a process often are."""
_PARTS = (0.5, 0.95)
"""Parts of all answers whose slowest one is compared."""


def too_many_errors(new: Answers, old: Answers, terms: Canary) -> Optional[str]:
    """Return why the errors of a canary are too many, in words, or None."""
    errors, usual = new.errors.total(), old.errors.total()
    if errors * old.count <= terms.max_error_ratio * usual * new.count or not new.worse_than(old):
        return None
    return (
        f"{errors:,} of {new.count:,} answers have a status from 500 on, of the former replicas {usual:,} of "
        f"{old.count:,}: more than {terms.max_error_ratio:g} times as many, and not by chance "
        f"(Fisher's exact test, p < {CHANCE})"
    )


def too_slow(new: Answers, old: Answers, terms: Canary) -> Optional[str]:
    """Return why the answers of a canary take too long, in words, or None."""
    found = _longer(new.times, old.times, terms.max_latency_ratio)
    if found is None or slower(new.times, old.times) >= CHANCE:
        return None
    part, now, before = found
    return (
        f"{100 * part:g} % of {len(new.times):,} answers took up to {now} ms, of {len(old.times):,} of the "
        f"former replicas up to {before} ms: more than {terms.max_latency_ratio:g} times as long, and not by "
        f"chance (Mann-Whitney U test, p < {CHANCE})"
    )


def slower(new: list[int], old: list[int]) -> float:
    """Return the probability that times which are no longer than others look so much longer by chance.

    The one-sided Mann-Whitney U test, as a normal distribution with correction for ties.
    """
    count, others = len(new), len(old)
    total = count + others
    if not count or not others:
        return 1
    ours, theirs, below, wins, ties = Counter(new), Counter(old), 0, 0.0, 0
    for time in sorted(ours | theirs):
        wins += ours[time] * (below + theirs[time] / 2)
        below += theirs[time]
        ties += (ours[time] + theirs[time]) ** 3 - (ours[time] + theirs[time])
    spread = count * others / 12 * (total + 1 - ties / (total * (total - 1)))
    if spread <= 0:
        return 1
    return erfc((wins - count * others / 2 - 0.5) / sqrt(2 * spread)) / 2


def quantile(times: list[int], part: float) -> int:
    """Return the shortest time within which this part of the answers came."""
    return sorted(times)[max(0, ceil(part * len(times)) - 1)]


def _longer(new: list[int], old: list[int], ratio: float) -> Optional[tuple[float, int, int]]:
    """Return the part of the answers that is slower beyond the ratio, and both times; None without one."""
    if len(new) < FEWEST_TIMES or not old:
        return None
    for part in _PARTS:
        now, before = quantile(new, part), quantile(old, part)
        if now > ratio * before and now - before > SLOWER:
            return part, now, before
    return None
