"""A program on real engines without Pulumi: its declarations are carried out, in order.

    rehearsal = Rehearsal(host)
    rehearsal.serve("site", service(replicas=3))
    rehearsal.serve("site", service(replicas=6))
    rehearsal.up(lambda: SwarmService("web", {"managers": swarm.managers, ...}))
    rehearsal.destroy()

It does for our resources, and for Docker's containers and networks, what Pulumi does, and no more. A resource
that cannot be changed is made anew before the old one goes, unless the resource says otherwise. Undeclared
resources go last. State and previews are tested with the real `pulumi`.
"""

import secrets
from collections.abc import Callable
from typing import Any

import docker.types
import pulumi
from docker.models.containers import Container
from docker.models.networks import Network

from components.engine.containers import Unfinished, nameless_volume
from components.load_balanced.component import LoadBalancedService
from components.provider.handlers import HANDLERS
from components.provider.server import problem
from tests.bench.hosts import Host
from tests.support.mocks import whole

PROJECT, STACK = "longshore", "rehearsal"
DOCKER = ("Container", "Network")
"""Resources of Docker's plugin that a program may declare."""
Resource = tuple[str, dict[str, Any], dict[str, Any]]
"""Type, inputs, and outputs with `id`."""


class Rehearsal(pulumi.runtime.Mocks):
    """One program; `host` has its containers and networks. Its resources by name."""

    def __init__(self, host: Host, stack: str = STACK) -> None:
        self.host, self.stack = host, stack
        self.engine = host.engine()
        self.resources: dict[str, Resource] = {}
        self.warnings: list[str] = []
        self._declared: list[str] = []
        self._replaced: list[Resource] = []
        """Resources that others stand for, and that are deleted at the end of an `up` that succeeds."""
        self._error: Exception | None = None

    def serve(self, name: str, args: Any) -> None:
        """Carry out the LoadBalancedService `name` on the host, and nothing else."""
        placed: Any = {"host": {"address": self.host.url}, **args}
        self.up(lambda: LoadBalancedService(name, placed))

    def up(self, program: Callable[[], Any]) -> None:
        """Carry out the resources that `program` declares; those that it no longer declares go at the end."""
        self._declared, self.warnings, self._error = [], [], None
        pulumi.runtime.set_mocks(self, project=PROJECT, stack=self.stack, preview=False)

        def main() -> None:
            program()

        run: Any = pulumi.runtime.test
        try:
            run(main)()
        finally:
            if self._error:
                raise self._error
        self._delete_replaced()
        for gone in [name for name in reversed(self.resources) if name not in self._declared]:
            self._delete(gone)

    def refresh(self) -> dict[str, dict[str, Any]]:
        """Read every resource of ours into the state; what was otherwise, by name."""
        found: dict[str, dict[str, Any]] = {}
        for name, (kind, inputs, outputs) in list(self.resources.items()):
            if kind in DOCKER:
                continue
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
            self._delete(name)

    def names(self) -> list[str]:
        """Return names of the containers' resources."""
        return [name for name, (kind, *_) in self.resources.items() if kind == "Container"]

    def container(self, name: str) -> Container:
        """Return the container of the resource `name`."""
        return self.engine.containers.get(self.resources[name][2]["id"])

    def network(self, name: str) -> str:
        """Return the name of the network of the resource `name` on the engine."""
        return str(self.resources[name][2]["name"])

    def address(self, name: str, network: str) -> str:
        """Return the address of the front end `name` on a network, from the outputs of its configuration."""
        return str(self.resources[f"{name}-config"][2]["addresses"][network])

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        raise NotImplementedError(args.token)

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        kind = args.typ.rpartition(":")[2]
        if kind not in (*HANDLERS, *DOCKER) or self._error:
            return args.name, dict(args.inputs)
        self._declared.append(args.name)
        inputs = {key: whole(value) for key, value in args.inputs.items() if value is not None}
        _, before, was = self.resources.get(args.name, ("", {}, {}))
        if before == inputs and "unfinished" not in was:
            return was["id"], {**inputs, **was}
        try:
            carry_out = self._docker if kind in DOCKER else self._ours
            outputs = carry_out(kind, args.name, inputs, before, was)
        except Exception as error:  # noqa: BLE001 — `up` raises it after the resources that depend on it
            self._error = error
            return args.name, dict(args.inputs)
        self.resources[args.name] = kind, inputs, outputs
        return outputs["id"], {**inputs, **outputs}

    def _ours(
        self, kind: str, name: str, inputs: dict[str, Any], before: dict[str, Any], was: dict[str, Any]
    ) -> dict[str, Any]:
        handler = HANDLERS[kind]
        if said := problem(handler, inputs, before, self.warnings.append):
            raise AssertionError(said)
        changed = {key for key in inputs if before.get(key) != inputs[key]}
        try:
            if before and not handler.replaces(changed):
                return {"id": was["id"], **handler.update(inputs, {**before, **was}, preview=False)}
            self._replace((kind, before, was), first=bool(before) and handler.delete_first(inputs, changed))
            made, outputs = handler.create(inputs, preview=False)
        except Unfinished as error:
            outputs = {"id": error.made, **error.outputs, "unfinished": True}
            self.resources[name] = kind, inputs, outputs
            raise
        return {"id": made, **outputs}

    def _docker(
        self, kind: str, name: str, inputs: dict[str, Any], before: dict[str, Any], was: dict[str, Any]
    ) -> dict[str, Any]:
        # A front end has the ports of its follower, and does not start by itself.
        self._replace((kind, before, was), first=not inputs.get("start", True))
        return self._network(name, inputs) if kind == "Network" else self._container(name, inputs)

    def _replace(self, old: Resource, *, first: bool) -> None:
        """Delete the resource that is replaced, if there is one: `first`, or at the end."""
        if old[1] and first:
            self._remove(old)
        elif old[1]:
            self._replaced.append(old)

    def _network(self, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        unique = f"{name}-{secrets.token_hex(3)}"
        pools = [docker.types.IPAMPool(subnet=c["subnet"]) for c in inputs.get("ipamConfigs", [])]
        network: Network = self.engine.networks.create(
            unique,
            driver=inputs["driver"],
            internal=inputs.get("internal", False),
            labels=_labels(inputs),
            ipam=docker.types.IPAMConfig(pool_configs=pools) if pools else None,
        )
        return {"id": network.id, "name": unique}

    def _container(self, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        unique = f"{name}-{secrets.token_hex(3)}"
        known = dict(inputs)
        start, networks = known.pop("start", True), known.pop("networksAdvanced")
        health = known.pop("healthcheck", None)
        capabilities = known.pop("capabilities")
        retries = known.pop("maxRetryCount", 0)
        ports = known.pop("ports", [])
        options: dict[str, Any] = {
            "command": known.pop("command", None),
            "entrypoint": known.pop("entrypoints", None),
            "environment": known.pop("envs", None),
            "labels": _labels(known),
            "network_mode": known.pop("networkMode"),
            "mem_limit": known.pop("memory") * 2**20,
            "memswap_limit": known.pop("memorySwap") * 2**20,
            "cpu_shares": known.pop("cpuShares", None),
            "user": known.pop("user", None),
            "read_only": known.pop("readOnly", False),
            "tmpfs": known.pop("tmpfs", None),
            "sysctls": known.pop("sysctls"),
            "security_opt": known.pop("securityOpts"),
            "cap_add": capabilities.get("adds"),
            "cap_drop": capabilities["drops"],
            "restart_policy": {"Name": known.pop("restart"), "MaximumRetryCount": retries},
            "mounts": [nameless_volume(volume["containerPath"]) for volume in known.pop("volumes", [])],
            "stop_signal": known.pop("stopSignal", None),
            "ports": {f"{p['internal']}/{p['protocol']}": (p["ip"], p["external"]) for p in ports},
            "nano_cpus": int(float(known.pop("cpus", 0)) * 10**9) or None,
            "healthcheck": health and _health(health),
        }
        image = known.pop("image")
        for key in ("labels", "destroyGraceSeconds", "mustRun"):
            known.pop(key, None)
        assert not known, f"the rehearsal does not know these inputs of a container: {known}"
        container = self.engine.containers.create(image, name=unique, **options)
        self.engine.networks.get("bridge").disconnect(container)
        for network in networks:
            found = self.engine.networks.get(network["name"])
            found.connect(container, aliases=network.get("aliases"))
        if start:
            container.start()
        return {"id": container.id, "name": unique}

    def _delete(self, name: str) -> None:
        self._remove(self.resources.pop(name))

    def _delete_replaced(self) -> None:
        while self._replaced:
            self._remove(self._replaced.pop())

    def _remove(self, resource: Resource) -> None:
        kind, inputs, outputs = resource
        if kind == "Container":
            container = self.engine.containers.get(outputs["id"])
            container.stop(timeout=10)
            container.remove(v=True, force=True)
        elif kind == "Network":
            self.engine.networks.get(outputs["id"]).remove()
        else:
            HANDLERS[kind].delete({**inputs, **outputs})


def _labels(inputs: dict[str, Any]) -> dict[str, str]:
    return {each["label"]: each["value"] for each in inputs.get("labels", [])}


def _health(health: dict[str, Any]) -> dict[str, Any]:
    return {
        "test": health["tests"],
        "interval": int(health["interval"].rstrip("s")) * 10**9,
        "timeout": int(health["timeout"].rstrip("s")) * 10**9,
        "retries": health["retries"],
    }
