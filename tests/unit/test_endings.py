"""Ends of commands that cannot go on: one sentence, no traceback, and the documented exit status."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from components.arguments import project_files
from components.review.command import main as review
from tests.bench.process import until
from tests.support.commands import execute
from tests.support.documents import DOCS
from tests.support.program import ROOT
from tests.support.promise import THOROUGH

SETTINGS = 'config:\n  mine:services:\n    web: {image: "httpd:2.4"}\n'
PROGRAM = "from components import LoadBalancedService\nLoadBalancedService('web', {'image': 'httpd:2.4'})\n"
ACTIONS = ("up", "preview", "down", "refresh")
OPERATE = [["checkout", action, "--stack", "test"] for action in ACTIONS]
INLINE = ["components.operate", "up", "--stack", "test"]
PAST = [["components.operate", action, "--stack", "test"] for action in ("history", "rollback")]
PLAN = ["components.plan", "--stack", "test"]
EXPORT = ["components.export", "compose", "made", "--stack", "test"]
REVIEW = ["components.review", "preview.json"]
MIGRATE = ["components.migrate", "--stack", "test"]
COMMANDS = [*OPERATE, INLINE, *PAST, MIGRATE, PLAN, EXPORT]
IDS = [*ACTIONS, "longshore up", "history", "rollback", "migrate", "plan", "export"]
DEEP = "a: " + "[" * 900 + "]" * 900


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Provide a folder with a project, its settings and its program."""
    (tmp_path / "Pulumi.yaml").write_text("name: mine\nruntime: python\n")
    (tmp_path / "Pulumi.test.yaml").write_text(SETTINGS)
    (tmp_path / "__main__.py").write_text(PROGRAM)
    return tmp_path


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
    backend = f"file://{folder}"
    return {**kept, "PYTHONPATH": str(ROOT), "HOME": str(folder), "PULUMI_BACKEND_URL": backend, **more}


def ends(command: list[str], folder: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a command in this process."""
    module, *arguments = command
    return execute(module, arguments, folder, environment(folder, **more))


def said(done: "subprocess.CompletedProcess[str]", status: int) -> str:
    """Return the one sentence with which a command ends."""
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    assert done.returncode == status, done.stdout + done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


def failed(command: list[str]) -> int:
    return 1 if command in [*OPERATE, INLINE, *PAST, MIGRATE] else 2


MAIN, STACK = "Pulumi.yaml", "Pulumi.test.yaml"
WRONG: dict[str, tuple[str, str | bytes, str]] = {
    "a list": (MAIN, "- name: mine\n", " must be a mapping of keys, got a list"),
    "a text": (MAIN, "mine", " must be a mapping of keys, got text"),
    "empty": (MAIN, "", " must be a mapping of keys, got None"),
    "no name": (MAIN, "runtime: python\n", ": name must be text, got None"),
    "an empty name": (MAIN, "name: ''\n", ": name must be text, got text"),
    "a name that is a list": (MAIN, "name: [mine]\n", ": name must be text, got a list"),
    "a main that is a list": (MAIN, "name: a\nmain: [b]\n", ": main must be text, got a list"),
    "a backend that is text": (MAIN, "name: a\nbackend: b\n", ": backend must be a mapping, got text"),
    "config that is a list": (MAIN, "name: a\nconfig: [b]\n", ": config must be a mapping, got a list"),
    "no YAML": (MAIN, "name: [", " is not YAML: line 1: "),
    "no text": (MAIN, b"\xff\xfe\x00", " is not text in UTF-8"),
    "a character that YAML does not have": (MAIN, b"name: \x00", " is not YAML: "),
    "nested": (MAIN, DEEP, " must have at most 32 levels"),
    "a circle": (MAIN, "name: a\nb: &b [*b]\n", " must have at most 32 levels"),
    "settings a list": (STACK, "- a\n", " must be a mapping of keys, got a list"),
    "settings no mapping": (STACK, "config: hunter2\n", ": config must be a mapping, got text"),
    "settings no YAML": (STACK, "config:\n  a: 'hunter2\n b", " is not YAML: line "),
    "settings nested": (STACK, f"config:\n  {DEEP}\n", " must have at most 32 levels"),
}


def spoil(project: Path, title: str) -> str:
    """Write the wrong file; return the words of the error."""
    name, content, expected = WRONG[title]
    (project / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return f"{name}{expected}"


@pytest.mark.parametrize("title", list(WRONG))
def test_a_wrong_file_is_named(project: Path, title: str) -> None:
    """With what it must be, and without its text."""
    expected = spoil(project, title)

    def read() -> object:
        return project_files.about(project), project_files.settings(project / STACK)

    with pytest.raises(project_files.WrongFile) as error:
        read()

    assert expected in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("command", COMMANDS, ids=IDS)
@pytest.mark.parametrize("title", ["a list", "no name", "settings nested"])
def test_a_command_ends_at_a_wrong_file(project: Path, command: list[str], title: str) -> None:
    """With that sentence."""
    expected = spoil(project, title)

    assert expected in said(ends(command, project), failed(command))


@pytest.mark.parametrize("command", OPERATE, ids=ACTIONS)
def test_a_home_that_cannot_be_written(project: Path, command: list[str]) -> None:
    """Also where nobody could write it."""
    done = ends(command, project, HOME="/proc/nobody", PULUMI_HOME=str(project / "home"))

    line = said(done, 1)

    assert line.startswith("error: ")
    assert "/proc/nobody" in line
    assert "set HOME to a folder that can be written" in line


@pytest.mark.usefixtures("in_process")
def test_a_folder_that_cannot_be_written(project: Path) -> None:
    """`longshore export` names it."""
    done = ends(["components.export", "compose", "/proc/made", "--stack", "test"], project)

    assert said(done, 2) == "longshore export: /proc/made: No such file or directory"


STEP: dict[str, Any] = {
    "op": "create",
    "urn": "urn:pulumi:a::b::longshore:index:SwarmService$longshore:index:ServiceDefinition::web-service",
    "newState": {
        "type": "longshore:index:ServiceDefinition",
        "parent": "urn:pulumi:a::b::longshore:index:SwarmService::web",
        "inputs": {"spec": {"Mode": {"Replicated": {"Replicas": 1}}}},
    },
}


@pytest.mark.parametrize("count", ["Infinity", "-Infinity", "NaN", "1e999", "-1e999", "1" * 400, "1" * 5000])
def test_a_preview_with_counts_that_are_none(project: Path, count: str) -> None:
    """Python reads them as numbers, and JSON has none of them."""
    (project / "preview.json").write_text(
        json.dumps({"steps": [STEP]}).replace('"Replicas": 1', f'"Replicas": {count}')
    )

    done = ends(REVIEW, project)

    assert "give what `pulumi preview --json` prints" in said(done, 2)


@pytest.mark.parametrize("levels", [150, 900, 5000])
def test_a_preview_that_is_nested_too_deep(project: Path, levels: int) -> None:
    """Not one of ours."""
    nested = "[" * levels + "]" * levels
    (project / "preview.json").write_text(
        json.dumps({"steps": [STEP]}).replace('"Replicas": 1', f'"Replicas": {nested}')
    )

    assert "give what `pulumi preview --json` prints" in said(ends(REVIEW, project), 2)


@pytest.mark.parametrize("value", [[], "x", {"a": [None]}, None, -1])
@pytest.mark.parametrize("form", ["json", "markdown"])
def test_a_preview_of_another_form(
    tmp_path: Path, value: object, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each part of a preview in place of what it should be: a report, or one sentence."""
    file = tmp_path / "preview.json"
    for seed in sorted((ROOT / "tests/cases/previews").glob("*.json"))[:6]:
        preview = json.loads(seed.read_text())
        for holder, key in list(places(preview)):
            kept, holder[key] = holder[key], value
            file.unlink(missing_ok=True)  # to shorten a file may wait for the disk
            file.write_text(json.dumps(preview))

            status = review([str(file), "--format", form])

            holder[key] = kept
            assert status in (0, 1, 2)
            assert len(capsys.readouterr().err.splitlines()) == (status == 2)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each mapping or list with the first of its keys of each kind."""
    pairs = value.items() if isinstance(value, dict) else list(enumerate(value))[-1:]
    for key, each in pairs:
        yield value, key
        if isinstance(each, dict | list):
            yield from places(each)


RECORDED = ROOT / "tests/cases/previews/new-image.json"


def test_nobody_reads_the_output(project: Path) -> None:
    """As in `longshore review | head -1`."""
    command = f"'{sys.executable}' -m components.review '{RECORDED}' | true"

    done = subprocess.run(
        ["bash", "-c", command], cwd=project, env=environment(project), capture_output=True, text=True
    )

    assert done.stderr == ""


def test_a_terminal_without_our_letters(project: Path) -> None:
    """Letters that the terminal cannot show are escaped."""
    command = [sys.executable, "-m", "components.review", str(RECORDED)]

    done = subprocess.run(
        command,
        cwd=project,
        env=environment(project, PYTHONIOENCODING="ascii"),
        capture_output=True,
        text=True,
    )

    assert done.stderr == ""
    assert "image: longshore-app:1 \\u2192 longshore-app:2" in done.stdout


MOMENTS = [0.05, 0.2, 0.6]
"""Seconds after our first module was imported: before that it is Python's alone."""


STARTS = dict(zip([*IDS, "review"], [*COMMANDS, ["components.review"]], strict=True))
if not THOROUGH:  # these import and do what the ones before them do in their first second
    for _again in ("preview", "down", "refresh", "rollback"):
        del STARTS[_again]


@pytest.mark.parametrize("command", STARTS.values(), ids=STARTS)
def test_ctrl_c_in_the_first_second(project: Path, command: list[str]) -> None:
    """At no moment a traceback: not while Python imports either.

    A shell shows 130 also for a command that ends by the signal, as Python does in its last milliseconds.
    """
    for moment, status, said in interrupted(["-m", *command], project):
        assert "Traceback" not in said, (moment, said)
        assert status in (0, 1, 2, 130, -signal.SIGINT), (moment, said)


def test_ctrl_c_ends_the_plugin(project: Path) -> None:
    """Without a traceback, while it is imported as well as later."""
    plugin = [str(ROOT / "plugin/__main__.py"), "127.0.0.1:1"]

    for moment, _, said in interrupted(plugin, project, module="plugin"):
        assert "Traceback" not in said, (moment, said)


def interrupted(command: list[str], folder: Path, module: str = "ending") -> list[tuple[float, int, str]]:
    """Run Python with `command` once for each moment, side by side, and interrupt it there.

    `module` is the first of ours that it imports. Return each moment with the status and the errors.
    """

    def run(moment: float) -> tuple[float, int, str]:
        running = subprocess.Popen(
            [sys.executable, "-X", "importtime", *command],
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert running.stderr
        for line in running.stderr:
            if line.rstrip().endswith(f" components.{module}"):
                break
        time.sleep(moment)
        os.killpg(running.pid, signal.SIGINT)
        _, rest = running.communicate(timeout=120)
        said = [line for line in rest.splitlines() if not line.startswith("import time:")]
        return moment, running.returncode, "\n".join(said)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(run, MOMENTS))


def test_ctrl_c_ends_a_plan_whose_program_takes_no_notice_of_it(project: Path) -> None:
    """The program is a process of its own, which the command waits for."""
    (project / "__main__.py").write_text(
        "import pathlib, time\n"
        "while True:\n"
        "    try:\n"
        "        pathlib.Path('begun').touch()\n"
        "        time.sleep(600)\n"
        "    except KeyboardInterrupt:\n"
        "        pass\n"
    )
    running = subprocess.Popen(
        [sys.executable, "-m", *PLAN],
        cwd=project,
        env=environment(project),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        until((project / "begun").exists, "the program runs", timeout=60)
        os.killpg(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)

    assert (running.returncode, said) == (
        130,
        "longshore plan: interrupted; the same command goes on from here\n",
    )


@pytest.mark.parametrize("command", ["review", "plan"])
def test_a_command_that_only_reads_does_not_load_pulumi(command: str) -> None:
    """It would take most of the command's time; the program of a plan loads it in a process of its own."""
    program = (
        f"import sys, components.{command}.command, components.plan.report\n"
        "print(*{'docker', 'pulumi', 'pydantic'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("\n", "")


def test_every_status_is_documented() -> None:
    """Each command has a row."""
    page = (DOCS / "operations.md").read_text()

    for name in ("make up", *(f"longshore {each}" for each in ("up", "migrate", "plan", "review", "export"))):
        assert re.search(rf"^\| `{name}`.*\|$", page, re.MULTILINE)


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (lambda folder: None, 0),
        (lambda folder: (folder / "__main__.py").write_text("1 / 0"), 1),
        (lambda folder: (folder / "Pulumi.yaml").unlink(), 2),
    ],
)
@pytest.mark.usefixtures("in_process")
def test_the_status_of_a_plan(project: Path, spoil: Callable[[Path], object], status: int) -> None:
    """Planned, refused, wrong input."""
    spoil(project)

    assert ends(PLAN, project).returncode == status
