"""A stack as a Compose project; that it answers as the stack does is shown by test_scenarios.py."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.export.command import main
from components.export.compose import compose
from components.export.project import CannotExport, Project
from components.load_balanced.validation import service
from components.preview.instance import instances, others
from components.preview.reading import Preview, read
from components.proxies.registry import kind_of
from tests.bench.images import APP_2
from tests.support.mocks import plan
from tests.support.program import ROOT
from tests.support.traffic.cases import read as traffic
from tests.support.traffic.stage import arguments
from tests.unit.test_plan import SERVICES
from tests.unit.test_plan import Project as Repository


def exported(preview: Preview, host: str = "") -> Project:
    return compose(instances(preview), host)


@pytest.fixture
def repository(tmp_path: Path, in_process: None) -> Repository:
    """Provide a repository whose program runs in the process of the test, with its package."""
    return Repository(tmp_path / "repository", package=None)


def previewed(repository: Repository, services: dict[str, Any], **settings: Any) -> Preview:
    repository.configure(services, **settings)
    return read(json.dumps(plan(repository.folder, "test")))


def test_the_parts_of_a_project(repository: Repository) -> None:
    """Replicas and front end with their rights, networks and limits; a `$` stays one."""
    web = {
        **SERVICES["web"],
        "replicas": 2,
        "pids_limit": 300,
        "environment": {"PRICE": "5$", "TOKEN": {"secret": "token"}},
        "network": {"subnet": "10.20.0.0/24"},
        "front_end": {"port": 8080, "networks": ["edge"]},
    }
    project = exported(previewed(repository, {"web": web}, secrets={"token": {"secure": "v1:abc:def"}}))

    services, networks = project.content["services"], project.content["networks"]
    assert list(services) == ["web-web-0", "web-web-1", "web-lb"]
    replica, front_end = services["web-web-0"], services["web-lb"]
    assert replica["environment"] == {"PRICE": "5$$", "TOKEN": "${WEB_WEB_TOKEN:?set it in .env}"}
    assert project.variables == {"WEB_WEB_TOKEN": "TOKEN of web-web"}
    assert replica["cap_add"] == ["CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"]
    assert (replica["pids_limit"], front_end["pids_limit"], front_end["cpu_shares"]) == (300, 2048, 2048)
    assert front_end["healthcheck"]["test"][:2] == ["CMD", "grep"]
    assert replica["security_opt"] == front_end["security_opt"] == ["no-new-privileges"]
    assert replica["networks"] == {"web-net": {"aliases": ["web-web-0-g1"]}}
    assert "$$path" in replica["healthcheck"]["test"][1]
    assert front_end["networks"] == {"web-net": {}, "edge": {}}
    assert networks == {
        "web-net": {"ipam": {"config": [{"subnet": "10.20.0.0/24"}]}},
        "edge": {"external": True},
    }
    assert front_end["ports"] == ["0.0.0.0:8080:8080"]
    assert front_end["cap_drop"] == ["ALL"]
    assert front_end["read_only"] is True
    assert front_end["user"] == "65534:65534"
    assert front_end["depends_on"]["web-web-1"] == {"condition": "service_healthy"}
    assert front_end["volumes"] == ["./web-lb/haproxy.cfg:/etc/longshore/haproxy.cfg:ro"]
    assert "server web-1 web-web-1-g1:80" in project.mounted["web-lb/haproxy.cfg"]


@pytest.mark.slow
def test_the_configuration_is_that_of_the_table_of_traffic(repository: Repository) -> None:
    """Every case of the table that an export has, which shows what it does to requests."""
    cases = [case for case in traffic() if case.component == "service" and not case.refused]
    found: list[dict[str, Any]] = []
    for case in cases:
        if (given := arguments(case)) not in found and "tls" not in given["front_end"]:
            found.append(given)
    services = {
        f"web{place}": {**given, "front_end": {**given["front_end"], "port": 20000 + place}}
        for place, given in enumerate(found)
    }

    project = exported(previewed(repository, services))

    for name, given in services.items():
        what = service(name, given)
        kind = kind_of(what.front_end.kind)
        text = kind.render(what, name, dict.fromkeys(what.backends, 1))
        assert project.mounted[f"{name}-lb/{kind.program.file}"] == text


@pytest.mark.parametrize("before", [None, 0o644, 0o666])
def test_only_the_owner_reads_plain_values(
    repository: Repository, tmp_path: Path, before: int | None
) -> None:
    """Also in a file that was there with another mode; what containers read as another user they can read."""
    web = {**SERVICES["web"], "environment": {"PLAIN": "a value", "TOKEN": {"secret": "token"}}}
    project = exported(previewed(repository, {"web": web}, secrets={"token": {"secure": "v1:abc:def"}}))
    folder = tmp_path / "made"
    if before:
        folder.mkdir()
        (folder / "compose.yaml").write_text("# longer than what comes\n" * 1000)
        (folder / "compose.yaml").chmod(before)

    written = project.write(folder)

    modes = {str(file.relative_to(folder)): file.stat().st_mode & 0o777 for file in written}
    assert modes == {"compose.yaml": 0o600, "web-lb/haproxy.cfg": 0o644, ".env.example": 0o600}
    assert "a value" in (folder / "compose.yaml").read_text()
    assert yaml.safe_load((folder / "compose.yaml").read_text()) == project.content


def test_services_of_several_hosts(repository: Repository) -> None:
    """A project is for one host; the output names it."""
    there = {**SERVICES["web"], "host": {"address": "ssh://deploy@web-2.example"}}
    here = {**SERVICES["web"], "host": {"address": "ssh://deploy@web-1.example"}}
    preview = previewed(repository, {"web": here, "shop": there})

    with pytest.raises(CannotExport, match=r"these are on ssh://deploy@web-1\.example, ssh://deploy@web-2"):
        exported(preview)
    with pytest.raises(CannotExport, match="no LoadBalancedService on ssh://nobody"):
        exported(preview, "ssh://nobody")
    project = exported(preview, "ssh://deploy@web-2.example")
    assert "shop-lb" in project.content["services"]
    assert "web-lb" not in project.content["services"]
    assert project.left_out(instances(preview), others(preview)) == ["web (LoadBalancedService)"]


def test_parts_without_a_counterpart_are_listed() -> None:
    """A swarm is listed; without anything to run there is no project."""
    preview = read(json.dumps(plan(ROOT, "swarm")))

    assert Project("", {}).left_out(instances(preview), others(preview)) == [
        "main-vip (FloatingAddress)",
        "main (SwarmCluster)",
        "main-gateway (SwarmGateway)",
        "main-shop (SwarmService)",
    ]
    with pytest.raises(CannotExport, match="no LoadBalancedService in this stack"):
        exported(preview)


def test_errors_are_one_line(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The program's own, and nothing is written."""
    repository.configure({"web": {"replicas": 3}})
    monkeypatch.chdir(repository.folder)

    assert main(["compose", "out", "--stack", "test"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (repository.folder / "out").exists()


def test_networks_of_single_backends(repository: Repository) -> None:
    """Each is internal; the replicas have their names there, and the front end is on all of them."""
    image = {"image": "app:1", "replicas": 1}
    backends = {name: {**image, "host_names": [f"{name}.example"]} for name in ("shop", "blog")}
    services = {
        "site": {"backends": backends},
        "old": {**image, "network": {"name": "office"}, "front_end": {"port": 8081}},
    }

    content = exported(previewed(repository, services)).content

    assert content["networks"] == {
        "old-web-network": {"internal": True},
        "office": {"external": True},
        "site-net": {},
        "site-blog-network": {"internal": True},
        "site-shop-network": {"internal": True},
    }
    joined = {name: service["networks"] for name, service in content["services"].items()}
    assert joined["site-shop-0"] == {
        "site-net": {},
        "site-shop-network": {"aliases": ["site-shop-0-g1"]},
    }
    assert list(joined["site-lb"]) == ["site-net", "site-blog-network", "site-shop-network"]
    assert joined["old-web-0"] == {"office": {}, "old-web-network": {"aliases": ["old-web-0-g1"]}}
    assert list(joined["old-lb"]) == ["office", "old-web-network"]


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_rounds_are_a_pace_for_other_programs(repository: Repository, kind: str) -> None:
    """All else is as without them; `max_surge`, which Compose has not, is a limit of `parallelism`."""
    own: dict[str, Any] = {
        "replicas": 2,
        "command": ["serve", "$HOME"],
        "environment": {"PRICE": "5$", "TOKEN": {"secret": "token"}},
        "cpus": 0.5,
        "memory": 100,
        "pids_limit": 300,
        "user": "1000",
        "read_only": True,
        "capabilities": ["SYS_TIME"],
        "restart": {"policy": "on-failure", "max_retries": 3},
        "health": {"command": ["/bin/check"]},
        "drain": 2.6,
    }
    web = {**SERVICES["web"], **own, "front_end": {"kind": kind, "port": 8080}}
    paces: dict[str, Any] = {
        "web": {
            "update": {"parallelism": 4, "max_surge": 2, "delay": 1, "monitor": 0.5},
            "canary": {"steps": [10]},
        },
        "shop": {
            "update": {"order": "stop-first", "failure_action": "pause", "max_failure_ratio": 0.25},
            "rollback": {"parallelism": 2, "failure_action": "continue"},
        },
    }
    services = {
        "web": web,
        "shop": {**web, "network": {"name": "office"}, "front_end": {"kind": kind, "port": 8081}},
    }
    secrets = {"token": {"secure": "v1:abc:def"}}
    before = exported(previewed(repository, services, secrets=secrets))
    services = {name: {**given, **paces[name]} for name, given in services.items()}

    after = exported(previewed(repository, services, secrets=secrets))

    deploy = {name: each.pop("deploy", None) for name, each in after.content["services"].items()}
    assert after.content == before.content
    assert after.mounted == before.mounted
    assert after.variables == before.variables
    assert after.missing == ["web-web-replicas: canary"]
    assert deploy["web-lb"] is deploy["shop-lb"] is None
    usual = {"parallelism": 1, "delay": "0s", "monitor": "5s", "max_failure_ratio": 0, "order": "start-first"}
    first = {**usual, "parallelism": 2, "delay": "1s", "monitor": "0.5s", "failure_action": "rollback"}
    for each in ("web-web-0", "web-web-1"):
        assert deploy[each] == {
            "update_config": first,
            "rollback_config": {**usual, "failure_action": "pause"},
        }
    stop = {**usual, "order": "stop-first", "failure_action": "pause", "max_failure_ratio": 0.25}
    for each in ("shop-web-0", "shop-web-1"):
        assert deploy[each] == {
            "update_config": stop,
            "rollback_config": {**usual, "parallelism": 2, "failure_action": "continue"},
        }


def test_the_file_is_one_that_compose_reads(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """YAML with the services and networks, and nothing else."""
    repository.configure({"web": {**SERVICES["web"], "image": APP_2}})
    monkeypatch.chdir(repository.folder)

    assert main(["compose", "out", "--stack", "test"]) == 0

    found = yaml.safe_load(Path("out/compose.yaml").read_text())
    assert set(found) == {"services", "networks"}
    assert found["services"]["web-web-0"]["image"] == APP_2
