"""Our custom resources in the real `pulumi` alone, without Docker's plugin: what a preview and an `up` do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.engine.containers import read_file
from components.proxies.registry import kind_of
from tests.bench.hosts import Host
from tests.bench.images import PROXY
from tests.engine.test_front_end_config import FrontEnd
from tests.engine.test_front_end_config import engine as engine  # noqa: PLC0414 — a fixture
from tests.engine.test_front_end_config import network as network  # noqa: PLC0414 — a fixture
from tests.support.program import Inline, PulumiError

pytestmark = [pytest.mark.engine, pytest.mark.pulumi_cli]

MAIN = """
import pulumi
from components.resources.labels import labels_of
from components.resources.front_end import FrontEndConfig, Readiness
from components.resources.generation import Generation

given = pulumi.Config().require_object("given")
generation = Generation("web-generation", {"definition": given["definition"]})
common = {key: given[key] for key in ("host", "kind", "config")}
ready = Readiness(
    "lb-ready",
    {
        **common,
        "image": given["image"],
        "names": ["site-web-0-g1"],
        "labels": labels_of("lb", "check"),
        "container": {},
        "replicas": {},
        "pidsLimits": {},
        "startTimeout": 10,
        "demands": {"network": [], "networks": [], "memory": 128, "files": 1024, "replicas": {}},
    },
)
config = FrontEndConfig(
    "lb-config",
    {**common, "container": given["container"], "replicas": {}, "drain": 1, "pidsLimit": 512},
    pulumi.ResourceOptions(depends_on=[ready]),
)
pulumi.export("number", generation.number)
pulumi.export("running", config.running)
"""


class Stack(Inline):
    """A program of the three resources, its settings as their inputs."""

    main = MAIN


@pytest.fixture(params=["haproxy", "nginx"])
def front_end(request: pytest.FixtureRequest, host: Host, network: Any) -> Iterator[FrontEnd]:
    """Provide a front end's container that was made and not started."""
    made = FrontEnd(host, request.param, network)
    yield made
    made.container.remove(force=True, v=True)


def test_life(front_end: FrontEnd, tmp_path: Path) -> None:
    """`up` and an empty preview; then a change counts the generation and reloads.

    A configuration that the program refuses fails the preview and leaves the former one in force. `destroy`
    stops the front end.
    """

    def given(definition: str, config: str) -> dict[str, Any]:
        return {
            "given": {
                "definition": {"image": definition},
                "host": {"address": front_end.host.url},
                "kind": front_end.kind,
                "image": PROXY,
                "container": front_end.container.id,
                "config": config,
            }
        }

    path = kind_of(front_end.kind).program.path
    first, second = (front_end.text(front_end={"max_connections": count}) for count in (100, 200))
    stack = Stack(tmp_path, front_end.host, given("one", first))
    try:
        stack.up()
        assert stack.outputs() == {"number": 1, "running": True}
        assert front_end.status() == 200
        assert stack.preview().changes == []

        stack.configure(given("two", second))
        assert stack.preview().changes == [
            ("update", "lb-config"),
            ("update", "lb-ready"),
            ("update", "web-generation"),
        ]
        shown = stack.up().output
        assert "lb-config updating" in shown
        assert "reload the front end: its configuration changes" in shown
        assert "limit the front end" not in shown  # it has the limit
        assert stack.outputs() == {"number": 2, "running": True}
        assert read_file(front_end.container, path) == second
        stack.refresh()
        assert stack.preview().changes == []

        stack.configure(given("two", "no-such-directive yes;\n" + second))
        with pytest.raises(PulumiError, match="no-such-directive"):
            stack.preview()
        assert read_file(front_end.container, path) == second
    finally:
        stack.destroy()
    front_end.container.reload()
    assert front_end.container.status == "exited"
