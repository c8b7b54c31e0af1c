"""Services of a swarm for `docker stack deploy`: https://docs.docker.com/reference/compose-file/deploy/

They are defined as the Engine API defines them; a field that has no word in the file is reported as missing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..arguments.messages import decimal
from ..engine.swarm.overlay import MTU
from ..naming import LABEL
from ..preview.instance import Instance, inputs
from ..preview.reading import Step, items, mapping
from .project import Project, doubled, hidden, on_host

KINDS = ("SwarmGateway", "SwarmService")


def stack(instances: Sequence[Instance], host: str = "") -> Project:
    """Return the SwarmServices and the SwarmGateways of one swarm as a stack.

    The networks that a SwarmCluster makes for them are in it. `host`, a manager, says which swarm, where
    there are several.
    Raises CannotExport when there is none, or when there are several swarms and none was chosen.
    """
    services = [each for each in instances if each.kind in ("SwarmGateway", "SwarmService")]
    clusters = [each for each in instances if each.kind == "SwarmCluster"]
    sections: dict[str, Any] = {"services": {}, "networks": {}, "configs": {}, "secrets": {}}
    project = Project("stack.yaml", {"version": "3.9", **sections})
    project.carried = on_host(
        services, _managers, host, "SwarmService or SwarmGateway", "a stack is for one swarm"
    )
    managers = {address for each in project.carried for address in _managers(each)}
    clusters = [each for each in clusters if managers.intersection(_managers(each))]
    overlays = {str(step.new["name"]): step for each in clusters for step in each.of("OverlayNetwork")}
    for each in project.carried:
        _Service(project, each, overlays).add()
    for name in sorted(overlays.keys() - project.content["networks"].keys()):
        project.missing.append(f"network {name}: no service here is on it")
    for each in clusters:
        project.missing += [_said(each, step) for step in each.of("SwarmNode")]
    project.carried += clusters
    project.content = {key: value for key, value in project.content.items() if value}
    return project


def _managers(instance: Instance) -> list[str]:
    """Return the addresses of its swarm's managers, or what is shown for secret or unknown ones."""
    found = inputs(instance.one("ServiceDefinition") or instance.one("Swarm"))["managers"]
    return [str(each["address"]) for each in items(found)] or [str(found)]


def _said(cluster: Instance, step: Step) -> str:
    """Return a node, with what the services may ask of it."""
    labels = [f"label {key}={value}" for key, value in sorted(mapping(step.new.get("labels")).items())]
    return f"node {cluster.node(step)} of {cluster.name}: {', '.join([str(step.new['role']), *labels])}"


def _labels(given: Mapping[str, str]) -> dict[str, str]:
    """Return the labels without ours, which mark what Longshore looks after."""
    return {key: value for key, value in sorted(given.items()) if not key.startswith(f"{LABEL}.")}


def _seconds(nanoseconds: int) -> str:
    return f"{decimal(nanoseconds / 10**9)}s"


def _as_it_is(value: Any) -> Any:
    return value


def _unless_zero(value: Any) -> Any:
    return value or None


def _each(keys: Mapping[str, str]) -> Callable[[list[Mapping[str, Any]]], list[dict[str, Any]]]:
    return lambda given: [_renamed(each, keys) for each in given]


def _renamed(given: Mapping[str, Any], keys: Mapping[str, str]) -> dict[str, Any]:
    """Return the mapping by other keys, and in their order."""
    return {keys[key]: given[key] for key in sorted(given, key=list(keys).index)}


_FIELDS = {
    "TaskTemplate.ContainerSpec.Command": "entrypoint",
    "TaskTemplate.ContainerSpec.Args": "command",
    "TaskTemplate.ContainerSpec.Hostname": "hostname",
    "TaskTemplate.ContainerSpec.User": "user",
    "TaskTemplate.ContainerSpec.Init": "init",
    "TaskTemplate.ContainerSpec.ReadOnly": "read_only",
    "TaskTemplate.ContainerSpec.Mounts": "volumes",
    "TaskTemplate.ContainerSpec.CapabilityDrop": "cap_drop",
    "TaskTemplate.ContainerSpec.CapabilityAdd": "cap_add",
    "TaskTemplate.ContainerSpec.Sysctls": "sysctls",
    "TaskTemplate.ContainerSpec.Labels": "labels",
    "TaskTemplate.ContainerSpec.Healthcheck.Test": "healthcheck.test",
    "TaskTemplate.ContainerSpec.Healthcheck.Interval": "healthcheck.interval",
    "TaskTemplate.ContainerSpec.Healthcheck.Timeout": "healthcheck.timeout",
    "TaskTemplate.ContainerSpec.Healthcheck.Retries": "healthcheck.retries",
    "TaskTemplate.ContainerSpec.Healthcheck.StartPeriod": "healthcheck.start_period",
    "TaskTemplate.ContainerSpec.StopSignal": "stop_signal",
    "TaskTemplate.ContainerSpec.StopGracePeriod": "stop_grace_period",
    "EndpointSpec.Ports": "ports",
    "Mode.Global": "deploy.mode",
    "Mode.Replicated.Replicas": "deploy.replicas",
    "EndpointSpec.Mode": "deploy.endpoint_mode",
    "Labels": "deploy.labels",
    "TaskTemplate.Placement.Constraints": "deploy.placement.constraints",
    "TaskTemplate.Placement.MaxReplicas": "deploy.placement.max_replicas_per_node",
    "TaskTemplate.Resources.Limits.NanoCPUs": "deploy.resources.limits.cpus",
    "TaskTemplate.Resources.Limits.MemoryBytes": "deploy.resources.limits.memory",
    "TaskTemplate.Resources.Limits.Pids": "deploy.resources.limits.pids",
    "TaskTemplate.Resources.Reservations.NanoCPUs": "deploy.resources.reservations.cpus",
    "TaskTemplate.Resources.Reservations.MemoryBytes": "deploy.resources.reservations.memory",
    "TaskTemplate.RestartPolicy.Condition": "deploy.restart_policy.condition",
    "TaskTemplate.RestartPolicy.Delay": "deploy.restart_policy.delay",
    "TaskTemplate.RestartPolicy.MaxAttempts": "deploy.restart_policy.max_attempts",
    "TaskTemplate.RestartPolicy.Window": "deploy.restart_policy.window",
    **{
        f"{policy}.{key}": f"deploy.{name}.{word}"
        for policy, name in (("UpdateConfig", "update_config"), ("RollbackConfig", "rollback_config"))
        for key, word in (
            ("Parallelism", "parallelism"),
            ("Delay", "delay"),
            ("FailureAction", "failure_action"),
            ("Monitor", "monitor"),
            ("MaxFailureRatio", "max_failure_ratio"),
            ("Order", "order"),
        )
    },
}
"""Paths in the file for the fields of a definition, except those of `_Service`."""
_WRITTEN: dict[str, Callable[[Any], Any]] = {
    "CapabilityAdd": lambda names: [each.removeprefix("CAP_") for each in names],
    "Delay": _seconds,
    "Global": lambda _: "global",
    "Interval": _seconds,
    "Labels": _labels,
    "MaxReplicas": _unless_zero,
    "MemoryBytes": lambda size: f"{size // 2**20}M" if size else None,
    "Monitor": _seconds,
    "Mounts": _each({"Type": "type", "Target": "target"}),
    "NanoCPUs": lambda cores: decimal(cores / 10**9) if cores else None,
    "Ports": _each(
        {
            "Protocol": "protocol",
            "TargetPort": "target",
            "PublishedPort": "published",
            "PublishMode": "mode",
        }
    ),
    "ReadOnly": _unless_zero,
    "StartPeriod": _seconds,
    "StopGracePeriod": _seconds,
    "Timeout": _seconds,
    "Window": _seconds,
}
"""Formats in the file, by the last part of the field; other fields keep their form."""
_NOTHING: tuple[Any, ...] = (None, "", [], {})


def _fields(given: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the fields of a definition: what has a place of its own whole, other mappings by their keys."""
    for key, value in given.items():
        here = f"{path}{key}"
        if isinstance(value, Mapping) and here not in _FIELDS:
            yield from _fields(value, f"{here}.")
        else:
            yield here, value


class _Service:
    """One service on its way into a project."""

    def __init__(self, project: Project, instance: Instance, overlays: Mapping[str, Step]) -> None:
        self._project, self._instance, self._overlays = project, instance, overlays
        definition = inputs(instance.one("ServiceDefinition"))
        self._spec, self._name = mapping(definition.get("spec")), str(definition.get("name"))

    def add(self) -> None:
        """Add the service to the project; report each field that has no word there."""
        found: dict[str, Any] = {}
        fields = dict(_fields(self._spec))
        with_others: dict[str, tuple[str, Callable[[Any], Any]]] = {
            "TaskTemplate.ContainerSpec.Image": ("image", self._image),
            "TaskTemplate.ContainerSpec.Env": ("environment", self._environment),
            "TaskTemplate.ContainerSpec.Configs": ("configs", self._configs),
            "TaskTemplate.ContainerSpec.Secrets": ("secrets", self._secrets),
            "TaskTemplate.Networks": ("networks", self._networks),
        }
        for field, (place, write) in with_others.items():
            _put(found, place, write(fields.pop(field)))
        for field, place in _FIELDS.items():
            if field in fields:
                as_written = _WRITTEN.get(field.rpartition(".")[2], _as_it_is)
                _put(found, place, doubled(as_written(fields.pop(field))))
        for field, value in sorted(fields.items()):
            if value not in _NOTHING:
                self._project.missing.append(f"{self._name}: {field} {value}")
        self._project.content["services"][self._name] = found

    def _given(self, value: Any, name: str, what: str) -> str:
        return self._project.given(value, f"{self._instance.name}-{name}", f"{what} of {self._name}")

    def _image(self, image: Any) -> str:
        return self._given(image, "image", "image")

    def _environment(self, values: Sequence[str]) -> dict[str, str]:
        names = self._instance.inputs.get("environment") or []
        return {
            name: self._given(value if hidden(value) else value.removeprefix(f"{name}="), name, name)
            for name, value in zip(names, values, strict=True)
        }

    def _networks(self, given: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the networks, each by its own name for every stack: other stacks are on it, too."""
        if not given:
            self._project.missing.append(f"{self._name}: no network (it joins `default` of the stack)")
        found = [self._network(f"network-{index}", each["Target"]) for index, each in enumerate(given)]
        return {key: {} for key in found}

    def _network(self, unknown: str, name: str) -> str:
        key = f"{self._instance.name}-{unknown}" if hidden(name) else name
        made = self._overlays.get(name)
        network: dict[str, Any] = {"name": self._given(name, unknown, "name of a network")}
        network |= _overlay(made) if made else {"external": True}
        self._project.content["networks"][key] = network
        return key

    def _configs(self, mounted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        steps = [*self._instance.of("SwarmConfig"), *self._instance.of("GatewayConfig")]
        return [self._file("config", *each) for each in zip(steps, mounted, strict=True)]

    def _secrets(self, mounted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        steps = self._instance.of("SwarmSecret")
        return [self._file("secret", *each) for each in zip(steps, mounted, strict=True)]

    def _file(self, kind: str, step: Step, mounted: Mapping[str, Any]) -> dict[str, Any]:
        """Return a file of the tasks. The user who deploys makes a hidden one, which only the swarm has."""
        found: dict[str, Any]
        text, path = step.new["data"], mounted["File"]["Name"]
        if hidden(text):
            key = step.name.removeprefix(f"{self._instance.name}-{kind}-")
            what = f"name of the {kind} (docker {kind} create) that is {path}"
            found = {"external": True, "name": self._given(text, f"{key}-{kind}", what)}
        else:
            self._project.files[f"{kind}s/{step.name}"] = str(text)
            found = {"name": step.new["name"], "file": f"./{kind}s/{step.name}"}
        self._project.content[f"{kind}s"][step.name] = found
        keys = {"Name": "target", "UID": "uid", "GID": "gid", "Mode": "mode"}
        return {"source": step.name, **_renamed(mounted["File"], keys)}


def _overlay(step: Step) -> dict[str, Any]:
    given = step.new
    options = {MTU: str(given["mtu"])} if given["mtu"] else {}
    if given["encrypted"]:
        options["encrypted"] = ""
    network = {
        "driver": "overlay",
        "driver_opts": options,
        "ipam": {"config": [{"subnet": given["subnet"]}]} if given["subnet"] else {},
        "attachable": _unless_zero(given["attachable"]),
        "internal": _unless_zero(given["internal"]),
    }
    return {key: value for key, value in network.items() if value not in _NOTHING}


def _put(found: dict[str, Any], place: str, value: Any) -> None:
    """Put a value at a path of keys; nothing where it says nothing."""
    if value in _NOTHING:
        return
    *folders, last = place.split(".")
    for each in folders:
        found = found.setdefault(each, {})
    found[last] = value
