"""Malformed arguments of LoadBalancedService, one mistake each, from `bad_arguments.yaml`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from components.proxies.registry import KINDS
from tests.cases.later import LATER
from tests.support.arguments import IMAGE

NAN, INFINITE = float("nan"), float("inf")
HUGE = 10**5000
HERE = "HERE"


class Case(NamedTuple):
    title: str
    args: Any
    error: str
    """Regular expression that the text of the error matches."""
    name: Any = "site"
    again: bool = False
    """True if other cases have its place and its text: where both are alone they are the same to the code."""


class _Loader(yaml.SafeLoader):
    """YAML with the sequences of Python that are no lists."""


def _tuple(loader: _Loader, node: yaml.SequenceNode) -> tuple[Any, ...]:
    return tuple(loader.construct_sequence(node))


def _set(loader: _Loader, node: yaml.SequenceNode) -> set[Any]:
    return set(loader.construct_sequence(node))


_Loader.add_constructor("!tuple", _tuple)
_Loader.add_constructor("!set", _set)


def _filled(part: Any, value: Any = HERE) -> Any:
    """Return the arguments with `value` for HERE, and what stands for an Output for LATER."""
    if isinstance(part, dict):
        return {_filled(key, value): _filled(item, value) for key, item in part.items()}
    if isinstance(part, list):
        return [_filled(item, value) for item in part]
    if isinstance(part, str):
        return {HERE: value, "LATER": LATER}.get(part, part)
    return part


def _args(case: dict[str, Any], value: Any = HERE) -> Any:
    """Return all arguments of a case: `whole`, or `args` beside an image."""
    if "whole" in case:
        return _filled(case["whole"], value)
    return {"image": IMAGE, **_filled(case.get("args", {}), value)}


def _whole(places: dict[str, Any]) -> Iterator[Case]:
    """Yield wrong kinds of whole numbers, and those just out of range, for every key that takes one."""
    for key, place in places.items():
        low, high = place["from"], place["to"]
        between, whole = f"must be between {low} and {high}", "must be a whole number"
        values: dict[str, tuple[Any, str]] = {
            "too small": (low - 1, f"{between}, got {low - 1}"),
            "too large": (high + 1, f"{between}, got {high + 1}"),
            "a fraction": (3.5, f"{whole}, got 3.5"),
            "true": (True, f"{whole}, got True"),
            "text": ("3", f"{whole}, got '3'"),
        }
        for title, (value, error) in values.items():
            yield Case(f"{key} {title}", _args(place, value), f"{key} {error}$")
    kinds = {
        "not a number": (NAN, "a whole number, got nan$"),
        "without end": (INFINITE, "a whole number, got inf$"),
        "a list": ([3], "a whole number, got a list$"),
        "a mapping": ({"count": 3}, "a whole number, got a mapping of count$"),
        "only known later": (
            LATER,
            r"a whole number, got an Output \(only known later; give a plain value\)$",
        ),
        "huge": (HUGE, "between 1 and 1000, got a huge number$"),
    }
    for title, (value, error) in kinds.items():
        yield Case(f"replicas {title}", _args(places["replicas"], value), f"replicas must be {error}")


def _numbers(places: dict[str, Any]) -> Iterator[Case]:
    """Yield wrong kinds of durations and other numbers, and those out of range."""
    for key, place in places.items():
        between = f"must be between {place['from']} and {place['to']}"
        values: dict[str, tuple[Any, str]] = {
            "negative": (-1, f"{between}, got -1"),
            "not a number": (NAN, f"{between}, got nan"),
            "without end": (INFINITE, f"{between}, got inf"),
            "with a unit": ("5s", "must be a number, got '5s'"),
            "false": (False, "must be a number, got False"),
        }
        for title, (value, error) in values.items():
            yield Case(f"{key} {title}", _args(place, value), f"{key} {error}$")


def _hostile(places: dict[str, Any], hostile: dict[str, str]) -> Iterator[Case]:
    """Yield texts that reach a configuration, a name or a command line, with characters that could break out."""
    texts = {**hostile, "thousands of letters": "a" * 5000}
    for number, (place, about) in enumerate(places.items()):
        key = place.split()[0]
        error = rf"{key}(\..*)? (must be|is not) .*got .*" if key != "key" else "backends.* must be"
        for at, (title, text) in enumerate(texts.items()):
            value = about["good"] + text
            if (place, title) == ("environment", "thousands of letters"):
                continue  # a name of any length is one
            name = value if about.get("component") else "site"
            again = at % len(places) != number
            yield Case(f"{place} with {title}", _args(about, value), error, name, again)


def _read() -> list[Case]:
    text = Path(__file__).with_suffix(".yaml").read_text("utf-8")
    found = yaml.load(text, _Loader)  # noqa: S506 — a SafeLoader
    *others, last = map(repr, KINDS)
    kinds = f"{', '.join(others)} or {last}"
    return [
        *(
            Case(each["case"], _args(each), each["error"].replace("<KINDS>", kinds), each.get("name", "site"))
            for each in found["mistakes"]
        ),
        *_whole(found["whole_numbers"]),
        *_numbers(found["numbers"]),
        *_hostile(found["texts"], found["hostile"]),
    ]


CASES = _read()
