"""A program that `make up` and `longshore up` run behaves as one that Pulumi's language host runs.

Each case is a program that both run; what `pulumi` prints, its exit status and the outputs are the same.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from components.operate import host, program
from tests.bench.process import until
from tests.support.program import ROOT, Program, Run

pytestmark = [pytest.mark.pulumi, pytest.mark.slow]


@dataclass(frozen=True)
class Case:
    """A program and what is special of its project."""

    main: str
    files: dict[str, str] = field(default_factory=dict)
    project: str = ""
    """Lines of Pulumi.yaml beside name and runtime."""
    where: str = "__main__.py"
    code: int = 0
    said: str = ""
    """Text that both print: the case shows what it is meant to."""


CASES = {
    "prints": Case(
        "import os, subprocess, sys\n"
        "print('one\\n\\ntwo'); print('three', file=sys.stderr); sys.stdout.flush()\n"
        "subprocess.run(['echo', 'four']); os.write(1, b'five\\n'); print('six', end='')",
        said="six",
    ),
    "logs": Case(
        "import logging, pulumi\n"
        "pulumi.log.debug('a'); pulumi.log.info('b'); pulumi.log.warn('c'); logging.warning('d')",
        said="warning: c",
    ),
    "logs an error": Case("import pulumi\npulumi.log.error('bad')", said="error: bad"),
    "raises": Case("def inner():\n    1 / 0\n\ninner()", code=1, said="in inner"),
    "raises a RunError": Case("import pulumi\nraise pulumi.RunError('no')", code=1, said="error: no"),
    "raises in an apply": Case(
        "import pulumi\npulumi.export('a', pulumi.Output.from_input(1).apply(lambda n: n / 0))",
        code=1,
        said="ZeroDivisionError",
    ),
    "imports what is not there": Case("import nowhere", code=1, said="No module named 'nowhere'"),
    "imports what fails": Case(
        "import broken", {"broken.py": "raise ImportError('half')"}, code=1, said="half"
    ),
    "is no Python": Case("if", code=1, said="SyntaxError"),
    "is not there": Case("", where="other.py", code=1, said="unable to find main python program"),
    "exits with 0": Case("import pulumi, sys\npulumi.export('a', 1)\nsys.exit(0)\n", said="a: 1"),
    "exits with 3": Case("import sys\nsys.exit(3)", code=1, said="non-zero exit code: 3"),
    "exits with text": Case("import sys\nsys.exit('so')", code=1, said="non-zero exit code: 1"),
    "ends at once": Case("import os\nos._exit(7)", code=1, said="non-zero exit code: 7"),
    "is killed": Case(
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", code=1, said="non-zero exit code: -1"
    ),
    "is interrupted": Case(
        "import os, signal, time\n"
        "signal.signal(signal.SIGINT, lambda *_: print('heard'))\n"
        "os.kill(os.getpid(), signal.SIGINT)",
        said="heard",
    ),
    "ends in order": Case(
        "import atexit, threading, time\n"
        "atexit.register(print, 'last')\n"
        "threading.Thread(target=lambda: (time.sleep(0.3), print('late'))).start()",
        said="late",
    ),
    "knows where it is": Case(
        "import os, pathlib, pulumi, sys, threading\n"
        "pulumi.export('seen', {'cwd': os.getcwd(), 'root': pulumi.get_root_directory(), 'argv': sys.argv,\n"
        "    'name': __name__, 'file': __file__, 'first': sys.path[0], 'stdin': sys.stdin.read(),\n"
        "    'main': threading.current_thread() is threading.main_thread(),\n"
        "    'prefix': os.path.realpath(sys.prefix), 'organization': pulumi.get_organization(),\n"
        "    'given': pulumi.Config().require('given'),\n"
        "    'settings': os.environ.get('PULUMI_CONFIG'), 'venv': os.environ['VIRTUAL_ENV'],\n"
        "    'secret': os.environ['PULUMI_CONFIG_SECRET_KEYS'],\n"
        "    'path': os.environ['PATH'].split(':')[0]})",
        said='given       : "there"',
    ),
    "is in a folder": Case(
        "import os, pulumi, beside\n"
        "pulumi.export('seen', [os.getcwd(), pulumi.get_root_directory(), beside.__file__])",
        {"inner/beside.py": ""},
        "main: inner/",
        "inner/__main__.py",
        said="/inner",
    ),
    "is a file": Case(
        "import os, pulumi, sys\npulumi.export('seen', [os.getcwd(), __file__, sys.argv])",
        project="main: app.py",
        where="app.py",
        said="app.py",
    ),
    "has a module of a name that the command has": Case(
        "import docker, pulumi\npulumi.export('seen', docker.MINE)", {"docker.py": "MINE = 'own'"}, said="own"
    ),
    "lacks a module that the command has": Case(
        "import components", {}, "main: inner/", "inner/__main__.py", 1, "No module named 'components'"
    ),
    "has a secret": Case(
        "import pulumi\npulumi.export('a', pulumi.Output.secret('hidden'))\n"
        "pulumi.export('b', pulumi.Config().get_secret('word'))",
        said="[secret]",
    ),
}


class Own(Program):
    """A project whose program is that of one case after the other."""

    def _lay_out(self) -> None:
        for folder in (self.project, self.state, self.home):
            folder.mkdir(parents=True)
        (self.project / ".venv").symlink_to(sys.prefix)
        (self.project / "Pulumi.yaml").write_text("name: own\nruntime: python\n")

    def become(self, case: Case) -> None:
        for entry in self.project.iterdir():
            if entry.name not in (".venv", self.settings_file.name):
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        runtime = "{name: python, options: {toolchain: pip, virtualenv: .venv}}"
        about = f"name: own\nruntime: {runtime}\n{case.project}"
        for name, content in {"Pulumi.yaml": about, **case.files, case.where: case.main}.items():
            (self.project / name).parent.mkdir(exist_ok=True)
            (self.project / name).write_text(content)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Own:
    """Make a stack with a secret setting, and no resources."""
    nowhere: Any = SimpleNamespace(url="unix:///nowhere.sock")
    own = Own(tmp_path_factory.mktemp("own"), nowhere, {})
    own._init()
    own.pulumi("config", "set", "word", "hidden", "--secret")
    return own


def shown(run: Run, own: Program) -> list[str]:
    """Return the lines that a run has printed, sorted, without frames that are not the project's."""
    elsewhere = rf'  File "(?!{own.project}/(?!\.venv)).*\n(?:    .*\n)*'
    lines = re.sub(elsewhere, "", run.output).splitlines()
    return sorted({line.strip() for line in lines if "using pulumi-resource-docker" not in line})


def inline(own: Program, *arguments: str) -> Run:
    """Run `pulumi` with the program in our hands, from a Python that finds what the program does not."""
    ours = f"import sys; sys.path[0] = '{ROOT}'; from tests.support import inline; inline.main(sys.argv[1:])"
    options = ("--stack", own.stack, "--non-interactive", "--color=never")
    return own._run((sys.executable, "-c", ours, *arguments, *options), False, 120)


PREVIEW = ("preview", "--diff", "--suppress-progress", "--config=given=there")


@pytest.mark.parametrize("name", CASES)
def test_a_program_behaves_as_with_its_language_host(name: str, own: Own) -> None:
    """Exit status, outputs and lines are the same."""
    case = CASES[name]
    own.become(case)

    hosted = own.pulumi(*PREVIEW, check=False)
    ours = inline(own, *PREVIEW)

    assert hosted.code == ours.code == case.code, hosted.output + ours.output
    assert case.said in hosted.output
    assert shown(ours, own) == shown(hosted, own)


SLEEPS = """\
import time
print("it runs", flush=True)
time.sleep(600)
"""


@pytest.fixture
def sleeping(own: Own) -> Iterator["subprocess.Popen[str]"]:
    """Start an `up` whose program says that it runs, and sleeps."""
    own.become(Case(SLEEPS))
    with subprocess.Popen(
        [sys.executable, "-m", "components.operate", "up", "--stack", own.stack],
        cwd=own.project,
        env={**own.environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    ) as running:
        assert running.stdout
        assert any("it runs" in line for line in running.stdout)
        yield running
        running.kill()


def in_session(running: "subprocess.Popen[str]") -> str:
    """Return the processes that a command has started, and itself."""
    command = ["ps", "-o", "pid=,stat=,args=", "-s", str(running.pid)]
    return subprocess.run(command, capture_output=True, text=True).stdout


def test_ctrl_c_is_left_to_pulumi(own: Own, sleeping: "subprocess.Popen[str]") -> None:
    """It ends in order and gives its lock back; the program has ended, too."""
    os.killpg(sleeping.pid, signal.SIGINT)
    rest, _ = sleeping.communicate(timeout=60)

    assert sleeping.returncode == 130, rest
    assert "update canceled" in rest
    assert rest.splitlines()[-1] == "error: interrupted; the same command goes on from here"
    assert "Traceback" not in rest
    assert not list(own.state.glob(".pulumi/locks/*/*/*/*.json"))
    until(lambda: not in_session(sleeping), "nothing is left")


def test_nothing_outlives_a_killed_command(sleeping: "subprocess.Popen[str]") -> None:
    """Neither `pulumi` nor the program, nor the process that started it."""
    started = in_session(sleeping)
    assert len(started.splitlines()) == 4, started  # and no language host is one of them

    sleeping.kill()
    sleeping.communicate(timeout=60)

    until(lambda: not in_session(sleeping), "nothing is left")


@pytest.mark.parametrize(
    ("runtime", "here"),
    [
        ("python", True),
        ({"name": "python"}, True),
        ({"name": "python", "options": {"virtualenv": sys.prefix, "toolchain": "pip"}}, True),
        ({"name": "python", "options": {"virtualenv": "nowhere"}}, False),
        ({"name": "python", "options": {"virtualenv": "other"}}, False),
        ({"name": "python", "options": {"typechecker": "mypy"}}, False),
        ("nodejs", False),
        (None, False),
    ],
)
def test_programs_that_a_language_host_runs(runtime: object, here: bool, tmp_path: Path) -> None:
    """Programs of other languages and environments, and those that are to be checked first."""
    (tmp_path / "other").mkdir()

    assert (host.environment(tmp_path, {"name": "own", "runtime": runtime}) is not None) == here


@pytest.mark.parametrize(
    ("code", "ended"), [(grpc.StatusCode.CANCELLED, True), (grpc.StatusCode.INVALID_ARGUMENT, False)]
)
def test_a_run_that_pulumi_has_ended_is_no_failure_of_the_program(code: grpc.StatusCode, ended: bool) -> None:
    """The SDK raises what the engine answers. At the end of the run, a traceback of that is of no use."""

    class Answer(grpc.RpcError):
        def code(self) -> grpc.StatusCode:
            return code

    try:
        try:
            raise Answer
        except grpc.RpcError:
            raise ValueError("context canceled") from None
    except ValueError as error:
        found = program.cancelled(error)

    assert found == ended


FORK = """
import logging, os, signal
from concurrent.futures import ThreadPoolExecutor
from components.operate.host import Starter

signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests may have it ignored
os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    Starter({})
except KeyboardInterrupt:
    with ThreadPoolExecutor(1) as pool:
        print("raised", pool.submit(logging.getLogger().isEnabledFor, 10).result(timeout=5))
"""


def test_an_interrupt_within_the_fork_is_neither_lost_nor_leaves_a_lock_held() -> None:
    done = subprocess.run([sys.executable, "-c", FORK], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert (done.stdout, done.stderr) == ("raised False\n", "")
