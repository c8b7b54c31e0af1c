"""A service as the Engine API defines one: https://docs.docker.com/reference/api/engine/ (ServiceSpec).

Exactly the keys that we have something to say about; the provider compares no others.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from ...arguments.messages import shown
from ...arguments.parsing import ArgumentError
from ...engine.swarm import templates
from ...engine.swarm.services import Spec
from ...proxies import health
from ...resources.labels import labels_of
from .model import File, Health, Policy, Service

MIB = 2**20
_IN_MEMORY = ("/run", "/tmp")  # noqa: S108 — inside the task


def spec(
    component: str, role: str, service: Service, configs: list[dict[str, Any]], secrets: list[dict[str, Any]]
) -> Spec:
    """Return the definition of `service`, without its name; `mounted` gives `configs` and `secrets`."""
    labels = labels_of(component, role)
    replicas = {"Replicated": {"Replicas": service.replicas}}
    return {
        "Labels": {**service.labels, **labels},
        "Mode": {"Global": {}} if service.mode == "global" else replicas,
        "TaskTemplate": {
            "ContainerSpec": {
                **_container(component, service, labels),
                "Configs": configs,
                "Secrets": secrets,
            },
            "Resources": _resources(service),
            "RestartPolicy": {
                "Condition": service.restart.condition,
                "Delay": nanoseconds(service.restart.delay),
                "MaxAttempts": service.restart.max_attempts,
                "Window": nanoseconds(service.restart.window),
            },
            "Placement": {
                "Constraints": sorted(service.constraints),
                "MaxReplicas": service.max_replicas_per_node or 0,
            },
            "Networks": [{"Target": name} for name in service.networks],
        },
        "UpdateConfig": _policy(service, service.update, service.update.failure_action),
        "RollbackConfig": _policy(service, service.rollback, service.rollback.failure_action),
        "EndpointSpec": {
            "Mode": service.endpoint_mode,
            "Ports": [
                {
                    "Protocol": port.protocol,
                    "TargetPort": port.port,
                    "PublishedPort": port.number,
                    "PublishMode": port.mode,
                }
                for port in sorted(service.ports, key=lambda port: (port.number, port.protocol))
            ],
        },
    }


def mounted(
    kind: str, id_: pulumi.Output[str], name: pulumi.Input[str], path: pulumi.Input[str], file: File
) -> dict[str, Any]:
    """Return a config or secret (`kind`: Config, Secret) as a file of the tasks."""
    return {
        f"{kind}ID": id_,
        f"{kind}Name": name,
        "File": {"Name": path, "UID": str(file.user), "GID": str(file.group), "Mode": int(file.mode, 8)},
    }


def _container(component: str, service: Service, labels: Mapping[str, str]) -> dict[str, Any]:
    optional = {
        "Healthcheck": service.health and _health(service.health),
        "Init": service.init,
    }
    return {
        "Image": service.image,
        "Labels": labels,
        "Command": service.entrypoint or [],
        "Args": service.command or [],
        "Env": [_variable(component, service, name) for name in sorted(service.environment)],
        "Hostname": service.hostname or "",
        "User": service.user or "",
        "ReadOnly": service.read_only,
        "Mounts": [{"Type": "tmpfs", "Target": path} for path in _IN_MEMORY if service.read_only],
        "StopSignal": service.stop_signal or "",
        "StopGracePeriod": nanoseconds(service.stop_grace_period),
        "Sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"},
        "CapabilityAdd": sorted(f"CAP_{name}" for name in service.capabilities),
        "CapabilityDrop": ["ALL"],
        "Privileges": {"NoNewPrivileges": True},
        **{key: value for key, value in optional.items() if value is not None},
    }


def _variable(component: str, service: Service, name: str) -> pulumi.Output[str]:
    """Return a variable as the engine takes it: a template, whose value is plain text unless asked for."""

    def template(value: str) -> str:
        if not service.templates:
            return templates.literal(value)
        if said := templates.problem(value, service.labels):
            raise ArgumentError(f"SwarmService {shown(component)}: environment.{name} {said}")
        return value

    value = pulumi.Output.from_input(service.environment[name])
    return pulumi.Output.concat(name, "=", value.apply(template))


def _question(check: Health, path: str) -> health.Question:
    return health.Question(path, check.port, check.host, check.method, tuple(check.status))


def _health(check: Health) -> dict[str, Any]:
    if check.command:
        test = ["CMD", *check.command]
    else:
        test = health.ask(_question(check, check.path)) if check.path else health.connect(check.port)
    return {
        "Test": test,
        "Interval": nanoseconds(check.interval),
        "Timeout": nanoseconds(check.timeout),
        "Retries": check.retries,
        "StartPeriod": nanoseconds(check.start_period),
    }


def _resources(service: Service) -> dict[str, Any]:
    def amount(cores: float, memory: int) -> dict[str, int]:
        return {"NanoCPUs": nanoseconds(cores), "MemoryBytes": memory * MIB}

    return {
        "Limits": {**amount(service.cpus or 0, service.memory), "Pids": service.pids_limit},
        "Reservations": amount(service.reserved_cpus or 0, service.reserved_memory or 0),
    }


def _policy(service: Service, policy: Policy, failure_action: str) -> dict[str, Any]:
    return {
        "Parallelism": policy.parallelism,
        "Delay": nanoseconds(policy.delay),
        "FailureAction": failure_action,
        "Monitor": nanoseconds(policy.monitor),
        "MaxFailureRatio": policy.max_failure_ratio,
        "Order": service.order(policy),
    }


def nanoseconds(seconds: float) -> int:
    """Return a time, or a share of a core, in billionths, the engine's unit."""
    return round(seconds * 10**9)
