"""Declared resources of a program without engine, state or `pulumi`, and changes between revisions."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.plan import CannotPlan, checks, program
from components.plan.checks import check
from components.plan.compare import compared
from components.preview.instance import instances
from components.preview.reading import read
from components.review import review
from components.review.markdown import markdown
from tests.support.commands import execute
from tests.support.mocks import plan

ROOT = Path(__file__).parents[2]
SOCKET = "unix:///nobody/here.sock"
SERVICES: dict[str, Any] = {
    "web": {"image": "httpd:2.4", "host": {"address": SOCKET}, "front_end": {"port": 8080}}
}


class Project:
    """A repository with the program, its package (a link, a copy with `copytree`, or none), and settings of a
    stack `test`."""

    def __init__(self, folder: Path, package: Callable[[Path, Path], object] | None = os.symlink) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(ROOT / name, folder)
        if package:
            for name in ("components", "templates"):
                package(ROOT / name, folder / name)
        self.git("init", "--quiet", "--initial-branch=main")
        self.configure(SERVICES)
        self.commit()

    def configure(self, services: dict[str, Any], **settings: Any) -> None:
        keys = {f"longshore:{key}": value for key, value in {"services": services, **settings}.items()}
        (self.folder / "Pulumi.test.yaml").write_text(yaml.safe_dump({"config": keys}))

    def git(self, *arguments: str) -> None:
        who = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        subprocess.run(["git", *who, *arguments], cwd=self.folder, check=True)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=settings")

    def plan(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `longshore plan`."""
        environment = {**os.environ, "DOCKER_HOST": SOCKET}
        return execute("components.plan", ["--stack", "test", *arguments], self.folder, environment)


@pytest.fixture
def project(tmp_path: Path, in_process: None) -> Project:
    """Provide a project whose program runs in the process of the test, with its package."""
    return Project(tmp_path, package=None)


@pytest.fixture
def repository(tmp_path: Path) -> Project:
    """Provide a project whose revisions have the package. Each runs its program in a process of its own."""
    return Project(tmp_path, shutil.copytree)


def test_a_plan_shows_the_declared_resources(project: Project) -> None:
    """Resources, picture and configuration, with no engine anywhere."""
    found = project.plan()

    assert found.returncode == 0, found.stderr
    assert "| `web` LoadBalancedService | **created** | 10 added | new |" in found.stdout
    assert "3 replicas of web start." in found.stdout
    assert '(["web :8080"]):::added' in found.stdout
    assert "+    server web-2 web-web-2-g1:80 weight 1" in found.stdout


def test_a_plan_shows_routes_and_policies_in_their_order(project: Project) -> None:
    """The most specific host first, its longest path, and what may answer before the backend."""
    backends = {
        "api": {
            "image": "httpd:2.4",
            "routes": [{"host_names": ["shop.example"], "path_prefix": "/api", "strip_prefix": True}],
            "rate_limit": {"average": 10},
            "deny_from": ["10.9.0.0/16"],
        },
        "web": {"image": "httpd:2.4", "host_names": ["*.shop.example"], "maintenance": {}},
    }
    redirects = [{"host_names": ["www.shop.example"], "to": "https://shop.example", "status": 301}]
    front_end = {"port": 8080, "redirects": redirects}
    shop = {"host": {"address": SOCKET}, "backends": backends, "front_end": front_end}
    project.configure({"shop": shop, "web": {**SERVICES["web"], "front_end": {"port": 8081}}})

    found = project.plan()
    values = json.loads(project.plan("--format", "json").stdout)

    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.partition("### Routes of shop\n")[2].partition("\n###")[0].split("\n\n")[1] == (
        "| host | path | leads to | policies |\n|---|---|---|---|\n"
        "| `shop.example` | `/api` | backend api, without the prefix | `deny_from`, `rate_limit` |\n"
        "| `shop.example` | all other | answer 404 | - |\n"
        "| `www.shop.example` | all other | 301 to https://\u200bshop.example | - |\n"
        "| `*.shop.example` | all other | backend web | `maintenance` |\n"
        "| any other | all other | answer 503 | - |\n"
    )
    assert "### Routes of web" not in found.stdout
    assert values["routes"]["web"] == [{"host": "*", "path": "", "target": "backend web", "policies": []}]


def test_a_plan_shows_the_changes_between_revisions(repository: Project) -> None:
    """As a review of it: what is replaced, added and removed, and who is refused."""
    before = plan(repository.folder, "test")["steps"]
    repository.configure({"web": {**SERVICES["web"], "image": "httpd:2.4.66", "replicas": 4}})
    changed = json.loads(repository.plan("--against", "HEAD", "--format", "json").stdout)["changes"][0]
    repository.configure({"shop": {**SERVICES["web"], "front_end": {"port": 8081}}})
    after = plan(repository.folder, "test")["steps"]

    assert changed["resources"]["create"] == 1
    assert changed["resources"]["replace"] == 3
    assert "image: httpd:2.4 → httpd:2.4.66" in changed["consequences"][1]["text"]
    other = markdown(review(json.dumps({"steps": compared(before, after)})))
    assert "| `web` LoadBalancedService | **removed** |" in other
    assert "| `shop` LoadBalancedService | **created** |" in other
    elsewhere = json.loads(json.dumps(before).replace(SOCKET, "ssh://deploy@b.example"))
    moved = review(json.dumps({"steps": compared(before, elsewhere)})).changes[0]
    assert moved.counts["replace"] == 7
    assert f"The service moves from {SOCKET} to ssh://deploy@b.example" in moved.consequences[0].text
    same = review(json.dumps({"steps": compared(before, before)}))
    assert same.changes == ()


def test_a_plan_shows_replicas_that_are_changed_in_rounds(project: Project) -> None:
    """Their configuration is known and checked; a change of the service is one of each replica."""
    web = {**SERVICES["web"], "update": {"monitor": 1}}
    project.configure({"web": web})
    first = project.plan()
    project.commit()
    project.configure({"web": {**web, "image": "httpd:2.4.66", "replicas": 5}})

    second = project.plan("--against", "HEAD")

    assert first.returncode == 0, first.stdout + first.stderr
    assert "+    server web-2 web-web-2-g1:80 weight 1" in first.stdout
    assert '["web: 3"]:::added' in first.stdout
    assert '["web: 5"]:::changed' in second.stdout
    assert "+    server web-4 web-web-4-g1:80 weight 1" in second.stdout


def test_a_route_alone_replaces_no_replica_in_a_plan(project: Project) -> None:
    """Those that run go on asking as they do, so only the front end changes; with another image, they go."""

    def planned(**keys: Any) -> list[dict[str, Any]]:
        project.configure({"web": {**SERVICES["web"], "update": {"monitor": 1}, **keys}})
        return list(plan(project.folder, "test")["steps"])

    before = planned(host_names=["a.example"])
    route = compared(before, planned(host_names=["b.example"]))
    image = compared(before, planned(host_names=["b.example"], image="httpd:2.4.66"))

    (alone,) = instances(read(json.dumps({"steps": route})))
    (both,) = instances(read(json.dumps({"steps": image})))
    assert [step.operation for step in alone.containers("replica-")] == ["same"] * 3
    assert [step.operation for step in alone.of("FrontEndConfig")] == ["update"]
    replaced = both.containers("replica-", "replace")
    assert len(replaced) == 3
    assert all("b.example" in str(step.new["healthcheck"]) for step in replaced)


def test_a_stack_that_was_not_there(project: Project) -> None:
    """Everything of it is new."""
    (project.folder / "Pulumi.test.yaml").rename(project.folder / "Pulumi.other.yaml")

    assert "**created**" in project.plan("--stack", "other", "--against", "HEAD").stdout


def test_a_secret_stays_one(project: Project) -> None:
    """It cannot be decrypted here, and its place is named."""
    web = {**SERVICES["web"], "environment": {"TOKEN": {"secret": "token"}}}
    project.configure({"web": web}, secrets={"token": {"secure": "v1:abc:def"}})

    found = project.plan()

    assert found.returncode == 0, found.stdout + found.stderr
    assert "v1:abc" not in found.stdout
    (generation,) = [
        step for step in plan(project.folder, "test")["steps"] if step["urn"].endswith("generation")
    ]
    assert generation["newState"]["inputs"]["definition"]["environment"] == {"TOKEN": "[secret]"}


def test_a_program_of_ones_own(tmp_path: Path) -> None:
    """In a folder that Pulumi.yaml names, with settings of the project only; its warnings are shown."""
    (tmp_path / "program").mkdir()
    (tmp_path / "Pulumi.yaml").write_text(
        "name: mine\nruntime: python\nmain: program\n"
        "config:\n  port: 8085\n  other:size: {value: 2}\n  said: {type: string, default: from the project}\n"
    )
    (tmp_path / "program/__main__.py").write_text(
        "import pulumi\n"
        "from components import LoadBalancedService\n"
        "config = pulumi.Config()\n"
        "pulumi.log.warn(config.require('said'))\n"
        f"args = {{'image': 'httpd:2.4', 'host': {{'address': '{SOCKET}'}}}}\n"
        "args['replicas'] = pulumi.Config('other').require_int('size')\n"
        "args['front_end'] = {'port': config.require_int('port')}\n"
        "LoadBalancedService('web', args)\n"
    )
    command = [sys.executable, "-m", "components.plan", "--stack", "any"]

    found = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )

    assert found.returncode == 0, found.stderr
    assert "2 replicas of web start." in found.stdout
    assert '(["web :8085"])' in found.stdout
    assert "from the project" in found.stdout


def test_former_names_are_told(tmp_path: Path) -> None:
    """In full, those that a resource itself is declared with."""
    (tmp_path / "Pulumi.yaml").write_text("name: mine\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(
        "from pulumi import Alias, ComponentResource, ResourceOptions\n"
        "renamed = ResourceOptions(aliases=[Alias(name='old')])\n"
        "site = ComponentResource('a:b:Site', 'new', None, renamed)\n"
        "part = ResourceOptions(parent=site, aliases=[Alias(type_='a:b:Piece')])\n"
        "ComponentResource('a:b:Part', 'part', None, part)\n"
    )

    steps = plan(tmp_path, "any")["steps"]

    urn = "urn:pulumi:any::mine::a:b:Site"
    aliases = [step["newState"].get("aliases", []) for step in steps[-2:]]
    assert f"{urn}::old" in aliases[0]
    assert f"{urn}$a:b:Piece::part" in aliases[1]


@pytest.mark.parametrize(
    ("spoil", "status", "said"),
    [
        (lambda p: p.configure({"web": {"replicas": 3}}), 1, "image is required"),
        (lambda p: (p.folder / "__main__.py").write_text("1 / 0"), 1, "ZeroDivisionError"),
        (lambda p: (p.folder / "Pulumi.test.yaml").write_text(""), 1, "there is nothing to bring up"),
        (
            lambda p: (p.folder / "Pulumi.test.yaml").rename(p.folder / "Pulumi.prod.yaml"),
            2,
            "stacks are prod",
        ),
        (lambda p: (p.folder / "__main__.py").unlink(), 2, "only programs in Python are planned"),
        (
            lambda p: (p.folder / "Pulumi.test.yaml").write_text("config: ["),
            2,
            "test.yaml is not YAML: line 1",
        ),
    ],
)
def test_a_plan_that_cannot_be_made_is_one_error(
    project: Project, spoil: Callable[[Project], object], status: int, said: str
) -> None:
    """One clear error: the program's own, or what is missing."""
    spoil(project)

    found = project.plan()

    assert found.returncode == status
    assert said in found.stdout + found.stderr
    assert "Traceback" not in found.stdout + found.stderr


def test_a_program_that_ends_its_process_is_one_error(repository: Project) -> None:
    """Also with status 0."""
    (repository.folder / "__main__.py").write_text("import os; os._exit(0)")

    found = repository.plan()

    assert found.returncode == 2
    assert found.stderr == "longshore plan: the program could not be run: it ended with status 0\n"


def test_a_revision_that_is_not_there(project: Project) -> None:
    """Also one that git would take for an option."""
    found = project.plan("--against", "nowhere")

    assert found.returncode == 2
    assert "no revision 'nowhere' in this repository" in found.stderr
    assert project.plan(f"--against=--output={project.folder}/made").returncode == 2
    assert not (project.folder / "made").exists()


def test_the_swarm_of_the_repository() -> None:
    """Its three configurations pass the programs of this machine; broken, they do not."""
    for name in ("haproxy", "keepalived"):
        if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None:
            pytest.skip(f"no {name} on PATH")
    text = json.dumps(plan(ROOT, "swarm"))

    good = list(check(read(text).steps))
    broken = list(
        check(read(text.replace("advert_int", "advert").replace("backend shop", "back shop")).steps)
    )

    assert sorted(each.program for each in good) == ["haproxy", "keepalived", "keepalived"]
    assert [each.problem for each in good] == [None] * 3
    assert all(each.problem for each in broken)


def test_a_check_that_does_not_end_is_a_refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """nginx asks for each name in a configuration, and a name server may not answer."""
    slow = tmp_path / "nginx"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(checks, "CHECK_SECONDS", 0.2)
    state = {"kind": "nginx", "config": "", "names": []}
    urn = "urn:pulumi:dev::app::longshore:index:FrontEndConfig::site"
    step = {
        "op": "create",
        "urn": urn,
        "newState": {"type": "longshore:index:FrontEndConfig", "inputs": state},
    }

    (found,) = check(read(json.dumps({"steps": [step]})).steps)

    assert found.problem == "nginx did not end its check within 0.2 s"


def test_a_plan_that_is_cut_short_is_one_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a full disk leaves it."""
    runner = tmp_path / "runner.py"
    runner.write_text("import sys; open(sys.argv[3], 'w').write('{'); sys.exit('No space left on device')\n")
    monkeypatch.setattr(program, "RUNNER", runner)
    (tmp_path / "Pulumi.yaml").write_text("name: app\nruntime: python\n")
    (tmp_path / "__main__.py").touch()

    with pytest.raises(CannotPlan, match="the program could not be run: No space left on device"):
        program.planned(tmp_path, "dev")


def test_a_replacement_is_known_by_its_kind() -> None:
    """Inputs that replace our own resources, those that cannot change in a container, and nothing else."""

    def operation(kind: str, **changed: str) -> str:
        state = {"type": kind, "parent": "", "inputs": {"name": "a", "image": "a", "memory": "a"}}
        other = {**state, "inputs": {**state["inputs"], **changed}}  # type: ignore[dict-item]
        (step,) = compared([{"urn": "u", "newState": state}], [{"urn": "u", "newState": other}])
        return str(step["op"])

    assert operation("docker:index/container:Container") == "same"
    assert operation("docker:index/container:Container", memory="b") == "update"
    assert operation("docker:index/container:Container", image="b") == "replace"
    assert operation("docker:index/network:Network", name="b") == "replace"
    assert operation("longshore:index:ServiceDefinition", name="b") == "replace"
    assert operation("longshore:index:ServiceDefinition", image="b") == "update"
    assert operation("random:index/randomId:RandomId", name="b") == "update"
