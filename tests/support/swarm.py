"""Swarm components on real engines without Pulumi: their declarations are carried out, in order.

    with Swarm(hosts) as swarm:
        rehearsal = Rehearsal()
        rehearsal.up(lambda: SwarmService("web", {"managers": swarm.managers, ...}))

It does for our resources what Pulumi does, and no more. A resource that cannot be changed is made anew before
the old one goes. A resource that is no longer declared goes last. State and previews are tested with the real
Pulumi.
"""

import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import docker.errors
import pulumi
from docker.types import IPAMConfig, IPAMPool

from components.engine.containers import Unfinished
from components.provider.handlers import HANDLERS
from components.provider.server import problem
from tests.bench.hosts import Host
from tests.bench.process import until
from tests.support.mocks import whole

PROJECT, STACK = "longshore", "rehearsal"
Resource = tuple[str, dict[str, Any], dict[str, Any]]
"""Type, inputs, and outputs with the id."""


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


class Rehearsal(pulumi.runtime.Mocks):
    """One program; its resources by name."""

    def __init__(self) -> None:
        self.resources: dict[str, Resource] = {}
        self.warnings: list[str] = []
        self._declared: list[str] = []
        self._replaced: list[Resource] = []
        """Resources that another one replaces; they are deleted at the end of an `up` that succeeds."""
        self._error: Exception | None = None

    def up(self, program: Callable[[], Any]) -> None:
        """Carry out what `program` declares; what it declares no more goes at the end."""
        self._declared, self.warnings, self._error = [], [], None
        pulumi.runtime.set_mocks(self, project=PROJECT, stack=STACK, preview=False)

        def main() -> None:
            program()

        run: Any = pulumi.runtime.test
        run(main)()
        if self._error:
            raise self._error
        self._delete_replaced()
        for gone in [name for name in reversed(self.resources) if name not in self._declared]:
            _delete(self.resources.pop(gone))

    def refresh(self) -> dict[str, dict[str, Any]]:
        """Read every resource into the state; what was otherwise, by name."""
        found: dict[str, dict[str, Any]] = {}
        for name, (kind, inputs, outputs) in list(self.resources.items()):
            read = HANDLERS[kind].read({**inputs, **outputs})
            if read is None:
                found[name] = {}
                del self.resources[name]
                continue
            drift = {key: value for key, value in read.items() if value != {**inputs, **outputs}[key]}
            if drift:
                found[name] = drift
                self.resources[name] = kind, {**inputs, **drift}, outputs
        return found

    def destroy(self) -> None:
        """Delete everything, the last one made first."""
        self._delete_replaced()
        for name in reversed(list(self.resources)):
            _delete(self.resources.pop(name))

    def _delete_replaced(self) -> None:
        while self._replaced:
            _delete(self._replaced.pop())

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        raise NotImplementedError(args.token)

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        kind = args.typ.rpartition(":")[2]
        if kind not in HANDLERS or self._error:
            return args.name, dict(args.inputs)
        self._declared.append(args.name)
        inputs = {key: whole(value) for key, value in args.inputs.items() if value is not None}
        _, before, was = self.resources.get(args.name, ("", {}, {}))
        if before == inputs and "unfinished" not in was:
            return was["id"], {**inputs, **was}
        try:
            outputs = self._carry_out(kind, args.name, inputs, before, was)
        except Exception as error:  # noqa: BLE001 — `up` raises it after the resources that depend on it
            self._error = error
            return args.name, dict(args.inputs)
        self.resources[args.name] = kind, inputs, outputs
        return outputs["id"], {**inputs, **outputs}

    def _carry_out(
        self, kind: str, name: str, inputs: dict[str, Any], before: dict[str, Any], was: dict[str, Any]
    ) -> dict[str, Any]:
        handler = HANDLERS[kind]
        if said := problem(handler, inputs, before, self.warnings.append):
            raise AssertionError(said)
        changed = {key for key in inputs if before.get(key) != inputs[key]}
        try:
            if before and not handler.replaces(changed):
                return {"id": was["id"], **handler.update(inputs, {**before, **was}, preview=False)}
            if before and handler.delete_first(inputs, changed):
                _delete((kind, before, was))
            elif before:
                self._replaced.append((kind, before, was))
            made, outputs = handler.create(inputs, preview=False)
        except Unfinished as error:
            outputs = {"id": error.made, **error.outputs, "unfinished": True}
            self.resources[name] = kind, inputs, outputs
            raise
        return {"id": made, **outputs}


def _delete(resource: Resource) -> None:
    kind, inputs, outputs = resource
    HANDLERS[kind].delete({**inputs, **outputs})


def answers(condition: Callable[[], Any], what: str, timeout: float = 30.0) -> Any:
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


def bare(hosts: list[Host]) -> bool:
    """Return whether all hosts are in no swarm and have no network or container more than an engine at first.

    Engines remove the tasks of a swarm that they have left by themselves: they have 20 s for it.
    """
    try:
        return until(lambda: all(map(_bare, hosts)), "the engines remove what has ended", timeout=20)
    except TimeoutError:
        return False


def _bare(host: Host) -> bool:
    engine = host.engine()
    return (
        engine.info()["Swarm"]["LocalNodeState"] == "inactive"
        and {network.name for network in engine.networks.list()}
        <= {"bridge", "host", "none", "docker_gwbridge"}
        and not engine.containers.list(all=True)
    )
