"""Services of images that only a login gets, on a swarm of one real engine, without Pulumi."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import docker.errors
import pytest

from components import SwarmService
from tests.bench.hosts import GATEWAY, Host
from tests.bench.images import APP
from tests.support.registry import Registry
from tests.support.rehearsal import Rehearsal
from tests.support.swarm import Swarm

pytestmark = pytest.mark.engine


@pytest.fixture
def swarm(host: Host) -> Iterator[Swarm]:
    """Provide a swarm whose agent asks registries for images."""
    host.stop_engine()
    host.start_engine(pulls=True)
    with Swarm([host]) as made:
        yield made
    host.stop_engine()
    host.start_engine()


@pytest.fixture
def registry(swarm: Swarm) -> Iterator[Registry]:
    """Provide a private registry with the application."""
    image_id: Any = swarm.first.engine().images.get(APP).id
    with Registry(GATEWAY, image_id) as made:
        yield made
        forget(swarm, made.image)


def forget(swarm: Swarm, image: str) -> None:
    """Take the name away from the host; the image stays."""
    with suppress(docker.errors.ImageNotFound):
        swarm.first.engine().images.remove(image, force=True)


def test_an_image_of_a_private_registry(swarm: Swarm, registry: Registry, rehearsal: Rehearsal) -> None:
    """It is pulled with the login that the managers' hosts have; another password replaces no task, and is
    that of the next pull."""

    def program(password: str, **keys: Any) -> None:
        registry.password = password
        managers = [{**host, "registries": [registry.login]} for host in swarm.managers]
        args: Any = {"managers": managers, "image": registry.image, **keys}
        SwarmService("web", args)

    rehearsal.up(lambda: program("hunter2"))
    assert set(registry.served) == {"hunter2"}
    (before,) = swarm.tasks("web")

    rehearsal.up(lambda: program("hunter3"))
    assert [task["ID"] for task in swarm.tasks("web")] == [before["ID"]]

    registry.served.clear()
    forget(swarm, registry.image)
    rehearsal.up(lambda: program("hunter3", force_update=1))
    assert set(registry.served) == {"hunter3"}
