"""docs/style: each rule finds its mistake, and nothing else; texts come from pages, docstrings and more."""

import pytest

from docs.style.__main__ import texts, unreleased
from docs.style.checker import Rule, complaints, rules, sentences
from docs.style.readers import Prose, cases, makefile, messages, module, page, template

RULES, LONGEST = rules()


def found(text: str, kind: str = "page") -> list[str]:
    """Return all complaints of the rules about a text of that kind."""
    return list(complaints(Prose(kind, 1, text), RULES, LONGEST))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.wrong)
def test_a_rule_finds_its_wrong_example_and_leaves_the_right_one(rule: Rule) -> None:
    kind = min(rule.of, default="page")

    assert any(each.startswith(rule.message) for each in found(rule.wrong, kind))
    assert found(rule.right, kind) == []


def test_a_rule_is_for_its_kinds_of_text_only() -> None:
    assert found("The name of a container.", "attribute") == []
    assert found("The name of a container.", "function") != []


def test_a_rule_about_the_first_sentence_leaves_the_others() -> None:
    assert found("Return the name. The engine chooses it.", "function") == []


def test_a_sentence_has_a_longest_length() -> None:
    assert found("word " * LONGEST) == []
    assert found("word " * (LONGEST + 1)) != []


def test_a_sentence_ends_at_its_point_and_not_in_a_version() -> None:
    assert sentences("Use 1.30 here, e.g. Debian's. `make` runs it! Why?\n\nNext") == [
        "Use 1.30 here, e.g. Debian's.", "`make` runs it!", "Why?", "Next"
    ]  # fmt: skip


def test_a_page_is_read_without_code_and_marks() -> None:
    text = (
        "# A [title](x.md)\n\n```sh\nWhat\n```\n\nOne\ntwo.\n\n- **item**\n- more\n\n| a | b |\n| c | d |\n"
    )

    read = [(each.kind, each.line, each.text) for each in page(text)]

    assert read[:4] == [
        ("heading", 1, "A title"), ("page", 7, "One\ntwo."), ("page", 10, "item"), ("page", 11, "more")
    ]  # fmt: skip
    assert [each.text for each in page(text) if each.kind == "cell"] == ["a", "b", "c", "d"]


def test_docstrings_are_read_with_their_kind_and_without_examples() -> None:
    source = '''"""Module.

    python -m example
"""
class C:
    """Class."""

    a: int
    """Attribute."""

    @property
    def p(self) -> int:
        """Property."""

    def f(self) -> int:
        """Function.

        More.
        """
'''

    read = {each.kind: each.text.split() for each in module(source)}

    assert read == {
        "module": ["Module."],
        "class": ["Class."],
        "attribute": ["Attribute."],
        "property": ["Property."],
        "function": ["Function.", "More."],
    }


def test_a_docstring_of_a_test_needs_no_verb_and_its_name_is_prose() -> None:
    source = 'def test_what_is_new() -> None:\n    """One line."""\n'

    assert sorted((each.kind, each.text) for each in module(source)) == [
        ("name", "What is new"), ("test", "One line.")
    ]  # fmt: skip


def test_comments_are_read_without_directives() -> None:
    source = "# One\n# text.\na = 1  # noqa: E501\nb = 2\nc = 3  # Another.\n"

    assert [(each.line, each.text) for each in module(source)] == [
        (1, "One\ntext."), (5, "Another.")
    ]  # fmt: skip


def test_messages_are_the_sentences_of_a_module_and_a_colon_ends_one() -> None:
    source = (
        '"""No message of a docstring."""\nraise E(f"no {x} on this host: give it another", "short one")\n'
    )

    assert [each.text for each in messages(source)] == ["no … on this host:\n\ngive it another"]


def test_sentences_of_cases_comments_of_templates_and_help_texts_are_read() -> None:
    assert [each.text for each in cases("- case: A GET passes   # or not\n  times: 4\n")] == ["A GET passes"]
    assert [each.text for each in template("a\n{# Two\nlines. #}\nb {{ c }}\n")] == ["Two\nlines."]
    assert [(each.line, each.text) for each in makefile("# Begin.\n\nx: y ## make x\n\techo 1\n")] == [
        (1, "Begin."), (3, "make x")
    ]  # fmt: skip


def test_all_prose_of_the_repository_is_read() -> None:
    files = {file for file, _ in texts()}

    assert {
        "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "findings/README.md", "docs/index.md",
        "docs/guides/change.md",
        "components/naming.py", "checkout/machine.py", "policy/rules.py", "docs/style/checker.py",
        "__main__.py", "plugin/__main__.py", "tests/docs/test_style.py", "tests/bench/hosts.py",
        "examples/wrapped/web_site.py",
        "tests/cases/traffic/bodies.yaml", "templates/nginx/nginx.conf.j2", "Makefile",
    } <= files  # fmt: skip


def test_of_the_changelog_the_unreleased_part_is_read() -> None:
    assert "0.2.0" not in unreleased("# C\n\n## 0.3.0 (unreleased)\n\n- new\n\n## 0.2.0\n\n- old\n")
    assert "- new" in unreleased("# C\n\n## 0.3.0 (unreleased)\n\n- new\n\n## 0.2.0\n\n- old\n")
