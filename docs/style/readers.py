"""Read the prose of a file: pages, docstrings, comments, messages, sentences of test cases, help texts."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_PAGE_MARKS = re.compile(
    r"<[^>]+>|!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\([^)]*\)|\*\*|^[>#\s]*([-*]|\d+\.) ", re.MULTILINE
)
_DIRECTIVE = re.compile(r"#\s*(noqa|type:|fmt:|pragma|!)")
_MESSAGE = re.compile(r"(?=.*[a-z])[A-Za-z…`][^\n]*( [^\n ]+){4}")


@dataclass(frozen=True)
class Prose:
    """A paragraph, heading, table cell, docstring, comment, message or name of a test."""

    kind: str
    line: int
    text: str


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
    """Read the docstrings, those of attributes, too, the comments and the names of tests of a module."""
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
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            name = node.name.removeprefix("test_").replace("_", " ")
            yield Prose("name", node.lineno, name[0].upper() + name[1:])
    yield from comments(source)


def comments(source: str) -> Iterator[Prose]:
    """Read the comments of a Python module; lines below each other are one text."""
    texts: dict[int, Prose] = {}
    """Comment that ends in a line."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not _DIRECTIVE.match(token.string):
            line, text = token.start[0], token.string.lstrip("# ")
            above = None if token.line[: token.start[1]].strip() else texts.pop(line - 1, None)
            texts[line] = (
                Prose("comment", above.line, f"{above.text}\n{text}")
                if above
                else Prose("comment", line, text)
            )
    yield from texts.values()


def messages(source: str) -> Iterator[Prose]:
    """Read the sentences that a module prints: its strings of five words or more.

    A colon ends a sentence: an error is a cause and a remedy.
    """
    tree = ast.parse(source)
    documented = {
        id(each.value) for node in ast.walk(tree) if hasattr(node, "body") and isinstance(node.body, list)
        for each in node.body if isinstance(each, ast.Expr)
    }  # fmt: skip
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in documented | parts:
                pass
            case ast.JoinedStr(values=values):
                text = "".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in values)
            case _:
                continue
        if _MESSAGE.fullmatch(text):
            yield Prose("message", node.lineno, text.replace(": ", ":\n\n"))


def cases(text: str) -> Iterator[Prose]:
    """Read the sentences of test cases: `case:` in a YAML file."""
    return _marked(r"^ *- case: (.*?)(?: +#.*)?$", "case", text)


def template(text: str) -> Iterator[Prose]:
    """Read the comments of a Jinja template."""
    return _marked(r"\{#-?(.*?)-?#\}", "comment", text)


def makefile(text: str) -> Iterator[Prose]:
    """Read the help texts and comments of a Makefile."""
    return _marked(r"(?:^# ?|[^#]## )([^\n]*)", "comment", text)


def _marked(pattern: str, kind: str, text: str) -> Iterator[Prose]:
    """Yield what the group of the pattern finds in a text."""
    for found in re.finditer(pattern, text, re.MULTILINE | re.DOTALL):
        yield Prose(kind, text.count("\n", 0, found.start()) + 1, found[1].strip())


def _kind(node: ast.AST) -> str:
    """Return the kind of the docstring of a module, class, property, test or function."""
    if isinstance(node, ast.FunctionDef):
        if node.name.startswith("test_"):
            return "test"
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
