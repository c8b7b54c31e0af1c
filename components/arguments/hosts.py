"""A Docker host: one description for the docker provider and for our own resources."""

import os
import re
from collections.abc import Mapping
from typing import Annotated, Any, Optional, Required, TypedDict

import pulumi
from pydantic import PlainValidator, field_validator, model_validator

from .connections import Connection, Login
from .later import later
from .marks import SECRET
from .messages import Wrong, shown
from .parsing import Frozen
from .pem import InputPem
from .types import LARGEST_PORT, Argument, Secret, Text

LOCAL_SOCKET = "unix:///var/run/docker.sock"
_NAME = r"([a-zA-Z0-9]([a-zA-Z0-9._-]{0,251}[a-zA-Z0-9])?|\[[0-9a-fA-F:]{2,39}\])"
_ADDRESS = re.compile(
    # No name or user begins with -: to the ssh program it would be an option.
    r"unix:///[a-zA-Z0-9._/@+=,~:-]{1,100}"  # Linux takes paths of 107 bytes
    rf"|ssh://([a-zA-Z0-9_][a-zA-Z0-9._-]{{0,63}}@)?(?P<ssh>{_NAME})(:(?P<ssh_port>[0-9]{{1,5}}))?/?"
    rf"|tcp://(?P<tcp>{_NAME}):(?P<tcp_port>[0-9]{{1,5}})/?",
    re.ASCII,
)


def _password(value: Any) -> Any:
    if isinstance(value, pulumi.Output) or (isinstance(value, str) and value):
        return value
    raise Wrong("must be non-empty text, or an Output of it", value)


_Password = Annotated[Any, PlainValidator(_password), SECRET]


class RegistryArgs(TypedDict, total=False):
    """Credentials with which the host pulls from a private image registry."""

    address: Required[str]
    """Name of the registry as images name it, for example `registry.example`. Required."""
    username: Required[str]
    """Name of the user. Required."""
    password: Required[pulumi.Input[Secret]]
    """Password or token; kept as a secret. Required."""


class HostArgs(TypedDict, total=False):
    """A Docker host and how to reach its engine."""

    address: Optional[str]
    """`unix:///path`, `ssh://user@name[:port]` or `tcp://name:port`.
    Default: the environment's DOCKER_HOST, else the local socket. For ssh, keys and known hosts are
    those of the `ssh` program (~/.ssh/config); the remote host needs the `docker` command."""
    ca_certificate: Optional[pulumi.Input[str]]
    """PEM of the authority that signed the engine's certificate. Needed for `tcp://`. Default: none."""
    client_certificate: Optional[pulumi.Input[str]]
    """PEM of the client's certificate. Needed for `tcp://`. Default: none."""
    client_key: Optional[pulumi.Input[Secret]]
    """PEM of the client's private key; kept as a secret. Needed for `tcp://`. Default: none."""
    insecure: Optional[bool]
    """Allow `tcp://` without TLS: every client that reaches that port is root on the host. Default: false."""
    registries: Optional[list[RegistryArgs]]
    """Private registries that the host pulls images from. Default: none."""


class Registry(Frozen):
    """RegistryArgs, validated."""

    address: Annotated[str, Text(r"[a-zA-Z0-9][a-zA-Z0-9.-]{0,252}(:[0-9]{1,5})?", "a registry's name")]
    username: Argument
    password: _Password


class Host(Frozen):
    """HostArgs, validated. The address is plain; certificates may be Outputs."""

    address: str
    ca_certificate: Optional[InputPem] = None
    client_certificate: Optional[InputPem] = None
    client_key: Optional[InputPem] = None
    insecure: bool = False
    registries: list[Registry] = []

    @model_validator(mode="before")
    @classmethod
    def _default_address(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("address") is None:
            return {**values, "address": os.environ.get("DOCKER_HOST") or LOCAL_SOCKET}
        return values

    @field_validator("address")
    @classmethod
    def _known_form(cls, value: str) -> str:
        match = _ADDRESS.fullmatch(value)
        ports = [port for port in match.group("ssh_port", "tcp_port") if port] if match else ["0"]
        if any(not 1 <= int(port) <= LARGEST_PORT for port in ports):
            raise Wrong("must be unix:///path, ssh://[user@]name[:port] or tcp://name:port", value)
        return value

    @model_validator(mode="after")
    def _reachable_safely(self) -> "Host":
        tls = (self.ca_certificate, self.client_certificate, self.client_key)
        given = [value is not None for value in tls]
        if any(given) and not self.address.startswith("tcp://"):
            raise ValueError(
                "address must be tcp://name:port when there are certificates, got "
                f"{shown(self.address)}: drop the certificates, or change the address"
            )
        if any(given) and not all(given):
            raise ValueError(
                "ca_certificate, client_certificate and client_key belong together: give all "
                f"three, got {sum(given)}"
            )
        if self.address.startswith("tcp://") and not any(given) and not self.insecure:
            raise ValueError(
                f"address {self.address} is a plain tcp engine, open to every client that reaches it: give "
                "ca_certificate, client_certificate and client_key, use ssh://, "
                "or set insecure: true"
            )
        return self

    @property
    def public_name(self) -> str:
        """Name under which a client finds published ports: the host's own, or localhost for a socket."""
        match = _ADDRESS.fullmatch(self.address)
        name = match and (match["ssh"] or match["tcp"])
        return name.strip("[]") if name else "localhost"

    def credentials(self) -> list[Login]:
        """Return its registries as the `registries` property of our resources that pull images."""
        return [
            {
                "address": registry.address,
                "username": registry.username,
                "password": later(pulumi.Output.secret(registry.password)),
            }
            for registry in self.registries
        ]

    def arguments(self) -> HostArgs:
        """Return this host as HostArgs, with its credentials as secrets."""
        given: Any = self.model_dump(exclude_defaults=True)
        if self.client_key is not None:
            given["client_key"] = pulumi.Output.secret(self.client_key)
        if self.registries:
            given["registries"] = self.credentials()
        return given  # type: ignore[no-any-return]

    def properties(self) -> Connection:
        """Return this host as the `host` property of our custom resources."""
        connection: Connection = {"address": self.address}
        if self.ca_certificate is not None:
            connection["caCertificate"] = self.ca_certificate
        if self.client_certificate is not None:
            connection["clientCertificate"] = self.client_certificate
        if self.client_key is not None:
            connection["clientKey"] = later(pulumi.Output.secret(self.client_key))
        return connection
