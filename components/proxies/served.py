"""Certificates as a configuration needs them, and the names that clients may ask for: no secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)
"""Ciphers of TLS 1.2: with forward secrecy and authenticated encryption. Those of TLS 1.3 all have both."""
HTTP, HTTPS = 80, 443
"""Ports of addresses that name none."""
CERTIFICATE = ".pem"
"""End of the name of a file that holds a certificate and its key."""


@dataclass(frozen=True)
class Served:
    """A certificate as a configuration needs it, without a secret."""

    file: str
    """Name of the file that holds it and its key."""
    names: tuple[str, ...]
    """Names that clients can ask for, sorted; a wildcard stands for one label."""
    until: str
    """End of its validity."""


Given = Sequence[Served]
"""The certificates of a configuration."""


@dataclass(frozen=True)
class Entrance:
    """Names that a client may ask for, with their certificate, and with the backend of the requests."""

    names: tuple[str, ...]
    """Exact names; or one suffix such as `.a.example`."""
    labels: Optional[str]
    """Labels before the suffix, `one` or `more`; None for exact names."""
    certificate: str
    """Name of the file."""
    backend: Optional[str]
    """Name of a backend, or key of a place; None where nobody has the name."""

    @property
    def server_names(self) -> list[str]:
        """The names for nginx: it tries expressions in their order, and its wildcard is for any labels."""
        if self.labels is None:
            return list(self.names)
        suffix = self.names[0].replace(".", r"\.")
        return [f"~^[^.]+{suffix}$" if self.labels == "one" else f"~{suffix}$"]


def entrances(
    certificates: Sequence[Served], hosts: Mapping[str, Sequence[str]], default: Optional[str]
) -> list[Entrance]:
    """Return the entrances for the `hosts` of each backend and all names of the certificates.

    Exact names come first, then suffixes, the longest first: the first one that matches has the request.
    """
    files = {name: each.file for each in certificates for name in each.names}
    owners = {host: backend for backend, names in hosts.items() for host in names}
    exact: dict[tuple[str, Optional[str]], list[str]] = {}
    for name in sorted(each for each in {*files, *owners} if not each.startswith("*")):
        file = files.get(name) or files.get(_wildcard(name), "")
        exact.setdefault((file, _owner(name, owners) or default), []).append(name)
    found = [
        Entrance(tuple(names), None, file, backend)
        for (file, backend), names in sorted(exact.items(), key=str)
    ]
    for pattern in sorted(
        (each for each in {*files, *owners} if each.startswith("*")), key=lambda each: (-len(each), each)
    ):
        backend, suffix = _owner(pattern, owners) or default, (pattern[1:],)
        found.append(Entrance(suffix, "one", files.get(pattern, ""), backend))
        if pattern in owners:
            found.append(Entrance(suffix, "more", "", backend))
    return found


def _wildcard(name: str) -> str:
    return f"*.{name.partition('.')[2]}"


def _owner(name: str, owners: Mapping[str, str]) -> Optional[str]:
    """Return the backend of a name: that of the name itself, or of the longest wildcard above it."""
    while name not in owners and "." in name:
        name = _wildcard(name.removeprefix("*."))
        if name == "*.":
            return None
    return owners.get(name)
