"""Check prose against the rules of `rules.toml`, sentence by sentence."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docs.style.readers import Prose

RULES = Path(__file__).with_name("rules.toml")
_END = re.compile(r"(?<=[.?!])[*_)\"]*\s+(?=[\W_]*(?:[A-Z\d`\[]|nginx|keepalived))")
_ABBREVIATION = re.compile(r"\b(e\.g|i\.e|etc|v\d+)\.$")


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
