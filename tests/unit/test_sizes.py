"""Each module and each function of the package is short enough to be read at once."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [path for folder in ("components", "checkout") for path in sorted((ROOT / folder).rglob("*.py"))]
MODULE, FUNCTION = 300, 60
"""Most lines of each."""


def test_no_module_is_longer_than_300_lines() -> None:
    sizes = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in SOURCES}

    assert sizes
    assert {path: lines for path, lines in sizes.items() if lines > MODULE} == {}


def test_no_function_is_longer_than_60_lines() -> None:
    sizes = dict(functions())

    assert sizes
    assert {place: lines for place, lines in sizes.items() if lines > FUNCTION} == {}


def functions() -> Iterator[tuple[str, int]]:
    """Yield the place of each function, and its lines from the signature to the end."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                yield f"{path.relative_to(ROOT)}:{node.name}", node.end_lineno - node.lineno + 1
