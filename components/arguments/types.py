"""Each domain type once: what it allows, and the error that says so.

Values that reach a generated configuration come through these allow-lists, so no template has to
quote or escape anything. None of them holds a line break, quote, brace, `;`, `#` or `$`.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

import pulumi
from pydantic import PlainValidator
from pydantic_core.core_schema import CoreSchema, no_info_plain_validator_function

from .marks import SECRET
from .messages import Wrong


def _within(value: Any, low: float, high: float) -> Any:
    if not low <= value <= high:
        raise Wrong(f"must be between {low} and {high}", value)
    return value


@dataclass(frozen=True)
class _Validated:
    """Metadata of a type: pydantic validates a value with `check`, and a generator reads the fields."""

    def check(self, value: Any) -> Any:
        """Return the value as models have it. Raises Wrong."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return no_info_plain_validator_function(self.check)


@dataclass(frozen=True)
class Whole(_Validated):
    """A whole number from `low` to `high`."""

    low: int
    high: int

    def check(self, value: Any) -> int:
        """See _Validated."""
        # Numbers from another Pulumi language arrive as floats, whole ones too.
        if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
            raise Wrong("must be a whole number", value)
        return int(_within(value, self.low, self.high))


@dataclass(frozen=True)
class Number(_Validated):
    """A number from `low` to `high`."""

    low: float
    high: float

    def check(self, value: Any) -> float:
        """See _Validated."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Wrong("must be a number", value)
        return float(_within(value, self.low, self.high))


@dataclass(frozen=True)
class Text(_Validated):
    """Text that matches `pattern` as a whole; `what` says so in the error."""

    pattern: str
    what: str

    def check(self, value: Any) -> str:
        """See _Validated."""
        if not isinstance(value, str) or not self._compiled.fullmatch(value):
            raise Wrong(f"must be {self.what}", value)
        return value

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.ASCII)


def _vrrp_password(value: Any) -> Any:
    if isinstance(value, pulumi.Output) or (isinstance(value, str) and _VRRP_PASSWORD.fullmatch(value)):
        return value
    raise Wrong("must be 1 to 8 letters, digits and ._~%@:,+=- in text, or an Output of it", value)


def _input_text(value: Any) -> Any:
    if isinstance(value, pulumi.Output) or (isinstance(value, str) and _TEXT.fullmatch(value)):
        return value
    raise Wrong("must be text without NUL, or an Output of text", value)


def _input_image(value: Any) -> Any:
    return value if isinstance(value, pulumi.Output) else _image.check(value)


def _input_network(value: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return value
    if value == "bridge":
        raise Wrong(
            "must be a network that somebody made",
            value,
            ", the engine's own, where containers have no names; drop it to get a network, or name another",
        )
    return _network(value)


def _network(value: Any) -> str:
    if value in ("host", "none", "default"):
        raise Wrong("must be a network that containers can share", value, ", which is a mode of the engine")
    return _network_name.check(value)


def _capability(value: Any) -> str:
    name = value.removeprefix("CAP_") if isinstance(value, str) else ""
    if name in _NEW_CAPABILITIES:
        raise Wrong(
            "must be a Linux capability that every supported engine knows",
            value,
            ", which 20.10 does not; SYS_ADMIN includes it",
        )
    if name not in _CAPABILITIES:
        raise Wrong("must be a Linux capability such as NET_BIND_SERVICE", value, "; see capabilities(7)")
    return name


def digits(value: Any) -> Any:
    """Accept 503 as well as "503": in YAML nobody quotes a status."""
    return str(value) if type(value) is int else value


def decimals(value: Any) -> Any:
    """Accept 1.2 as well as "1.2": in YAML nobody quotes a version."""
    return str(value) if type(value) is float else value


def _statuses(value: Any) -> str:
    found = _status_range.check(digits(value))
    low, _, high = found.partition("-")
    if high and high < low:
        raise Wrong("must be a range from a lower to a higher status", value)
    return found


def _user(value: Any) -> str:
    names = _user_names.check(value)
    if any(each.isdigit() and int(each) > LARGEST_ID for each in names.split(":")):
        raise Wrong(f"must have ids between 0 and {LARGEST_ID}", value)
    return names


def _log_address(value: Any) -> str:
    address = _host_port.check(value)
    port = int(address.rpartition(":")[2])
    if port > LARGEST_PORT:
        raise Wrong(f"must have a port between 1 and {LARGEST_PORT}", value)
    return address


def _upgrade(value: Any) -> str:
    protocol = _protocol.check(value)
    if protocol.lower() == "h2c":
        raise Wrong("must be a protocol that a front end can pass on", value, ", which HTTP/2 has given up")
    return protocol


_VRRP_PASSWORD = re.compile(r"[A-Za-z0-9._~%@:,+=-]{1,8}", re.ASCII)
_TEXT = re.compile(r"[^\x00\ud800-\udfff]*")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_ANY_LABEL = r"[a-zA-Z0-9]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?"
_HOST = rf"{_ANY_LABEL}(\.{_ANY_LABEL}){{0,31}}"
_IMAGE_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_image = Text(
    rf"(sha256:[0-9a-f]{{64}}|(?=.{{1,255}}$)({_HOST}(:[0-9]+)?/)?{_IMAGE_PART}(/{_IMAGE_PART})*"
    r"(:\w[\w.-]{0,127})?(@sha256:[0-9a-f]{64})?)",
    "an image reference such as nginx:1.28 or registry.example/app@sha256:...",
)
_protocol = Text(
    r"[A-Za-z0-9][A-Za-z0-9.-]{0,31}(/[A-Za-z0-9.-]{1,16})?", "a protocol such as websocket or SPDY/3.1"
)
_network_name = Text(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", "a Docker network name or id")
_user_names = Text(r"[a-z0-9_][a-z0-9_-]{0,31}(:[a-z0-9_][a-z0-9_-]{0,31})?", "a user, or user:group")
_host_port = Text(rf"{_HOST}:[1-9][0-9]{{0,4}}", "host:port such as 127.0.0.1:514")
_status_range = Text(
    r"[2-5][0-9]{2}(-[2-5][0-9]{2})?", "a status such as 200, or a range of them such as 200-399"
)
_CAPABILITIES = frozenset(
    re.findall(
        r"\w+",
        "AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND CHOWN "
        "DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE "
        "MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW "
        "SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE "
        "SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM",
    )
)
_NEW_CAPABILITIES = frozenset({"BPF", "CHECKPOINT_RESTORE", "PERFMON"})
"""Those of Linux 5.8 and 5.9."""
LARGEST_ID = 2**31 - 1
"""Largest id of a user or group that the engine accepts."""
LARGEST_PORT = 2**16 - 1

Port = Annotated[int, Whole(1, LARGEST_PORT)]
Seconds = Annotated[float, Number(0.05, 86400)]
PidsLimit = Annotated[int, Whole(16, 4_194_304)]
Name = Annotated[
    str,
    Text(
        r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?",
        "1 to 32 of a-z, 0-9 and -, beginning with a letter, not ending with -",
    ),
]
_HOST_NAME = rf"{_LABEL}(\.{_LABEL})*"
HostName = Annotated[str, Text(rf"(?=.{{1,253}}$){_HOST_NAME}", "a lower-case host name such as a.example")]
HostPattern = Annotated[
    str,
    Text(rf"(?=.{{1,253}}$)(\*\.)?{_HOST_NAME}", "a lower-case host name such as a.example or *.a.example"),
]
UrlPath = Annotated[
    str,
    Text(
        r"/[A-Za-z0-9._~%/@:,+=&?-]{0,255}",
        "a URL path beginning with / and holding letters, digits and ._~%/@:,+=&?- only",
    ),
]
HostHeader = Annotated[
    str,
    Text(
        rf"(?=.{{1,259}}$){_HOST_NAME}(:[0-9]{{1,5}})?",
        "a lower-case host name such as a.example, or a.example:8080",
    ),
]
Statuses = Annotated[str, PlainValidator(_statuses)]
"""A status, or a range of them."""
CookieName = Annotated[
    str,
    Text(r"[A-Za-z][A-Za-z0-9_-]{0,63}", "1 to 64 letters, digits, _ and -, beginning with a letter"),
]
UpgradeProtocol = Annotated[str, PlainValidator(_upgrade)]
EnvironmentName = Annotated[
    str, Text(r"[A-Za-z_][A-Za-z0-9_]*", "letters, digits and _, not beginning with a digit")
]
NetworkName = Annotated[str, PlainValidator(_network)]
Capability = Annotated[str, PlainValidator(_capability)]
"""Without the prefix CAP_."""
User = Annotated[str, PlainValidator(_user)]
Argument = Annotated[str, Text(r"[^\x00\ud800-\udfff]+", "non-empty text without NUL"), SECRET]
"""A word of a command, the value of a label, the name of a user."""
InterfaceName = Annotated[
    str, Text(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}", "a network interface of the host such as eth0")
]
VrrpPassword = Annotated[Any, PlainValidator(_vrrp_password), SECRET]
"""Text, or an Output of text."""
LogAddress = Annotated[str, PlainValidator(_log_address)]
ImageRef = Annotated[str, _image]
InputImage = Annotated[Any, PlainValidator(_input_image)]
"""An image reference, or an Output of one."""
InputText = Annotated[Any, PlainValidator(_input_text), SECRET]
"""Text, or an Output of text (which may be secret)."""
InputNetworkName = Annotated[Any, PlainValidator(_input_network)]
"""Name of a network with names in it, or an Output of one."""

# The words that a key may be. A name here is the name of an enum in other Pulumi languages.
Algorithm = Literal["roundrobin", "leastconn", "source"]
Availability = Literal["active", "pause", "drain"]
ClientVerify = Literal["required", "optional"]
EndpointMode = Literal["vip", "dnsrr"]
FailureAction = Literal["rollback", "pause", "continue"]
LogFacility = Literal[
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "local0",
    "local1", "local2", "local3", "local4", "local5", "local6", "local7",
]  # fmt: skip
NodeRole = Literal["manager", "worker"]
OnNoTraffic = Literal["promote", "wait", "fail"]
Protocol = Literal["tcp", "udp"]
ProxyMode = Literal["http", "tcp"]
ProbeMethod = Literal["GET", "HEAD", "OPTIONS"]
PublishMode = Literal["host", "ingress"]
RestartCondition = Literal["any", "on-failure", "none"]
RestartPolicy = Literal["no", "on-failure", "always", "unless-stopped"]
RedirectStatus = Literal["301", "302", "307", "308"]
ServiceMode = Literal["replicated", "global"]
TlsVersion = Literal["1.2", "1.3"]
UnknownHost = Literal["503", "421", "close"]
UpdateOrder = Literal["start-first", "stop-first"]
Secret = Annotated[str, SECRET]
"""Text that is kept as a secret, wherever it comes from."""
