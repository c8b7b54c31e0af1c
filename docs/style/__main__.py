"""Check the prose of this repository: `python -m docs.style`. Exit status 1 when a text breaks a rule."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from docs.style.checker import complaints, rules
from docs.style.readers import Prose, cases, makefile, messages, module, page, template

ROOT = Path(__file__).parents[2]

Reader = Callable[[str], Iterator[Prose]]


def unreleased(changelog: str) -> str:
    """Return the part of the changelog above the newest release."""
    head, mark, rest = changelog.partition(" (unreleased)\n")
    return head + mark + rest.partition("\n## ")[0]


PROGRAM = ["components/**/*.py", "checkout/**/*.py", "policy/*.py", "plugin/*.py"]
READERS: list[tuple[Reader, list[str]]] = [
    (page, ["README.md", "CONTRIBUTING.md", "findings/README.md", "docs/*.md", "docs/*/*.md"]),
    (lambda text: page(unreleased(text)), ["CHANGELOG.md"]),
    (module, [*PROGRAM, "*.py", "docs/**/*.py", "tests/**/*.py", "examples/**/*.py"]),
    (messages, PROGRAM),
    (cases, ["tests/cases/**/*.yaml"]),
    (template, ["templates/*/*.j2"]),
    (makefile, ["Makefile"]),
]
"""Reader of the prose of a file, with the files that it is for."""


def texts() -> Iterator[tuple[str, Prose]]:
    """Yield each text that the rules are for, with the name of its file."""
    for reader, patterns in READERS:
        for path in sorted(path for pattern in patterns for path in ROOT.glob(pattern)):
            yield from ((str(path.relative_to(ROOT)), each) for each in reader(path.read_text()))


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
