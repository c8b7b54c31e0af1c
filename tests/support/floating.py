"""A FloatingAddress on three hosts of the bench without Pulumi, its gateways, and what befalls them."""

import http.client
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from threading import Event, Thread
from typing import Any

from docker.models.containers import Container

from components.swarm.floating.component import FloatingAddress
from components.swarm.floating.validation import floating
from components.swarm.floating.view import configuration
from tests.bench import hosts as bench
from tests.bench.hosts import Host
from tests.bench.images import APP, KEEPALIVED
from tests.bench.process import run, until
from tests.support.rehearsal import Rehearsal

NAME = "vip"
PORT = 8095
FAST: Any = {"advert_interval": 0.1}


def floating_address(index: int = 0) -> str:
    """Return an address of the bench's network that no host has."""
    return str(bench.NETWORK[100 + index])


class Floating(Rehearsal):
    """The component on three hosts, `a`, `b` and `c`; carried out as Pulumi would."""

    def __init__(self, hosts: list[Host]) -> None:
        super().__init__(hosts[0])
        self.hosts = dict(zip("abc", hosts, strict=True))

    def args(self, names: str = "abc", **keys: Any) -> dict[str, Any]:
        """Return arguments of a group of `names`; `nodes` adds keys to a node's."""
        more: dict[str, Any] = keys.pop("nodes", {})
        nodes = {
            name: {
                "host": {"address": self.hosts[name].url},
                "interface": "eth0",
                "address": self.hosts[name].address,
                **more.get(name, {}),
            }
            for name in names
        }
        return {"nodes": nodes, "addresses": [floating_address()], "image": KEEPALIVED, **keys}

    def roll_out(self, names: str = "abc", **keys: Any) -> None:
        """Make it what the arguments say; what is declared no more goes at the end."""
        name = keys.pop("name", NAME)
        args: Any = self.args(names, **keys)
        self.up(lambda: FloatingAddress(name, args))

    def configuration(self, name: str, args: Any) -> str:
        """Return the text of a node with these arguments."""
        return configuration(NAME, floating(NAME, args), name, None)

    def keepalived(self, name: str) -> Container:
        """Return the container of a node."""
        known = self.resources[f"{NAME}-node-{name}"][2]["containerId"]
        return self.hosts[name].engine().containers.get(known)

    def state(self, name: str) -> dict[str, Any]:
        """Return the state of a node's resource."""
        _, inputs, outputs = self.resources[f"{NAME}-node-{name}"]
        return {**inputs, **outputs}

    def owners(self, index: int = 0) -> str:
        """Return names of the nodes that have the address."""
        mark = f" {floating_address(index)}/"
        return "".join(
            name
            for name, host in self.hosts.items()
            if mark in host.run_in(["ip", "-o", "address", "show", "dev", "eth0"]).stdout
        )

    def settled(self, owners: str, seconds: float = 10) -> None:
        """Await that these nodes, and no others, have the address."""
        until(lambda: self.owners() == owners, f"{owners} has the address", seconds)


@contextmanager
def gateways(hosts: Mapping[str, Host], image: str = APP) -> Iterator[dict[str, Container]]:
    """Run a gateway on each host: it answers with the host's name."""
    made: dict[str, Container] = {}
    try:
        for name, host in hosts.items():
            made[name] = host.engine().containers.run(
                image,
                environment={"PORT": str(PORT), "INSTANCE": name},
                network_mode="host",
                detach=True,
            )
        for host in hosts.values():
            until(lambda host=host: ask(host.address), f"the gateway of {host.name} answers")  # type: ignore[misc]
        yield made
    finally:
        for container in made.values():
            container.remove(force=True)


def ask(address: str, seconds: float = 1.0) -> str:
    """Return the node that answers at the address; nothing when no node does."""
    connection = http.client.HTTPConnection(address, PORT, timeout=seconds)
    try:
        connection.request("GET", "/", headers={"Connection": "close"})
        return connection.getresponse().read().decode().partition(" ")[0]
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()


def _way(address: str) -> str:
    """Return how this machine reaches an address, and what comes of a connection."""
    try:
        socket.create_connection((address, PORT), timeout=5).close()
        connected = "connected"
    except OSError as error:
        connected = repr(error)
    ways = (run(["ip", *what, address]) for what in (["route", "get"], ["neigh", "show", "to"]))
    return "; ".join([*ways, connected])


@dataclass
class Client:
    """Asks the floating address all the time, each time over a connection of its own."""

    answers: list[tuple[float, str]] = field(default_factory=list)
    """When, and who answered."""

    def longest_gap(self, since: float = 0) -> float:
        """Return the longest seconds without an answer until now, after `since` and the first answer."""
        times = [moment for moment, _ in self.answers if moment >= since]
        times.append(time.monotonic())
        return max((after - before for before, after in pairwise(times)), default=0.0)

    def heard(self) -> str:
        """Return the nodes that answered, one letter for each change."""
        return "".join(name for name, _ in groupby(name for _, name in self.answers))


@contextmanager
def client() -> Iterator[Client]:
    """Run a client while the context is open; it has had an answer before the caller goes on."""
    made, ended = Client(), Event()

    def work() -> None:
        while not ended.is_set():
            if name := ask(floating_address(), 0.1):
                made.answers.append((time.monotonic(), name))
            ended.wait(0.01)

    # Another group had the address before: this machine may know it by the hardware address of that one.
    run(["ip", "neigh", "flush", "to", floating_address()])
    try:
        until(lambda: ask(floating_address(), 2.0), "the floating address answers a client")
    except TimeoutError as error:
        raise TimeoutError(f"{error}: {_way(floating_address())}") from error
    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        until(lambda: made.answers, "the client has an answer")
        yield made
    finally:
        ended.set()
        thread.join()


@contextmanager
def unplugged(host: Host) -> Iterator[None]:
    """Take the host's cable out: the host sees that itself."""
    run(["ip", "link", "set", host.netns, "down"])
    try:
        yield
    finally:
        run(["ip", "link", "set", host.netns, "up"])


@contextmanager
def cut_off(host: Host) -> Iterator[None]:
    """Stop the switch from forwarding anything from or to the host, which does not see it."""
    run(["ip", "link", "set", host.netns, "nomaster"])
    try:
        yield
    finally:
        run(["ip", "link", "set", host.netns, "master", bench.BRIDGE])
