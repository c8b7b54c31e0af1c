"""Types of the wheel in a user's program, under mypy --strict."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import pulumi
import pytest

from components import ArgumentError, LoadBalancedService, SwarmService
from tests.cases.typed import every_argument
from tests.declared.test_schema import CLASSES
from tests.support.mocks import run
from tests.support.program import ROOT

PROGRAM = ROOT / "tests/cases/typed/every_argument.py"
MISTAKES: dict[str, tuple[str, str, str, str]] = {
    "a key": ('"backup_replicas": 1', '"backup_replica": 1', "backup_replica", "is not a known key"),
    "a nested key": ('"keep_alive": 5.5', '"keepalive": 5.5', 'item "timeouts"', "is not a known key"),
    "a word": (
        '"policy": "on-failure"',
        '"policy": "on-error"',
        'item "restart"',
        "must be 'no', ",
    ),
    "a word of a swarm": (
        '"order": "start-first"',
        '"order": "first"',
        'item "update"',
        "must be 'start-first'",
    ),
    "a missing key": (
        '"image": "shop:1",\n            "replicas": 3',
        '"replicas": 3',
        "image",
        "is required",
    ),
    "a kind of value": ('"replicas": 3', '"replicas": "3"', "replicas", "must be a whole number, got '3'"),
}
"""Correct text, the mistake in its place, the word in mypy's error, and the word in the component's error."""


def each_type(annotation: Any) -> list[Any]:
    """Return the types that an annotation may stand for: those of an Optional or an Input, too."""
    return [annotation, *(each for inner in get_args(annotation) for each in each_type(inner))]


def given(value: Any, annotation: Any) -> set[tuple[str, str]]:
    """Return class and key of all that is set in `value`."""
    found: set[tuple[str, str]] = set()
    for each in each_type(annotation):
        if is_typeddict(each) and isinstance(value, Mapping) and set(value) <= set(each.__annotations__):
            hints = get_type_hints(each, localns={"Output": pulumi.Output, "T": Any})  # Input's own
            found |= {(each.__name__, key) for key in value}
            found |= {found for key, item in value.items() for found in given(item, hints[key])}
        elif isinstance(value, Mapping | list) and get_origin(each) in (dict, list):
            items = value.values() if isinstance(value, Mapping) else value
            found |= {found for item in items for found in given(item, get_args(each)[-1])}
    return found


def test_the_program_gives_every_argument() -> None:
    """No key of any TypedDict that a component takes is missing in it."""
    classes = {each.__name__: each for each in CLASSES.values()}

    found = {
        each
        for kind, args in every_argument.COMPONENTS.values()
        for each in given(args, classes[f"{kind}Args"])
    }
    missing = {
        (name, key)
        for name in {name for name, _ in found}
        for key in classes[name].__annotations__
        if (name, key) not in found
    }

    assert missing == set(), "set each (TypedDict, key) in tests/cases/typed/every_argument.py"
    # The others are there to be inherited from.
    assert {name for name in classes if name not in {name for name, _ in found}} == {
        "AccessArgs", "ContentArgs", "FloatingArgs", "ManagersArgs", "ProxyArgs", "ReplicasArgs", "RouteArgs"
    }  # fmt: skip


def test_the_components_take_every_argument() -> None:
    """The program runs."""
    assert run(every_argument.program).error is None


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> subprocess.CompletedProcess[str]:
    """Run mypy --strict on the program, and on one with each mistake, where only the wheel is installed."""
    folder = tmp_path_factory.mktemp("consumer")
    text = PROGRAM.read_text().replace("from components", "from longshore")
    (folder / "right.py").write_text(text)
    for number, (right, wrong, *_) in enumerate(MISTAKES.values()):
        assert right in text
        (folder / f"wrong_{number}.py").write_text(text.replace(right, wrong, 1))
    (folder / "none.ini").write_text("[mypy]\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=none.ini"]
    command += [
        f"--cache-dir={ROOT / '.mypy_cache/consumer'}",  # the next run knows what Pulumi's types are
        f"--python-executable={installed / 'bin/python'}",
        *(file.name for file in folder.glob("*.py")),
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.mark.slow
def test_the_types_accept_every_argument(verdict: subprocess.CompletedProcess[str]) -> None:
    """Those of the installed wheel, without a warning."""
    *said, last = verdict.stdout.splitlines()

    assert verdict.stderr == ""
    assert last.endswith(f" in {len(MISTAKES)} files (checked {len(MISTAKES) + 1} source files)")
    assert [line for line in said if not line.startswith("wrong_")] == []


@pytest.mark.parametrize("title", list(MISTAKES))
def test_a_mistake_is_a_type_error(title: str, verdict: subprocess.CompletedProcess[str]) -> None:
    """Said by mypy, before anything runs."""
    file = f"wrong_{list(MISTAKES).index(title)}.py"
    _, _, named, _ = MISTAKES[title]

    assert re.search(rf"^{file}:\d+: error: .*{named}", verdict.stdout, re.MULTILINE), verdict.stdout


@pytest.mark.parametrize("title", list(MISTAKES))
def test_the_same_mistake_is_an_error_when_it_runs(title: str) -> None:
    """For those who do not ask mypy."""
    right, wrong, _, said = MISTAKES[title]
    names: dict[str, Any] = {}
    exec(PROGRAM.read_text().replace(right, wrong, 1), names)  # noqa: S102 — of our own

    def program() -> None:
        LoadBalancedService("full", names["load_balanced"])
        SwarmService("service", names["swarm_service"])

    seen = run(program)

    assert isinstance(seen.error, ArgumentError)
    assert said in str(seen.error)
