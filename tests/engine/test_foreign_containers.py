"""An address that a stopped replica gives up is soon another container's: nobody gets that one's pages."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from ipaddress import ip_address
from typing import Any

import pytest
from docker.models.containers import Container

from tests.bench import images
from tests.bench.hosts import Host
from tests.bench.load import Load
from tests.support.program import PORT
from tests.support.rehearsal import Rehearsal

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("newer_image")]
PROGRAMS = [
    pytest.param("haproxy", images.PROXY, True, id="haproxy-old"),
    pytest.param("haproxy", images.NEWER, True, id="haproxy-new"),
    pytest.param("nginx", images.PROXY, False, id="nginx-old"),
    pytest.param("nginx", images.NEWER, True, id="nginx-new"),
]
BACKENDS: dict[str, Any] = {
    "shop": {"image": images.APP, "replicas": 2, "host_names": ["shop.example"], "drain": 1},
    "blog": {"image": images.APP_2, "replicas": 2, "host_names": ["blog.example"], "drain": 1},
}


def addresses(containers: list[Container]) -> set[str]:
    """Return addresses of containers on the network that all replicas are on."""
    found = set()
    for each in containers:
        each.reload()
        joined = each.attrs["NetworkSettings"]["Networks"]
        found |= {at["IPAddress"] for name, at in joined.items() if "-network-" not in name}
    return found


def together(action: Any, containers: list[Container]) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(action, containers))


def restarted(replicas: dict[str, list[Container]]) -> tuple[str, str]:
    """Kill all replicas of two backends, start those of one again: it gets the other one's addresses.

    Return the backend that is gone, and the one that is back.
    """
    # An engine gives the lowest address that is free.
    gone, back = sorted(replicas, key=lambda name: min(map(ip_address, addresses(replicas[name]))))
    before = addresses(replicas[gone])
    together(lambda each: each.kill(), [*replicas[gone], *replicas[back]])
    together(lambda each: each.start(), replicas[back])
    assert addresses(replicas[back]) & before
    return gone, back


@pytest.mark.parametrize(("kind", "image", "resolve"), PROGRAMS)
def test_a_stopped_backend_is_never_answered_by_another(
    host: Host, rehearsal: Rehearsal, kind: str, image: str, resolve: bool
) -> None:
    """The replicas of one backend are gone, those of the other one have got their addresses."""
    front_end = {"kind": kind, "image": image, "port": PORT, "resolve": resolve}
    rehearsal.serve("site", {"front_end": front_end, "backends": BACKENDS})
    replicas = {name: [rehearsal.container(f"site-{name}-{n}") for n in range(2)] for name in BACKENDS}
    url = f"http://{host.address}:{PORT}/"

    with ExitStack() as stack:
        loads = {
            name: stack.enter_context(
                # nginx waits for an address that nobody has, and asks four servers.
                Load(url, rate=40, host_header=f"{name}.example", fail_status=600, timeout=20)
            )
            for name in BACKENDS
        }
        loads["blog"].wait_sent(40)
        gone, back = restarted(replicas)
        since = {name: load.sent for name, load in loads.items()}
        for name, load in loads.items():
            load.wait_sent(since[name] + 160)
            load.stop()

    for name, load in loads.items():
        assert set(load.report.instances) - {""} <= {str(each.id)[:12] for each in replicas[name]}
    assert loads[gone].report.statuses["503"] >= 20  # nginx waits for each
    assert loads[back].report.statuses["200"] >= 20  # nginx avoids a replica that was away


@pytest.mark.parametrize(("kind", "image", "resolve"), PROGRAMS)
def test_backends_come_and_go_while_the_front_end_runs(
    host: Host, rehearsal: Rehearsal, kind: str, image: str, resolve: bool
) -> None:
    """An only backend needs no further network; with a second one, the front end joins one for each."""
    front_end = {"kind": kind, "image": image, "port": PORT, "resolve": resolve}
    shop, both = {"shop": BACKENDS["shop"]}, {"front_end": front_end, "backends": BACKENDS}
    rehearsal.serve("site", {"front_end": front_end, "backends": shop})
    before = rehearsal.container("site-lb").id
    replicas = [rehearsal.container(f"site-shop-{n}").id for n in range(2)]

    with Load(f"http://{host.address}:{PORT}/", rate=50, host_header="shop.example") as load:
        load.wait_sent(25)
        rehearsal.serve("site", both)
        assert networks(rehearsal, "site-lb") == {"site-net", "site-blog-network", "site-shop-network"}
        assert networks(rehearsal, "site-blog-0") == {"site-net", "site-blog-network"}
        assert [rehearsal.container(f"site-shop-{n}").id for n in range(2)] == replicas

        rehearsal.serve(
            "site", {**both, "backends": {**BACKENDS, "shop": {**BACKENDS["shop"], "memory": 64}}}
        )
        assert networks(rehearsal, "site-shop-0") == {"site-net", "site-shop-network"}

        rehearsal.serve("site", {"front_end": front_end, "backends": shop})
        load.stop()

    assert load.report.failed == 0, load.report
    assert rehearsal.container("site-lb").id == before
    assert networks(rehearsal, "site-lb") == networks(rehearsal, "site-shop-0") == {"site-net"}


def networks(rehearsal: Rehearsal, name: str) -> set[str]:
    """Return networks of the container of a resource, by the names of their resources."""
    found = rehearsal.container(name).attrs["NetworkSettings"]["Networks"]
    return {network.rpartition("-")[0] for network in found}
