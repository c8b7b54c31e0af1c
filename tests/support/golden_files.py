"""Common parts of the tests of golden configurations: a file holds arguments, a line of dashes, the text."""

import re
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from .certificates import with_certificates

FOLDER = Path(__file__).parents[1] / "golden"
SEPARATOR = "----------\n"


def read(file: Path) -> tuple[dict[str, Any], str]:
    """Return arguments and expected text of a golden file."""
    head, _, expected = file.read_text().partition(SEPARATOR)
    return arguments(head), expected


def arguments(head: str) -> dict[str, Any]:
    """Return the arguments in the first part of a golden file, with the same certificates each time."""
    return with_certificates(dict(yaml.load(head, yaml.CSafeLoader)))


def tidy(text: str) -> bool:
    """Return whether a text has no tab, no trailing blank, no carriage return, and a newline at the end."""
    return text.endswith("\n") and not re.search(r"[\t\r]| $", text, re.MULTILINE)


def installed(program: str) -> str:
    """Return the path of a program; skip the test where it is not installed."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if found is None:
        pytest.skip(f"no {program} on PATH")
    return found


def main(files: Iterable[Path], made: Callable[[Path, dict[str, Any]], str]) -> None:
    """Write the second part of every file anew, with `--update`."""
    if sys.argv[1:] != ["--update"]:
        sys.exit(f"usage: python -m tests.golden.{Path(sys.argv[0]).stem} --update")
    for file in files:
        head = file.read_text().partition(SEPARATOR)[0].rstrip()
        file.write_text(f"{head}\n{SEPARATOR}{made(file, arguments(head))}")
