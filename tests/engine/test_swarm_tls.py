"""HTTPS of gateways on a swarm of three real engines, without Pulumi."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.support.certificates import Authority, Made, made, of_client
from tests.support.rehearsal import Rehearsal
from tests.support.secure import Secure, served
from tests.support.swarm import Swarm, answers
from tests.support.swarm_services import PORTS, gateway, get, kept, web

pytestmark = [pytest.mark.engine, pytest.mark.slow]

HTTPS = {"haproxy": 8470, "nginx": 8471}
FIRST, SECOND = (made("a.example", seed=seed) for seed in ("first", "second"))


@pytest.fixture(scope="module")
def program(swarm: Swarm) -> Iterator[Rehearsal]:
    """Provide a program for the swarm, which leaves nothing there."""
    found = Rehearsal(swarm.first)
    yield found
    found.destroy()
    assert kept(swarm) == []


def serve(program: Rehearsal, swarm: Swarm, pair: Made, client: Made | None = None, **more: str) -> None:
    """Have gateways of both kinds serve a.example with a certificate, to a client with one of its own."""

    def declared() -> None:
        web(swarm, "a")
        for kind in PORTS:
            tls: Any = {"port": HTTPS[kind], "certificates": [pair._asdict()], **more}
            gateway(swarm, kind, "a", front_end={"tls": tls})

    program.up(declared)
    for kind in PORTS:
        answers(partial(serves, swarm, kind, client), f"{kind} serves")


def serves(swarm: Swarm, kind: str, client: Made | None) -> bool:
    return Secure(swarm.first.address, HTTPS[kind], client).get() == 200


def test_gateways_ask_clients_for_a_certificate(program: Rehearsal, swarm: Swarm) -> None:
    """Its authority is a file of the tasks, too."""
    ours = Authority("ours")

    serve(program, swarm, FIRST, of_client(ours, "CN=app"), client_ca=ours.text)

    for kind in PORTS:
        place = (swarm.first.address, HTTPS[kind])
        assert Secure(*place).refused()
        assert Secure(*place, of_client(Authority("theirs"), "CN=app")).refused()


@pytest.mark.every_engine
def test_gateways_serve_https_with_secrets_of_the_swarm(program: Rehearsal, swarm: Swarm) -> None:
    """A new certificate replaces the tasks; plain HTTP is redirected; only the proxy can read the key."""
    for pair in (FIRST, SECOND):
        serve(program, swarm, pair)
        for kind in PORTS:
            assert served(swarm.first.address, HTTPS[kind]).split() == pair.certificate.split()
            assert get(swarm, kind, "a.example")[0] == 308
            (task,) = [
                each
                for each in swarm.first.engine().containers.list(filters={"name": f"gate-{kind}."})
                if each.status == "running"
            ]
            listed: Any = task.exec_run(["sh", "-c", "stat -c '%a %u %n' /etc/longshore/*.pem"], user="0")
            assert listed.output.decode().startswith("400 65534 ")
            assert pair.private_key.split()[5] not in repr(task.attrs)
