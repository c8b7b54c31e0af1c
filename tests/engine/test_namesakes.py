"""Two stacks on one network have a service of one name: each answers with its own replicas, or is refused."""

import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from docker.models.networks import Network

from components.engine.namesakes import refusals
from components.naming import LABEL
from tests.bench.hosts import Host
from tests.bench.images import APP, APP_2
from tests.support.program import PORT, service
from tests.support.rehearsal import Rehearsal

pytestmark = pytest.mark.engine
SHARED = "shared-by-stacks"
LABELS = {f"{LABEL}.project": "longshore", f"{LABEL}.stack": "staging", f"{LABEL}.component": "site"}


def asked(**keys: Any) -> Any:
    """Return the arguments of a service on the shared network."""
    return {"network": [SHARED], "networks": [], "isolated": True, "replicas": {"web": {}}, **keys}


@pytest.fixture
def shared(host: Host) -> Iterator[Network]:
    """Provide a network that no stack has made."""
    made = host.engine().networks.create(SHARED)
    yield made
    made.remove()


@pytest.fixture
def stacks(host: Host, shared: Network) -> Iterator[tuple[Rehearsal, Rehearsal]]:
    """Provide production and staging, on one host."""
    both = Rehearsal(host, "production"), Rehearsal(host, "staging")
    with ExitStack() as stack:
        for each in both:
            stack.callback(each.destroy)
        yield both


def site(kind: str, port: int, **keys: Any) -> dict[str, Any]:
    front_end = {"kind": kind, "port": port, "resolve": kind == "haproxy", **keys.pop("front_end", {})}
    return service(**{"replicas": 2, "network": {"name": SHARED}, "front_end": front_end, **keys})


def versions(host: Host, port: int) -> set[str]:
    """Return the image that has answered forty requests."""
    found = set()
    for _ in range(40):
        with urllib.request.urlopen(f"http://{host.address}:{port}/", timeout=10) as answer:
            found.add(answer.read().decode().split()[1])
    return found


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_each_stack_answers_with_its_own_replicas(
    host: Host, stacks: tuple[Rehearsal, Rehearsal], kind: str
) -> None:
    """Component, backend, port and network are the same in both."""
    production, staging = stacks

    production.serve("site", site(kind, PORT))
    staging.serve("site", site(kind, PORT + 1, image=APP_2))
    production.serve("site", site(kind, PORT, replicas=3))

    assert versions(host, PORT) == {"v1"}
    assert versions(host, PORT + 1) == {"v2"}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"network": {"name": SHARED, "isolated": False}}, {}),
        ({"network": {"name": SHARED, "isolated": False}}, {"network": {"name": SHARED, "isolated": False}}),
        (
            {"network": {"name": SHARED, "isolated": False}},
            {"network": {}, "front_end": {"networks": [SHARED]}},
        ),
        (
            {"network": {}, "front_end": {"networks": [SHARED]}},
            {"network": {"name": SHARED, "isolated": False}},
        ),
    ],
    ids=["they have names there", "both have", "our front end is there", "their front end is there"],
)
def test_a_name_that_both_would_have_is_refused(
    stacks: tuple[Rehearsal, Rehearsal], theirs: dict[str, Any], ours: dict[str, Any]
) -> None:
    """Replicas of a former release, for example, have their names on the network that was given."""
    production, staging = stacks
    production.serve("site", site("haproxy", PORT, **theirs))

    with pytest.raises(AssertionError) as error:
        staging.serve("site", site("haproxy", PORT + 1, **ours))

    said = str(error.value)
    assert "backends.web: its replicas would have the names site-web-…, as " in said
    assert "of stack 'production' (project 'longshore')" in said
    assert said.endswith("give component or backend another name, or take another network")


@pytest.mark.parametrize(
    ("names", "refused"),
    [
        (["site-web-0-g1"], True),
        (["other", "site-web-12-g345"], True),
        (["site-web-0"], False),
        (["site-web-api-0-g1"], False),
        (["my-site-web-0-g1"], False),
    ],
)
@pytest.mark.parametrize("running", [True, False])
def test_a_name_of_any_container_counts(
    host: Host, shared: Network, names: list[str], refused: bool, running: bool
) -> None:
    """Of an exported Compose project, for example. It may be started later."""
    container = host.engine().containers.create(APP, name="a-stray-one")
    try:
        shared.connect(container, aliases=names)
        if running:
            container.start()

        found = refusals(host.engine(), asked(), LABELS)
    finally:
        container.remove(force=True)

    assert bool(found) is refused
    for said in found:
        assert f"as container a-stray-one has the name {names[-1]} on network {SHARED}" in said


def test_a_network_elsewhere_has_no_say(host: Host, shared: Network) -> None:
    """Nor has a container of the service itself."""
    engine = host.engine()
    other = engine.networks.create("another-network")
    ours, theirs = engine.containers.create(APP, labels=LABELS), engine.containers.create(APP)
    try:
        shared.connect(ours, aliases=["site-web-0-g1"])
        other.connect(theirs, aliases=["site-web-0-g1"])

        assert refusals(engine, asked(), LABELS) == []
        assert refusals(engine, asked(network=[]), LABELS) == []
        assert len(refusals(engine, asked(networks=[other.id]), LABELS)) == 1
    finally:
        for each in (ours, theirs):
            each.remove(force=True)
        other.remove()
