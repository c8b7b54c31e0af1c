"""Forms of front ends, and values of their arguments, for the test that no kind ignores an argument."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from components import LoadBalancedService, SwarmGateway
from components.arguments.parsing import Frozen
from components.proxies.access import Maintenance, RateLimit
from components.proxies.certificates import known
from components.proxies.container import Canary, Rollback, Update
from components.proxies.model import Service
from components.proxies.registry import KINDS, FrontEndKind
from components.proxies.tls import Hsts
from components.swarm.gateway.model import Gateway
from tests.support.certificates import Authority, made

Values = Mapping[str, Any]
"""Arguments by their dotted paths."""


@dataclass(frozen=True)
class Use:
    """The place that uses an argument which kinds ignore."""

    resource: str
    """Type of a declared resource that the argument changes."""
    kinds: tuple[str, ...] = tuple(KINDS)
    """Kinds that ignore it."""


@dataclass(frozen=True)
class Form:
    """A component with a front end, and the least that it needs."""

    name: str
    model: type[Frozen]
    least: Values
    refusals: Callable[[FrontEndKind, Any], list[str]]
    text: Callable[[FrontEndKind, Any], str]
    declare: Callable[[Any], object]
    elsewhere: Mapping[str, Use]
    """Arguments that act elsewhere than in a configuration."""
    without: frozenset[str] = frozenset()
    """Arguments that the form cannot have."""


BACKEND = "backends.web"
UNASKED = ("nginx",)
"""Kinds that send no health checks: the replicas' own ones use the question."""
QUESTION = ("path", "host", "method", "status", "port", "command")
"""Keys of `health` that are the question, without its pace."""
TLS = frozenset(
    f"front_end.tls.{key}"
    for key in (
        "port",
        "certificates",
        "min_version",
        "redirect_http",
        "client_ca",
        "client_verify",
        *(f"hsts.{key}" for key in Hsts.model_fields),
    )
)
CERTIFICATES = {"front_end.tls.certificates": [made("a.example")._asdict()]}
PACES = [
    (name, key)
    for name, policy in (("update", Update), ("rollback", Rollback), ("canary", Canary))
    for key in policy.model_fields
]
SERVICE = Form(
    name="service",
    model=Service,
    least={"host": {}, f"{BACKEND}.image": "httpd:2.4"},
    refusals=lambda kind, what: kind.refusals(what),
    text=lambda kind, what: kind.render(what, "site", dict.fromkeys(what.backends, 1), known(what)),
    declare=lambda args: LoadBalancedService("site", args),
    elsewhere={
        "host": Use("FrontEndConfig"),
        "network.name": Use("Container"),
        "network.subnet": Use("Network"),
        "network.isolated": Use("Network"),
        "front_end.kind": Use("FrontEndConfig"),
        "front_end.image": Use("RemoteImage"),
        "front_end.name": Use("Container"),
        "front_end.publish": Use("Container"),
        "front_end.address": Use("Container"),
        "front_end.networks": Use("Container"),
        f"{BACKEND}.image": Use("Container"),
        f"{BACKEND}.command": Use("Container"),
        f"{BACKEND}.environment": Use("Container"),
        **{f"{BACKEND}.health.{key}": Use("Generation", UNASKED) for key in QUESTION},
        f"{BACKEND}.start_timeout": Use("Readiness"),
        f"{BACKEND}.restart.policy": Use("Container"),
        f"{BACKEND}.restart.max_retries": Use("Container"),
        f"{BACKEND}.memory": Use("Container"),
        f"{BACKEND}.cpus": Use("Container"),
        f"{BACKEND}.pids_limit": Use("Readiness"),
        f"{BACKEND}.user": Use("Container"),
        f"{BACKEND}.read_only": Use("Container"),
        f"{BACKEND}.capabilities": Use("Container"),
        **{f"{BACKEND}.{pace}.{key}": Use("Replicas") for pace, key in PACES},
    },
)
TCP = replace(
    SERVICE,
    name="tcp",
    least={**SERVICE.least, "front_end.mode": "tcp"},
    elsewhere={
        **{
            path: use
            for path, use in SERVICE.elsewhere.items()
            if not path.startswith((f"{BACKEND}.health.", f"{BACKEND}.canary."))
        },
        # The front end only connects; the replica's own check runs the command.
        f"{BACKEND}.health.command": Use("Generation"),
        f"{BACKEND}.health.port": Use("Generation", UNASKED),
    },
    without=frozenset(
        {
            "front_end.mode",
            "front_end.default_backend",
            "front_end.unknown_host",
            *TLS,
            f"{BACKEND}.host_names",
            *(f"{BACKEND}.canary.{key}" for key in Canary.model_fields),
            *(f"{BACKEND}.rate_limit.{key}" for key in RateLimit.model_fields),
            *(f"{BACKEND}.maintenance.{key}" for key in Maintenance.model_fields),
        }
    ),
)
GATEWAY = Form(
    name="gateway",
    model=Gateway,
    least={"networks": ["apps"], f"{BACKEND}.service": "shop"},
    refusals=lambda kind, what: kind.refusals_for_tasks(what),
    text=lambda kind, what: kind.render_for_tasks(what, what.tasks, known(what)),
    declare=lambda args: SwarmGateway("site", args | {"managers": [{"address": "ssh://one.example"}]}),
    elsewhere={
        "networks": Use("ServiceDefinition"),
        "replicas": Use("ServiceDefinition"),
        "constraints": Use("ServiceDefinition"),
        "start_timeout": Use("ServiceDefinition"),
        "force_update": Use("ServiceDefinition"),
        "front_end.kind": Use("GatewayConfig"),
        "front_end.image": Use("ServiceDefinition"),
    },
)

VALUES: Values = {
    "host": {"address": "ssh://other.example"},
    "networks": ["routable"],
    "constraints": ["node.labels.zone==dmz"],
    "network.name": "routable",
    "network.subnet": "10.20.0.0/24",
    "front_end.image": "registry.example/proxy:1",
    "front_end.name": "edge",
    "front_end.address": "192.0.2.1",
    "front_end.networks": ["routable"],
    "front_end.default_backend": "web",
    "front_end.redirects": [{"host_names": ["old.example"], "to": "https://new.example"}],
    "front_end.trusted_proxies": ["192.0.2.0/24"],
    "front_end.proxy_protocol": ["192.0.2.0/24"],
    "front_end.upgrades": ["SPDY/3.1"],
    "front_end.log.address": "192.0.2.1:514",
    "front_end.tls.certificates": [made("b.example")._asdict()],
    "front_end.tls.client_ca": Authority("ours").text,
    "front_end.memory": 64,
    "front_end.max_connections_per_client": 300,
    f"{BACKEND}.service": "blog",
    f"{BACKEND}.image": "httpd:2.5",
    f"{BACKEND}.command": ["serve"],
    f"{BACKEND}.environment": {"COLOUR": "blue"},
    f"{BACKEND}.host_names": ["a.example"],
    f"{BACKEND}.routes": [{"host_names": ["a.example"], "path_prefix": "/api"}],
    f"{BACKEND}.cookie": "SERVER",
    f"{BACKEND}.allow_from": ["192.0.2.0/24"],
    f"{BACKEND}.deny_from": ["192.0.2.0/24"],
    f"{BACKEND}.rate_limit.average": 10,
    f"{BACKEND}.rate_limit.exempt": ["192.0.2.0/24"],
    f"{BACKEND}.maintenance.allow_from": ["192.0.2.0/24"],
    f"{BACKEND}.weights": [1, 2, 3],
    f"{BACKEND}.canary.steps": [10],
    f"{BACKEND}.user": "nobody",
    f"{BACKEND}.capabilities": ["NET_RAW"],
    f"{BACKEND}.request_headers.set": {"X-Environment": "production"},
    f"{BACKEND}.request_headers.remove": ["X-Debug"],
    f"{BACKEND}.response_headers.set": {"X-Frame-Options": "DENY"},
    f"{BACKEND}.response_headers.remove": ["X-Powered-By"],
    f"{BACKEND}.max_request_body": 1000,
    f"{BACKEND}.health.path": "/ready",
    f"{BACKEND}.health.host": "b.example",
    f"{BACKEND}.health.status": ["204"],
    f"{BACKEND}.health.command": ["ready"],
}
"""Values of arguments that are texts, lists or mappings, and of numbers whose next value is no difference."""
COMPANY: Mapping[str, Values] = {
    "replicas": {"publish": "ingress"},
    "front_end.publish": {"front_end.networks": ["routable"]},
    "front_end.default_backend": {f"{BACKEND}.host_names": ["a.example"]},
    "front_end.unknown_host": {f"{BACKEND}.host_names": ["a.example"]},
    **{path: CERTIFICATES for path in TLS if not path.endswith("certificates")},
    "front_end.tls.client_verify": {**CERTIFICATES, "front_end.tls.client_ca": Authority("ours").text},
    "front_end.tls.hsts.include_subdomains": {**CERTIFICATES, "front_end.tls.hsts.max_age": 1},
    "front_end.tls.hsts.preload": {**CERTIFICATES, "front_end.tls.hsts.max_age": 1},
    "front_end.log.facility": {"front_end.log.address": "192.0.2.1:514"},
    **{
        f"{BACKEND}.rate_limit.{key}": {f"{BACKEND}.rate_limit.average": 9}
        for key in RateLimit.model_fields
        if key != "average"
    },
    f"{BACKEND}.maintenance.allow_from": {f"{BACKEND}.maintenance.retry_after": 5},
    f"{BACKEND}.restart.max_retries": {f"{BACKEND}.restart.policy": "on-failure"},
    **{f"{BACKEND}.{pace}.{key}": {f"{BACKEND}.update.delay": 1} for pace, key in PACES if pace != "update"},
}
"""Arguments that an argument needs beside it."""
