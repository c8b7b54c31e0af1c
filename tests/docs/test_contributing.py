"""CONTRIBUTING.md: its tables name paths that exist, and commits of this repository."""

import re
import subprocess

import pytest

from tests.support.program import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
FIRST = "9e8229d"
"""First commit of the history; an exported or shallow clone lacks it."""


def table(head: str) -> list[list[str]]:
    """Return the cells of each row of the table whose first line begins so."""
    lines = PAGE[PAGE.index(head) :].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


PLACES, COMMITS = table("| I want to add"), table("| Added |")
PATHS = sorted(
    {
        path
        for row in [*PLACES, *COMMITS]
        for cell in row
        for path in re.findall(r"`((?:\w[\w.-]*/)+[\w.-]*|\w+\.toml|\w+\.\w+\.yaml|Makefile)`", cell)
    }
)


def git(*arguments: str) -> str:
    """Return the output of a git command in this repository; nothing when it fails."""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout


def test_the_tables_are_read() -> None:
    assert {"components/proxies/", "docs/index.md", "Pulumi.swarm.yaml", "pyproject.toml", "Makefile"} <= set(
        PATHS
    )
    assert len(PLACES) == len(COMMITS) == 12


@pytest.mark.parametrize("path", PATHS)
def test_a_named_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(("added", "commit"), [row[:2] for row in COMMITS])
def test_a_named_commit_has_the_subject(added: str, commit: str) -> None:
    """Each is an ancestor of HEAD; without the history there is only its form to check."""
    found = re.fullmatch(r"`([0-9a-f]{7})` (.+)", commit)
    assert found, added
    if not git("rev-parse", "--verify", "--quiet", f"{FIRST}^{{commit}}"):
        return

    subjects = {line[:7]: line.partition(" ")[2] for line in git("log", "--format=%H %s").splitlines()}

    assert subjects.get(found[1], "").startswith(found[2])
