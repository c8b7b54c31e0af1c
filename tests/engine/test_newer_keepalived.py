"""The keepalived of the next Debian (2.3) on real hosts: what test_floating_address shows of 2.2."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.provider.handlers import HANDLERS
from tests.bench import images
from tests.bench.fixtures import require_newer
from tests.bench.hosts import Host
from tests.bench.process import until
from tests.support.floating import FAST, PORT, Floating, client, floating_address, gateways

pytestmark = pytest.mark.engine

NODE = HANDLERS["FloatingAddressNode"]
NEWER: Any = {"image": images.NEWER, **FAST}
TRACK: Any = {"track": {"port": PORT, "path": "/healthz"}}


@pytest.fixture
def group(hosts: list[Host]) -> Iterator[Floating]:
    """Provide a group that does not exist yet, on hosts with the image; skip where that cannot be made."""
    require_newer(*hosts[:2])
    made = Floating(hosts)
    yield made
    made.destroy()
    assert made.owners() == ""


@pytest.mark.parametrize("track", [{"port": PORT}, {"port": PORT, "path": "/healthz"}])
def test_a_node_without_gateway_gives_the_address_up(group: Floating, track: dict[str, Any]) -> None:
    """The script runs: without a gateway the node yields, and takes the address back when that returns."""
    with gateways({name: group.hosts[name] for name in "ab"}) as gateway:
        group.roll_out("ab", track=track, **NEWER)
        group.settled("a")
        gateway["a"].kill()
        group.settled("b")
        gateway["a"].start()

        group.settled("a")


@pytest.mark.parametrize(
    "keys",
    [
        {"multicast": True},
        {"version": 2, "password": "hunter2", "advert_interval": 1},
        {"preempt_delay": 0.00001},
        {"preempt": False, **TRACK},
    ],
    ids=["multicast", "version 2", "a short delay", "no preemption"],
)
def test_every_form_is_accepted_and_followed(group: Floating, keys: dict[str, Any]) -> None:
    """Its check has nothing against the configuration; the next node takes over from one that is killed."""
    with gateways({name: group.hosts[name] for name in "ab"}):
        group.roll_out("ab", **{**NEWER, **keys})
        group.settled("a")

        group.hosts["a"].crash(str(group.keepalived("a").id))

        until(lambda: group.owners() == "b", "the next node takes over")


def test_a_change_does_not_move_the_address(group: Floating) -> None:
    """The end of a reload is recognised, and no client sees anything of it."""
    with gateways({name: group.hosts[name] for name in "ab"}):
        group.roll_out("ab", **TRACK, **NEWER)
        group.settled("a")
        until(lambda: "succeeded" in group.keepalived("a").logs().decode(), "the gateway is well")

        with client() as seen:
            group.roll_out("ab", **TRACK, **NEWER, addresses=[floating_address(), floating_address(1)])

        assert seen.heard() == "a"
        assert [group.owners(index) for index in range(2)] == ["a", "a"]


def test_an_image_without_bash_is_refused_with_the_remedy(group: Floating) -> None:
    """Where it is looked for, and what to do."""
    group.roll_out("ab", **NEWER)
    config = group.args("ab", **TRACK, **NEWER)
    node = group.state("a")
    tracked = group.configuration("a", config).replace("/usr/bin/bash", "/usr/bin/no-bash")

    said = NODE.check({**node, "config": tracked}, node, print)

    assert "the image needs bash at /usr/bin/bash for track" in str(said)
