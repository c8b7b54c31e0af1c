"""Runs under CI that fail although no test failed."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.program import ROOT
from tests.support.promise import FILE, Promise

PROMISED = 'engine_tests = 2\n[[skip]]\nreason = "no IPVS"\ntests = 1\n'


def skipped(reason: str) -> Any:
    return SimpleNamespace(longrepr=("a.py", 1, f"Skipped: {reason}"))


def passed(*keywords: str) -> Any:
    return SimpleNamespace(keywords=dict.fromkeys(keywords, 1))


@pytest.fixture
def promise(tmp_path: Path, pytestconfig: pytest.Config) -> Promise:
    """Provide a promise of one skip for lack of IPVS and two engine tests."""
    file = tmp_path / "promise.toml"
    file.write_text(PROMISED)
    made = Promise(pytestconfig, file)
    made.whole = True
    return made


@pytest.mark.parametrize(
    ("stats", "broken"),
    [
        pytest.param({"skipped": [skipped("no IPVS")]}, [], id="a named skip"),
        pytest.param(
            {"skipped": [skipped("no IPVS")] * 2}, ["2 skipped, 1 may be: no IPVS"], id="more than named"
        ),
        pytest.param(
            {"skipped": [skipped("busy bench")]}, ["1 skipped, 0 may be: busy bench"], id="another reason"
        ),
    ],
)
def test_skips_that_are_not_on_the_list(promise: Promise, stats: dict[str, Any], broken: list[str]) -> None:
    """Each reason has its number of tests."""
    engine = [passed("engine"), passed("engine", "pulumi_cli")]

    assert promise.broken({**stats, "passed": engine}) == broken


def test_every_test_that_needs_the_plugin_may_be_skipped(request: pytest.FixtureRequest) -> None:
    """A machine without Docker's plugin passes: the list has a place for each test of this run."""
    needing = [item for item in request.session.items if item.get_closest_marker("pulumi")]
    allowed = {each["reason"]: each["tests"] for each in tomllib.loads(FILE.read_text())["skip"]}

    assert len(needing) <= allowed["no pulumi-resource-docker, pulumi-language-python on PATH"]


def test_too_few_engine_tests(promise: Promise) -> None:
    """Those that need Docker's plugin do not count: no machine has to have it."""
    ran = [passed("engine"), passed("engine", "pulumi"), passed()]

    assert promise.broken({"passed": ran}) == ["1 engine tests passed, 2 must"]


@pytest.mark.slow
@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_a_run_with_another_skip(tmp_path: Path, ci: str, code: int) -> None:
    """Fails under CI, and says so last; elsewhere it passes and names the reason."""
    test = tmp_path / "test_it.py"
    test.write_text(
        "import pytest\n\n\ndef test_it() -> None:\n    pass\n\n\n"
        "@pytest.mark.parametrize('number', range(2))\n"
        "def test_busy(number: int) -> None:\n    pytest.skip('busy bench')\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-c",
        os.devnull,
        "--rootdir",
        tmp_path,
    ]
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}

    done = subprocess.run(
        [*map(str, command), "-n", "2", str(test)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert done.returncode == code, done.stdout + done.stderr
    *_, before, last = done.stdout.splitlines()
    assert last == f"1 passed, {code} failed, 2 skipped"
    assert "slowest files: test_it.py " in done.stdout
    wanted = "promise broken: 2 skipped, 0 may be: busy bench" if ci else "skipped 2: busy bench"
    assert before == wanted
