"""Names of resources are a contract: a change of one replaces a resource in every stack.

A rename comes with an alias and a line in the changelog (CONTRIBUTING.md). Those of swarms are pinned in
test_swarm_cluster_args.py, those of floating addresses in test_floating_arguments.py.
"""

import asyncio
import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any

import pulumi.provider.experimental.provider as p
import pytest

from components import LoadBalancedService, resources
from components.load_balanced.validation import service
from components.naming import replica_alias
from components.provider.handlers import HANDLERS
from components.provider.server import Longshore
from components.resources.labels import labels_of
from components.resources.resource import Resource
from tests.support.mocks import run

SERVICE = "longshore:index:LoadBalancedService"
SHORT = {
    f"{SERVICE}::site",
    f"{SERVICE}$pulumi:providers:docker::site-host",
    f"{SERVICE}$docker:index/network:Network::site-net",
    f"{SERVICE}$longshore:index:Generation::site-web-generation",
    f"{SERVICE}$docker:index/container:Container::site-web-0",
    f"{SERVICE}$docker:index/container:Container::site-web-1",
    f"{SERVICE}$docker:index/remoteImage:RemoteImage::site-lb-image",
    f"{SERVICE}$longshore:index:Readiness::site-lb-ready",
    f"{SERVICE}$docker:index/container:Container::site-lb",
    f"{SERVICE}$longshore:index:FrontEndConfig::site-lb-config",
}
LONG = {
    f"{SERVICE}::shop",
    f"{SERVICE}$pulumi:providers:docker::shop-host",
    f"{SERVICE}$docker:index/network:Network::shop-api-network",
    f"{SERVICE}$docker:index/network:Network::shop-office-network",
    f"{SERVICE}$longshore:index:Generation::shop-api-generation",
    f"{SERVICE}$longshore:index:Generation::shop-office-generation",
    f"{SERVICE}$docker:index/container:Container::shop-api-0",
    f"{SERVICE}$docker:index/container:Container::shop-office-0",
    f"{SERVICE}$docker:index/container:Container::shop-office-1",
    f"{SERVICE}$docker:index/remoteImage:RemoteImage::shop-door-image",
    f"{SERVICE}$longshore:index:Readiness::shop-door-ready",
    f"{SERVICE}$docker:index/container:Container::shop-door",
    f"{SERVICE}$longshore:index:FrontEndConfig::shop-door-config",
}
TOKENS = {
    f"longshore:index:{name}"
    for name in (
        "AddressPlan",
        "FloatingAddress",
        "FloatingAddressGroup",
        "FloatingAddressNode",
        "FrontEndConfig",
        "GatewayConfig",
        "Generation",
        "LoadBalancedService",
        "OverlayNetwork",
        "Readiness",
        "Replicas",
        "ServiceDefinition",
        "Swarm",
        "SwarmCluster",
        "SwarmConfig",
        "SwarmGateway",
        "SwarmNode",
        "SwarmSecret",
        "SwarmService",
    )
}
"""Types of all our components and resources."""


def test_no_type_comes_or_goes_unseen() -> None:
    """The plugin knows exactly these, and every resource that a program can declare is one of them."""
    provider = Longshore(None)
    loop = asyncio.new_event_loop()
    schema = loop.run_until_complete(provider.get_schema(p.GetSchemaRequest(0))).schema
    loop.close()

    found = set(json.loads(schema or "")["resources"])
    assert found == TOKENS, "a type comes or goes: list it in TOKENS of tests/declared/test_names.py"
    for _, module, _ in pkgutil.iter_modules(resources.__path__, f"{resources.__name__}."):
        importlib.import_module(module)
    assert {each.__name__ for each in Resource.__subclasses__()} == set(HANDLERS)


@pytest.mark.parametrize("preview", [True, False])
def test_names_of_the_short_form(preview: bool) -> None:
    """Types, names and parents of a service with one backend and a network of its own."""
    seen = run(lambda: LoadBalancedService("site", {"image": "a", "replicas": 2}), preview=preview)

    assert sorted(resource.chain for resource in seen.resources) == sorted(SHORT)


@pytest.mark.parametrize("preview", [True, False])
def test_names_of_the_long_form(preview: bool) -> None:
    """Types, names and parents of a service with two backends on a given network."""
    args: Any = {
        "network": {"name": "shared"},
        "front_end": {"name": "door", "kind": "nginx", "default_backend": "office"},
        "backends": {
            "office": {"image": "a", "replicas": 2},
            "api": {"image": "b", "replicas": 1, "host_names": ["api.example"]},
        },
    }

    seen = run(lambda: LoadBalancedService("shop", args), preview=preview)

    assert sorted(resource.chain for resource in seen.resources) == sorted(LONG)


def test_a_replicas_network_name_has_its_generation() -> None:
    """Two generations of a replica never share a name."""
    assert replica_alias("site", "web", 0, 1) == "site-web-0-g1"
    assert replica_alias("site", "web", 2, 17) == "site-web-2-g17"


def test_the_longest_network_name_is_a_dns_label() -> None:
    """With the longest names, the last of a thousand replicas and 99,999 changes it has 63 letters."""
    component, backend = "c" * 32, "b" * 18
    service(component, {"name": backend, "image": "a"})

    assert len(replica_alias(component, backend, 999, 99_999)) <= 63


def test_labels_say_whose_a_thing_is() -> None:
    """Project, stack, component and role."""
    found: dict[str, str] = {}

    run(lambda: found.update(labels_of("site", "replica-web")))

    assert found == {
        "io.longshore.project": "longshore",
        "io.longshore.stack": "test",
        "io.longshore.component": "site",
        "io.longshore.role": "replica-web",
    }


def test_every_package_is_in_the_wheel() -> None:
    """Each folder that is imported here is installed there: pyproject.toml names each folder of code."""
    import tomllib

    root = Path(__file__).parents[2]
    packages = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]

    code = {path.parent for path in (root / "components").rglob("*.py")}
    here = {".".join(("longshore", *path.relative_to(root / "components").parts)) for path in code}
    assert {*here, "longshore.templates"} == set(packages)
