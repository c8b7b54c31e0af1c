"""The proxies of the next Debian, about as new as the default images' (haproxy:3.2, nginx:1.28)."""

import urllib.request
from collections.abc import Iterator

import pytest

from tests.bench import images
from tests.bench.fixtures import skip_newer
from tests.bench.hosts import Host
from tests.bench.process import BenchUnavailable, until
from tests.program import PORT, service
from tests.rehearsal import Rehearsal

pytestmark = pytest.mark.engine


@pytest.fixture
def rehearsal(host: Host) -> Iterator[Rehearsal]:
    """An empty host that has the image; skips where the image cannot be made."""
    try:
        images.ensure_newer(host)
    except BenchUnavailable as error:
        skip_newer(error)
    running = Rehearsal(host)
    yield running
    running.destroy()


def answers(host: Host) -> set[str]:
    """Who answered twelve requests: instance and version."""
    url = f"http://{host.address}:{PORT}/"
    found = set()
    for _ in range(12):
        with urllib.request.urlopen(url, timeout=10) as answer:
            found.add(" ".join(answer.read().decode().split()[:2]))
    return found


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_newer_proxies_start_and_reload(host: Host, rehearsal: Rehearsal, kind: str) -> None:
    """The configuration passes their check, and the end of a reload is recognised."""
    front_end = {"kind": kind, "image": images.NEWER}
    rehearsal.up("site", service(front_end=front_end))
    assert {each.split()[1] for each in answers(host)} == {"v1"}

    rehearsal.up("site", service(front_end=front_end, image=images.APP_2, replicas=2))

    found = answers(host)
    assert len(found) == 2
    assert {each.split()[1] for each in found} == {"v2"}


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_a_replica_is_found_at_its_new_address(host: Host, rehearsal: Rehearsal, kind: str) -> None:
    """With `resolve`, a replica that comes back elsewhere is used again; nginx needs 1.27.3."""
    rehearsal.up("site", service(replicas=2, front_end={"kind": kind, "image": images.NEWER}))
    replica = rehearsal.container("site-web-0")
    network = rehearsal.resources["site-net"][2]["name"]
    before = address(rehearsal, network)

    replica.stop(timeout=1)
    squatter = host.engine().containers.run(
        images.APP, "sleep 600", detach=True, network=network, name="squatter"
    )
    try:
        replica.start()

        assert address(rehearsal, network) != before
        until(lambda: len(answers(host)) == 2, "both replicas answer again", timeout=30)
    finally:
        squatter.remove(force=True)


def address(rehearsal: Rehearsal, network: str) -> str:
    """Address of the first replica."""
    networks = rehearsal.container("site-web-0").attrs["NetworkSettings"]["Networks"]
    return str(networks[network]["IPAddress"])
