"""The policy pack: each rule on what it refuses and what it lets pass, and the pack under the real pulumi."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.bench.hosts import Host
from tests.support.program import Program, service

FOLDER = Path(__file__).parents[2] / "policy"
HOST, OTHER = "ssh://deploy@web-1.example", "ssh://deploy@web-2.example"


def _rules() -> ModuleType:
    # Under a name of its own: the pack is a program by itself, not a package of ours.
    spec = importlib.util.spec_from_file_location("longshore_policy_rules", FOLDER / "rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RULES = _rules()


def policy(name: str) -> Any:
    """Return the rule of that name."""
    (found,) = [each for each in RULES.RULES if each.name == name]
    return found


def judged(rule: str, kind: str, **props: Any) -> list[str]:
    """Return the verdict of the rule of that name on one resource `x`."""
    said: list[str] = []
    args: Any = SimpleNamespace(resource_type=kind, props=props, name="x")
    policy(rule).validate(args, lambda text, urn: said.append(text))
    return said


def task(**keys: Any) -> dict[str, Any]:
    return {"spec": {"TaskTemplate": {"ContainerSpec": keys}}}


CONTAINER, IMAGE, REPLICAS, SERVICE, FLOATING, DOCKER = (
    RULES.CONTAINER,
    RULES.IMAGE,
    RULES.REPLICAS,
    RULES.SERVICE,
    RULES.FLOATING,
    RULES.DOCKER,
)
REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("no-engine-socket", CONTAINER, {"volumes": [{"hostPath": "/var/run/docker.sock"}]}),
    ("no-engine-socket", CONTAINER, {"mounts": [{"source": "/run/containerd/containerd.sock"}]}),
    ("no-engine-socket", CONTAINER, {"volumes": [{"hostPath": "/"}]}),
    ("no-engine-socket", CONTAINER, {"volumes": [{"hostPath": "/var/run/"}]}),
    ("no-engine-socket", CONTAINER, {"volumes": [{"hostPath": "/run/containerd"}]}),
    ("no-engine-socket", SERVICE, task(Mounts=[{"Source": "/run/docker.sock"}])),
    ("no-privileges", CONTAINER, {"privileged": True}),
    ("no-privileges", CONTAINER, {"capabilities": {"adds": ["cap_sys_admin"]}}),
    ("no-privileges", SERVICE, task(CapabilityAdd=["ALL"])),
    ("pinned-images", CONTAINER, {"image": "httpd"}),
    ("pinned-images", CONTAINER, {"image": "registry.example:5000/httpd"}),
    ("pinned-images", IMAGE, {"name": "httpd:latest"}),
    ("pinned-images", SERVICE, task(Image="httpd")),
    ("pinned-images", FLOATING, {"image": "keepalived"}),
    ("pinned-images", REPLICAS, {"image": "httpd"}),
    ("no-privileges", REPLICAS, {"container": {"capabilities": ["SYS_ADMIN"]}}),
    ("no-plain-engine", DOCKER, {"host": "TCP://web-1.example:2375"}),
]
ALLOWED: list[tuple[str, str, dict[str, Any]]] = [
    ("no-engine-socket", CONTAINER, {"volumes": [{"containerPath": "/data"}], "mounts": []}),
    ("no-engine-socket", SERVICE, task(Mounts=[{"Source": "/srv/data"}])),
    ("no-privileges", CONTAINER, {"privileged": False, "capabilities": {"adds": ["CAP_CHOWN"]}}),
    ("pinned-images", CONTAINER, {"image": "registry.example:5000/httpd:2.4"}),
    ("pinned-images", IMAGE, {"name": f"httpd@sha256:{'0' * 64}"}),
    ("pinned-images", SERVICE, task(Image="httpd:2.4")),
    ("pinned-images", REPLICAS, {"image": "httpd:2.4"}),
    ("no-privileges", REPLICAS, {"container": {"capabilities": ["CHOWN"]}}),
    ("no-plain-engine", DOCKER, {"host": "tcp://web-1.example:2376", "certPath": "/certs"}),
    ("no-plain-engine", DOCKER, {"host": HOST}),
]


@pytest.mark.parametrize(("rule", "kind", "props"), REFUSED)
def test_a_policy_refuses_in_one_sentence(rule: str, kind: str, props: dict[str, Any]) -> None:
    """One sentence that names the resource and says what to do."""
    (said,) = judged(rule, kind, **props)

    assert said.startswith("x ")
    assert ": " in said


@pytest.mark.parametrize(("rule", "kind", "props"), ALLOWED)
def test_a_policy_accepts_other_resources(rule: str, kind: str, props: dict[str, Any]) -> None:
    """Resources in order, and resources that the rule is not about."""
    assert judged(rule, kind, **props) == []


def judged_stack(rule: str, config: dict[str, Any], *resources: Any) -> list[str]:
    said: list[str] = []
    args: Any = SimpleNamespace(resources=list(resources), get_config=lambda: config)
    policy(rule).validate(args, lambda text, urn: said.append(text))
    return said


def resource(kind: str, called: str, provider: Any = None, stack: str = "prod", **props: Any) -> Any:
    urn = f"urn:pulumi:{stack}::longshore::{kind}::{called}"
    parent = SimpleNamespace(name="site")
    return SimpleNamespace(
        resource_type=kind, name=called, urn=urn, props=props, provider=provider, parent=parent
    )


def test_ports_that_two_share() -> None:
    """Twice in one stack on one host, or once where another stack has it; on another host it is free."""
    one, two = (resource(DOCKER, host, host=host) for host in (HOST, OTHER))
    front: Any = {"ports": [{"external": 8080}]}
    first = resource(CONTAINER, "a", one, **front)

    def said(taken: dict[str, list[int]], *others: Any) -> list[str]:
        return judged_stack("no-shared-port", {"taken": taken}, one, two, first, *others)

    assert said({}) == said({OTHER: [8080]}) == said({}, resource(CONTAINER, "b", two, **front)) == []
    assert "another stack has" in said({HOST: [8080]})[0]
    other = {"external": 8080, "protocol": "udp"}
    assert said({}, resource(CONTAINER, "b", one, ports=[other])) == []
    local: Any = [{"external": 9090, "ip": ip} for ip in ("127.0.0.1", "10.0.0.1")]
    assert said({}, resource(CONTAINER, "b", one, ports=local)) == []
    assert said({}, resource(CONTAINER, "b", one, ports=[*local, {"external": 9090}])) != []
    assert said({}, resource(CONTAINER, "b", one, **front)) == [
        f"b publishes 8080, as a does on {HOST}: choose another port"
    ]


def test_replicas_in_production() -> None:
    """Two or more of each backend and service, in the stacks that the configuration calls production."""

    def replica(stack: str, name: str) -> Any:
        label = {"label": "io.longshore.role", "value": "replica-web"}
        return resource(CONTAINER, name, stack=stack, labels=[label])

    def swarm_service(count: int) -> Any:
        return resource(SERVICE, "s", name="shop", spec={"Mode": {"Replicated": {"Replicas": count}}})

    def said(*resources: Any) -> list[str]:
        return judged_stack("replicas-in-production", {"stacks": ["prod"]}, *resources)

    assert said(replica("prod", "a"), replica("prod", "b"), swarm_service(2)) == []
    assert said(replica("dev", "a")) == []
    assert said(resource(SERVICE, "g", name="gate", spec={"Mode": {"Global": {}}})) == []
    labels = {"io.longshore.component": "site", "io.longshore.role": "replica-web"}
    (one, two) = (resource(REPLICAS, "site-web-replicas", labels=labels, replicas=n) for n in (1, 2))
    assert said(two) == []
    assert said(one) == ["backend web of site has 1 replica in production: give it 2 or more"]
    assert said(replica("prod", "a"), swarm_service(1)) == [
        "backend web of site has 1 replica in production: give it 2 or more",
        "service shop has 1 replica in production: give it 2 or more",
    ]


@pytest.mark.engine
@pytest.mark.pulumi
def test_with_the_real_pulumi(tmp_path: Path, host: Host) -> None:
    """A good stack passes a preview with the pack; a bad one fails it, and each rule says why."""
    program = Program(tmp_path, host, {"services": {"site": service()}})
    pack = tmp_path / "policy"
    shutil.copytree(FOLDER, pack)
    (pack / ".venv").symlink_to(sys.prefix)
    levels = tmp_path / "levels.json"
    levels.write_text(
        json.dumps(
            {
                "no-shared-port": {"taken": {host.url: [8090]}},
                "pinned-images": "advisory",
                "replicas-in-production": {"stacks": [program.stack]},
            }
        )
    )
    program._init()

    good = program.pulumi("preview", "--policy-pack", str(pack))
    program.configure({"services": {"site": service(image="longshore-app", replicas=1)}})
    bad = program.pulumi(
        "preview", "--policy-pack", str(pack), "--policy-pack-config", str(levels), check=False
    )

    assert "longshore@" in good.output
    assert bad.code != 0
    assert "[mandatory]  no-shared-port" in bad.output
    assert "[advisory]  pinned-images" in bad.output
    assert "backend web of site has 1 replica in production" in bad.output
    assert "Traceback" not in bad.output
