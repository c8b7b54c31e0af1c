"""Sources of the pages of the five components, beside the schema."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.arguments.parsing import Frozen, arguments
from components.arguments.types import Name
from components.load_balanced.validation import service
from components.proxies.model import Backend, Service
from components.swarm.cluster.model import Cluster
from components.swarm.cluster.validation import cluster
from components.swarm.floating.model import Floating
from components.swarm.floating.validation import floating
from components.swarm.gateway.model import PlacedGateway
from components.swarm.service.model import PlacedService

HOST = {"address": "ssh://deploy@a.example"}
MANAGERS = [HOST]


class _ShortForm(Frozen):
    name: Name


@dataclass(frozen=True)
class Component:
    """A page, and where what it says is to be found."""

    name: str
    file: str
    models: tuple[type[Frozen], ...]
    """Models of its arguments: the first that has a key says what it may be."""
    validate: Callable[[str, Any], object]
    right: Mapping[str, Any]
    """Arguments that are accepted."""
    mistakes: list[Mapping[str, Any]] = field(default_factory=list)
    """Each laid over them is refused; the page shows the error."""


COMPONENTS = [
    Component(
        "LoadBalancedService",
        "load-balanced-service",
        (Service, Backend, _ShortForm),
        service,
        {"image": "httpd:2.4"},
        [
            {"replicas": 0},
            {"replica": 3},
            {"replicas": 3, "weights": [3, 1]},
            {"front_end": {"kind": "nginx"}, "max_connections": 9},
            {"front_end": {"mode": "tcp"}, "host_names": ["shop.example"]},
            {"host": {"address": "tcp://a.example:2375"}},
            {"network": {"subnet": "10.20.0.0/29"}},
        ],
    ),
    Component(
        "SwarmCluster",
        "swarm-cluster",
        (Cluster,),
        cluster,
        {"nodes": {"a": {"host": HOST, "role": "manager", "advertise_address": "192.0.2.11"}}},
        [
            {"nodes": {"a": {"host": HOST}}},
            {
                "nodes": {
                    "a": {"host": HOST, "role": "manager"},
                    "b": {"host": {"address": "ssh://deploy@b.example"}, "role": "manager"},
                }
            },
            {"networks": {"web": {"subnet": "192.0.2.0/24"}}},
            {"services": {"shop": {"image": "httpd:2.4", "constraints": ["node.labels.zone==dmz"]}}},
        ],
    ),
    Component(
        "SwarmService",
        "swarm-service",
        (PlacedService,),
        lambda name, args: arguments(PlacedService, "SwarmService", name, args),
        {"managers": MANAGERS, "image": "httpd:2.4"},
        [
            {"image": None},
            {"mode": "global", "replicas": 3},
            {"constraints": ["zone == dmz"]},
            {"ports": [{"port": 80, "mode": "host"}], "update": {"order": "start-first"}},
            {"endpoint_mode": "dnsrr", "ports": [{"port": 80}]},
        ],
    ),
    Component(
        "SwarmGateway",
        "swarm-gateway",
        (PlacedGateway,),
        lambda name, args: arguments(PlacedGateway, "SwarmGateway", name, args),
        {"managers": MANAGERS, "networks": ["apps"], "backends": {"shop": {}}},
        [
            {"backends": {}},
            {"backends": {"shop": {}, "blog": {"host_names": ["blog.example"]}}},
            {"replicas": 3},
            {"front_end": {"kind": "nginx"}, "backends": {"shop": {"max_fails": 3}}},
        ],
    ),
    Component(
        "FloatingAddress",
        "floating-address",
        (Floating,),
        floating,
        {
            "nodes": {"a": {"host": HOST, "interface": "eth0", "address": "192.0.2.11"}},
            "addresses": ["192.0.2.9/24"],
        },
        [
            {"addresses": ["192.0.2.11"]},
            {"password": "secret"},
            {"advert_interval": 0.125},
            {"preempt": False, "preempt_delay": 5},
        ],
    ),
]

SAME_AS = {"BackendArgs": "LoadBalancedService", "ServiceArgs": "SwarmService", "GatewayArgs": "SwarmGateway"}
"""Types whose keys are arguments of a component, by its name: they are described there."""
