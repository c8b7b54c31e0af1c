"""LoadBalancedServices as a Compose project: https://docs.docker.com/reference/compose-file/

It serves as the stack does. Compose has no change without a gap, and no rollback.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ..arguments.messages import decimal
from ..naming import LABEL
from ..preview.instance import Instance, backend_of, inputs
from ..preview.reading import SHOWN_UNKNOWN, Step, mapping
from ..proxies.container import Rollback, Update
from ..proxies.program import FOLDER
from ..proxies.registry import kind_of
from .project import CannotExport, Project, doubled, on_host

FILE = "compose.yaml"
PROBE_INTERVAL = "5s"
"""Compose starts a front end after the first probe of its replicas, and the engine makes that one after an
interval."""


def compose(instances: Sequence[Instance], host: str = "") -> Project:
    """Return the LoadBalancedServices of one host as a Compose project.

    `host` says which host, where there are several.
    Raises CannotExport when there is none, or when there are several hosts and none was chosen.
    """
    services = [each for each in instances if each.kind == "LoadBalancedService"]
    project = Project(FILE, {"services": {}, "networks": {}})
    project.carried = on_host(
        services,
        lambda each: [host_of(each)],
        host,
        "LoadBalancedService",
        "a Compose project is for one host",
    )
    for each in project.carried:
        _add(project, each)
    return project


def host_of(instance: Instance) -> str:
    """Return the address of the host that a LoadBalancedService is on."""
    return str(mapping(inputs(instance.one("FrontEndConfig")).get("host")).get("address", ""))


def _add(project: Project, instance: Instance) -> None:
    own = f"{instance.name}-net"
    for step in instance.of("Network"):
        pools = [{"subnet": each["subnet"]} for each in step.new.get("ipamConfigs") or []]
        network = {"ipam": {"config": pools} if pools else None, "internal": step.new.get("internal")}
        project.content["networks"][step.name] = _without_nothing(network)
    config = instance.one("FrontEndConfig")
    if config and "validUntil" in config.new:
        raise CannotExport(
            f"{instance.name} has front_end.tls, and an export does not write certificates yet: drop "
            "front_end.tls in a stack of its own for the export, and end TLS before the project"
        )
    isolated = config.new.get("networks") or {} if config else {}
    replicas = instance.containers("replica-")
    for step in instance.of("Replicas"):
        if step.new.get("canary"):
            project.missing.append(f"{step.name}: canary")
    limits = mapping(inputs(instance.one("Readiness")).get("pidsLimits"))
    for step in replicas:
        backend = backend_of(step)
        named = f"{instance.name}-{backend}-network" if backend in isolated else own
        service = _service(project, step, own, named)
        defined = _definition(instance, backend)
        service["environment"] = _environment(project, f"{instance.name}-{backend}", defined)
        service["pids_limit"] = limits.get(step.name, defined.get("pids_limit"))
        service["deploy"] = _deploy(instance.rounds(backend))
        project.content["services"][step.name] = _without_nothing(service)
    for step in instance.containers("front-end"):
        service = _service(project, step, own, own)
        service["networks"] |= {f"{instance.name}-{backend}-network": {} for backend in sorted(isolated)}
        service["depends_on"] = {
            each.name: {"condition": "service_healthy" if each.new.get("healthcheck") else "service_started"}
            for each in replicas
        }
        if config:
            file = kind_of(str(config.new["kind"])).program.file
            text = str(config.new["config"])
            project.mounted[f"{step.name}/{file}"] = text
            service["pids_limit"] = config.new["pidsLimit"]
            service["volumes"] = [f"./{step.name}/{file}:{FOLDER}/{file}:ro"]
            # Compose makes a container anew when its definition changes; a file that it mounts is none of it.
            service["labels"] = {f"{LABEL}.config": hashlib.sha256(text.encode()).hexdigest()[:12]}
        project.content["services"][step.name] = _without_nothing(service)


def _service(project: Project, step: Step, own: str, named: str) -> dict[str, Any]:
    """Return a container on the instance's network `own`, and on `named` where its aliases are elsewhere."""
    given = step.new
    capabilities = given.get("capabilities") or {}
    retries = f":{given['maxRetryCount']}" if given.get("maxRetryCount") else ""
    service = {
        "image": given.get("image"),
        "entrypoint": given.get("entrypoints"),
        "command": given.get("command"),
        "user": given.get("user"),
        "read_only": given.get("readOnly"),
        "tmpfs": [f"{path}:{options}" for path, options in (given.get("tmpfs") or {}).items()],
        "sysctls": given.get("sysctls"),
        "cap_drop": capabilities.get("drops"),
        "cap_add": capabilities.get("adds"),
        "security_opt": given.get("securityOpts"),
        "mem_limit": f"{given['memory']}m" if given.get("memory") else None,
        "memswap_limit": f"{given['memorySwap']}m" if given.get("memorySwap") else None,
        "cpus": given.get("cpus"),
        "cpu_shares": given.get("cpuShares"),
        "restart": f"{given.get('restart', 'no')}{retries}",
        "stop_signal": given.get("stopSignal"),
        "stop_grace_period": f"{given.get('destroyGraceSeconds', 10)}s",
        "healthcheck": _health(given.get("healthcheck") or {}),
        "ports": [_port(each) for each in given.get("ports") or []],
        "networks": dict(
            _network(project, each, named if each.get("aliases") else own)
            for each in given.get("networksAdvanced") or []
        ),
    }
    return {key: doubled(value) for key, value in service.items()}


def _health(given: Mapping[str, Any]) -> dict[str, Any]:
    keys = {
        "tests": "test",
        "interval": "interval",
        "timeout": "timeout",
        "startPeriod": "start_period",
        "retries": "retries",
    }
    found = {ours: given[theirs] for theirs, ours in keys.items() if theirs in given}
    return {**found, "interval": PROBE_INTERVAL} if found else {}


def _port(given: Mapping[str, Any]) -> str:
    address = str(given.get("ip") or "0.0.0.0")  # noqa: S104 — what the settings say
    shown = f"[{address}]" if ":" in address else address
    return f"{shown}:{given['external']}:{given['internal']}"


def _network(project: Project, given: Mapping[str, Any], own: str) -> tuple[str, dict[str, Any]]:
    """Return the instance's own network, whose name is not known before, or one that somebody else made."""
    name = str(given["name"])
    if name == SHOWN_UNKNOWN:
        name = own
    else:
        project.content["networks"].setdefault(name, {"external": True})
    return name, ({"aliases": given["aliases"]} if given.get("aliases") else {})


def _definition(instance: Instance, backend: str) -> Mapping[str, Any]:
    """Return the definition of a backend's replicas, in which their environment is."""
    if rounds := instance.rounds(backend):
        return mapping(rounds.new.get("container"))
    return mapping(inputs(instance.definition(backend)).get("definition"))


def _environment(project: Project, own: str, definition: Mapping[str, Any]) -> dict[str, str]:
    """Return plain values, with `$` doubled against Compose, and other values as variables."""
    return {
        key: project.given(value, f"{own}-{key}", f"{key} of {own}")
        for key, value in sorted((definition.get("environment") or {}).items())
    }


def _deploy(rounds: Optional[Step]) -> dict[str, Any]:
    """Return the pace of the rounds in which replicas are changed, for programs that change in rounds."""
    if rounds is None:
        return {}
    return {
        "update_config": _pace(Update.model_validate(rounds.new["update"])),
        "rollback_config": _pace(Rollback.model_validate(rounds.new.get("rollback", {}))),
    }


def _pace(policy: Update | Rollback) -> dict[str, Any]:
    return {
        "parallelism": policy.at_once,  # Compose has no max_surge, which is a limit of it
        "delay": f"{decimal(policy.delay)}s",
        "failure_action": policy.failure_action,
        "monitor": f"{decimal(policy.monitor)}s",
        "max_failure_ratio": policy.max_failure_ratio,
        "order": policy.order,
    }


def _without_nothing(service: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in service.items() if value not in (None, [], {}, False)}
