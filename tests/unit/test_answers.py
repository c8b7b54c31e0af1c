"""Answers of replicas in the access log of a front end, and whether they are worse than before."""

from collections import Counter

import pytest

from components.engine.answers import Answers, answers

HAPROXY = "192.0.2.9:1 [now] vhost=a.example backend={} server={} status={} 12 0/0/0/1/1 -- 0 x"
NGINX = "192.0.2.9:1 [now] vhost=a.example backend={} server={} status={} 12 0.001/0.001 x"


@pytest.mark.parametrize(
    ("line", "servers"),
    [
        (HAPROXY.format("web", "web-0", 200), {"web-0": "new"}),
        (HAPROXY.format("web_tunnels", "web-0-tunnel", 101), {"web-0": "new"}),
        (NGINX.format("web", "10.0.0.2:80", 200), {"10.0.0.2": "new"}),
        (NGINX.format("web_1", "10.0.0.2:80", 200), {"10.0.0.2": "new"}),
        (NGINX.format("web", "10.0.0.1:80, 10.0.0.2:80", 200), {"10.0.0.2": "new"}),
    ],
)
def test_an_answer_is_that_of_the_last_server(line: str, servers: dict[str, str]) -> None:
    failed = line.replace("status=200", "status=502").replace("status=101", "status=502")

    assert answers([line], "web", servers) == Answers(1, Counter(new=0))
    assert answers([line, failed], "web", servers) == Answers(2, Counter(new=1))
    assert answers([line], "web", {"other": "new"}).count == 0
    assert answers([line], "blog").count == 0


@pytest.mark.parametrize(
    "line",
    [
        "",
        "2026/11/29 10:00:00 [notice] 1#1: start worker processes",
        "192.0.2.9:1 [now] backend=web server=web-0 0/0/1 -- 0",
        HAPROXY.format("<NOSRV>", "web-0", 503),
        # A client chooses the name of the host, and cannot write a line with it.
        HAPROXY.replace("a.example", "a x").format("web", "web-0", 500),
    ],
)
def test_other_lines_count_nothing(line: str) -> None:
    """Messages of the program, connections of mode tcp, and requests that no replica had."""
    assert answers([line], "web") == Answers()


@pytest.mark.parametrize(
    ("now", "before", "worse"),
    [
        ((40, 400), (0, 1200), True),
        ((40, 400), (110, 1200), False),
        ((5, 5), (0, 20), True),
        ((4, 4), (0, 1000), False),
        ((5, 1000), (0, 1000), False),
        ((400, 400), (0, 0), False),
        ((0, 0), (10, 10), False),
        ((50_000, 100_000), (49_000, 100_000), True),
    ],
)
def test_errors_are_worse_where_chance_does_not_explain_them(
    now: tuple[int, int], before: tuple[int, int], worse: bool
) -> None:
    """As many as before are not, nor are a few; without a request before, none are."""
    (errors, count), (former, requests) = now, before

    assert Answers(count, Counter(new=errors)).worse_than(Answers(requests, Counter(old=former))) is worse
