"""Worked examples of CONTRIBUTING.md: each patch of cases/exercises applies to the present code and is green.

When a patch no longer applies, make its change by hand in a worktree, and write it anew:
`git add -AN && git diff -U1 -- components templates tests ><name>.patch`.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.program import ROOT

EXERCISES = ROOT / "tests/cases/exercises"
MOST = {"kind": 3, "argument": 4, "resource": 3, "rule": 2}
"""Files of the package that each may touch; files of the tests come on top."""
NO_ARGUMENT = "tests/golden/test_conformance.py::test_a_kind_ignores_no_argument"
SHOWN_BY = {
    "kind": f"{NO_ARGUMENT}[service-backends.web.cookie-apache]",
    "argument": f"{NO_ARGUMENT}[service-front_end.request_id-nginx]",
    "resource": "tests/unit/test_handlers.py::test_a_kind_has_a_test[ImageTag]",
    "rule": "tests/unit/test_review.py::test_a_preview_makes_this_review[scale-in]",
}
"""A test of each exercise, among those that `passed` runs."""
CHOSEN = "apache or request_id or ImageTag or scale-in or comes_or_goes or gives_every_argument"


def files(name: str) -> list[str]:
    """Return the files that an exercise touches."""
    return re.findall(r"^diff --git a/(\S+)", (EXERCISES / f"{name}.patch").read_text(), re.MULTILINE)


def test_there_is_a_limit_for_each_exercise() -> None:
    """CONTRIBUTING.md lists each of them."""
    listed = re.findall(r"^\| `(\w+)\.patch`", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)

    assert {path.stem for path in EXERCISES.glob("*.patch")} == set(listed) == MOST.keys()


@pytest.mark.parametrize("name", MOST)
def test_an_exercise_touches_few_files_of_the_package(name: str) -> None:
    touched = [file for file in files(name) if not file.startswith("tests/")]

    assert 0 < len(touched) <= MOST[name]


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Provide the names of tests that pass in a copy of the code with all exercises."""
    copy = tmp_path_factory.mktemp("exercises")
    for folder in ("checkout", "components", "templates", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    _run(copy, "git", "apply", *map(str, sorted(EXERCISES.glob("*.patch"))))
    python = [file for name in MOST for file in files(name) if file.endswith(".py")]
    _run(copy, sys.executable, "-m", "ruff", "check", *python)
    _run(copy, sys.executable, "-m", "ruff", "format", "--check", *python)
    tests = sorted({test.partition("::")[0] for test in SHOWN_BY.values()})
    tests += ["tests/declared/test_names.py", "tests/declared/test_typed.py"]
    return _run(copy, sys.executable, "-m", "pytest", "-q", "-rp", "-k", CHOSEN, *tests)


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr}\nsee the docstring of this module"
    return done.stdout


@pytest.mark.parametrize("name", MOST)
def test_an_exercise_is_green(passed: str, name: str) -> None:
    assert f"PASSED {SHOWN_BY[name]}\n" in passed
