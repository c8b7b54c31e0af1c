"""`algorithm: source`: a server is known by its index, so that few clients get another one."""

from functools import cache
from typing import Any

import pytest

from components.proxies.shares import WHOLE, shares
from tests.bench.figures.affinity import CASES, asked, moved
from tests.bench.images import APP
from tests.bench.process import until
from tests.golden.test_golden import configuration, turned
from tests.support.golden_files import installed

MOST = {
    "another image": (0.0, 0.0),
    "one more (3 to 4)": (0.40, 0.30),
    "one fewer (4 to 3)": (0.40, 0.30),
    "the first of three is down": (0.0, 0.0),
    "another name of the backend": (0.0, 0.0),
    "other weights (1, 1, 1 to 2, 1, 1)": (0.30, 0.45),
}
"""The largest part of clients that may get another server, with haproxy and with nginx."""


@cache
def usual(kind: str, replicas: int) -> list[int]:
    """Return the server of each client before a change: a proxy of the same arguments runs once."""
    return asked(kind, until, clients=120, replicas=replicas)


@pytest.mark.parametrize("what", CASES)
@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_few_clients_get_another_server(kind: str, what: str) -> None:
    """None for a change that leaves the servers' indexes alone."""
    installed(kind)
    before, after = CASES[what]

    first, second = usual(kind, **before), asked(kind, until, clients=120, **after)

    assert {*first} == {*range(before["replicas"])}
    assert {*second} == {*range(after["replicas"])} - {*after.get("down", [])}
    assert moved(first, second, after.get("down", [])) <= MOST[what][kind == "nginx"]


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_the_order_of_backends_is_none_of_a_server(kind: str) -> None:
    """The configuration is the same, so every client keeps its server."""
    args: dict[str, Any] = {
        "backends": {
            name: {"image": APP, "replicas": 3, "host_names": [f"{name}.example"], "algorithm": "source"}
            for name in ("blog", "shop")
        }
    }

    assert configuration(kind, args) == configuration(kind, turned(args))


@pytest.mark.parametrize("weights", [[1], [1, 1, 1], [2, 1, 1], [1] * 40, [256, 1, 7], [3, 3, 9, 1]])
def test_shares_are_in_proportion(weights: list[int]) -> None:
    """Together they are the whole; without the last server, the others keep all that they have."""
    found, fewer = shares(weights), shares(weights[:-1] or weights)

    assert sum(size for size, _ in found) == WHOLE
    for index, weight in enumerate(weights):
        share = sum(size for size, owner in found if owner == index)
        assert abs(share - WHOLE * weight / sum(weights)) <= len(weights)
    if len(weights) > 1:
        now, then = _each(found), _each(fewer)
        assert {index for index, before in zip(now, then, strict=True) if index != before} == {
            len(weights) - 1
        }


def _each(parts: list[tuple[int, int]]) -> list[int]:
    return [owner for size, owner in parts for _ in range(size)]
