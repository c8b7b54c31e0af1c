"""Commands of docs/guides, typed as a reader types them; and its settings, declared."""

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
import yaml

from components import ArgumentError
from components.load_balanced.validation import service
from tests.bench.hosts import Host
from tests.docs.test_readme import containers, declared
from tests.pulumi.test_stack import everything, get
from tests.support.documents import GUIDES, Block, block, blocks
from tests.support.mocks import Seen
from tests.support.program import ROOT
from tests.support.reader import Reader, named

ALL = [each for each in blocks() if each.file.startswith("guides/")]
SETTINGS = [
    each for each in ALL if each.language == "yaml" and re.match(r"(# Pulumi\..*\n)?config:", each.text)
]
BEFORE = ["# compose.yaml", "# tasks/main.yml"]
"""First lines of files of others in the guides: the file after the change is compared with them."""
SAID = [
    "web: http://localhost:8080",
    "LoadBalancedService 'web':",
    "5 of 5 new replicas",
    "| | what | resources",
]
"""Output that is shown; a test of this file looks for it."""
TYPED = {
    "make up", "make preview", "make down",
    "curl http://localhost:8080/",
    "curl --fail --header 'Host: shop.example' http://localhost:8080/",
    "curl --fail --header 'Host: img.shop.example' http://localhost:8080/",
    "curl --fail --header 'Host: blog.example' http://localhost:8080/",
    ("curl --silent --output /dev/null --write-out '%{http_code}\\n' --header 'Host: other.example' "
    "http://localhost:8080/"),
    "pulumi preview --stack dev --json --show-sames >dev.json",
    "longshore review dev.json",
    "longshore review dev.json prod.json >comment.md",
    "longshore review dev.json --fail-on gap --fail-on delete",
    "longshore plan --stack dev --against HEAD",
    "export PULUMI_BACKEND_URL=file://~ PULUMI_CONFIG_PASSPHRASE_FILE=$HOME/.config/longshore/passphrase",
    "pulumi stack export --stack dev --file ../dev.json",
    "pulumi stack init dev",
    "pulumi stack import --stack dev --file ../dev.json",
    "pulumi refresh --stack dev --preview-only",
    "pulumi refresh --stack dev --yes",
    "docker ps --filter label=io.longshore.project=longshore --filter label=io.longshore.stack=dev",
    "pulumi stack rm dev --force --yes --preserve-config",
}  # fmt: skip
"""Commands that TestOneHost types."""
NOT_TYPED = {
    "docker build -t longshore-keepalived:1 templates/keepalived": "needs a registry; tests/bench makes one",
    "make preview STACK=swarm": "needs three hosts of these names; test_swarm_cluster.py has others",
    "make up STACK=swarm": "the same",
    "curl --fail --header 'Host: shop.example' http://192.0.2.9:8080/": "the same",
    "make down STACK=dev": "test_readme.py types it without the default",
    "pulumi config set --path --secret longshore:secrets.token --stack prod": "see test_readme.py",
    "pulumi stack output unlock_keys --show-secrets --stack swarm": "test_swarm_cluster.py takes this output",
    "docker swarm unlock": "test_swarm_cluster.py does, through the Engine API",
}  # fmt: skip
"""Commands that nobody types here, and why."""


def shell(guide: str) -> list[str]:
    """Return the blocks of shell text of a guide, in order."""
    return [each.text for each in ALL if each.file == f"guides/{guide}.md" and each.language == "sh"]


def settings(guide: str) -> list[str]:
    """Return the blocks of settings of a guide, in order."""
    return [each.text for each in SETTINGS if each.file == f"guides/{guide}.md"]


def test_every_block_is_tested() -> None:
    """Shell is typed, or has a reason why not; settings are declared; the rest is looked for."""
    lines = {line for each in ALL if each.language == "sh" for line in each.text.splitlines()}
    others = [each.text for each in ALL if each.language != "sh" and each not in SETTINGS]

    assert lines == TYPED | NOT_TYPED.keys()
    assert TYPED.isdisjoint(NOT_TYPED)
    assert [text for text in others if not text.startswith((*BEFORE, *SAID))] == []


@pytest.mark.parametrize("command", sorted(line for line in NOT_TYPED if line.startswith("make ")))
def test_make_knows_what_is_not_typed(command: str) -> None:
    """There is a way to do it."""
    done = subprocess.run([*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert command.partition(" ")[2].replace("STACK=", "--stack ") in done.stdout


class TestSettings:
    """The settings of the guides are accepted, and make what the guides say."""

    @pytest.fixture(autouse=True)
    def _nothing_set(self) -> Iterator[None]:
        yield
        pulumi.runtime.set_all_config({}, [])

    @pytest.mark.parametrize("shown", SETTINGS, ids=lambda each: each.file)
    def test_they_are_accepted(self, shown: Block) -> None:
        """Each block, as a stack of its own."""
        assert _declared(shown.text).error is None

    def test_the_error_is_the_one_shown(self) -> None:
        """The page shows the error word by word."""
        with pytest.raises(ArgumentError) as error:
            service("web", {"image": "httpd:2.4", "replicas": 0})

        assert f"{error.value}\n" == block("LoadBalancedService 'web':", "guides")

    @pytest.mark.parametrize("key", ["503", "421", "close", "shop"])
    def test_answers_to_an_unknown_host(self, key: str) -> None:
        """Each of the table of virtual-hosts.md is accepted in its program."""
        page = (GUIDES / "virtual-hosts.md").read_text()
        (row,) = re.findall(rf'`front_end\.(\w+): "?{key}"?`', page)
        config = yaml.safe_load(settings("virtual-hosts")[0])["config"]
        config["longshore:services"]["web"]["front_end"][row] = key

        assert declared(config).error is None

    def test_a_swarm_of_two_managers_is_refused(self) -> None:
        """The words are those of swarm.md and operating.md, unless the settings allow it."""
        config = yaml.safe_load(settings("swarm")[0])["config"]
        main = config["longshore:swarms"]["main"]
        del main["nodes"]["c"]

        refused = declared(config).error
        main["even_managers"] = True

        assert "nodes must have an odd number of managers, got 2" in str(refused)
        assert declared(config).error is None

    def test_from_compose(self) -> None:
        """The settings say what the Compose file said."""
        before = _before("from-compose")["services"]
        (after,) = yaml.safe_load(settings("from-compose")[0])["config"]["longshore:services"].values()
        web = before["web"]

        seen = _declared(settings("from-compose")[0])

        assert (after["image"], after["command"], after["user"]) == (
            web["image"],
            web["command"],
            web["user"],
        )
        assert after["environment"] == web["environment"]
        assert after["replicas"] == web["deploy"]["replicas"]
        assert f"{after['memory']}M" == web["deploy"]["resources"]["limits"]["memory"]
        assert str(after["cpus"]) == web["deploy"]["resources"]["limits"]["cpus"]
        assert ["CMD", *after["health"]["command"]] == web["healthcheck"]["test"]
        assert after["restart"]["policy"] == web["restart"]
        assert f"{after['drain']}s" == web["stop_grace_period"]
        assert f"{after['front_end']['port']}:80" == before["proxy"]["ports"][0]
        assert seen.named("shop-web-0").inputs["networksAdvanced"][0]["name"] == "shop_default"
        made = [each.name for each in seen.resources if each.type.endswith(":Network")]
        assert made == ["shop-web-network"]
        assert len(set(re.findall(r"server shop-web-\d-g1:3000 ", _text(seen, "shop")))) == 4

    @pytest.mark.parametrize("kind", ["haproxy", "nginx"])
    def test_from_nginx_proxy(self, kind: str) -> None:
        """Each VIRTUAL_HOST is in the generated configuration, and its port with the right replicas."""
        before = {
            name: each["environment"]
            for name, each in _before("from-nginx-proxy")["services"].items()
            if "VIRTUAL_HOST" in each["environment"]
        }
        config = yaml.safe_load(settings("from-nginx-proxy")[0])["config"]
        sites = config["longshore:services"]["sites"]
        sites["front_end"]["kind"] = kind

        text = _text(declared(config), "sites")

        assert {name: ",".join(each["host_names"]) for name, each in sites["backends"].items()} == {
            name: environment["VIRTUAL_HOST"] for name, environment in before.items()
        }
        for name, environment in before.items():
            assert f"sites-{name}-0-g1:{environment.get('VIRTUAL_PORT', 80)} " in text
            for host in environment["VIRTUAL_HOST"].split(","):
                assert host.removeprefix("*") in text

    def test_from_ansible(self) -> None:
        """The settings say what the play said."""
        replicas, _, front_end = _before("from-ansible")
        given = replicas["community.docker.docker_container"]
        proxy = front_end["community.docker.docker_container"]
        config = yaml.safe_load(settings("from-ansible")[0])["config"]
        shop = config["longshore:services"]["shop"]

        seen = _declared(settings("from-ansible")[0])

        assert shop["image"] == given["image"]
        assert shop["replicas"] == len(replicas["loop"])
        assert shop["environment"].keys() == given["env"].keys()
        assert f"{shop['memory']}m" == given["memory"]
        assert shop["restart"]["policy"] == given["restart_policy"]
        assert shop["front_end"]["image"] == proxy["image"]
        assert f"{shop['front_end']['port']}:80" in proxy["published_ports"]
        assert seen.named("shop-host").inputs["host"] == config["longshore:host"]["address"]

    def test_the_node_that_becomes_a_manager(self) -> None:
        """operating.md: the managers that are left, and the new one."""
        seen = _declared(settings("operating")[0])

        roles = {each.name: each.inputs["role"] for each in seen.of_type("SwarmNode")}

        assert roles == dict.fromkeys(["main-node-b", "main-node-c", "main-node-d"], "manager")


def _declared(shown: str) -> Seen:
    config = {"longshore:secrets": {"token": "value"}, **yaml.safe_load(shown)["config"]}
    seen: Seen = declared(config)
    return seen


def _before(guide: str) -> Any:
    (text,) = (
        each.text for each in ALL if each.file == f"guides/{guide}.md" and each.text.startswith((*BEFORE,))
    )
    return yaml.safe_load(text)


def _text(seen: Seen, component: str) -> str:
    return str(seen.named(f"{component}-lb-config").inputs["config"])


def test_the_review_begins_as_shown() -> None:
    """pull-request.md shows the table of a review that test_review.py makes."""
    shown = block("| | what | resources", "guides")

    assert shown in (ROOT / "tests/cases/previews/new-image.md").read_text()


@pytest.fixture(scope="module")
def reader(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Provide a reader with a fresh checkout, in git, of which nothing is left in the end."""
    before = everything(host)
    with named(host):
        found = Reader(tmp_path_factory.mktemp("guides"), host)
        found.types(
            "git init --quiet && git add . && git -c user.name=a -c user.email=a@a.example commit -qm a"
        )
        yield found
        found.types("make down")
    assert everything(host) == before


@pytest.mark.engine
@pytest.mark.pulumi
@pytest.mark.slow
class TestOneHost:
    """Guides for a service on one host, typed in their order."""

    def test_first_service(self, reader: Reader, host: Host) -> None:
        """Up, a request, a change, a mistake that nobody notices, and back."""
        up, curl, change, back, _ = shell("first-service")
        five, mistake = settings("first-service")

        assert reader.types(up).stdout.splitlines()[-1] == block("web: http", "guides").strip()
        assert re.fullmatch(r"\w+ v1 /\n", reader.types(curl).stdout)
        reader.writes(five)
        said = reader.types(change).output
        assert len(re.findall(r"^ *\+ +server web-[34] ", said, re.MULTILINE)) == 2
        five_up = containers(host)
        assert len(five_up) == 6
        reader.writes(mistake)
        failed = reader.types(back, check=False)
        assert failed.code != 0
        assert block("5 of 5 new replicas", "guides").strip() in failed.output
        assert get(host, port=8080)
        reader.writes(five)
        reader.types(back)
        assert len(containers(host)) == 6
        assert get(host, port=8080)

    def test_virtual_hosts(self, reader: Reader) -> None:
        """Three names are answered, a fourth is not."""
        (typed,) = shell("virtual-hosts")
        reader.writes(settings("virtual-hosts")[0])

        said = reader.types(typed).stdout.splitlines()

        assert said[-1] == "503"
        assert [line.split()[1:] for line in said[-4:-1]] == [["v1", "/"]] * 3

    def test_pull_request(self, reader: Reader) -> None:
        """Nobody is refused by another count; a removal is what the rule refuses."""
        logged_in = shell("operating")[0]
        by_hand, comment, rule, plan = (logged_in + text for text in shell("pull-request"))
        reader.writes(settings("virtual-hosts")[0].replace("replicas: 2", "replicas: 1", 1))

        review = reader.types(by_hand).stdout
        (reader.folder / "prod.json").write_bytes((reader.folder / "dev.json").read_bytes())
        reader.types(comment)
        refused = reader.types(rule, check=False)
        planned = reader.types(plan).stdout
        reader.writes(settings("virtual-hosts")[0])

        assert block("| | what | resources", "guides").splitlines()[0] in review
        assert "always served" in review
        assert "prod" in (reader.folder / "comment.md").read_text()
        assert refused.code == 3, refused.output
        assert "shop" in planned

    def test_backup_and_drift(self, reader: Reader, host: Host) -> None:
        """A state that is lost comes back; a front end that is stopped is seen, and starts again."""
        logged_in, *typed = shell("operating")
        export, restore, look, mend, listed, _, rm, _ = (logged_in + text for text in typed)
        before = containers(host)

        reader.types(export)
        for file in (reader.home / "state/.pulumi").rglob("*"):
            if file.is_file():
                file.unlink()
        restored = reader.types(restore)
        assert containers(host) == before
        assert not re.search(r"\d+ (created|updated|replaced|deleted)", restored.output)

        (front_end,) = host.engine().containers.list(filters={"label": "io.longshore.role=front-end"})
        front_end.stop()
        assert re.search(r"web-lb-config.*running", reader.types(look).output, re.DOTALL)
        assert containers(host) != before
        reader.types(mend)
        assert containers(host) == before
        assert len(reader.types(listed).stdout.splitlines()) == 1 + len(before)

        reader.types(rm)
        assert containers(host) == before
        reader.types(restore)  # so that `make down` finds what to remove
        assert containers(host) == before
