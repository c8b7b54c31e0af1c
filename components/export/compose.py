"""LoadBalancedServices as a Compose project: https://docs.docker.com/reference/compose-file/

It serves as the stack does. What Compose cannot do is done by nobody: a change without a gap, a rollback.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..load_balanced.frontends import kind_of
from ..plan.runner import SHOWN_SECRET
from ..program import FOLDER
from ..review.instance import Instance, backend_of, inputs
from ..review.preview import SHOWN_UNKNOWN, Step, mapping


class CannotExport(Exception):
    """Why there is nothing to write; the message says what to do."""


@dataclass
class Project:
    """A Compose project."""

    services: dict[str, Any] = field(default_factory=dict)
    networks: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Texts by path beside the compose file."""
    secrets: list[str] = field(default_factory=list)
    """Variables that whoever runs it has to set."""

    def properties(self) -> dict[str, Any]:
        """The compose file."""
        return {"services": self.services, "networks": self.networks}


def compose(instances: Sequence[Instance], host: str = "") -> Project:
    """The LoadBalancedServices of one host as a Compose project; `host` says which, where there are several.

    Raises CannotExport when there is none, or when there are several hosts and none was chosen.
    """
    services = [each for each in instances if each.kind == "LoadBalancedService"]
    hosts = sorted({_host(each) for each in services})
    if not services:
        raise CannotExport("no LoadBalancedService in this stack: there is nothing that Compose could run")
    if host and host not in hosts:
        raise CannotExport(f"no LoadBalancedService on {host}; there are some on {', '.join(hosts)}")
    if len(hosts) > 1 and not host:
        raise CannotExport(
            f"a Compose project is for one host, and these are on {', '.join(hosts)}: add --host"
        )
    project = Project()
    for each in services:
        if _host(each) == (host or hosts[0]):
            _add(project, each)
    return project


def _host(instance: Instance) -> str:
    return str(mapping(inputs(instance.one("FrontEndConfig")).get("host")).get("address", ""))


def _add(project: Project, instance: Instance) -> None:
    own = f"{instance.name}-net"
    for step in instance.of("Network"):
        pools = [{"subnet": each["subnet"]} for each in step.new.get("ipamConfigs") or []]
        project.networks[own] = {"ipam": {"config": pools}} if pools else {}
    replicas = instance.containers("replica-")
    for step in replicas:
        service = _service(project, step, own)
        service["environment"] = _environment(project, instance, step)
        project.services[step.name] = _without_nothing(service)
    config = instance.one("FrontEndConfig")
    for step in instance.containers("front-end"):
        service = _service(project, step, own)
        service["depends_on"] = {
            each.name: {"condition": "service_healthy" if each.new.get("healthcheck") else "service_started"}
            for each in replicas
        }
        if config:
            file = kind_of(str(config.new["kind"])).program.file
            project.files[f"{step.name}/{file}"] = str(config.new["config"])
            service["volumes"] = [f"./{step.name}/{file}:{FOLDER}/{file}:ro"]
        project.services[step.name] = _without_nothing(service)


def _service(project: Project, step: Step, own: str) -> dict[str, Any]:
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
        "restart": f"{given.get('restart', 'no')}{retries}",
        "stop_signal": given.get("stopSignal"),
        "stop_grace_period": f"{given.get('destroyGraceSeconds', 10)}s",
        "healthcheck": _health(given.get("healthcheck") or {}),
        "ports": [_port(each) for each in given.get("ports") or []],
        "networks": dict(_network(project, each, own) for each in given.get("networksAdvanced") or []),
    }
    return {key: _doubled(value) for key, value in service.items()}


def _health(given: Mapping[str, Any]) -> dict[str, Any]:
    keys = {
        "tests": "test",
        "interval": "interval",
        "timeout": "timeout",
        "startPeriod": "start_period",
        "retries": "retries",
    }
    return {ours: given[theirs] for theirs, ours in keys.items() if theirs in given}


def _port(given: Mapping[str, Any]) -> str:
    address = str(given.get("ip") or "0.0.0.0")  # noqa: S104 — what the settings say
    shown = f"[{address}]" if ":" in address else address
    return f"{shown}:{given['external']}:{given['internal']}"


def _network(project: Project, given: Mapping[str, Any], own: str) -> tuple[str, dict[str, Any]]:
    """The instance's own network, whose name is not known before, or one that somebody else made."""
    name = str(given["name"])
    if name == SHOWN_UNKNOWN:
        name = own
    else:
        project.networks.setdefault(name, {"external": True})
    return name, ({"aliases": given["aliases"]} if given.get("aliases") else {})


def _environment(project: Project, instance: Instance, step: Step) -> dict[str, str]:
    """Values in clear as they are, doubled where Compose would replace them; a secret as a variable."""
    backend = backend_of(step)
    definition = mapping(inputs(instance.definition(backend)).get("definition"))
    found = {}
    for key, value in sorted((definition.get("environment") or {}).items()):
        if value == SHOWN_SECRET:
            variable = re.sub(r"\W", "_", f"{instance.name}_{backend}_{key}").upper()
            found[key] = f"${{{variable}:?set it in .env}}"
            if variable not in project.secrets:
                project.secrets.append(variable)
        else:
            found[key] = _doubled(str(value))
    return found


def _doubled(value: Any) -> Any:
    """The same with each `$` twice: Compose puts variables in place of single ones."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: _doubled(each) for key, each in value.items()}
    return [_doubled(each) for each in value] if isinstance(value, list) else value


def _without_nothing(service: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in service.items() if value not in (None, [], {}, False)}


def left_out(instances: Iterable[Instance], others: Iterable[Step]) -> list[str]:
    """What of the program is not in a Compose project."""
    kinds = [f"{each.name} ({each.kind})" for each in instances if each.kind != "LoadBalancedService"]
    return [*kinds, *(f"{step.name} ({step.type})" for step in others)]
