"""The rules: each says what it found and what to do. Levels and settings: see docs/policy.md."""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pulumi_policy import (
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

CONTAINER = "docker:index/container:Container"
IMAGE = "docker:index/remoteImage:RemoteImage"
DOCKER = "pulumi:providers:docker"
REPLICAS = "longshore:index:Replicas"
SERVICE = "longshore:index:ServiceDefinition"
FLOATING = "longshore:index:FloatingAddressNode"
COMPONENT, ROLE = "io.longshore.component", "io.longshore.role"
SOCKETS = tuple(
    f"{folder}{path}"
    for folder in ("/run", "/var/run")
    for path in ("/docker.sock", "/containerd/containerd.sock", "/podman/podman.sock", "/crio/crio.sock")
)
ANY = "0.0.0.0"  # noqa: S104 — what is published everywhere
LEAST = 2

Found = Iterator[str]


def _task(props: Mapping[str, Any]) -> Mapping[str, Any]:
    found = (props["spec"].get("TaskTemplate") or {}).get("ContainerSpec") or {}
    return dict(found)


def engine_sockets(kind: str, props: Mapping[str, Any]) -> Found:
    """Report mounted engine sockets: a container with the engine's socket is root on its host."""
    sources: list[Any] = []
    if kind == CONTAINER:
        sources += [each.get("hostPath") for each in props.get("volumes") or []]
        sources += [each.get("source") for each in props.get("mounts") or []]
    elif kind == SERVICE:
        sources += [each.get("Source") for each in _task(props).get("Mounts") or []]
    for source in sources:
        path = posixpath.normpath(f"/{str(source or 'x').lstrip('/')}")
        below = "/" if path == "/" else f"{path}/"
        if any(socket == path or socket.startswith(below) for socket in SOCKETS):
            yield f"mounts {source}, and so is root on its host: give it an API of its own instead"


def privileged(kind: str, props: Mapping[str, Any]) -> Found:
    """Report privileged containers, and those with all capabilities: nothing contains them."""
    added: list[Any] = []
    if kind == CONTAINER:
        added = (props.get("capabilities") or {}).get("adds") or []
        if props.get("privileged"):
            yield "is privileged: name the capabilities that it needs instead"
    elif kind == REPLICAS:
        added = (props.get("container") or {}).get("capabilities") or []
    elif kind == SERVICE:
        added = _task(props).get("CapabilityAdd") or []
    for each in added:
        if str(each).upper().removeprefix("CAP_") in ("ALL", "SYS_ADMIN"):
            yield f"has the capability {each}: name those that it needs instead"


def floating_images(kind: str, props: Mapping[str, Any]) -> Found:
    """Report images without a tag, or with `latest`: tomorrow it is another image."""
    image = {
        CONTAINER: lambda: props.get("image"),
        IMAGE: lambda: props.get("name"),
        FLOATING: lambda: props.get("image"),
        REPLICAS: lambda: props.get("image"),
        SERVICE: lambda: _task(props).get("Image"),
    }[kind]()
    text = str(image or "")
    tag = re.search(r":([\w.-]+)$", text)
    if text and "sha256:" not in text and (tag is None or tag[1] == "latest"):
        yield f"has the image {text}, which may be another one tomorrow: give a version or a digest"


def plain_engines(kind: str, props: Mapping[str, Any]) -> Found:
    """Report engines over tcp without TLS: every client that reaches one is root on its host."""
    secured = props.get("certPath") or props.get("certMaterial")
    if str(props.get("host", "")).lower().startswith(("tcp://", "http://")) and not secured:
        yield f"reaches {props['host']} in clear: use ssh://, or tcp:// with client certificates"


def _resource_rule(
    name: str, description: str, kinds: tuple[str, ...], find: Callable[[str, Mapping[str, Any]], Found]
) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type in kinds:
            for found in find(args.resource_type, args.props):
                report(f"{args.name} {found}", None)

    return ResourceValidationPolicy(name, description, validate)


def shared_ports(args: StackValidationArgs, report: ReportViolation) -> None:
    """Report ports that another stack publishes on the same host, and those that this one publishes twice."""
    others = args.get_config().get("taken") or {}
    hosts = {
        each.urn: str(each.props.get("host", "")) for each in args.resources if each.resource_type == DOCKER
    }
    seen: dict[tuple[Any, ...], str] = {}
    for each in args.resources:
        if each.resource_type != CONTAINER:
            continue
        host = hosts.get(each.provider.urn, "") if each.provider else ""
        for port in each.props.get("ports") or []:
            number, protocol = int(port.get("external") or 0), str(port.get("protocol") or "tcp")
            address = str(port.get("ip") or ANY)
            if number in (others.get(host) or []):
                report(
                    f"{each.name} publishes {number} on {host}, which another stack has: choose another",
                    each.urn,
                )
            for other in (address, ANY) if address != ANY else {key[1] for key in seen} | {ANY}:
                first = seen.get((host, other, protocol, number))
                if number and first:
                    said = f"{each.name} publishes {number}, as {first} does on {host}: choose another port"
                    report(said, each.urn)
                    break
            seen.setdefault((host, address, protocol, number), each.name)


def lone_replicas(args: StackValidationArgs, report: ReportViolation) -> None:
    """Report single replicas in production: a backend or service of one replica is gone when that one is."""
    production = args.get_config().get("stacks") or []
    counts: dict[str, int] = {}
    for each in args.resources:
        if each.urn.split("::")[0].rpartition(":")[2] not in production:
            continue
        if each.resource_type == CONTAINER:
            role = {label["label"]: label["value"] for label in each.props.get("labels") or []}.get(ROLE, "")
            if role.startswith("replica-"):
                parent = each.parent.name if each.parent else ""
                key = f"backend {role.removeprefix('replica-')} of {parent}"
                counts[key] = counts.get(key, 0) + 1
        elif each.resource_type == REPLICAS:
            labels = each.props["labels"]
            backend = str(labels[ROLE]).removeprefix("replica-")
            counts[f"backend {backend} of {labels[COMPONENT]}"] = int(each.props["replicas"])
        elif each.resource_type == SERVICE:
            replicated = (each.props["spec"].get("Mode") or {}).get("Replicated")
            if replicated is not None:
                counts[f"service {each.props['name']}"] = int(replicated.get("Replicas", 0))
    for what, count in sorted(counts.items()):
        if count < LEAST:
            report(f"{what} has {count} replica in production: give it {LEAST} or more", None)


RULES = [
    _resource_rule(
        "no-engine-socket", "No container has the socket of an engine.", (CONTAINER, SERVICE), engine_sockets
    ),
    _resource_rule(
        "no-privileges", "No container is privileged.", (CONTAINER, REPLICAS, SERVICE), privileged
    ),
    _resource_rule(
        "pinned-images",
        "Images have a version or a digest.",
        (CONTAINER, IMAGE, REPLICAS, SERVICE, FLOATING),
        floating_images,
    ),
    _resource_rule("no-plain-engine", "No engine is reached in clear.", (DOCKER,), plain_engines),
    StackValidationPolicy(
        "no-shared-port",
        "No two containers publish the same port of a host, nor one that another stack has.",
        shared_ports,
        config_schema=PolicyConfigSchema(
            properties={
                "taken": {
                    "type": "object",
                    "description": "Ports that other stacks publish, by the address of the host.",
                    "additionalProperties": {"type": "array", "items": {"type": "integer"}},
                    "default": {},
                }
            }
        ),
    ),
    StackValidationPolicy(
        "replicas-in-production",
        "Backends and services of a production stack have two replicas or more.",
        lone_replicas,
        config_schema=PolicyConfigSchema(
            properties={
                "stacks": {
                    "type": "array",
                    "description": "Names of the production stacks.",
                    "items": {"type": "string"},
                    "default": ["prod", "production"],
                }
            }
        ),
    ),
]
