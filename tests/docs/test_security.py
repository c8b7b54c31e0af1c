"""docs/security.md is true: `docker inspect` of everything that we make, against its table, cell by cell."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from docker.utils import version_gte

from components import FloatingAddress, SwarmGateway, SwarmService
from components.engine import config_check
from components.engine.containers import write_file
from components.engine.swarm.services import ENGINE_25
from components.naming import LABEL
from tests.bench.hosts import NETWORK, Host
from tests.bench.images import KEEPALIVED
from tests.support.documents import DOCS
from tests.support.program import APP, PROXY, Inline, service
from tests.support.rehearsal import Rehearsal
from tests.support.swarm import Swarm

COLUMNS = ("front end", "replica", "check", "keepalived", "keepalived check", "gateway", "task")
NOTHING = "\N{EN DASH}"
CELLS = {"met", "waived", NOTHING, "from 25.0"}
Inspected = Mapping[str, Any]


def host_ports(found: Inspected) -> list[Mapping[str, str]]:
    """Return bindings of its ports on the host, by which a swarm's tasks have theirs, too."""
    published = {**(found["HostConfig"]["PortBindings"] or {}), **(found["NetworkSettings"]["Ports"] or {})}
    return [each for bindings in published.values() for each in bindings or []]


def program_of(found: Inspected) -> str:
    return str(found["Config"]["Entrypoint"][0])


def security(found: Inspected) -> list[str]:
    return [each.replace("=", ":") for each in found["HostConfig"]["SecurityOpt"] or []]


def restarts(found: Inspected) -> bool:
    policy = found["HostConfig"]["RestartPolicy"]
    return policy["Name"] in ("", "no") or (
        policy["Name"] == "on-failure" and 0 < policy["MaximumRetryCount"] <= 5
    )


MET: dict[str, Callable[[Inspected], Any]] = {
    "5.2": lambda found: "apparmor:unconfined" not in security(found),
    "5.3": lambda found: "label:disable" not in security(found),
    "5.4": lambda found: found["HostConfig"]["CapDrop"] == ["ALL"],
    "5.5": lambda found: not found["HostConfig"]["Privileged"],
    "5.6": lambda found: not any(each["Type"] == "bind" for each in found["Mounts"]),
    "5.8": lambda found: all(int(each["HostPort"]) >= 1024 for each in host_ports(found)),
    "5.9": lambda found: (
        len({each["HostPort"] for each in host_ports(found)}) <= 1
        and not found["HostConfig"]["PublishAllPorts"]
    ),
    "5.10": lambda found: found["HostConfig"]["NetworkMode"] != "host",
    "5.11": lambda found: found["HostConfig"]["Memory"],
    "5.12": lambda found: found["HostConfig"]["CpuShares"] or found["HostConfig"]["NanoCpus"],
    "5.13": lambda found: found["HostConfig"]["ReadonlyRootfs"],
    "5.14": lambda found: not any(each["HostIp"] in ("", "0.0.0.0", "::") for each in host_ports(found)),
    "5.15": restarts,
    "5.16": lambda found: found["HostConfig"]["PidMode"] != "host",
    "5.17": lambda found: found["HostConfig"]["IpcMode"] != "host",
    "5.18": lambda found: not found["HostConfig"]["Devices"],
    "5.19": lambda found: not found["HostConfig"]["Ulimits"],
    "5.20": lambda found: not any("shared" in each.get("Propagation", "") for each in found["Mounts"]),
    "5.21": lambda found: found["HostConfig"]["UTSMode"] != "host",
    "5.22": lambda found: "seccomp:unconfined" not in security(found),
    "5.25": lambda found: found["HostConfig"]["CgroupParent"] == "",
    "5.26": lambda found: {"no-new-privileges", "no-new-privileges:true"} & set(security(found)),
    "5.27": lambda found: (found["Config"].get("Healthcheck") or {}).get("Test"),
    "5.29": lambda found: (found["HostConfig"]["PidsLimit"] or 0) > 0,
    "5.30": lambda found: "bridge" not in found["NetworkSettings"]["Networks"],
    "5.31": lambda found: found["HostConfig"]["UsernsMode"] != "host",
    "5.32": lambda found: "docker.sock" not in str(found["Mounts"]),
}
"""By item of the benchmark: whether a container, as `docker inspect` shows it, meets it."""


def table() -> dict[str, dict[str, str]]:
    """Return the table of docs/security.md: by item, the content of each column."""
    lines = [line for line in (DOCS / "security.md").read_text().splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: dict(zip(head, row, strict=True)) for row in rows}


def test_the_table_has_every_item() -> None:
    """Section 5 from 5.1 to 5.32, with a note each; what a container decides is tested."""
    found = table()

    assert list(found) == [f"5.{number}" for number in range(1, 33)]
    assert {row[column] for row in found.values() for column in COLUMNS} == CELLS
    assert [item for item, row in found.items() if not row["note"]] == []
    assert {item for item, row in found.items() if row["task"] != NOTHING} == set(MET)


@pytest.fixture(scope="module")
def inspected(hosts: list[Host], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[Any]]]:
    """Provide one or more containers of each column, as the engine describes them."""
    program = Inline(
        tmp_path_factory.mktemp("security"),
        hosts[0],
        {
            "services": {
                "ha": service(replicas=1, front_end={"port": 80}),
                "ng": service(
                    replicas=1,
                    front_end={"kind": "nginx", "port": 81, "resolve": False},
                    host={"address": hosts[1].url},
                ),
            }
        },
    )
    checks: list[Any] = []
    with pytest.MonkeyPatch.context() as patch, Swarm(hosts) as swarm:
        patch.setattr(config_check, "write_file", _and_keep(checks))
        network = swarm.network("apps")
        rehearsal = Rehearsal(hosts[0])
        program.up()
        try:
            rehearsal.up(lambda: _swarm_side(swarm, hosts))
            yield {
                "front end": [_labelled(hosts[0], "ha", "front-end"), _labelled(hosts[1], "ng", "front-end")],
                "replica": [_labelled(hosts[0], "ha", "replica-web")],
                "check": [each for each in checks if program_of(each) != "keepalived"],
                "keepalived check": [each for each in checks if program_of(each) == "keepalived"],
                "keepalived": [_labelled(hosts[0], "vip", f"floating-address-{hosts[0].name}")],
                "gateway": [_labelled(hosts[0], "door", "gateway")],
                "task": [_labelled(hosts[0], "shop", "service")],
            }
        finally:
            rehearsal.destroy()
            program.destroy()
            network.remove()


def _and_keep(kept: list[Any]) -> Callable[..., None]:
    """Return `write_file`, which is called for every check, and keeps the engine's view of its container."""

    def written(container: Any, *file: Any) -> None:
        container.reload()
        kept.append(container.attrs)
        write_file(container, *file)

    return written


def _swarm_side(swarm: Swarm, hosts: list[Host]) -> None:
    shared: Any = {"managers": swarm.managers, "networks": ["apps"], "constraints": ["node.role==manager"]}
    SwarmService("shop", shared | {"image": APP})
    front_end = {"image": PROXY, "port": 82}
    SwarmGateway("door", shared | {"front_end": front_end, "backends": {"shop": {"port": 80}}})
    nodes: Any = {
        host.name: {"host": {"address": host.url}, "interface": "eth0", "address": host.address}
        for host in hosts[:2]
    }
    FloatingAddress("vip", {"nodes": nodes, "addresses": [str(NETWORK[100])], "image": KEEPALIVED})


def _labelled(host: Host, component: str, role: str) -> Any:
    """Return the container of a component with a role, as the engine describes it."""
    labels = [f"{LABEL}.component={component}", f"{LABEL}.role={role}"]
    (found,) = host.engine().containers.list(filters={"label": labels})
    return found.attrs


@pytest.mark.engine
@pytest.mark.pulumi
@pytest.mark.slow
def test_every_container_is_as_the_table_says(inspected: dict[str, list[Any]], host: Host) -> None:
    """A fulfilled rule holds for both kinds of front end; a waived one does not: no reason is stale."""
    engine: Any = host.engine().api
    of_swarm = "met" if version_gte(engine._version, ENGINE_25) else "waived"

    wrong = [
        f"{item} of {column} {found['Name']} is not {row[column]}"
        for item, row in table().items()
        if item in MET
        for column in COLUMNS
        for found in inspected[column]
        if bool(MET[item](found)) != (row[column].replace("from 25.0", of_swarm) == "met")
    ]

    assert wrong == []


@pytest.mark.engine
@pytest.mark.pulumi
@pytest.mark.slow
def test_every_column_is_made(inspected: dict[str, list[Any]]) -> None:
    """Both kinds of front end, and of their checks."""
    assert [column for column in COLUMNS if not inspected.get(column)] == []
    assert {program_of(each) for each in inspected["front end"]} == {"haproxy", "nginx"}
