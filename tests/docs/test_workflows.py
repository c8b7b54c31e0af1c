"""The workflows of .github/: no code of a pull request meets a secret or a right to write."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.program import ROOT

FOLDER = ROOT / ".github/workflows"
FILES = [pytest.param(file, id=file.stem) for file in sorted(FOLDER.glob("*.y*ml"))]
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v[0-9.]+")
SECRET = re.compile(r"\bsecrets\b(?!\.GITHUB_TOKEN\b)")
OF_THE_HEAD = re.compile(
    r"github\.(head_ref|event\.(pull_request\.head|workflow_run\.head_(sha|branch|repository)))"
)


def complaints(text: str) -> Iterator[str]:
    """Return each breach of the rules in a workflow."""
    workflow = yaml.safe_load(text)
    triggers = workflow[True]  # to YAML, `on` is a truth value
    names = set(triggers) if isinstance(triggers, list | dict) else {triggers}
    if "pull_request_target" in names:
        yield "pull_request_target runs with secrets beside the code of a pull request"
    if workflow.get("permissions") != {}:
        yield "permissions of the workflow must be {}: each job names its own"
    if SECRET.search(str(workflow.get("env"))):
        yield "a secret is for all jobs"
    yield from (f"{line.strip()}: not pinned by a commit, with its version" for line in _unpinned(text))
    for name, job in workflow["jobs"].items():
        yield from (f"{name}: {each}" for each in _of_a_job(job, runs_of_a_head="pull_request" in names))


def _unpinned(text: str) -> list[str]:
    return [line for line in text.splitlines() if "uses:" in line and not PINNED.search(line)]


def _of_a_job(job: Mapping[str, Any], runs_of_a_head: bool) -> Iterator[str]:
    steps = job["steps"]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    runs = [step["run"] for step in steps if "run" in step]
    if "timeout-minutes" not in job:
        yield "no time-out"
    rights = job.get("permissions")
    if not isinstance(rights, dict):
        yield "names no permissions"
    elif "write" in rights.values() and (checkouts or runs or runs_of_a_head):
        yield "may write, and runs code that is not in the workflow"
    if SECRET.search(str(job)) and "environment" not in job:
        yield "has secrets without an environment, whose reviewers would approve it"
    if not all(step.get("with", {}).get("persist-credentials") is False for step in checkouts):
        yield "a checkout leaves a token behind"
    if not runs_of_a_head and any(OF_THE_HEAD.search(str(step)) for step in checkouts):
        yield "checks out the code of a pull request"
    if any("${{" in each for each in [*runs, *(str(step.get("with", {}).get("script")) for step in steps)]):
        yield "an expression is pasted into a script: give it as a variable of the environment"
    for line in (line for run in runs for line in run.splitlines() if "pip install" in line):
        if "--require-hashes" not in line or "--only-binary" not in line:
            yield "installs packages without hashes"


@pytest.mark.parametrize("file", FILES)
def test_a_workflow_keeps_the_rules(file: Path) -> None:
    assert list(complaints(file.read_text())) == []


GOOD = """
on: pull_request
permissions: {}
jobs:
  one:
    timeout-minutes: 5
    permissions: {contents: read}
    environment: preview
    steps:
      - uses: actions/checkout@0123456789012345678901234567890123456789 # v4.2.2
        with: {persist-credentials: false}
      - run: "pip install --require-hashes --only-binary :all: -r requirements.txt"
      - run: make
        env: {TOKEN: "${{ secrets.TOKEN }}"}
"""
BAD = {
    "a tag": ("@0123456789012345678901234567890123456789", "@v4", "not pinned"),
    "no version": (" # v4.2.2", "", "not pinned"),
    "an event with secrets": ("on: pull_request", "on: [pull_request_target]", "pull_request_target"),
    "rights of all jobs": ("permissions: {}", "permissions: {contents: read}", "must be {}"),
    "no rights named": ("    permissions: {contents: read}\n", "", "names no permissions"),
    "a right to write": ("{contents: read}", "{pull-requests: write}", "may write"),
    "secrets for everyone": ("    environment: preview\n", "", "without an environment"),
    "secrets of all jobs": ("jobs:", "env: {TOKEN: '${{ secrets.TOKEN }}'}\njobs:", "for all jobs"),
    "all secrets": ("jobs:", "env: {TOKEN: '${{ toJSON(secrets) }}'}\njobs:", "for all jobs"),
    "a token left behind": ("{persist-credentials: false}", "{fetch-depth: 0}", "leaves a token"),
    "no hashes": ("--require-hashes ", "", "without hashes"),
    "no end": ("    timeout-minutes: 5\n", "", "no time-out"),
    "an expression": ("run: make", "run: make ${{ github.event.pull_request.title }}", "pasted"),
    "code of the head": (
        "on: pull_request",
        "on: {workflow_run: {workflows: [preview]}}",
        "checks out the code",
    ),
}


@pytest.mark.parametrize("title", BAD)
def test_a_rule_finds_what_is_against_it(title: str) -> None:
    right, wrong, said = BAD[title]
    ref = "with: {ref: '${{ github.event.workflow_run.head_sha }}', "
    text = GOOD.replace("with: {", ref) if title == "code of the head" else GOOD

    assert list(complaints(GOOD)) == []
    assert said in " ".join(complaints(text.replace(right, wrong, 1)))


def test_the_comment_is_made_by_the_default_branch() -> None:
    """The job that writes it runs after the preview, downloads it, and runs nothing else."""
    review = yaml.safe_load((FOLDER / "review.yml").read_text())

    writers = {name for name, job in review["jobs"].items() if "write" in job["permissions"].values()}

    assert review[True] == {"workflow_run": {"workflows": ["preview"], "types": ["completed"]}}
    assert writers == {"comment"}
    assert [step["uses"].partition("@")[0] for step in review["jobs"]["comment"]["steps"]] == [
        "actions/download-artifact",
        "actions/github-script",
    ]


def test_a_plan_is_for_everyone() -> None:
    """It needs no secret, no environment, no variable; the preview, which does, waits for it."""
    jobs = yaml.safe_load((FOLDER / "preview.yml").read_text())["jobs"]

    assert not re.search(r"secrets|environment|vars\.|'if'", str(jobs["plan"]))
    assert (jobs["preview"]["needs"], jobs["preview"]["environment"]) == ("plan", "preview")


def test_the_packages_are_those_of_the_requirements() -> None:
    """Each pin of requirements.txt is in the list with hashes, and each package there has some."""
    packages = re.split(r"\n(?=\S)", (ROOT / ".github/requirements.txt").read_text())
    found = {
        each.split(" ")[0]: each.count("--hash=sha256:") for each in packages if "==" in each.split("\n")[0]
    }

    pins = (ROOT / "requirements.txt").read_text().split()

    assert [pin for pin in pins if not found.get(pin)] == []
    assert [name for name, hashes in found.items() if not hashes] == []
