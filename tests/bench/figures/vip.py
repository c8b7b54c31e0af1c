"""Measure for how long no host has a floating address, as a client sees it, when its owner fails."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from docker.models.containers import Container

from tests.bench.hosts import Host
from tests.bench.process import until
from tests.support.floating import FAST, PORT, Floating, client, cut_off, gateways, unplugged

from .report import Ratio, note, show

LIMITS: dict[str, tuple[dict[str, Any], float]] = {"defaults": ({}, 4.0), "fast": (FAST, 1.0)}
ROUNDS = 3
BACK_WITHIN = 2.0
AWAY = 6.0
"""Seconds that a fault lasts: longer than any take-over."""
TRACK: Any = {"track": {"port": PORT, "path": "/healthz"}}
Fault = Callable[[Floating, dict[str, Container]], AbstractContextManager[None]]


@contextmanager
def keepalived_killed(group: Floating, gateway: dict[str, Container]) -> Iterator[None]:
    """Kill keepalived with SIGKILL; the engine starts it again."""
    group.hosts["a"].crash(str(group.keepalived("a").id))
    yield


@contextmanager
def keepalived_stopped(group: Floating, gateway: dict[str, Container]) -> Iterator[None]:
    """Stop and start keepalived, as by hand."""
    group.keepalived("a").stop()
    yield
    group.keepalived("a").start()


@contextmanager
def gateway_killed(group: Floating, gateway: dict[str, Container]) -> Iterator[None]:
    """Kill the gateway with SIGKILL; it is started again at the end."""
    gateway["a"].kill()
    yield
    gateway["a"].start()


FAULTS: dict[str, Fault] = {
    "keepalived killed": keepalived_killed,
    "keepalived stopped": keepalived_stopped,
    "gateway killed": gateway_killed,
    "host unplugged": lambda group, gateway: unplugged(group.hosts["a"]),
    "host cut off": lambda group, gateway: cut_off(group.hosts["a"]),
}


def measure(hosts: list[Host], quick: bool) -> tuple[list[Ratio], list[str]]:
    """Return the ratios of the measured to the allowed times; nothing is skipped."""
    ratios = []
    rows = [["the owner's", "setting", "no answer for", "on return", "one owner after"]]
    group = Floating(hosts)
    with gateways(group.hosts) as gateway:
        for setting, (keys, limit) in LIMITS.items():
            try:
                group.roll_out(**keys, **TRACK)
                for name, fault in FAULTS.items():
                    note(f"floating address, {setting}: {name}")
                    found = [suffer(group, gateway, fault) for _ in range(1 if quick else ROUNDS)]
                    away, back, one = (max(column) for column in zip(*found, strict=True))
                    rows.append([name, setting, f"{away:.2f} s", f"{back:.2f} s", f"{one:.2f} s"])
                    ratios.append(Ratio(f"{name}, {setting}: no answer / {limit:g} s", away / limit, 1.0))
                    alone = f"{name}, {setting}: one owner after / {BACK_WITHIN:g} s"
                    ratios.append(Ratio(alone, one / BACK_WITHIN, 1.0))
            finally:
                group.destroy()
    show("A floating address on three hosts: the longest of the rounds", rows)
    return ratios, []


def suffer(group: Floating, gateway: dict[str, Container], fault: Fault) -> tuple[float, float, float]:
    """Return the longest seconds without an answer, at the fault, at its end, and until one owner."""
    well(group)
    with client() as seen:
        with fault(group, gateway):
            time.sleep(AWAY)
            away = seen.longest_gap()
        back = time.monotonic()
        until(lambda: len(group.owners()) == 1, "one node has the address")
        one = time.monotonic() - back
        well(group)
    return away, seen.longest_gap(since=back), one


def well(group: Floating) -> None:
    """Wait until the first node has the address and its gateway has been healthy for long enough."""
    until(lambda: group.owners() == "a", "the first node has the address", 20)
    time.sleep(2)
