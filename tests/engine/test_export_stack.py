"""The services of a swarm as a stack of docker's own, and that it serves as ours does."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.engine.swarm import services
from components.export.command import main
from components.export.project import CannotExport, Project
from components.export.stack import stack
from components.preview.instance import instances, others
from components.preview.reading import Preview, read
from components.swarm.service.component import config_name
from tests.bench.hosts import Host
from tests.bench.process import until
from tests.pulumi.test_swarm_cluster import PORT, everything
from tests.support.mocks import plan
from tests.support.program import ROOT
from tests.support.swarm import Swarm, answers, asked
from tests.unit.test_export import previewed
from tests.unit.test_plan import Project as Repository

GOLDEN = Path(__file__).parents[1] / "golden" / "services"
TOKEN = "a-token-of-nobody"
SECRETS = {"token": {"secure": "v1:abc:def"}}
NODES = {
    "a": {"host": {"address": "ssh://deploy@a.example"}, "role": "manager"},
    "b": {"host": {"address": "ssh://deploy@b.example"}, "labels": {"zone": "dmz"}},
    "c": {"host": {"address": "ssh://deploy@c.example"}, "labels": {"zone": "dmz"}},
}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def exported(repository: Repository, host: str = "", **swarms: Any) -> Project:
    preview = previewed(repository, {}, swarms=swarms, secrets=SECRETS)
    assert not preview.errors
    return stack(instances(preview), host)


def cluster(**keys: Any) -> dict[str, Any]:
    return {"nodes": NODES, "networks": {"apps": {}, "logs": {}}, **keys}


def case(name: str) -> dict[str, Any]:
    """Return arguments of a golden definition."""
    return {"image": "app:1", **json.loads((GOLDEN / f"{name}.json").read_text())["arguments"]}


def test_a_service_with_everything(repository: Repository) -> None:
    """Each field of the definition has its word in the file, except one, which is listed as missing."""
    project = exported(repository, main=cluster(services={"web": case("everything")}))

    policy = {"parallelism": 2, "delay": "3s", "failure_action": "continue", "monitor": "1.5s"}
    again = {"parallelism": 0, "delay": "0s", "failure_action": "continue", "monitor": "5s"}
    expected = {
        "image": "app:1",
        "environment": {"A": "1", "B": "2"},
        "networks": {"apps": {}, "logs": {}},
        "entrypoint": ["/bin/app"],
        "command": ["--port", "80"],
        "hostname": "{{.Node.Hostname}}",
        "user": "app",
        "init": True,
        "read_only": True,
        "volumes": [{"type": "tmpfs", "target": "/run"}, {"type": "tmpfs", "target": "/tmp"}],
        "cap_drop": ["ALL"],
        "cap_add": ["NET_BIND_SERVICE"],
        "sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"},
        "stop_signal": "SIGQUIT",
        "stop_grace_period": "30s",
        "deploy": {
            "replicas": 4,
            "endpoint_mode": "dnsrr",
            "labels": {"team": "blue"},
            "placement": {
                "constraints": ["node.labels.zone==dmz", "node.role==worker"],
                "max_replicas_per_node": 2,
            },
            "resources": {
                "limits": {"cpus": "0.5", "memory": "64M", "pids": 2048},
                "reservations": {"cpus": "0.25", "memory": "32M"},
            },
            "restart_policy": {
                "condition": "on-failure",
                "delay": "0.5s",
                "max_attempts": 3,
                "window": "60s",
            },
            "update_config": {**policy, "max_failure_ratio": 0.25, "order": "stop-first"},
            "rollback_config": {**again, "max_failure_ratio": 0, "order": "stop-first"},
        },
    }
    # In this order, too: each run writes the same text.
    assert json.dumps(project.content["services"]["web"]) == json.dumps(expected)
    assert project.missing == [
        "web: TaskTemplate.ContainerSpec.Privileges.NoNewPrivileges True",
        "node a of main: manager",
        "node b of main: worker, label zone=dmz",
        "node c of main: worker, label zone=dmz",
    ]


@pytest.mark.usefixtures("in_process")
@pytest.mark.skipif(not shutil.which("docker"), reason="no docker, which reads the file")
def test_docker_reads_what_is_written(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every kind of service as `docker stack config` takes it: a `$` and a number in a text stay what they
    are; what is secret is nowhere, and asked for."""
    web = {
        **case("files"),
        "init": False,
        "environment": {"PRICE": "5$", "COMMIT": "12e4", "TOKEN": {"secret": "token"}},
        "configs": {"site": {"content": "5$"}, "hidden": {"content": {"secret": "token"}}},
    }
    # Two want the same port.
    kinds = {file.stem: case(file.stem) for file in GOLDEN.glob("*.json") if file.stem != "host-port"}
    net = {"subnet": "10.9.0.0/24", "mtu": 1400, "encrypted": True, "attachable": True, "internal": True}
    gateway = {"networks": ["apps"], "front_end": {"port": 90}, "backends": {"web": {}}}
    given = cluster(
        networks={"apps": net, "logs": {}, "unused": {}}, services={**kinds, "web": web}, gateway=gateway
    )
    repository.configure({}, swarms={"main": given}, secrets=SECRETS)
    monkeypatch.chdir(repository.folder)

    assert main(["stack", "out", "--stack", "test"]) == 0
    said = capsys.readouterr().out
    command = ["docker", "stack", "config", "--compose-file", "out/stack.yaml"]
    refused = subprocess.run(command, capture_output=True, text=True)
    variables = {
        line.removesuffix("="): "given"
        for line in Path("out/.env.example").read_text().splitlines()
        if not line.startswith("#")
    }
    read_ = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **variables})

    assert "is missing a value: set it in .env" in refused.stderr
    assert read_.returncode == 0, read_.stderr
    found = yaml.safe_load(read_.stdout)
    service = found["services"]["web"]
    assert service["environment"] == {"PRICE": "5$", "COMMIT": "12e4", "TOKEN": "given"}
    assert service["init"] is False
    secret = {"source": "main-web-secret-token", "target": "/run/secrets/token", "mode": 0o400}
    assert service["secrets"] == [{**secret, "uid": "1000", "gid": "1000"}]
    assert [each["target"] for each in service["configs"]] == ["/hidden", "/site"]
    assert found["secrets"]["main-web-secret-token"] == {"external": True, "name": "given"}
    assert found["configs"]["main-web-config-hidden"] == {"external": True, "name": "given"}
    assert found["configs"]["main-web-config-site"]["name"] == config_name("web", "site", "5$")
    assert Path("out/configs/main-web-config-site").read_text() == "5$"
    port = {"mode": "host", "target": 90, "published": 90, "protocol": "tcp"}
    assert found["services"]["main-gateway"]["ports"] == [port]
    assert {each["mode"] for each in found["services"]["ports"]["ports"]} == {"ingress"}
    assert set(found["services"]) == {*kinds, "web", "main-gateway"}
    assert found["networks"]["apps"] == {
        "name": "apps",
        "driver": "overlay",
        "driver_opts": {"com.docker.network.driver.mtu": "1400", "encrypted": ""},
        "ipam": {"config": [{"subnet": "10.9.0.0/24"}]},
        "attachable": True,
        "internal": True,
    }
    assert set(variables) == {"MAIN_WEB_TOKEN", "MAIN_WEB_TOKEN_SECRET", "MAIN_WEB_HIDDEN_CONFIG"} | {
        "MAIN_FILES_TOKEN_SECRET"
    }
    assert "MAIN_WEB_TOKEN_SECRET in out/.env: name of the secret (docker secret create) that is" in said
    assert "not in it: network unused: no service here is on it" in said
    assert "not in it: web: no network (it joins `default` of the stack)" in said


def test_unknown_values_are_asked_for_by_name(repository: Repository) -> None:
    """An image, a network, a variable and a config of another stack are asked for by name."""
    (repository.folder / "__main__.py").write_text(
        "import pulumi\n"
        "from components import SwarmService\n"
        "other = pulumi.StackReference('organization/other/test')\n"
        "text = other.get_output('text')\n"
        "managers = other.get_output('managers')\n"
        "SwarmService('web', {'managers': managers, 'image': text, 'networks': ['apps', text],\n"
        "    'environment': {'A': '1', 'B': text}, 'configs': {'site': {'content': text}}})\n"
    )

    project = stack(instances(previewed(repository, {})))

    assert set(project.variables) == {"WEB_IMAGE", "WEB_B", "WEB_NETWORK_1", "WEB_SITE_CONFIG"}
    service = project.content["services"]["web"]
    assert service["image"] == "${WEB_IMAGE:?set it in .env}"
    assert service["environment"] == {"A": "1", "B": "${WEB_B:?set it in .env}"}
    assert project.content["networks"] == {
        "apps": {"name": "apps", "external": True},
        "web-network-1": {"name": "${WEB_NETWORK_1:?set it in .env}", "external": True},
    }
    assert project.files == {}


def test_one_variable_for_two_values_is_refused(repository: Repository) -> None:
    """The user who sets it would give both the same value."""
    hidden = {"secret": "token"}
    web = {"image": "app:1", "environment": {"TOKEN": hidden, "token": hidden}}

    with pytest.raises(CannotExport, match=r"TOKEN of web and token of web would both be .* MAIN_WEB_TOKEN"):
        exported(repository, main=cluster(services={"web": web}))


def test_services_of_several_swarms(repository: Repository) -> None:
    """A stack is for one swarm; which, a manager says. Networks of the other are not in it."""
    service = {"image": "app:1", "networks": ["apps"]}
    one = cluster(networks={"apps": {"subnet": "10.9.0.0/24"}}, services={"web": service})
    nodes = {"d": {"host": {"address": "ssh://deploy@d.example"}, "role": "manager"}}
    other = cluster(nodes=nodes, services={"shop": service})

    with pytest.raises(CannotExport, match=r"these are on ssh://deploy@a\.example, ssh://deploy@d\.example"):
        exported(repository, one=one, other=other)
    project = exported(repository, "ssh://deploy@d.example", one=one, other=other)
    assert set(project.content["services"]) == {"shop"}
    assert project.content["networks"] == {"apps": {"name": "apps", "driver": "overlay"}}


def test_parts_without_a_counterpart_are_listed(repository: Repository) -> None:
    """Nodes with what the services ask of them, addresses; without a swarm there is no stack."""
    preview = read(json.dumps(plan(ROOT, "swarm")))

    assert stack(instances(preview)).left_out(instances(preview), others(preview)) == [
        "main-gateway: TaskTemplate.ContainerSpec.Privileges.NoNewPrivileges True",
        "shop: TaskTemplate.ContainerSpec.Privileges.NoNewPrivileges True",
        "node manager-1 of main: manager, label zone=manager",
        "node worker-1 of main: worker, label zone=dmz",
        "node worker-2 of main: worker, label zone=dmz",
        "main-vip (FloatingAddress)",
    ]
    with pytest.raises(CannotExport, match="no SwarmService or SwarmGateway in this stack"):
        stack(instances(Preview((), {}, ())))


@pytest.mark.engine
def test_it_serves_as_ours_does(
    repository: Repository,
    hosts: list[Host],
    monkeypatch: pytest.MonkeyPatch,
    note: Callable[[str], None],
) -> None:
    """Docker deploys and removes a gateway and its services.

    The services are defined as ours, the gateway finds them by name, the secrets are in their places and
    nowhere else.
    """
    settings = everything(hosts)
    hidden = {"secret": "token"}
    settings["services"]["shop"] |= {
        "replicas": 2,
        "environment": {"TOKEN": hidden},
        "secrets": {"token": {"content": hidden}},
    }
    settings["services"]["still"] = {**case("everything"), "replicas": 0, "networks": ["web"]}
    repository.configure({}, swarms={"main": settings}, secrets=SECRETS)
    monkeypatch.chdir(repository.folder)
    assert main(["stack", "out", "--stack", "test"]) == 0
    assert TOKEN not in Path("out/stack.yaml").read_text()
    environment = {**os.environ, "MAIN_SHOP_TOKEN": TOKEN, "MAIN_SHOP_TOKEN_SECRET": "shop-token"}

    def run(*arguments: str, text: str | None = None) -> None:
        done = subprocess.run(
            ["docker", "--host", hosts[0].url, *arguments],
            input=text,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    with Swarm(hosts) as swarm:
        for host in hosts[1:]:
            swarm.label(host, zone="dmz")
        run("secret", "create", "shop-token", "-", text=TOKEN)
        began = time.monotonic()
        run("stack", "deploy", "--resolve-image", "never", "--compose-file", "out/stack.yaml", "exported")
        url = f"http://{hosts[1].address}:{PORT}"
        answers(lambda: asked(f"{url}/", "shop.example")[0] == 200, "the gateway answers")
        note(f"docker stack deploy until the gateway answers: {time.monotonic() - began:.0f} s")
        until(lambda: len(swarm.tasks("exported_shop")) == 2, "all tasks run")

        def each_has_its_turn() -> bool:
            tasks = swarm.tasks("exported_shop")
            ids = {task["Status"]["ContainerStatus"]["ContainerID"][:12] for task in tasks}
            return {asked(f"{url}/", "shop.example")[1].split()[0] for _ in ids} == ids

        answers(each_has_its_turn, "each has its turn")
        assert asked(f"{url}/", "nobody.example")[0] == 503
        assert asked(f"{url}/env/TOKEN", "shop.example")[1].strip() == TOKEN
        container: Any = hosts[1].engine().containers.list(filters={"name": "exported_shop"})[0]
        assert container.exec_run(["cat", "/run/secrets/token"]).output.decode() == TOKEN
        for name, spec in definitions(repository).items():
            (service,) = hosts[0].engine().services.list(filters={"name": f"exported_{name}"})
            assert services.look(hosts[0].engine(), str(service.id), spec) == spec

        run("stack", "rm", "exported")
        until(lambda: not any(host.engine().containers.list() for host in hosts), "no task is left")
        assert not hosts[0].engine().services.list()


def definitions(repository: Repository) -> dict[str, dict[str, Any]]:
    """Return the definitions of our services, without what differs in a stack of docker's own."""
    found = {}
    for step in plan(repository.folder, "test")["steps"]:
        if step["newState"]["type"].endswith(":ServiceDefinition"):
            inputs = step["newState"]["inputs"]
            spec, container = inputs["spec"], inputs["spec"]["TaskTemplate"]["ContainerSpec"]
            del spec["Labels"], container["Labels"]
            container["Privileges"] = {}
            container["Env"] = [f"TOKEN={TOKEN}" if each == "[secret]" else each for each in container["Env"]]
            for each in container["Configs"]:
                del each["ConfigID"]
            for each in container["Secrets"]:
                del each["SecretID"]
                each["SecretName"] = "shop-token"
            found[inputs["name"]] = spec
    return found
