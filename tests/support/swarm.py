"""Hosts of a bench as a swarm, and requests to its services.

with Swarm(hosts) as swarm:
    rehearsal.up(lambda: SwarmService("web", {"managers": swarm.managers, ...}))
"""

import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

import docker.errors
from docker.types import IPAMConfig, IPAMPool

from tests.bench.hosts import OWN_NETWORKS, Host
from tests.bench.process import until


class Swarm:
    """Hosts of a bench as one swarm while the context is open: the first is its manager."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self.hosts = list(hosts)
        self.first = self.hosts[0]

    def __enter__(self) -> Self:
        engine: Any = self.first.engine()
        engine.swarm.init(advertise_addr=self.first.address, default_addr_pool=["10.83.0.0/16"])
        engine.swarm.reload()
        token = engine.swarm.attrs["JoinTokens"]["Worker"]
        for host in self.hosts[1:]:
            host.engine().swarm.join(
                remote_addrs=[f"{self.first.address}:2377"], join_token=token, advertise_addr=host.address
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host in reversed(self.hosts):
            with suppress(docker.errors.APIError):
                host.engine().swarm.leave(force=True)

    @property
    def managers(self) -> list[dict[str, Any]]:
        """HostArgs of the managers."""
        return [{"address": self.first.url}]

    def label(self, host: Host, **labels: str) -> None:
        """Give a node its labels."""
        (node,) = self.first.engine().nodes.list(filters={"name": host.name})
        spec: Any = node.attrs["Spec"]
        node.update({**spec, "Labels": labels})

    def network(self, name: str, subnet: str | None = None) -> Any:
        """Make an overlay network."""
        ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)]) if subnet else None
        return self.first.engine().networks.create(name, driver="overlay", ipam=ipam)

    def tasks(self, service: str, state: str = "running") -> list[dict[str, Any]]:
        """Return tasks of a service that are, and are to be, in a state."""
        api: Any = self.first.engine().api
        found = api.tasks(filters={"service": service, "desired-state": "running"})
        return [task for task in found if task["Status"]["State"] == state]

    def places(self, service: str) -> list[str]:
        """Return names of the hosts that run a service, once for each task."""
        api: Any = self.first.engine().api
        names = {node["ID"]: node["Description"]["Hostname"] for node in api.nodes()}
        return sorted(names[task["NodeID"]] for task in self.tasks(service))


GOSSIP = 75.0
"""Seconds until a node knows a task of another: every 30 s they tell each other what was lost."""


def answers(condition: Callable[[], Any], what: str, timeout: float = GOSSIP) -> Any:
    """Await a true result; connections that are refused meanwhile do not matter."""

    def tried() -> Any:
        with suppress(OSError):
            return condition()
        return None

    return until(tried, what, timeout, interval=0.1)


def asked(url: str, host_name: str) -> tuple[int, str]:
    """Return status and text of an answer."""
    request = urllib.request.Request(url, headers={"Host": host_name})  # noqa: S310 — http it is
    try:
        with urllib.request.urlopen(request, timeout=5) as found:  # noqa: S310
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def served(hosts: Sequence[Host], port: int, host_name: str) -> None:
    """Await that each host serves; otherwise the error shows what runs there, and what each has logged."""

    def serves(host: Host) -> bool:
        return asked(f"http://{host.address}:{port}/", host_name)[0] == 200

    for host in hosts:
        try:
            answers(partial(serves, host), f"{host.name} serves")
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{_told(hosts)}") from error


def _told(hosts: Sequence[Host]) -> str:
    """Return containers of the hosts with their state, addresses and last lines."""
    found = [
        "\n".join(
            [
                f"{host.name} {each.name}: {each.status}",
                str(
                    {
                        name: net["IPAddress"]
                        for name, net in each.attrs["NetworkSettings"]["Networks"].items()
                    }
                ),
                each.logs(tail=8).decode(errors="replace"),
            ]
        )
        for host in hosts
        for each in host.engine().containers.list(all=True)
    ]
    return "\n".join(found)


def bare(hosts: list[Host]) -> bool:
    """Return whether all hosts are in no swarm and have no network or container more than an engine at first.

    Engines remove the tasks of a swarm that they have left by themselves: they have 60 s for it.
    """
    try:
        return until(lambda: all(map(_bare, hosts)), "the engines remove what has ended", timeout=60)
    except TimeoutError:
        return False


def _bare(host: Host) -> bool:
    engine = host.engine()
    return (
        engine.info()["Swarm"]["LocalNodeState"] == "inactive"
        and {network.name for network in engine.networks.list()} <= {*OWN_NETWORKS}
        and not engine.api.containers(all=True)  # `list` asks for each, which may be gone by then
    )
