"""A unit test of a user's program: with mocks that return the inputs and nothing else."""

import asyncio
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks, settings
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await

from components import LoadBalancedService, SwarmService
from tests.support.documents import block
from tests.support.program import ROOT


class Plain(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return f"{args.name}-id", args.inputs

    def call(self, args: mocks.MockCallArgs) -> Any:
        return {}


@pytest.fixture(autouse=True)
def _mocks() -> Iterator[None]:
    loop = asyncio.new_event_loop()  # another test may have closed the one of this thread
    asyncio.set_event_loop(loop)
    settings.ROOT.set(None)
    settings.SETTINGS.rpc_manager.clear()
    settings.SETTINGS.outputs.clear()
    pulumi.runtime.set_mocks(Plain(), project="shop", stack="test")
    yield
    loop.close()
    asyncio.set_event_loop(asyncio.new_event_loop())  # what runs next in this process finds an open one


def test_every_component_passes() -> None:
    """With every argument there is. The program is loaded in its own loop, to which its outputs belong."""
    path = ROOT / "tests/cases/typed/every_argument.py"

    _sync_await(run_pulumi_func(runpy.run_path(str(path))["program"]))


def test_replicas_in_rounds_have_the_names_that_a_test_expects() -> None:
    """With `update`, too, their generation is 1; names of containers are the engine's to choose."""
    seen: list[Any] = []

    def program() -> None:
        rounds: Any = {"parallelism": 2, "monitor": 10}
        front_end: Any = {"port": 8080}
        args: Any = {"image": "httpd:2.4", "replicas": 2, "update": rounds, "front_end": front_end}
        site = LoadBalancedService("web", args)
        pulumi.Output.all(site.url, site.config, site.replica_names).apply(seen.append)

    _sync_await(run_pulumi_func(program))

    ((url, config, names),) = seen
    assert url == "http://localhost:8080"
    assert "server web-0 web-web-0-g1:80" in config
    assert "server web-1 web-web-1-g1:80" in config
    assert names == []


def test_a_value_that_only_a_host_knows_is_none_or_empty() -> None:
    """The address of a front end that is not published, the name of a secret that the swarm has."""
    seen: list[Any] = []

    def program() -> None:
        hidden: Any = {"publish": False, "networks": ["routable"], "port": 8080}
        site = LoadBalancedService("web", {"image": "httpd:2.4", "front_end": hidden})
        managers: Any = [{"address": "ssh://one.example"}]
        secrets: Any = {"token": {"content": pulumi.Output.secret("hunter2")}}
        service = SwarmService("job", {"image": "job:1", "managers": managers, "secrets": secrets})
        pulumi.Output.all(site.url, site.config, service.service_id).apply(seen.append)

    _sync_await(run_pulumi_func(program))

    ((url, config, service_id),) = seen
    assert url == "http://:8080"
    assert "server web-0 web-web-0-g1:80" in config
    assert service_id is None


def test_the_example_of_the_documentation_passes(tmp_path: Path) -> None:
    """As a reader runs it."""
    text = block('"""Run with `python -m pytest`."""').replace("from longshore", "from components")
    (tmp_path / "test_shop.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shop.py"]

    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
