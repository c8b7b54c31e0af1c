"""Arguments of TLS at a front end. Validated by `model`; the docstrings are the reference."""

from typing import Optional, Required, TypedDict

import pulumi

from ..arguments.types import ClientVerify, Secret, TlsVersion


class CertificateArgs(TypedDict, total=False):
    """A certificate and its private key."""

    certificate: Required[pulumi.Input[str]]
    """PEM of the server's certificate, followed by the certificate that issued it, and so on. The root may be
    left out. Required."""
    private_key: Required[pulumi.Input[Secret]]
    """PEM of the private key, not encrypted; kept as a secret. Required."""


class HstsArgs(TypedDict, total=False):
    """The header Strict-Transport-Security, with which browsers refuse plain HTTP for these names."""

    max_age: Optional[int]
    """Seconds for which browsers remember it; 0 has them forget it. Default: 31536000, one year."""
    include_subdomains: Optional[bool]
    """Have it apply to all names below, too. Default: false."""
    preload: Optional[bool]
    """Allow browsers to list the names before the first visit. Default: false."""


class TlsArgs(TypedDict, total=False):
    """HTTPS with certificates of yours."""

    port: Optional[int]
    """Port for HTTPS, in the container and on the host. Default: 443."""
    certificates: Required[list[CertificateArgs]]
    """Certificates, at most 20, each for other names. A client gets the one for the exact name that it asks
    for, else the one whose wildcard has one label in its place. Without any, its handshake is refused.
    Required."""
    min_version: Optional[TlsVersion]
    """Oldest version of TLS: `1.2` or `1.3`. Default: 1.2."""
    redirect_http: Optional[bool]
    """Answer plain HTTP for known host names with a redirect (308) to the same path over HTTPS. Default:
    true."""
    hsts: Optional[HstsArgs]
    """Header Strict-Transport-Security on each answer over HTTPS, in place of a replica's. Default: none."""
    client_ca: Optional[str]
    """PEM of the authorities that issue certificates of clients; plain text, since it is no secret. Replicas
    get the subject of a client's certificate in X-SSL-Client-DN. Default: none; nobody needs one."""
    client_verify: Optional[ClientVerify]
    """Demand on clients with `client_ca`: `required` lets nobody in without a certificate of these
    authorities, `optional` also those without any. Default: required."""
