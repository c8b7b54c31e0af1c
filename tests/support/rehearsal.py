"""The component on a real engine without Pulumi: what it declares is carried out, in its order.

    rehearsal = Rehearsal(host)
    rehearsal.up("site", service(replicas=3))
    rehearsal.up("site", service(replicas=6))
    rehearsal.destroy()

It stands in for the `pulumi` program where there is none, for what a service does on a host. It does
what Pulumi does with these resources and no more: create before delete, except for the front end;
delete what is no longer declared last. State and previews are tested with the real one.
"""

import secrets
from typing import Any

import docker.types
import pulumi
from docker.models.containers import Container
from docker.models.networks import Network

from components.engine.containers import nameless_volume
from components.load_balanced.component import LoadBalancedService
from components.provider.handlers import HANDLERS
from components.provider.server import problem
from tests.bench.hosts import Host
from tests.support.mocks import whole

PROJECT, STACK = "longshore", "rehearsal"


class Rehearsal(pulumi.runtime.Mocks):
    """One program on one host; its resources by name."""

    def __init__(self, host: Host, stack: str = STACK) -> None:
        self.host, self.stack = host, stack
        self.engine = host.engine()
        self.resources: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {}
        """Name → type, inputs and outputs (with `id`) of each resource there is."""
        self._declared: list[str] = []
        self._replaced: list[Container] = []

    def up(self, name: str, args: Any) -> LoadBalancedService:
        """Carry out the service `name`; what is declared no more goes at the end."""
        self._declared, self._replaced = [], []
        made: list[LoadBalancedService] = []
        pulumi.runtime.set_mocks(self, project=PROJECT, stack=self.stack, preview=False)
        placed: Any = {"host": {"address": self.host.url}, **args}

        def program() -> None:
            made.append(LoadBalancedService(name, placed))

        run: Any = pulumi.runtime.test
        run(program)()
        for container in self._replaced:
            self._remove(container)
        for gone in [key for key in reversed(self.resources) if key not in self._declared]:
            self._delete(gone)
        return made[0]

    def destroy(self) -> None:
        """Delete everything, the last one made first."""
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
        if kind in ("FloatingAddress", "LoadBalancedService", "docker", "RemoteImage"):
            return args.name, dict(args.inputs)
        self._declared.append(args.name)
        inputs = {key: whole(value) for key, value in args.inputs.items() if value is not None}
        _, before, was = self.resources.get(args.name, ("", {}, {}))
        outputs = was if before == inputs else self._make(kind, args.name, inputs, before, was)
        self.resources[args.name] = (kind, inputs, outputs)
        return outputs["id"], {**inputs, **outputs}

    def _make(
        self, kind: str, name: str, inputs: dict[str, Any], before: dict[str, Any], was: dict[str, Any]
    ) -> dict[str, Any]:
        if kind == "Network":
            return self._network(name, inputs)
        if kind == "Container":
            if before:
                old = self.engine.containers.get(was["id"])
                if inputs.get("start", True):
                    self._replaced.append(old)
                else:
                    self._remove(old)
            return self._container(name, inputs)
        handler = HANDLERS[kind]
        if said := problem(handler, inputs, before, lambda warning: None):
            raise AssertionError(said)
        if before:
            return {"id": was["id"], **handler.update(inputs, {**before, **was}, preview=False)}
        made, outputs = handler.create(inputs, preview=False)
        return {"id": made, **outputs}

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
        kind, inputs, outputs = self.resources.pop(name)
        if kind == "Container":
            self._remove(self.engine.containers.get(outputs["id"]))
        elif kind == "Network":
            self.engine.networks.get(outputs["id"]).remove()
        else:
            HANDLERS[kind].delete({**inputs, **outputs})

    @staticmethod
    def _remove(container: Container) -> None:
        container.stop(timeout=10)
        container.remove(v=True, force=True)


def _labels(inputs: dict[str, Any]) -> dict[str, str]:
    return {each["label"]: each["value"] for each in inputs.get("labels", [])}


def _health(health: dict[str, Any]) -> dict[str, Any]:
    return {
        "test": health["tests"],
        "interval": int(health["interval"].rstrip("s")) * 10**9,
        "timeout": int(health["timeout"].rstrip("s")) * 10**9,
        "retries": health["retries"],
    }
