"""Requests as both kinds take them: what the table of traffic cannot say."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import docker.types
import pytest
from docker.models.containers import Container

from components.proxies import requests
from tests.bench import images
from tests.bench.hosts import Host
from tests.bench.process import until
from tests.golden.test_golden import configuration
from tests.support.program import PORT, ROOT, service
from tests.support.rehearsal import Rehearsal
from tests.support.traffic.cases import SERVED

PAGE = (ROOT / "docs" / "front-ends.md").read_text()


@pytest.mark.parametrize("name", [*requests.MEMBERS, *requests.OTHERS, *requests.HOP_BY_HOP])
def test_the_page_names_each_header_that_is_removed(name: str) -> None:
    """In docs/front-ends.md."""
    assert f"`{name}`" in PAGE


def test_each_member_is_of_a_family() -> None:
    """Else HAProxy would let it pass."""
    pattern = re.compile(requests.PROXIES)

    assert [name for name in requests.MEMBERS if not pattern.match(name.lower())] == []


@pytest.mark.parametrize("kind", SERVED)
def test_ipv6_has_a_socket_of_its_own(kind: str) -> None:
    """IPv4 addresses are plain then; none where the kernel has no IPv6."""
    with_it = configuration(kind, {"image": "app:1"})
    without = configuration(kind, {"image": "app:1", "front_end": {"ipv6": False}})

    line = {"haproxy": "    bind :::80 v6only\n", "nginx": "        listen [::]:80 default_server;\n"}[kind]
    assert with_it.count(line) == 1
    assert with_it.replace(line, "") == without


def logged(front_end: Container, address: str) -> bool:
    return f"\n{address}:".encode() in bytes(front_end.logs())


@pytest.fixture
def ipv6_network(host: Host) -> Iterator[str]:
    """Provide a network whose containers have addresses of both families."""
    pool = docker.types.IPAMPool(subnet="fd00:6::/64")
    ipam = docker.types.IPAMConfig(pool_configs=[pool])
    network = host.engine().networks.create("both-families", enable_ipv6=True, ipam=ipam)
    yield "both-families"
    network.remove()


@pytest.mark.engine
@pytest.mark.parametrize("kind", SERVED)
def test_a_client_of_each_family_has_its_plain_address(kind: str, host: Host, ipv6_network: str) -> None:
    """In X-Forwarded-For and in the log, where a container has both families."""
    rehearsal = Rehearsal(host)
    try:
        given = {"kind": kind, "networks": [ipv6_network], "resolve": kind == "haproxy"}
        rehearsal.serve("site", service(replicas=1, front_end=given))
        front_end = rehearsal.container("site-lb")
        there = front_end.attrs["NetworkSettings"]["Networks"][ipv6_network]
        client = host.engine().containers.run(images.APP, "sleep 600", detach=True, network=ipv6_network)
        try:
            client.reload()
            here = client.attrs["NetworkSettings"]["Networks"][ipv6_network]
            for to, own in (
                (there["IPAddress"], here["IPAddress"]),
                (f"[{there['GlobalIPv6Address']}]", here["GlobalIPv6Address"]),
            ):
                url = f"http://{to}:{PORT}/headers"

                answer: Any = client.exec_run(["curl", "-s", "-g", url])
                got = answer.output.decode().lower()

                assert f"x-forwarded-for: {own}\n" in got
                assert f"x-real-ip: {own}\n" in got
                until(partial(logged, front_end, own), f"{own} is logged")
        finally:
            client.remove(force=True)
    finally:
        rehearsal.destroy()
