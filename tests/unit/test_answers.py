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

    assert answers([line], "web", servers).errors == Counter(new=0)
    assert (found := answers([line, failed], "web", servers)).count == 2
    assert found.errors == Counter(new=1)
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
    ("end", "times"),
    [
        ("200 12 0/0/1/20/22 ---- 0 x", [21]),
        ("200 12 3/400/1/20/430 ---- 0 x", [421]),
        ("404 12 0.250/0.021 x", [21]),
        ("200 12 0.250/1.000, 0.021 x", [21]),
        ("101 12 0/0/1/20/22 ---- 0 x", []),
        ("101 12 9.250/9.021 x", []),
        ("503 12 0/0/1/20/22 ---- 0 x", []),
        ("400 12 0/-1/-1/-1/22 ---- 0 x", []),
        ("499 12 0.250/- x", []),
    ],
    ids=str,
)
def test_the_time_of_an_answer_is_that_of_its_server(end: str, times: list[int]) -> None:
    """From the end of the request on: a wait for a slot counts, a client that is slow does not.

    Errors have none, nor have connections that were upgraded, or that ended before an answer.
    """
    line = f"192.0.2.9:1 [now] vhost=a.example backend=web server=web-0 status={end}"

    assert answers([line], "web").times == times


def test_answers_of_two_times_are_added() -> None:
    first, second = Answers(3, Counter(new=1), [5]), Answers(2, Counter(new=1, other=2), [6, 7])

    first.add(second)

    assert first == Answers(5, Counter(new=2, other=2), [5, 6, 7])


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
