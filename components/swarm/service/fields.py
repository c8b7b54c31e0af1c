"""Domain types of a service, each once: what it allows, and the error that says so; see `types`."""

import re
from ipaddress import ip_interface
from typing import Annotated, Any

import pulumi
from pydantic import PlainValidator

from ...arguments.marks import SECRET
from ...arguments.messages import Wrong
from ...arguments.types import LARGEST_ID, Number, Text, Whole
from ...engine.swarm import templates

LARGEST_FILE = 500_000
"""Bytes of a config or secret that every engine takes."""
_LABEL_KEY = r"labels\.[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}"
_CONSTRAINT = re.compile(
    rf"\s*(?P<key>node\.(id|hostname|ip|role|platform\.(os|arch)|{_LABEL_KEY})|engine\.{_LABEL_KEY})"
    r"\s*(?P<operator>==|!=)\s*(?P<value>[a-zA-Z0-9][a-zA-Z0-9._:/-]{0,127})\s*",
    re.ASCII,
)
"""As swarmkit has it: no / in a label's name, no @ in a value."""


def _constraint(value: Any) -> str:
    match = _CONSTRAINT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Wrong(
            "must be node.labels.<name>, node.role, node.id, node.hostname, node.ip, node.platform.os, "
            "node.platform.arch or engine.labels.<name> (letters, digits and ._-), then == or != and a value "
            "(letters, digits and ._:/-)",
            value,
        )
    if match["key"] == "node.role" and match["value"] not in ("manager", "worker"):
        raise Wrong("must compare node.role with manager or worker", value)
    if match["key"] == "node.ip" and not _is_address(match["value"]):
        raise Wrong("must compare node.ip with an IP address or network", value)
    return f"{match['key']}{match['operator']}{match['value']}"


def _is_address(value: str) -> bool:
    try:
        ip_interface(value)
    except ValueError:
        return False
    return True


def _hostname(value: Any) -> str:
    rest = templates.without(value).replace("{{", "") if isinstance(value, str) else "/"
    if not value or not re.fullmatch(r"[a-zA-Z0-9._-]{0,63}", rest, re.ASCII):
        raise Wrong(
            "must be a host name of at most 63 letters, digits and ._-, in which Swarm's templates such as "
            "{{.Task.Slot}} may stand",
            value,
        )
    return value  # type: ignore[no-any-return]


def _overlay(value: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return value
    found = isinstance(value, str) and re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", value, re.ASCII)
    if not found or value in ("host", "none", "bridge", "default", "ingress"):
        raise Wrong(
            "must be the name of an overlay network, or an Output of it",
            value,
            ": see networks of SwarmCluster",
        )
    return value


def _content(value: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return value
    if not isinstance(value, str) or "\x00" in value:
        raise Wrong("must be text without NUL, or an Output of it", value)
    if not 1 <= (size := len(value.encode(errors="surrogatepass"))) <= LARGEST_FILE:
        raise ValueError(f"must be 1 to {LARGEST_FILE} bytes long, got {size}")
    return value


Content = Annotated[Any, PlainValidator(_content), SECRET]
"""Text of a file, or an Output of it."""
Constraint = Annotated[str, PlainValidator(_constraint)]
InputOverlay = Annotated[Any, PlainValidator(_overlay)]
"""Name of an overlay network, or an Output of one."""
ServiceName = Annotated[
    str,
    Text(
        r"[a-zA-Z0-9]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?",
        "1 to 63 letters, digits, _ and -, beginning and ending with a letter or digit",
    ),
]
FileName = Annotated[
    str,
    Text(
        r"[a-zA-Z0-9]([a-zA-Z0-9_.-]{0,22}[a-zA-Z0-9])?",
        "1 to 24 letters, digits and _.-, beginning and ending with a letter or digit",
    ),
]
FilePath = Annotated[
    str,
    Text(
        r"/[a-zA-Z0-9._/@+=-]{1,254}", "a path beginning with / and holding letters, digits and ._/@+=- only"
    ),
]
FileMode = Annotated[str, Text(r"[0-7]{3,4}", 'an octal number in quotes such as "0444"')]
HostNameTemplate = Annotated[str, PlainValidator(_hostname)]
Signal = Annotated[str, Text(r"SIG[A-Z0-9+-]{2,12}", "a signal such as SIGTERM")]
LabelName = Annotated[str, Text(r"[a-zA-Z0-9][a-zA-Z0-9._/-]{0,127}", "letters, digits and ._/-")]
Id = Annotated[int, Whole(0, LARGEST_ID)]
Memory = Annotated[int, Whole(6, 1_048_576)]
Cores = Annotated[float, Number(0.01, 512)]
Pause = Annotated[float, Number(0, 86400)]
