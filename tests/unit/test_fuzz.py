"""Arguments of all components and settings, changed at random; `python -m tests.support.fuzz` tries more."""

import pytest

from components.load_balanced.validation import service
from tests.support.fuzz.__main__ import tried
from tests.support.fuzz.inputs import MARK, OTHERS, SEEDS, Input, made
from tests.support.fuzz.outcomes import outcome
from tests.support.promise import THOROUGH

EACH = 4000
BLOCKS = 5 if THOROUGH else 1


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, BLOCKS * EACH, EACH))
def test_an_input_is_a_model_or_one_clear_error(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model makes configurations, of which the real programs take a sample; the error is short, names
    component and key and shows no secret."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)

    counts, wrong = tried(range(first, first + EACH), sample=40)

    assert wrong == []
    for component in {each.component for each in SEEDS}:
        assert counts[f"{component}: good"] > 50, counts
        assert counts[f"{component}: refused"] > 50, counts


@pytest.mark.parametrize("seed", SEEDS, ids=lambda each: each.component)
def test_only_good_inputs_are_changed(seed: Input) -> None:
    """Else every change of it would be refused for the same reason; and it has the mark where secrets are."""
    assert outcome(seed) is not None


def test_a_number_makes_the_same_input_again() -> None:
    """A finding can be tried again, whatever was tried in between."""
    others, first = repr(OTHERS), repr(made(4711))

    for number in range(EACH // 4):
        made(number)

    assert repr(OTHERS) == others
    assert repr(made(4711)) == first


@pytest.mark.parametrize(
    "broken",
    [
        Input("LoadBalancedService", {"image": "a", "environment": {MARK: 1}}),
        Input("LoadBalancedService", {"image": "a", "user": MARK.upper() + MARK}),
    ],
)
def test_a_secret_in_an_error_is_found(broken: Input) -> None:
    """The fuzz can fail: these two show the mark, one as a key and one as the name of a user."""
    with pytest.raises(ValueError, match=MARK):
        service("site", broken.given)
    with pytest.raises(AssertionError):
        outcome(broken)
