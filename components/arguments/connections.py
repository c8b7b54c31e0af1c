"""A Docker host and its registries as our resources and the engine's room know them: plain values."""

from typing import NotRequired, TypedDict


class Connection(TypedDict):
    """The address of a Docker Engine; the certificates and the key are for `tcp://` with TLS."""

    address: str
    caCertificate: NotRequired[str]
    clientCertificate: NotRequired[str]
    clientKey: NotRequired[str]


class Login(TypedDict):
    """A login for an image registry."""

    address: str
    username: str
    password: str
