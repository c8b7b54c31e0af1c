"""Reviews of previews: cases/previews/<case>.json are recorded from real runs (inputs only), and beside
each is the review of it, <case>.md.

`python -m tests.test_review --update` writes the reviews anew; the difference is then reviewed like any
other change.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.review import review
from components.review.__main__ import REFUSED, main
from components.review.markdown import LIMIT, MARK, code, escaped, fenced, markdown
from components.review.preview import NotAPreview

FOLDER = Path(__file__).parent / "cases" / "previews"
FILES = sorted(FOLDER.glob("*.json"))
CASES = [pytest.param(file, id=file.stem) for file in FILES]
CONTAINER = "docker:index/container:Container"
SITE = "urn:pulumi:dev::longshore::longshore:index:LoadBalancedService::site"
HOSTILE = (
    "``` </details> <script>alert(1)</script> @everyone #1 "
    "[x](https://evil.example) | **b** \n# head\n<!-- -->"
)


@pytest.mark.parametrize("file", CASES)
def test_a_preview_makes_this_review(file: Path) -> None:
    """The review is the recorded one, byte for byte."""
    assert markdown(review(file.read_text())) == file.with_suffix(".md").read_text()


def case(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{name}.json").read_text()))


def reviewed(preview: dict[str, Any]) -> str:
    return markdown(review(json.dumps(preview)))


@pytest.mark.parametrize(
    ("name", "gap", "replaced", "removed"),
    [
        ("create", False, False, False),
        ("scale-out", False, False, False),
        ("scale-in", False, False, True),
        ("new-image", False, True, False),
        ("timeout", False, False, False),
        ("route", False, False, False),
        ("front-end-image", True, True, False),
        ("swarm-label", False, False, False),
        ("swarm-image", False, False, False),
        ("swarm-route", True, True, False),
        ("swarm-address", True, False, False),
        ("swarm-service-removed", True, False, True),
        ("swarm-manager-removed", False, False, True),
    ],
)
def test_what_a_gate_stops(
    name: str, gap: bool, replaced: bool, removed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--fail-on` ends with a status of its own when the change does what it names, and only then."""
    file = str(FOLDER / f"{name}.json")
    expected = {"gap": gap, "replace": replaced, "delete": removed}

    found = {what: main([file, "--fail-on", what]) == REFUSED for what in expected}

    assert found == expected
    assert main([file]) == 0


def test_a_preview_that_failed(capsys: pytest.CaptureFixture[str]) -> None:
    """Its errors are told, and it is no success."""
    assert main([str(FOLDER / "refused.json")]) == 1
    assert "services or swarms is required" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"steps": 1}'])
def test_what_is_no_preview(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says what to give; nothing on standard output."""
    file = tmp_path / "preview"
    file.write_text(text)

    assert main([str(file)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "give what `pulumi preview --json` prints" in said.err
    with pytest.raises(NotAPreview):
        review(text)


def test_for_tools() -> None:
    """`--format json` has the same, with gaps in seconds."""
    done = subprocess.run(
        [sys.executable, "-m", "components.review", "--format", "json"],
        input=(FOLDER / "front-end-image.json").read_text(),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )

    (change,) = json.loads(done.stdout)["changes"]
    assert (change["kind"], change["name"], change["fate"]) == ("LoadBalancedService", "site", "updated")
    assert change["resources"] == {"replace": 2, "update": 2}
    assert [each["gap_seconds"] for each in change["consequences"]] == [1.0]


def test_an_update_that_is_a_replacement() -> None:
    """pulumi-docker calls it an update while the new value is unknown, and then replaces the container."""

    def preview(changed: str) -> dict[str, Any]:
        state = {"type": CONTAINER, "inputs": {"image": "a"}, "parent": SITE}
        step = {
            "op": "update",
            "urn": f"urn:pulumi:dev::longshore::{CONTAINER}::site-web-0",
            "oldState": state,
            "newState": state,
        }
        return {"steps": [{**step, "diffReasons": [changed]}]}

    hidden, honest = (review(json.dumps(preview(key))) for key in ("image", "memory"))

    assert hidden.has("replace")
    assert "the preview says update, but image cannot change" in hidden.changes[0].warnings[0]
    assert not honest.has("replace")


def test_resources_of_others_are_named() -> None:
    """Also those in no component of ours."""
    urn = "urn:pulumi:dev::longshore::random:index/randomId:RandomId::id"
    step = {"op": "replace", "urn": urn, "newState": {"type": "random:index/randomId:RandomId"}}

    found = review(json.dumps({"steps": [step]}))

    assert found.has("replace")
    assert "replace `id` (`random:index/randomId:RandomId`)" in markdown(found)


def test_no_secret_is_shown() -> None:
    """Not even that of a configuration: Pulumi put a word in its place, and nothing else is known."""
    said = (FOLDER / "secret.md").read_text()

    assert "TOKEN" in said
    assert "hunter2" not in said + (FOLDER / "secret.json").read_text()
    masked = case("timeout")
    for step in masked["steps"]:
        if step["urn"].endswith("-lb-config"):
            step["newState"]["inputs"]["config"] = "[secret]"
    assert "+[secret]" in reviewed(masked)


@pytest.mark.parametrize("where", ["name", "image", "config", "warning"])
def test_nobody_breaks_out_of_the_comment(where: str) -> None:
    """Hostile names, values and outputs are text: no tag, link, mention, heading or end of a block."""
    preview = case("new-image")
    text = json.dumps(preview)
    match where:
        case "name":
            text = text.replace('::site"', f'::{json.dumps(HOSTILE)[1:-1]}"')
        case "image":
            text = text.replace("longshore-app:2", json.dumps(HOSTILE)[1:-1])
        case "config":
            text = text.replace("server web-0 site-web-0-g2", json.dumps(HOSTILE)[1:-1])
        case "warning":
            urn = next(step["urn"] for step in preview["steps"] if step["urn"].endswith("lb-ready"))
            text = json.dumps(
                {**preview, "diagnostics": [{"severity": "warning", "urn": urn, "message": HOSTILE}]}
            )

    said = markdown(review(text))

    assert said != markdown(review(json.dumps(preview)))
    outside = without_code(said)
    for evil in ("<script", "@everyone", "](https", " #1", "**b**", "\n# head"):
        assert evil not in outside
    assert outside.count("</details>") == outside.count("<details>") == 1


def without_code(text: str) -> str:
    """Markdown without what it shows as it is: blocks between fences, and spans of code."""
    blocks = re.sub(r"^(`{3,})[^\n]*\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", blocks)


def test_the_parts_of_a_comment() -> None:
    """What the test above relies on."""
    assert escaped("a_b <c> @d https://e") == "a&#95;b &#60;c&#62; &#64;d https:&#47;/e"
    assert code("a `b`") == "`` a `b` ``"
    assert fenced("```\nx", "diff") == "````diff\n```\nx\n````\n"
    assert without_code("a `` `b` `` c\n```x\nd\n```\ne") == "a  c\n\ne"


def test_a_long_review_fits() -> None:
    """A change of 300 resources and long configurations: what matters is there, and what is not is named."""
    steps: list[Any] = []
    for number in range(20):
        text = json.dumps(case("new-image")["steps"])
        text = text.replace("site", f"site{number}").replace(
            "    server web-2", "    server web-2" + "x" * 2000
        )
        steps += json.loads(text)

    said = reviewed({"steps": steps})

    assert sum(step["op"] != "same" for step in steps) >= 100
    assert len(steps) >= 200
    assert len(said) <= LIMIT
    assert all(f"| `site{number}` LoadBalancedService | **updated** |" in said for number in range(20))
    assert "_Left out, for a comment has an end: the configuration `site" in said
    assert said.count("<details>") == said.count("</details>") > 0


def test_several_stacks_are_one_comment(capsys: pytest.CaptureFixture[str]) -> None:
    """Each under its name, the mark once; the worst of them decides the status."""
    files = [str(FOLDER / f"{name}.json") for name in ("timeout", "front-end-image")]

    status = main([*files, "--fail-on", "gap"])

    said = capsys.readouterr().out
    assert status == REFUSED
    assert said.count(MARK) == 1
    assert said.index("## What this change does to `timeout`") < said.index("to `front-end-image`")
    assert main([*files, "--format", "json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"timeout", "front-end-image"}


def update() -> None:
    for file in FILES:
        file.with_suffix(".md").write_text(markdown(review(file.read_text())))


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit("usage: python -m tests.test_review --update")
    update()
