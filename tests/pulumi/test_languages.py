"""One service in TypeScript, YAML and Python, and what a program in another language may do with it."""

import json
import re
import shutil
import subprocess
import urllib.error
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.bench.hosts import Host
from tests.pulumi.test_examples import TOKEN, Project
from tests.pulumi.test_stack import everything, files_with, get
from tests.support.program import PORT, ROOT
from tests.support.wheel import checkout

pytestmark = [pytest.mark.pulumi, pytest.mark.slow]

EXAMPLES = ("packaged", "typescript", "yaml")
NEEDED = ("node", "npm", "pulumi-language-nodejs", "pulumi-language-yaml")


@pytest.fixture(scope="module", autouse=True)
def _languages() -> None:
    if missing := [program for program in NEEDED if shutil.which(program) is None]:
        pytest.skip(f"no {', '.join(missing)} on PATH")


Programs = Mapping[str, Project]
WITHOUT_TYPES = {"TS_NODE_TRANSPILE_ONLY": "true"}
"""Has a TypeScript program run without a check of its types, which takes seconds; `checked` does it once."""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """Provide the examples of a fresh checkout, each with the package, as README does it.

    All have one state: they are the same project in other words.
    """
    examples = checkout(tmp_path_factory.mktemp("languages")) / "examples"
    private = tmp_path_factory.mktemp("private")
    found = {name: Project(examples / name, private) for name in EXAMPLES}
    for name in ("packaged", "typescript"):
        found[name].pulumi("package", "add", "../../plugin")
    found["typescript"].environment |= WITHOUT_TYPES
    return found


@pytest.fixture(scope="module")
def configured(programs: Programs, host: Host) -> Programs:
    """Return the program with settings for the bench."""
    first, *others = programs.values()
    first.configure(host)
    for other in others:
        shutil.copy(first.folder / "Pulumi.test.yaml", other.folder)
    return programs


LEFT_OUT = {"created", "modified", "sourcePosition", "stackTrace"}
"""When, and in which line of a program, a resource was declared last."""


def resources(project: Project) -> dict[str, Any]:
    """Return the state by URN, secrets in clear and lists without their order.

    Providers named `default` are left out: YAML asks for packages without a version, and some languages have
    one of Pulumi's own.
    """
    exported = json.loads(project.pulumi("stack", "export", "--show-secrets").stdout)
    return {
        each["urn"]: {key: unordered(value) for key, value in each.items() if key not in LEFT_OUT}
        for each in exported["deployment"]["resources"]
        if not re.search(r"pulumi:providers:(longshore|pulumi)::default$", each["urn"])
    }


def unordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: unordered(item) for key, item in value.items()}
    return sorted(map(unordered, value), key=str) if isinstance(value, list) else value


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[tuple[str, str], tuple[Any, Any]]:
    """Return both values by name and property, where two states differ."""
    return {
        (urn.rpartition("::")[2], key): (mine.get(key), theirs.get(key))
        for urn in sorted({*one, *other})
        for mine, theirs in [(one.get(urn, {}), other.get(urn, {}))]
        for key in sorted({*mine, *theirs})
        if mine.get(key) != theirs.get(key)
    }


def same(project: Project) -> None:
    """Bring the stack up with this program, which finds nothing to do."""
    run = project.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes", check=False)
    assert run.code == 0, run.output


@pytest.mark.engine
@pytest.mark.parametrize("maker", EXAMPLES)
def test_three_languages_declare_the_same(maker: str, configured: Programs, host: Host) -> None:
    """The resources of one program are, to the last property, those of the others.

    Nothing is left for the others to do, and the state stays as it is. It answers, its secret is nowhere in
    clear, and it goes without a trace.
    """
    before = everything(host)
    project = configured[maker]

    planned = project.pulumi("preview", "--diff").output
    said = planned + project.pulumi("up", "--yes", "--skip-preview").output
    try:
        made = resources(project)
        first = configured[EXAMPLES[0]]
        # All leave the state of the first as it is; so the first speaks for all on the state of another.
        for other in configured.values() if project is first else (first, project):
            same(other)
            assert differences(made, resources(other)) == {}
        shop = get(host, "/env/TOKEN", name="www.shop.example")
        blog = get(host, "/env/TOKEN", name="blog.example")
        with pytest.raises(urllib.error.HTTPError, match="421"):
            get(host, name="unknown.example")
        outputs = json.loads(project.pulumi("stack", "output", "--json").stdout)
        said += project.pulumi("stack", "export").output
        in_clear = files_with(project.state, TOKEN)
    finally:
        project.destroy()

    assert "[unknown]" in planned  # the image's id, at the first preview
    assert '"site-shop-2-g1"' in planned  # and yet the replicas' names
    assert (shop, blog) == (f"{TOKEN}\n", "\n")
    assert outputs["url"] == f"http://localhost:{PORT}"
    assert [name[:11] for name in outputs["replicas"]] == [
        "site-blog-0", "site-blog-1", "site-shop-0", "site-shop-1", "site-shop-2"
    ]  # fmt: skip
    assert TOKEN not in said
    assert in_clear == []
    assert everything(host) == before


def test_a_packaged_program_has_nothing_of_ours(programs: Programs) -> None:
    """Its environment holds pulumi, the docker provider it uses itself and what was generated, not this SDK
    and what that needs."""
    project = programs["packaged"]
    python = project.folder / ".venv/bin/python"

    installed = project.run(str(python), "-m", "pip", "list", "--format=freeze").output

    names = {line.partition("=")[0].replace("_", "-") for line in installed.splitlines()}
    assert {"pulumi", "pulumi-longshore"} <= names
    assert not names & {"longshore", "docker", "pydantic", "jinja2"}


# Types, before anything runs


MISTAKES = [
    ('"leastconn"', '"leastcon"', "'\"leastcon\"' is not assignable to type 'Algorithm | undefined'"),
    ("unknownHost:", "unknownHosts:", "'unknownHosts' does not exist in type 'FrontEndArgs'"),
    ("maxRetries:", "max_retries:", "'max_retries' does not exist in type 'RestartArgs'"),
    ("image: image.imageId, replicas: 2,", "replicas: 2,", "'image' is missing in type"),
    ("replicas: 3", 'replicas: "3"', "'string' is not assignable to type 'number'"),
    ("replicas: 3", "replicas: image.imageId", "'Output<string>' is not assignable to type 'number"),
]
"""Text of the TypeScript example, a wrong one in its place, and what the compiler says of that."""


@pytest.fixture(scope="module")
def checked(programs: Programs) -> Mapping[str, str]:
    """Run `tsc` once, on the TypeScript example and on one copy of it for each mistake; errors by file."""
    folder = programs["typescript"].folder
    right = (folder / "index.ts").read_text()
    for number, (text, wrong, _) in enumerate(MISTAKES):
        assert text in right
        (folder / f"mistake{number}.ts").write_text(right.replace(text, wrong, 1))
    files = ["index.ts", *(f"mistake{number}.ts" for number in range(len(MISTAKES)))]
    (folder / "mistakes.json").write_text(json.dumps({"extends": "./tsconfig.json", "files": files}))
    command = ["npm", "run", "check", "--", "--project", "mistakes.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240)
    assert done.returncode != 0, "no mistake is found"
    # The lines of an error that follow its first one are indented.
    found = re.findall(r"(?m)^(\w+\.ts)(\(.*(?:\n .*)*)", done.stdout)
    return {file: "\n".join(said for where, said in found if where == file) for file in files}


def test_the_typescript_example_type_checks(checked: Mapping[str, str]) -> None:
    """Strictly, with the types that the package has there."""
    assert checked["index.ts"] == ""


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=[wrong for _, wrong, _ in MISTAKES])
def test_a_mistake_is_a_type_error(number: int, checked: Mapping[str, str]) -> None:
    """A word, a key at any level, a required one, a kind of value, an Output of what must be plain."""
    assert MISTAKES[number][2] in checked[f"mistake{number}.ts"]


# Refusals without the help of types


@pytest.mark.engine
@pytest.mark.parametrize(
    ("language", "right", "wrong", "message"),
    [
        (
            "typescript",
            "replicas: 3",
            "replicas: 0",
            "LoadBalancedService 'site': backends.shop.replicas must be between 1 and 1000, got 0",
        ),
        (
            "typescript",
            'unknownHost: "421"',
            'unknownHost: "404" as any',
            "LoadBalancedService 'site': front_end.unknown_host must be '503', '421' or 'close', got '404'",
        ),
        (
            "typescript",
            "timeouts: { keepAlive: 7.5 }",
            "timeouts: { keepalive: 7.5 } as any",
            (
                "LoadBalancedService 'site': front_end.timeouts.keepalive is not a known key; did you mean "
                "keep_alive? known here: client, connect, keep_alive, queue, request, server, tunnel"
            ),
        ),
        (
            "typescript",
            "export const url",
            (
                'new longshore.LoadBalancedService("other", { host: { address: engine }, '
                'image: "a", frontEnd: { port: config.requireNumber("port") } }, { dependsOn: [site] });\n'
                "export const url"
            ),
            "LoadBalancedService 'other': front_end.port 8090 of host unix:",
        ),
        (
            "packaged",
            '"replicas": 3',
            '"replicas": 0',
            "LoadBalancedService 'site': backends.shop.replicas must be between 1 and 1000, got 0",
        ),
        (
            "packaged",
            'config.get_int("port") or 8080',
            "0",
            "LoadBalancedService 'site': front_end.port must be between 1 and 65535, got 0",
        ),
    ],
)
def test_a_wrong_value_is_one_clear_message(
    language: str, right: str, wrong: str, message: str, configured: Programs, host: Host
) -> None:
    """The one of a Python program, once and without a traceback; nothing is made."""
    before = everything(host)
    project = configured[language]
    (program,) = (path for path in map(project.folder.joinpath, ("index.ts", "__main__.py")) if path.exists())
    text = program.read_text()
    assert right in text
    program.write_text(text.replace(right, wrong, 1))

    run = project.pulumi("preview", check=False)
    program.write_text(text)

    assert run.code != 0
    summary = run.output.partition("Diagnostics:")[2]
    assert summary.count(message) == 1, run.output
    # A Python program shows its own Traceback around an error of another process.
    assert "/provider/" not in run.output
    assert language != "typescript" or "Traceback" not in run.output
    assert everything(host) == before


# Options


@pytest.fixture(scope="module")
def options(
    programs: Programs, tmp_path_factory: pytest.TempPathFactory, installed: Path, host: Host
) -> tuple[Project, Project]:
    """Provide tests/cases/options in TypeScript, and in Python with this SDK in its process."""
    folder, private = tmp_path_factory.mktemp("options"), tmp_path_factory.mktemp("private")
    cases = ROOT / "tests/cases/options"
    there, here = folder / "typescript", folder / "python"
    shutil.copytree(programs["typescript"].folder, there, symlinks=True)
    (there / "Pulumi.test.yaml").unlink(missing_ok=True)
    shutil.copy(cases / "index.ts", there)
    about = (there / "Pulumi.yaml").read_text()
    plugin = programs["typescript"].folder.parents[1] / "plugin"
    (there / "Pulumi.yaml").write_text(about.replace("../../plugin", str(plugin)))
    here.mkdir()
    shutil.copy(cases / "__main__.py", here)
    (here / "Pulumi.yaml").write_text("name: site\nruntime: {name: python, options: {virtualenv: .venv}}\n")
    (here / ".venv").symlink_to(installed)
    found = (Project(there, private), Project(here, private))
    found[0].configure(host)
    shutil.copy(there / "Pulumi.test.yaml", here)
    return found


@pytest.mark.engine
def test_options_mean_the_same_across_the_border(options: tuple[Project, Project], host: Host) -> None:
    """A TypeScript program's components, with every option, are those of the Python program.

    The Python program finds nothing to do. In the state only the dependencies of a component differ, and
    those of others on its arguments.
    """
    before = everything(host)
    there, here = options
    try:
        there.up()
        there.environment |= WITHOUT_TYPES
        made = resources(there)
        labels = {
            name: host.engine().containers.get(container).labels.get("team")
            for name, container in containers(made).items()
        }
        in_clear = files_with(there.state, TOKEN)
        same(here)
        seen = differences(made, resources(here))
        for project in options:
            project.set(moved="true", kept="false")
        changed = there.pulumi("up", "--yes", "--skip-preview").output
        moved = resources(there)
        same(here)
    finally:
        there.set(kept="false")
        there.up()
        gone = there.pulumi("destroy", "--yes", "--skip-preview").output

    assert in_clear == []
    assert {name for name, label in labels.items() if label == "web"} == {"labelled-web-0", "labelled-lb"}
    kept = {urn.rpartition("::")[2] for urn, each in made.items() if each.get("protect")}
    assert {"kept", "kept-host", "kept-web-0", "kept-lb", "kept-lb-config"} <= kept
    assert "moved-web-0" not in kept
    # Of a component that another process makes, Pulumi knows no parts when something depends on it.
    assert set(seen) == {("follower", "dependencies"), ("values", "dependencies")}
    assert [urn for urn in seen["follower", "dependencies"][0] if "LoadBalancedService" in urn] == [
        "urn:pulumi:test::site::longshore:index:LoadBalancedService::after"
    ]
    assert not re.search(r" (created|deleted|replaced)", changed)
    assert any("team:index:Team$longshore:index:LoadBalancedService" in urn for urn in moved)
    assert containers(moved) == containers(made)
    # And yet, what depends on it goes before its parts.
    assert re.findall(r"(follower|after-\S+) deleting", gone)[0] == "follower"
    assert everything(host) == before


def containers(state: Mapping[str, Any]) -> dict[str, str]:
    """Return ids of the containers of a state, by their names in the program."""
    return {
        urn.rpartition("::")[2]: each["id"]
        for urn, each in state.items()
        if each["type"] == "docker:index/container:Container"
    }
