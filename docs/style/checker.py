"""Check prose against the rules of `rules.toml`, sentence by sentence."""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RULES = Path(__file__).with_name("rules.toml")
_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_END = re.compile(r"(?<=[.?!])[*_)\"]*\s+(?=[\W_]*(?:[A-Z\d`\[]|nginx|keepalived))")
_ABBREVIATION = re.compile(r"\b(e\.g|i\.e|etc|v\d+)\.$")
_PAGE_MARKS = re.compile(
    r"<[^>]+>|!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\([^)]*\)|\*\*|^[>#\s]*([-*]|\d+\.) ", re.MULTILINE
)


@dataclass(frozen=True)
class Rule:
    """A pattern that no sentence may match."""

    pattern: re.Pattern[str]
    message: str
    wrong: str
    right: str
    of: frozenset[str] = frozenset()
    """Kinds of text that the rule is for; empty: all kinds."""
    first: bool = False
    """True for a rule about the first sentence of a text only."""


@dataclass(frozen=True)
class Prose:
    """A paragraph, heading, table cell or docstring."""

    kind: str
    line: int
    text: str


def rules() -> tuple[list[Rule], int]:
    """Return the rules, and the number of words that a sentence may have."""
    content = tomllib.loads(RULES.read_text())
    made = [
        Rule(**{**each, "pattern": re.compile(each["pattern"]), "of": frozenset(each.get("of", ()))})
        for each in content["rules"]
    ]
    return made, content["longest_sentence"]


def complaints(prose: Prose, rules: list[Rule], longest: int) -> Iterator[str]:
    """Describe each place where a text breaks a rule."""
    for number, sentence in enumerate(sentences(prose.text)):
        for rule in rules:
            applies = (not rule.of or prose.kind in rule.of) and not (rule.first and number)
            if applies and rule.pattern.search(sentence):
                yield f"{rule.message}: {sentence[:80]}"
        without_lists = re.sub(r"(`[^`]*`, )+", "", sentence)
        if (words := len(re.findall(r"\S*\w\S*", without_lists))) > longest:
            yield f"{words} words in a sentence, at most {longest}: {sentence[:80]}"


def sentences(text: str) -> list[str]:
    """Split a text into sentences; paragraphs end one."""
    found: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        begun = ""
        for part in _END.split(" ".join(paragraph.split())):
            begun = f"{begun} {part}".strip()
            if not _ABBREVIATION.search(begun):
                found.append(begun)
                begun = ""
        found.append(begun)
    return [each for each in found if each]


def page(text: str) -> Iterator[Prose]:
    """Read the headings, paragraphs, items and table cells of a Markdown page; code is left out."""
    text = _FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)
    line = 1
    for block in re.split(r"(?=\n)(?=\n *\n|\n *(?:[-*]|\d+\.) |\n#|\n\|)", text):
        start, line = line + len(block) - len(block.lstrip("\n")), line + block.count("\n")
        content = block.strip("\n")
        if content.startswith("#"):
            yield Prose("heading", start, _plain(content.lstrip("# ")))
        elif content.startswith("|"):
            yield from (Prose("cell", start, _plain(cell)) for cell in content.strip("|").split(" | "))
        elif content and not content.startswith(("    ", "<", "(", "![", "> ", "  > ")):
            yield Prose("page", start, _plain(content))


def _plain(text: str) -> str:
    """Return a text without the marks of Markdown."""
    return _PAGE_MARKS.sub(lambda mark: mark[1] or "", text).strip()


def module(source: str) -> Iterator[Prose]:
    """Read the docstrings of a Python module, those of attributes, too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            for number, each in enumerate(node.body):
                match each:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        yield Prose(
                            "attribute" if number else _kind(node),
                            each.lineno,
                            _without_code(text, each.col_offset),
                        )


def _kind(node: ast.AST) -> str:
    """Return the kind of the docstring of a module, class, property or function."""
    if isinstance(node, ast.FunctionDef):
        properties = [each for each in node.decorator_list if "property" in ast.unparse(each)]
        return "property" if properties else "function"
    return (
        "class"
        if isinstance(node, ast.ClassDef)
        else "module"
        if isinstance(node, ast.Module)
        else "function"
    )


def _without_code(text: str, margin: int) -> str:
    """Return a docstring without its examples: paragraphs that are indented further than `margin`."""
    paragraphs = re.split(r"\n(?: *\n)+", text)
    return "\n\n".join(each for each in paragraphs if not each.startswith(" " * (margin + 4)))
