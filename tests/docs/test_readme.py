"""Commands of README.md and docs/, typed as a reader types them."""

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

import components
from components import ArgumentError, LoadBalancedService, SwarmCluster, settings
from components.load_balanced.validation import service
from tests.bench.hosts import Host
from tests.bench.load import Load
from tests.pulumi.test_examples import Project
from tests.pulumi.test_stack import everything, files_with, get
from tests.support.certificates import Authority, made, with_certificates
from tests.support.documents import block, blocks
from tests.support.mocks import run as run_with_mocks
from tests.support.program import ROOT, Run
from tests.support.reader import Reader, named

needs_all = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.slow]


TESTED = {
    "README.md: make up",
    "README.md: web: http://localhost:8080",
    "README.md: config:",
    "README.md: LoadBalancedService 'web': replicas must be between 1 and 1000, got 0",
    (
        "README.md: export PULUMI_BACKEND_URL=file://~ "
        "PULUMI_CONFIG_PASSPHRASE_FILE=$HOME/.config/longshore/passphrase"
    ),
    "README.md: environment:",
    "README.md: import pulumi",
    "README.md: pulumi package add ../../plugin",
    "README.md: make test",
    "floating-address.md: from longshore import FloatingAddress",
    "front-ends.md: pulumi config set --path --secret longshore:secrets.certificate <shop.example.pem",
    "front-ends.md: front_end:",
    'front-ends.md: allow_from: [10.0.0.0/8, "2001:db8::/32"]',
    "front-ends.md: api:",
    "front-ends.md: redirects:",
    'replicas.md: """Replicas of one backend."""',
    'replicas.md: ~ image   : "app:1" => "app:2"',
    "replicas.md: ~ each: {",
    "swarm-services.md: from longshore import SwarmGateway, SwarmService",
    "order.md: backends:",
    "order.md: canary:",
    "history.md: longshore history --stack prod",
    "history.md: web: revision 4 is in force",
    "history.md: longshore rollback 2 --stack prod",
    "upgrades.md: $ longshore migrate --stack prod",
    'testing.md: """Run with `python -m pytest`."""',
}
"""Blocks with a test: here, or in test_{plain_mocks,examples,replicas,history,migrate}.py."""


def test_every_block_is_tested() -> None:
    """A new one needs a test. Those of guides, reference and architecture.md have theirs."""
    tested_here = [each for each in blocks() if "/" not in each.file and each.file != "architecture.md"]

    assert {each.title for each in tested_here} == TESTED


def test_the_swarm_services_are_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program of swarm-services.md is a service and a gateway that finds it."""
    monkeypatch.setitem(sys.modules, "longshore", components)
    program = compile(block("from longshore import SwarmGateway"), "swarm-services.md", "exec")

    seen = run_with_mocks(lambda: exec(program, {}))  # noqa: S102 — of our own

    assert seen.error is None
    assert "server-template shop- 32 tasks.shop:80" in seen.named("gate-config").inputs["data"]
    assert seen.named("shop-service").inputs["name"] == "shop"


def test_the_certificate_is_served() -> None:
    """The settings of front-ends.md name the secrets that the commands above them set."""
    commands = block("pulumi config set --path --secret longshore:secrets.certificate")
    args = yaml.safe_load(block("front_end:"))
    tls = args["front_end"]["tls"]
    named = {key: each["secret"] for pair in tls["certificates"] for key, each in pair.items()}
    given = with_certificates(args, ["shop.example"])

    what = service("web", {"image": "app:1", "host_names": ["shop.example"], **given})

    assert re.findall(r"secrets[.](\w+) <", commands) == [named["certificate"], named["private_key"]]
    assert what.front_end.tls is not None
    assert what.front_end.tls.hsts is not None


def test_a_backend_has_the_policies() -> None:
    """The settings of front-ends.md are those of a backend."""
    args = yaml.safe_load(block("allow_from:"))

    what = service("web", {"image": "app:1", **args})

    assert args.items() <= what.backends["web"].model_dump(exclude_unset=True).items()


def test_the_routes_are_accepted() -> None:
    """The backends of front-ends.md."""
    backends = yaml.safe_load(block("api:"))

    what = service(
        "site", {"backends": {name: {"image": "app:1", **each} for name, each in backends.items()}}
    )

    assert [route.path_prefix for route in what.backends["api"].routes] == ["/api", "/v1"]


def test_the_redirects_are_accepted() -> None:
    """The settings of a front end in front-ends.md."""
    front_end = yaml.safe_load(block("redirects:"))

    what = service("site", {"image": "app:1", "front_end": front_end})

    assert [redirect.status for redirect in what.front_end.redirects] == ["308", "301"]


def test_the_rounds_are_declared() -> None:
    """The settings of order.md make one resource of ten replicas."""
    args = yaml.safe_load(block("backends:"))

    seen = run_with_mocks(lambda: LoadBalancedService("site", args))

    assert seen.error is None
    made = seen.named("site-web-replicas").inputs
    assert (made["replicas"], made["update"]["parallelism"], made["update"]["monitor"]) == (10, 2, 10)


def test_the_canary_is_declared() -> None:
    """The settings of order.md are those of a backend with update."""
    args: Any = {"image": "app:1", "update": {}, **yaml.safe_load(block("canary:"))}

    seen = run_with_mocks(lambda: LoadBalancedService("site", args))

    assert seen.error is None
    made = seen.named("site-web-replicas").inputs["canary"]
    assert (made["steps"], made["interval"], made["on_no_traffic"]) == ([5, 25, 50], 60, "promote")


def test_the_floating_address_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program of floating-address.md has three nodes."""
    monkeypatch.setitem(sys.modules, "longshore", components)
    program = compile(block("from longshore import FloatingAddress"), "floating-address.md", "exec")

    seen = run_with_mocks(lambda: exec(program, {}))  # noqa: S102 — of our own

    assert seen.error is None
    assert len(seen.of_type("FloatingAddressNode")) == 3


class TestSettings:
    """The blocks of YAML are settings that are accepted."""

    @pytest.fixture(autouse=True)
    def _nothing_set(self) -> Iterator[None]:
        yield
        pulumi.runtime.set_all_config({}, [])

    def test_the_dev_stack_is_the_block(self) -> None:
        """README shows all of Pulumi.dev.yaml, byte for byte."""
        shown = block("config:\n  longshore:services:")

        assert (ROOT / "Pulumi.dev.yaml").read_text() == shown

    def test_the_blocks_together_are_accepted(self) -> None:
        """The stack, another host for it and a secret in its environment."""
        config: dict[str, Any] = {"longshore:secrets": {"token": "value"}}
        for shown in (b.text for b in blocks() if b.file == "README.md" and b.text.startswith("config:")):
            config |= yaml.safe_load(shown)["config"]
        web = config["longshore:services"]["web"]
        web |= yaml.safe_load(textwrap.dedent(block("environment:")))

        seen = declared(config)

        assert seen.error is None
        assert seen.named("web-host").inputs["host"] == "ssh://deploy@web-1.example"
        assert "envs" in seen.named("web-web-0").inputs

    @pytest.mark.parametrize("path", sorted(ROOT.glob("examples/stacks/*.yaml")), ids=lambda p: p.stem)
    def test_the_examples_of_stacks_are_accepted(self, path: Path) -> None:
        """Each file of examples/stacks declares what it says, with the secrets that it names."""
        authority = Authority("ours").text.strip().replace("\n", "\n            ")
        text = re.sub(
            "-----BEGIN CERTIFICATE-----\n *[.]{3}\n *-----END CERTIFICATE-----", authority, path.read_text()
        )
        config = yaml.safe_load(text)["config"]
        config["longshore:secrets"] = {
            f"{prefix}{part}": text
            for prefix, name in {"shop_": "shop", "blog_": "blog", "": "api"}.items()
            for part, text in zip(("certificate", "key"), made(f"{name}.example"), strict=True)
        }

        seen = declared(config)

        assert seen.error is None
        assert seen.named("site-lb")

    def test_the_swarm_stack_is_accepted(self) -> None:
        """Three nodes, and what runs there."""
        seen = declared(yaml.safe_load((ROOT / "Pulumi.swarm.yaml").read_text())["config"])

        assert seen.error is None
        assert len(seen.of_type("SwarmNode")) == 3
        assert {each.name for each in seen.of_type("ServiceDefinition")} == {
            "main-shop-service", "main-gateway-service"
        }  # fmt: skip

    def test_the_error_is_the_one_shown(self) -> None:
        """The page shows the error word by word."""
        with pytest.raises(ArgumentError) as error:
            service("web", {"image": "httpd:2.4", "replicas": 0})

        assert f"{error.value}\n" == block("LoadBalancedService 'web':")


def declared(config: dict[str, Any]) -> Any:
    """Return the resources that the repository's program declares with these settings."""
    texts = {key: json.dumps(value) for key, value in config.items()}
    pulumi.runtime.set_all_config(texts, ["longshore:secrets"])

    def program() -> None:
        loaded = settings.load()
        for name, args in loaded.services.items():
            LoadBalancedService(name, args)  # type: ignore[arg-type]
        for name, args in loaded.swarms.items():
            SwarmCluster(name, args)  # type: ignore[arg-type]

    return run_with_mocks(program)


@pytest.mark.parametrize(
    "command", ["make test", "make check", "make bench", "make up STACK=other", "make up STACK=swarm"]
)
def test_make_knows_what_is_named(command: str) -> None:
    """Each is told by README, and make has a way to do it."""
    assert command in (ROOT / "README.md").read_text()

    done = subprocess.run([*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    stack = command.partition("STACK=")[2]
    assert (f"--stack {stack}" if stack else "-m ") in done.stdout


@pytest.mark.parametrize("given", ["stack=prod", "STAK=prod"])
def test_make_refuses_a_misspelt_variable(given: str) -> None:
    """It would operate the stack dev instead of the one that is meant."""
    done = subprocess.run(["make", "down", given, "--dry-run"], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 2
    assert f"there is no variable {given.partition('=')[0]}: allowed are STACK" in done.stderr


def test_a_value_for_make_may_have_blanks() -> None:
    """As several paths of tests."""
    command = ["make", "test", "TESTS=tests/unit -k a=b", "--dry-run", "--no-print-directory"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.stdout.strip().endswith("tests/unit -k a=b"), done.stderr


@pytest.fixture(scope="module")
def tagged(host: Host) -> Iterator[Host]:
    """Provide the host, with the images that README names."""
    before = everything(host)
    with named(host):
        yield host
    assert everything(host) == before


@pytest.fixture(scope="module")
def first_up(tagged: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Reader, Run]]:
    """Provide a reader, and the output of their first `make up`."""
    before = everything(tagged)
    reader = Reader(tmp_path_factory.mktemp("reader"), tagged)
    yield reader, reader.types(block("make up"))
    reader.types("make down")
    assert everything(tagged) == before


class TestMake:
    """The smallest example, in a fresh checkout. The tests are in the order of README."""

    pytestmark = needs_all

    def test_up_ends_with_the_address(self, first_up: tuple[Reader, Run], host: Host) -> None:
        """Its last line is the one shown, and it serves."""
        reader, run = first_up

        assert run.stdout.splitlines()[-1] == block("web: http").strip()
        assert re.fullmatch(r"\w+ v1 /\n", get(host, port=8080))
        assert len(containers(host)) == 4
        assert files_with(reader.home / "state", "web-web-0")

    def test_up_again_changes_nothing(self, first_up: tuple[Reader, Run], host: Host) -> None:
        """The same containers, the same last line."""
        reader, run = first_up
        before = containers(host)

        again = reader.types(block("make up"))

        assert again.stdout.splitlines()[-1] == run.stdout.splitlines()[-1]
        assert not re.search(r"\d+ (created|updated|replaced|deleted)", again.output)
        assert containers(host) == before

    def test_preview_shows_a_change_and_makes_none(self, first_up: tuple[Reader, Run], host: Host) -> None:
        """Another count: one server more in the configuration, none on the host."""
        reader, _ = first_up
        before = containers(host)
        reader.edit(replicas=4)

        said = reader.types("make preview").output

        assert re.search(r"^ *\+ +server web-3 web-web-3-g1:80 ", said, re.MULTILINE)
        assert containers(host) == before

    def test_a_change_reaches_the_service_without_a_failed_request(
        self, first_up: tuple[Reader, Run], host: Host
    ) -> None:
        """`replicas` changed, `make up` again."""
        reader, _ = first_up
        reader.edit(replicas=2)

        with Load(f"http://{host.address}:8080/", rate=50) as load:
            reader.types(block("make up"))

        assert load.report.failed == 0, load.report.failures
        assert len(containers(host)) == 3

    def test_a_secret_set_as_shown_reaches_the_replicas(
        self, first_up: tuple[Reader, Run], host: Host
    ) -> None:
        """Typed at the prompt, named in the settings; nowhere in clear."""
        reader, _ = first_up
        secret = "typed-and-never-shown"
        reader.types(block("export PULUMI_BACKEND_URL"), secret)
        reader.edit(**yaml.safe_load(textwrap.dedent(block("environment:"))))

        said = reader.types("make preview").output + reader.types(block("make up")).output

        assert get(host, "/env/TOKEN", port=8080) == f"{secret}\n"
        assert secret not in said
        assert files_with(reader.home, secret) == []
        assert files_with(reader.folder / "Pulumi.dev.yaml", secret) == []

    def test_down_takes_everything_down(self, first_up: tuple[Reader, Run], host: Host) -> None:
        """Containers, networks and volumes; the settings stay."""
        reader, _ = first_up

        reader.types("make down")

        assert containers(host) == set()
        assert {what for what, _ in everything(host)} <= {"network", "image"}
        assert (reader.folder / "Pulumi.dev.yaml").exists()


def containers(host: Host) -> set[str]:
    """Return ids of all running containers of the host."""
    return {str(container.id) for container in host.engine().containers.list()}


@pytest.mark.engine
@pytest.mark.pulumi
@pytest.mark.slow
def test_the_program_of_ones_own_runs(tagged: Host, tmp_path: Path, installed: Path) -> None:
    """README's program, with the wheel installed: both services answer to their names."""
    before = everything(tagged)
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / ".venv").symlink_to(installed)
    (folder / "__main__.py").write_text(block("import pulumi"))
    runtime = {"name": "python", "options": {"virtualenv": ".venv"}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "own", "runtime": runtime}))
    project = Project(folder, tmp_path / "private")
    project.environment |= {"DOCKER_HOST": tagged.url}

    project.pulumi("up", "--yes", "--skip-preview")
    shop, blog = (get(tagged, port=8081, name=f"{name}.example") for name in ("shop", "blog"))
    url = project.pulumi("stack", "output", "url").stdout.strip()
    project.pulumi("destroy", "--yes", "--skip-preview")

    assert shop.split()[0] != blog.split()[0]
    assert url == "http://localhost:8081"
    assert everything(tagged) == before
