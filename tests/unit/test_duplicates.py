"""No six lines of code stand in two places of the package."""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.unit.test_sizes import SOURCES

LINES = 6


def test_no_six_lines_stand_in_two_places() -> None:
    assert duplicates(SOURCES) == []


def test_a_copy_is_found_at_another_depth_and_with_other_comments(tmp_path: Path) -> None:
    lines = [f"x{number} = {number}" for number in range(LINES)]
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("import os\n" + "\n".join(lines))
    other.write_text("def f():\n    # a comment\n" + "\n\n".join(f"    {line}" for line in lines))

    assert duplicates([one, other]) == [f"{one}:2 and {other}:3"]
    assert duplicates([one]) == []


def duplicates(sources: Iterable[Path]) -> list[str]:
    """Return the places of the same LINES lines, without imports, docstrings, comments and brackets."""
    places: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for path in sources:
        lines = list(code(path.read_text()))
        for start in range(len(lines) - LINES + 1):
            run = lines[start : start + LINES]
            places[tuple(text for _, text in run)].append(f"{path}:{run[0][0]}")
    return [" and ".join(found) for found in places.values() if len(found) > 1]


def code(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of code with their numbers."""
    skipped: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
                skipped |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if number not in skipped and not stripped.startswith("#") and any(map(str.isalnum, stripped)):
            yield number, stripped
