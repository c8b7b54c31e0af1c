"""The proxies of the next Debian, about as new as the default images' (haproxy:3.2, nginx:1.28)."""

import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from components.engine.containers import workers
from tests.bench import images
from tests.bench.hosts import Host
from tests.bench.process import until
from tests.support.program import PORT, service
from tests.support.rehearsal import Rehearsal

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("newer_image")]


def answers(host: Host) -> set[str]:
    """Return instance and version of the replicas that answered twelve requests."""
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
    rehearsal.serve("site", service(front_end=front_end))
    assert {each.split()[1] for each in answers(host)} == {"v1"}

    rehearsal.serve("site", service(front_end=front_end, image=images.APP_2, replicas=2))

    found = answers(host)
    assert len(found) == 2
    assert {each.split()[1] for each in found} == {"v2"}


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_a_replica_is_found_at_its_new_address(host: Host, rehearsal: Rehearsal, kind: str) -> None:
    """With `resolve`, a replica that comes back elsewhere is used again; nginx needs 1.27.4."""
    rehearsal.serve("site", service(replicas=2, front_end={"kind": kind, "image": images.NEWER}))
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
    """Return address of the first replica."""
    networks = rehearsal.container("site-web-0").attrs["NetworkSettings"]["Networks"]
    return str(networks[network]["IPAddress"])


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_a_cookie_keeps_a_client_on_its_index(host: Host, rehearsal: Rehearsal, kind: str) -> None:
    """The index counts in every generation; without a replica of that index, another one takes the client."""
    front_end = {"kind": kind, "image": images.NEWER}
    rehearsal.serve("site", service(front_end=front_end, cookie="SERVER"))
    _, given = cookie_of(host, "")
    assert given.startswith("SERVER=web-")
    last = "SERVER=web-2"
    before = {cookie_of(host, last)[0] for _ in range(6)}

    rehearsal.serve("site", service(front_end=front_end, cookie="SERVER", image=images.APP_2))
    after = {cookie_of(host, last)[0] for _ in range(6)}
    now = str(rehearsal.container("site-web-2").id)[:12]
    rehearsal.serve("site", service(front_end=front_end, cookie="SERVER", image=images.APP_2, replicas=2))

    assert len(before) == 1
    assert after == {now}
    assert cookie_of(host, last)[0] != now


def cookie_of(host: Host, cookie: str) -> tuple[str, str]:
    """Return the replica that answers a client with this cookie, and the cookie of the answer."""
    request = urllib.request.Request(f"http://{host.address}:{PORT}/", headers={"Cookie": cookie})
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return answer.read().decode().split()[0], answer.headers.get("Set-Cookie", "").partition(";")[0]


def test_an_older_nginx_has_no_cookie(rehearsal: Rehearsal) -> None:
    """It is refused by the image's own program, with the version that it takes."""
    front_end = {"kind": "nginx", "resolve": False}

    with pytest.raises(AssertionError) as error:
        rehearsal.serve("site", service(front_end=front_end, cookie="SERVER"))

    assert "this nginx is older than 1.29.6 and has no cookie affinity: use a newer image" in str(error.value)


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_an_idle_connection_outlives_a_reload(host: Host, rehearsal: Rehearsal, kind: str) -> None:
    """For one more request. It is sent while the old workers wait for it, before the reload has ended."""
    front_end = {"kind": kind, "image": images.NEWER}
    rehearsal.serve("site", service(front_end=front_end, drain=5))
    proxy = rehearsal.container("site-lb")
    old = workers(proxy).keys()
    connection = HTTPConnection(host.address, PORT, timeout=20)
    assert answered(connection) == 200

    def second() -> int:
        until(lambda: workers(proxy).keys() - old, "a new worker runs", timeout=60)
        return answered(connection)

    with ThreadPoolExecutor() as pool:
        asked = pool.submit(second)
        rehearsal.serve("site", service(front_end=front_end, drain=5, replicas=2))
        assert asked.result() == 200


def answered(connection: HTTPConnection) -> int:
    """Return status of a request on this connection, which is opened at most once."""
    connection.auto_open = int(connection.sock is None)
    connection.request("GET", "/")
    answer = connection.getresponse()
    answer.read()
    return answer.status
