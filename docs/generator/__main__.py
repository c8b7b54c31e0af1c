"""`python -m docs.generator` writes docs/reference anew, and the table of the kinds in docs/front-ends.md."""

from pathlib import Path

from components.provider.schema import schema

from .kinds import replaced
from .pages import Reference

PAGE = Path(__file__).parents[1] / "front-ends.md"
FOLDER = Path(__file__).parents[1] / "reference"


def main() -> None:
    """Write each page."""
    for name, text in Reference(schema()).pages().items():
        (FOLDER / name).write_text(text)
    PAGE.write_text(replaced(PAGE.read_text()))


if __name__ == "__main__":
    main()
