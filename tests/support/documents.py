"""The fenced blocks of README.md and docs/, which are all tested."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.support.program import ROOT

DOCS = ROOT / "docs"
GUIDES = DOCS / "guides"
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>.*)\n(?P<text>(?s:.*?))^(?P=indent)```$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    file: str
    language: str
    text: str

    @property
    def title(self) -> str:
        return f"{self.file}: {self.text.strip().splitlines()[0]}"


def documents() -> list[Path]:
    """Return README and all pages, without the generated ones."""
    pages = [path for path in DOCS.rglob("*.md") if "_build" not in path.parts]
    return [ROOT / "README.md", *sorted(pages)]


def blocks() -> list[Block]:
    """Return all fenced blocks, in order, without the directives of Sphinx."""
    found = []
    for path in documents():
        name = path.name if path.parent in (ROOT, DOCS) else f"{path.parent.name}/{path.name}"
        matches = _FENCE.finditer(path.read_text())
        found += [Block(name, match["language"], match["text"]) for match in matches]
    return [each for each in found if not each.language.startswith("{")]


def block(beginning: str, folder: str = "") -> str:
    """Return the text of the one block that begins so, of a page in `folder`, README or docs/ itself."""
    (text,) = (
        each.text
        for each in blocks()
        if each.text.strip().startswith(beginning) and each.file.rpartition("/")[0] == folder
    )
    return text
