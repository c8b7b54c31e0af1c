"""Check the prose of this repository: `python -m docs.style`. Exit status 1 when a text breaks a rule."""

import sys
from collections.abc import Iterator
from pathlib import Path

from docs.style.checker import Prose, complaints, module, page, rules

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", "findings/README.md", "docs/*.md", "docs/*/*.md"]
MODULES = ["components/**/*.py", "checkout/**/*.py", "policy/*.py", "docs/**/*.py"]


def texts() -> Iterator[tuple[str, Prose]]:
    """Yield each text that the rules are for, with the name of its file."""
    for pattern in PAGES:
        for path in sorted(ROOT.glob(pattern)):
            yield from ((str(path.relative_to(ROOT)), each) for each in page(path.read_text()))
    for pattern in MODULES:
        for path in sorted(ROOT.glob(pattern)):
            yield from ((str(path.relative_to(ROOT)), each) for each in module(path.read_text()))
    yield from (("CHANGELOG.md", each) for each in page(unreleased((ROOT / "CHANGELOG.md").read_text())))


def unreleased(changelog: str) -> str:
    """Return the part of the changelog above the newest release."""
    head, mark, rest = changelog.partition(" (unreleased)\n")
    return head + mark + rest.partition("\n## ")[0]


def main() -> int:
    """Print each complaint, as `file:line: text`."""
    known, longest = rules()
    found = [
        f"{file}:{prose.line}: {complaint}"
        for file, prose in texts()
        for complaint in complaints(prose, known, longest)
    ]
    for each in found:
        print(each, file=sys.stderr)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
