"""`python -m docs.generator` writes docs/reference anew, and the parts of other pages that are generated."""

from collections.abc import Callable, Mapping
from pathlib import Path

from components.provider.schema import schema

from . import architecture, kinds
from .pages import Reference

DOCS = Path(__file__).parents[1]
FOLDER = DOCS / "reference"
PARTS: Mapping[Path, Callable[[str], str]] = {
    DOCS / "architecture.md": architecture.replaced,
    DOCS / "front-ends.md": kinds.replaced,
}
"""Pages with generated parts: each with the function that returns the page with its parts of now."""


def main() -> None:
    """Write each page."""
    for name, text in Reference(schema()).pages().items():
        (FOLDER / name).write_text(text)
    for page, replaced in PARTS.items():
        page.write_text(replaced(page.read_text()))


if __name__ == "__main__":
    main()
