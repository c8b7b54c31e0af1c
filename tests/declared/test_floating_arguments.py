"""A FloatingAddress as a program declares it: what is refused, what is registered, and what is secret."""

import re
from typing import Any

import pytest

from components import ArgumentError, FloatingAddress
from components.swarm.floating.model import Floating
from components.swarm.floating.validation import floating, known_password
from tests.cases.bad_floating_addresses import BAD, args, ranks
from tests.cases.later import LATER, with_outputs
from tests.support.mocks import Secret, run

COMPONENT = "longshore:index:FloatingAddress"
NAMES = {
    f"{COMPONENT}::vip",
    f"{COMPONENT}$longshore:index:FloatingAddressNode::vip-node-a",
    f"{COMPONENT}$longshore:index:FloatingAddressNode::vip-node-b",
    f"{COMPONENT}$longshore:index:FloatingAddressNode::vip-node-c",
    f"{COMPONENT}$longshore:index:FloatingAddressGroup::vip-group",
}


def model(**keys: Any) -> Floating:
    return floating("vip", args(**keys))


@pytest.mark.parametrize("title", list(BAD))
def test_a_wrong_argument_is_one_clear_error(title: str) -> None:
    """One mistake, one line; nothing is registered by then, and no password is shown."""
    given, error = BAD[title]

    def program() -> None:
        FloatingAddress("vip", with_outputs(given))

    seen = run(program)

    message = str(seen.error)
    assert isinstance(seen.error, ArgumentError), repr(seen.error)
    assert message.startswith("FloatingAddress 'vip': ")
    assert re.search(error, message), message
    assert message.isprintable(), message
    assert "hunter2" not in message
    assert seen.resources == []


GOOD: dict[str, Any] = {
    "the least": args("a"),
    "numbers from another language": args(router_id=9.0, memory=64.0, version=3),
    "None for every default": args()
    | dict.fromkeys(["router_id", "version", "password", "preempt", "track", "image", "memory"]),
    "values at their limits": ranks(254, 128, advert_interval=0.05, router_id=255, track={"port": 65535}),
    "far apart without track": ranks(254, 1),
    "far apart, where a dead node takes no part": ranks(254, 1, track={"port": 1}, preempt=False),
    "twelve nodes with a track": args("abcdefghijkl", track={"port": 80}),
    "an image and a password known later": args(version=2, image=LATER, password=LATER),
    "IPv6": args("a", nodes={"a": {"address": "fd00::1"}}, addresses=["fd00::9/64", "192.0.2.9"]),
    "a VLAN's interface": args(nodes={"a": {"interface": "enp3s0.100"}}),
}


@pytest.mark.parametrize("title", list(GOOD))
def test_a_good_argument_is_taken(title: str) -> None:
    """An argument that looks like one of the mistakes, but is right, is accepted."""
    seen = run(lambda: FloatingAddress("vip", with_outputs(GOOD[title])))

    assert seen.error is None
    assert len(seen.resources) >= 3


@pytest.mark.parametrize("preview", [True, False])
def test_names(preview: bool) -> None:
    """Types, names and parents are a contract."""
    seen = run(lambda: FloatingAddress("vip", with_outputs(args())), preview=preview)

    assert {resource.chain for resource in seen.resources} == NAMES


def test_backup_nodes_come_first() -> None:
    """Each node waits for the one after it in rank, the group for all: the owner is changed last."""
    given = args(nodes={"a": {"priority": 20}, "b": {"priority": 30}, "c": {"priority": 10}})
    seen = run(lambda: FloatingAddress("vip", with_outputs(given)))

    assert {name: seen.named(f"vip-node-{name}").depends_on for name in "abc"} == {
        "c": set(),
        "a": {"vip-node-c"},
        "b": {"vip-node-a"},
    }
    assert seen.named("vip-group").depends_on >= {f"vip-node-{name}" for name in "abc"}
    assert seen.named("vip-group").inputs["hosts"] == [{"address": f"ssh://{name}.example"} for name in "bac"]


def test_outputs() -> None:
    """Addresses without prefix lengths, and the configuration of each node."""
    given = args(addresses=["192.0.2.9/24", "fd00::9/64"])
    seen = run(lambda: FloatingAddress("vip", with_outputs(given)))

    outputs = seen.outputs["vip"]
    assert (outputs["address"], outputs["addresses"]) == ("192.0.2.9", ["192.0.2.9", "fd00::9"])
    assert sorted(outputs["config"]) == ["a", "b", "c"]
    assert outputs["config"]["a"] == seen.named("vip-node-a").inputs["config"]


def test_only_what_asks_a_gateway_may_set_groups() -> None:
    """Three capabilities; one more where keepalived runs a script."""
    plain = run(lambda: FloatingAddress("vip", with_outputs(args())))
    tracked = run(lambda: FloatingAddress("vip", with_outputs(args(track={"port": 80}))))

    three = ["NET_ADMIN", "NET_BROADCAST", "NET_RAW"]
    assert plain.named("vip-node-a").inputs["capabilities"] == three
    assert tracked.named("vip-node-a").inputs["capabilities"] == [*three, "SETGID"]


@pytest.mark.parametrize("password", ["hunter2", LATER])
def test_a_password_is_a_secret(password: Any) -> None:
    """And so is every text that holds it."""
    seen = run(lambda: FloatingAddress("vip", with_outputs(args(version=2, password=password))))

    config = seen.named("vip-node-a").inputs["config"]
    assert isinstance(config, Secret)
    assert "auth_pass" in config.value
    assert isinstance(seen.outputs["vip"]["config"], Secret)


def test_a_password_of_a_registry_is_a_secret() -> None:
    """It goes to the node's resource, which pulls the image."""
    registry = {"address": "registry.example", "username": "me", "password": "hunter2"}
    host = {"address": "ssh://a.example", "registries": [registry]}
    seen = run(lambda: FloatingAddress("vip", with_outputs(args(nodes={"a": {"host": host}}))))

    (found,) = seen.named("vip-node-a").inputs["registries"]
    assert found["password"] == Secret("hunter2")
    assert seen.named("vip-node-b").inputs["registries"] == []


def test_a_wrong_password_that_is_known_late_is_refused() -> None:
    """It would stand in a configuration; it is not shown."""
    with pytest.raises(ArgumentError, match="password must be 1 to 8 letters") as error:
        known_password("vip", "x\n}\nhunter2")

    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("second", "error"),
    [
        ({"router_id": 9, "addresses": ["192.0.2.8"]}, r"router_id 9 is that of FloatingAddress 'one': "),
        ({"router_id": 1}, r"addresses: 192.0.2.9 belongs to FloatingAddress 'one': choose another$"),
        (
            {"addresses": ["192.0.2.8"], "nodes": {"a": {"address": "192.0.2.9"}}},
            r"192.0.2.9 is a floating address and, with FloatingAddress 'one', a node's own: choose another$",
        ),
    ],
)
def test_two_groups_do_not_get_in_each_others_way(second: dict[str, Any], error: str) -> None:
    """Numbers and addresses are checked over all groups of a program; the first one is named."""

    def program() -> None:
        FloatingAddress("one", with_outputs(args()))
        FloatingAddress("two", with_outputs(args(**second)))

    seen = run(program)

    assert isinstance(seen.error, ArgumentError)
    assert re.search(f"^FloatingAddress 'two': .*{error}", str(seen.error)), seen.error
    assert not [resource for resource in seen.resources if resource.name.startswith("two")]


def test_two_groups_may_share_nodes() -> None:
    """With numbers and addresses of their own."""

    def program() -> None:
        FloatingAddress("one", with_outputs(args()))
        FloatingAddress("two", with_outputs(args(addresses=["192.0.2.8"])))

    assert run(program).error is None


def test_a_number_follows_from_the_address() -> None:
    """The last byte of the first address of the nodes' kind; 255 for a byte of 0, which is no number."""
    assert model().group == 9
    assert model(addresses=["fd00::8", "192.0.2.7"]).group == 7
    assert model(addresses=["10.0.1.0/16"]).group == 255
    assert model(router_id=51).group == 51


def test_priorities_follow_from_the_names() -> None:
    """The first name has the highest priority, and every dead node comes after every healthy one."""
    what = model(track={"port": 80}, names="cab")

    assert what.priorities == {"a": 250, "b": 240, "c": 230}
    assert what.ranking == ["a", "b", "c"]
    assert max(what.priorities.values()) + what.weight < min(what.priorities.values())
    assert min(what.priorities.values()) + what.weight >= 1


@pytest.mark.parametrize("keys", [{"preempt": False}, {"preempt_delay": 1}])
def test_a_track_has_no_weight_without_immediate_preemption(keys: dict[str, Any]) -> None:
    """Its nodes respect an owner however low its priority: a node without gateway takes no part."""
    assert model(track={"port": 80}, **keys).weight == 0
