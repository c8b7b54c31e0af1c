"""Between Pulumi's property values and plain Python values."""

from typing import Any

import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

from components.provider.values import has_unknown, plain, plain_map, wrap

VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    7,
    -1,
    2**31,
    1.5,
    "",
    "text",
    UNKNOWN,
    [],
    {},
    [1, [2.5, "x"], {"a": None}],
    {"a": {"b": [True, {"c": 3}]}, "d": ""},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_it_went(value: Any) -> None:
    """Wrapped and opened again, a value is the same and of the same type."""
    back = plain(wrap(value))

    assert back == value
    assert type(back) is type(value)


def test_numbers_travel_as_floats() -> None:
    """The wire knows one kind of number; a bool is none."""
    assert type(wrap(3).value) is float
    assert wrap(True).value is True


def test_whole_numbers_come_back_as_int() -> None:
    """A whole number that the wire made a float is an int again."""
    assert [type(plain(PropertyValue(n))) for n in (3.0, 3.5)] == [int, float]


def test_a_secret_is_opened() -> None:
    """Handlers see the value of a secret, also deep inside."""
    value = PropertyValue({"env": PropertyValue([PropertyValue("hunter2", is_secret=True)])})

    assert plain(value) == {"env": ["hunter2"]}


def test_a_property_value_is_not_wrapped_again() -> None:
    """So a secret input stays secret in the state."""
    secret = PropertyValue("hunter2", is_secret=True)

    assert wrap(secret) is secret
    assert plain(wrap({"a": secret})) == {"a": "hunter2"}


def test_a_tuple_is_a_list() -> None:
    """Both kinds of sequence are one on the wire."""
    assert plain(wrap((1, "a"))) == [1, "a"]


def test_no_properties_are_an_empty_mapping() -> None:
    """The engine sends none for the old inputs of a new resource."""
    assert plain_map(None) == {}
    assert plain_map({"a": PropertyValue(1.0)}) == {"a": 1}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (UNKNOWN, True),
        ({"a": [{"b": UNKNOWN}]}, True),
        ([1, UNKNOWN], True),
        ("text", False),
        ({"a": [{"b": None}]}, False),
        ([], False),
        (f"a{UNKNOWN}", False),
    ],
)
def test_unknown_is_found_at_any_depth(value: Any, expected: bool) -> None:
    """A value that holds what is not known yet is not known."""
    assert has_unknown(value) is expected
