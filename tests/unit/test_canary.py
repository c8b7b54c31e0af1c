"""Verdict on a canary: what refuses it, and how seldom a good one is refused."""

from collections import Counter
from random import Random

import pytest

from components.engine.answers import CHANCE, Answers
from components.engine.canary import quantile, slower, too_many_errors, too_slow
from components.proxies.container import Canary

TERMS = Canary()
ROUNDS = 1_000


def answers(count: int, errors: int = 0, times: list[int] | None = None) -> Answers:
    return Answers(count, Counter(one=errors), times or [])


# Errors


@pytest.mark.parametrize(
    ("new", "old", "refused"),
    [
        ((100, 30), (1_900, 0), True),
        ((100, 4), (1_900, 0), False),
        ((5, 5), (95, 0), True),
        ((100, 30), (1_900, 570), False),
        ((100_000, 14_000), (100_000, 10_000), False),
        ((100_000, 16_000), (100_000, 10_000), True),
        ((100, 100), (0, 0), False),
        ((0, 0), (100, 50), False),
    ],
    ids=[
        "many",
        "fewer than five",
        "five of five",
        "as many as before",
        "more, within the ratio",
        "more, beyond the ratio",
        "nothing to compare with",
        "nothing at all",
    ],
)
def test_errors_refuse_a_canary(new: tuple[int, int], old: tuple[int, int], refused: bool) -> None:
    said = too_many_errors(answers(*new), answers(*old), TERMS)

    assert (said is not None) is refused
    if said:
        assert said.startswith(f"{new[1]:,} of {new[0]:,} answers have a status from 500 on, of the former")
        assert f"{old[1]:,} of {old[0]:,}: more than 1.5 times as many" in said
        assert "Fisher's exact test, p < 0.001" in said


@pytest.mark.parametrize("rate", [0.001, 0.02, 0.3])
def test_a_good_canary_is_seldom_refused_for_errors(rate: float) -> None:
    """Both have the same errors: at most one of a thousand is refused, here of 1,000 in each case."""
    draw = Random(4711)  # noqa: S311 — the same numbers each time

    def errors(count: int) -> int:
        return sum(draw.random() < rate for _ in range(count))

    wrong = sum(
        too_many_errors(answers(count, errors(count)), answers(475, errors(475)), TERMS) is not None
        for count in (10, 25)
        for _ in range(ROUNDS // 2)
    )

    assert wrong <= 2 * CHANCE * ROUNDS


# Latency


def drawn(draw: Random, count: int, typical: float = 20, wide: float = 0.8) -> list[int]:
    """Return times as services have them: most alike, some much longer."""
    return [round(typical * draw.lognormvariate(0, wide)) for _ in range(count)]


@pytest.mark.parametrize(
    ("new", "old", "refused"),
    [
        ([100] * 50, [20] * 500, True),
        ([40] * 50, [20] * 500, False),
        ([4] * 500, [1] * 500, False),
        ([20] * 400 + [500] * 100, [20] * 950 + [25] * 50, True),
        ([20] * 999 + [5_000], [20] * 1_000, False),
        ([100] * 19, [20] * 500, False),
        ([100] * 50, [], False),
        ([], [20] * 50, False),
    ],
    ids=[
        "all are slower",
        "within the ratio",
        "too little to matter",
        "a fifth is slower",
        "one is slower",
        "too few",
        "nothing to compare with",
        "nothing at all",
    ],
)
def test_slow_answers_refuse_a_canary(new: list[int], old: list[int], refused: bool) -> None:
    said = too_slow(answers(len(new), times=new), answers(len(old), times=old), TERMS)

    assert (said is not None) is refused


def test_a_refusal_for_latency_has_its_figures() -> None:
    new, old = [20] * 80 + [500] * 20, [20] * 1_980 + [25] * 20

    assert too_slow(answers(100, times=new), answers(2_000, times=old), TERMS) == (
        "95 % of 100 answers took up to 500 ms, of 2,000 of the former replicas up to 20 ms: more than 2 "
        "times as long, and not by chance (Mann-Whitney U test, p < 0.001)"
    )


@pytest.mark.parametrize(("count", "others"), [(3, 200), (5, 5), (30, 300)])
@pytest.mark.parametrize("typical", [1, 20])
def test_a_good_canary_is_seldom_slower(count: int, others: int, typical: float) -> None:
    """Both have the same times, in whole milliseconds: few of 1,000 look slower, also with few requests."""
    draw = Random(4711)  # noqa: S311 — the same numbers each time

    wrong = sum(
        slower(drawn(draw, count, typical), drawn(draw, others, typical)) < CHANCE for _ in range(ROUNDS)
    )

    assert wrong <= 3 * CHANCE * ROUNDS


def test_a_canary_three_times_as_slow_is_seldom_taken_for_good() -> None:
    draw = Random(4711)  # noqa: S311 — the same numbers each time

    found = sum(
        too_slow(answers(50, times=drawn(draw, 50, 60)), answers(950, times=drawn(draw, 950, 20)), TERMS)
        is not None
        for _ in range(200)
    )

    assert found >= 190


def test_the_probability_is_that_of_the_exact_test() -> None:
    """Of the ways to draw 5 of 10, one has the 5 largest: 1/252; nearly so as a normal distribution."""
    assert slower([6, 7, 8, 9, 10], [1, 2, 3, 4, 5]) == pytest.approx(1 / 252, rel=0.6)
    assert slower([1, 2, 3], [4, 5, 6]) > 0.95
    assert slower([7, 7], [7, 7]) == slower([], [1]) == slower([1], []) == 1


def test_a_part_of_the_answers_has_come_within_its_time() -> None:
    assert quantile([5, 1, 2, 3, 4], 0.5) == 3
    assert quantile([*range(1, 101)], 0.95) == 95
    assert quantile([9], 0.95) == 9
