"""Weights of a canary in the text of a configuration, and how close they come to a share."""

import re

import pytest

from components.engine.canary_weights import MOST, shared, weights
from components.engine.replica_traffic_steps import exchanged
from components.load_balanced.validation import service
from components.proxies.registry import kind_of

OWNER = "site-web"
ADDRESS = "site-web-1-g2:80"


def configuration(kind: str, **keys: object) -> str:
    """Return the configuration of a backend `web`."""
    what = service("site", {"image": "app:1", "front_end": {"kind": kind}, **keys})
    return kind_of(kind).render(what, "site", {"web": 1})


@pytest.mark.parametrize(
    ("percent", "canaries", "others"),
    [
        (5, 1, [1] * 3),
        (25, 1, [1] * 3),
        (50, 1, [1] * 10),
        (5, 1, [1] * 200),
        (33, 2, [1] * 7),
        (1, 1, [1] * 99),
    ],
)
def test_weights_give_a_share_within_a_tenth_of_a_percent(
    percent: int, canaries: int, others: list[int]
) -> None:
    found = weights(percent, canaries, others)

    assert found.percent(canaries, sum(others)) == pytest.approx(percent, abs=0.1)
    assert found.times * max(others) <= MOST
    assert 1 <= found.canary <= MOST


def test_every_share_within_reach_is_met_within_a_tenth_of_a_percent() -> None:
    """One canary beside N replicas of the same weight can have 256 of 256 + N parts."""
    for count in range(2, 257, 23):
        for percent in range(1, 100):
            given = weights(percent, 1, [1] * count).percent(1, count)
            most = 100 * MOST / (MOST + count)

            assert given == pytest.approx(min(percent, most), abs=0.1), (count, percent)


def test_all_of_the_requests_are_as_many_as_weights_give() -> None:
    """The former replicas keep a few, to compare with."""
    assert weights(100, 1, [1] * 3) == (1, MOST)


@pytest.mark.parametrize(
    ("kind", "canary"),
    [
        ("haproxy", "    server web-0-canary site-web-0-g2:80 weight 1 # canary"),
        ("nginx", "server site-web-0-g2:80 weight=1 max_fails=1 fail_timeout=10s resolve; # canary"),
    ],
)
def test_a_canary_is_a_further_server(kind: str, canary: str) -> None:
    """All else stays as it is, but for the weights of the others."""
    text = configuration(kind)

    found = shared(text, OWNER, ["site-web-0-g2"], 25)

    assert canary in found
    rest = "\n".join(line for line in found.split("\n") if not line.endswith("# canary"))
    assert rest == text  # 1 of 4 parts: the weight of the others is 1


def test_a_canary_of_haproxy_has_names_of_its_own() -> None:
    """A cookie and the health of its section for upgraded connections are not those of another server."""
    found = shared(configuration("haproxy", cookie="SERVER"), OWNER, ["site-web-1-g2"], 10)

    assert [line.strip() for line in found.splitlines() if line.endswith("# canary")] == [
        "server web-1-canary site-web-1-g2:80 weight 1 cookie web-1-canary # canary",
        f"server web-1-canary-tunnel {ADDRESS} weight 1 cookie web-1-canary track web/web-1-canary # canary",
    ]
    assert found.count("site-web-1-g1:80 weight 3") == 2


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_backups_keep_their_weight(kind: str) -> None:
    """Those that the user chose, and those that serve when all are avoided: both only serve then."""
    keys = {"replicas": 4, "weights": [5, 4, 3, 2], "backup_replicas": 1, "max_fails": 2}

    found = shared(configuration(kind, **keys), OWNER, ["site-web-0-g2"], 50)

    servers = [line for line in found.splitlines() if OWNER in line]
    assert {tuple(re.findall(r"weight.(\d+)", line)) for line in servers if "backup" in line} == {("2",)}
    serving = [line for line in servers if "backup" not in line and "tunnel" not in line]
    assert [re.findall(r"weight.(\d+)", line) for line in serving] == [["5"], ["4"], ["3"], ["12"]]


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_a_canary_that_a_lost_record_has_left_is_followed_by_another(kind: str) -> None:
    once = shared(configuration(kind), OWNER, ["site-web-0-g2"], 25)

    again = shared(once, OWNER, ["site-web-0-g3"], 25)

    assert again == once.replace("site-web-0-g2", "site-web-0-g3")


def test_replicas_of_other_backends_stay() -> None:
    text = configuration("haproxy").replace("site-web", "site-webs")

    assert shared(text, OWNER, ["site-web-0-g2"], 25) == text


def test_a_replica_that_follows_none_gets_no_share() -> None:
    """More replicas than before: the configuration has no line for the last ones yet."""
    text = configuration("haproxy")

    assert shared(text, OWNER, ["site-web-7-g2"], 25) == text


def test_a_name_that_stands_in_for_others_is_no_second_canary() -> None:
    """One line for each canary, also where replica 2 has the place of replica 1."""
    text = exchanged(configuration("haproxy"), OWNER, ["site-web-0-g1", "site-web-2-g1"])
    assert text.count("site-web-2-g1:80") == 4

    found = shared(text, OWNER, ["site-web-2-g2"], 25)

    assert len(re.findall(r"server web-\d-canary site-web-2-g2:80", found)) == 1
