"""A service and gateways on a swarm of three real engines, as tests declare and ask them."""

import http.client
from typing import Any

from components import SwarmGateway, SwarmService
from tests.bench.hosts import Host
from tests.bench.images import APP, PROXY
from tests.bench.load import Load
from tests.support.swarm import Swarm, answers

PORTS = {"haproxy": 8070, "nginx": 8071}
"""Port of the gateway of each kind."""
ASKED: dict[str, Any] = {"health": {"path": "/healthz", "interval": 1}}
"""A health check of tasks that fail or follow each other; each check takes as long as a hundred requests."""
HEALTH: dict[str, dict[str, Any]] = {"haproxy": {"health": {"path": "/healthz"}}, "nginx": {}}
"""Arguments about the health of tasks, for each kind of gateway."""


def web_arguments(swarm: Swarm) -> dict[str, Any]:
    """Return arguments of the application on the workers: each task is watched for a second."""
    return {
        "managers": swarm.managers,
        "image": APP,
        "replicas": 2,
        "networks": ["apps"],
        "constraints": ["node.labels.zone==dmz"],
        "health": None,
        "update": {"monitor": 1},
        "rollback": {"monitor": 1},
    }


def web(swarm: Swarm, service: str = "web", **keys: Any) -> SwarmService:
    """Return the application on the workers, without a health check unless `keys` have one."""
    args: Any = {**web_arguments(swarm), **keys}
    return SwarmService(service, args)


def containers(swarm: Swarm, service: str = "web") -> list[Any]:
    """Return the containers of a service, on all hosts."""
    return [
        container
        for host in swarm.hosts
        for container in host.engine().containers.list(filters={"name": f"{service}."})
    ]


def gateway_arguments(swarm: Swarm, kind: str, *backends: str) -> dict[str, Any]:
    """Return arguments of a gateway on the manager, with a host name `<name>.example` for each backend."""
    return {
        "managers": swarm.managers,
        "networks": ["apps"],
        "constraints": ["node.labels.zone==inner"],
        "front_end": {"kind": kind, "image": PROXY, "port": PORTS[kind], "max_connections": 1000},
        "backends": {
            name: {"host_names": [f"{name}.example"], **HEALTH[kind]} for name in backends or ("web",)
        },
    }


def gateway(swarm: Swarm, kind: str, *backends: str, **keys: Any) -> SwarmGateway:
    """Return a gateway `gate-<kind>`; keys of `front_end` are added to its own."""
    args: Any = gateway_arguments(swarm, kind, *backends)
    args["front_end"] |= keys.pop("front_end", {})
    args |= keys
    return SwarmGateway(f"gate-{kind}", args)


def gateways(swarm: Swarm, *backends: str, **keys: Any) -> None:
    """Declare a gateway of each kind."""
    for kind in PORTS:
        gateway(swarm, kind, *backends, **keys)


def get(
    swarm: Swarm, kind: str, host: str = "web.example", path: str = "/", on: Host | None = None
) -> tuple[int, str]:
    """Return status and text of an answer of the gateway of a kind, on the manager by default."""
    connection = http.client.HTTPConnection((on or swarm.first).address, PORTS[kind], timeout=10)
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def await_answers(swarm: Swarm, *kinds: str, on: Host | None = None) -> None:
    """Await that the service answers behind the gateways of these kinds, by default behind each."""
    for kind in kinds or PORTS:
        answers(lambda kind=kind: get(swarm, kind, on=on)[0] == 200, f"the gateway {kind} answers")  # type: ignore[misc]


def load(swarm: Swarm, kind: str, rate: float = 100, on: Host | None = None) -> Load:
    """Return a load on a gateway, on the manager by default; half of its requests use kept connections."""
    url = f"http://{(on or swarm.first).address}:{PORTS[kind]}/"
    return Load(url, rate=rate, host_header="web.example", max_seconds=300)


def kept(swarm: Swarm) -> list[str]:
    """Return names of configs and secrets."""
    engine: Any = swarm.first.engine()
    return sorted(each.name for each in [*engine.configs.list(), *engine.secrets.list()])
