"""Worked examples of CONTRIBUTING.md: each patch of cases/exercises applies and is green by itself."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.program import ROOT

EXERCISES = ROOT / "tests/cases/exercises"
MOST = {"kind": 3, "argument": 4, "resource": 3, "rule": 2}
"""Files of the package that each may touch; files of the tests come on top."""
_PAGE = (ROOT / "CONTRIBUTING.md").read_text()
TESTS = dict(re.findall(r"^\| `(\w+)\.patch` .*\| `(.+)` \|$", _PAGE, re.MULTILINE))
"""Arguments of pytest for each exercise, as its table has them."""
(ANEW,) = re.findall(r"^```sh\n(git worktree .*?)```", _PAGE, re.MULTILINE | re.DOTALL)
"""Commands that write a patch anew, of the exercise `kind`."""


def files(name: str) -> list[str]:
    """Return the files that an exercise touches."""
    return re.findall(r"^diff --git a/(\S+)", (EXERCISES / f"{name}.patch").read_text(), re.MULTILINE)


def test_there_is_a_limit_for_each_exercise() -> None:
    """CONTRIBUTING.md lists each of them."""
    assert {path.stem for path in EXERCISES.glob("*.patch")} == TESTS.keys() == MOST.keys()


@pytest.mark.parametrize("name", MOST)
def test_an_exercise_touches_few_files_of_the_package(name: str) -> None:
    touched = [file for file in files(name) if not file.startswith("tests/")]

    assert 0 < len(touched) <= MOST[name]


def mistake(name: str, copy: Path) -> str:
    """Return the output of the first command that fails for an exercise in a copy of the code, or nothing."""
    for folder in ("checkout", "components", "templates", "tests"):
        shutil.copytree(ROOT / folder, copy / folder)
    shutil.copy(ROOT / "pyproject.toml", copy)
    python = [file for file in files(name) if file.endswith(".py")]
    tests = ["-q", "-rfE", "--tb=short", "--maxfail=3", *shlex.split(TESTS[name])]
    for command in (
        ["git", "apply", str(EXERCISES / f"{name}.patch")],
        [sys.executable, "-m", "ruff", "check", *python],
        [sys.executable, "-m", "ruff", "format", "--check", *python],
        [sys.executable, "-m", "pytest", *tests],
    ):
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
        if done.returncode:
            return f"{shlex.join(command)}\n{done.stdout[-6000:]}{done.stderr}"
    return ""


@pytest.fixture(scope="module")
def mistakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[str]]]:
    """Provide the mistake of each exercise; they run side by side."""
    with ThreadPoolExecutor() as pool:
        yield {name: pool.submit(mistake, name, tmp_path_factory.mktemp(name)) for name in MOST}


@pytest.mark.slow
@pytest.mark.parametrize("name", MOST)
def test_an_exercise_is_green(mistakes: Mapping[str, Future[str]], name: str) -> None:
    """A patch that does not apply any more fails alone."""
    if said := mistakes[name].result():
        anew = ANEW.replace("kind.patch", f"{name}.patch")
        pytest.fail(
            f"{name}.patch on the present code: {said}\n"
            f"If the patch is out of date, commit your change and write the patch anew:\n{anew}",
            pytrace=False,
        )
