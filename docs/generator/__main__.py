"""`python -m docs.generator` writes docs/reference anew."""

from pathlib import Path

from components.provider.schema import schema

from .pages import Reference

FOLDER = Path(__file__).parents[1] / "reference"


def main() -> None:
    """Write each page."""
    for name, text in Reference(schema()).pages().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
