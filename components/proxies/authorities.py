"""Authorities that issue certificates of clients, read and checked before a proxy is asked.

`cryptography` is imported where it is used: a plugin without TLS does not wait for it.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from .served import CERTIFICATE

if TYPE_CHECKING:
    from cryptography import x509

KEY = "front_end.tls.client_ca"


class CertificateError(ValueError):
    """Mistake in a certificate or in its key, in words that follow their place."""


@lru_cache
def delivered(text: str) -> tuple[str, str]:
    """Return the name of the file of a `client_ca`, and its text: the certificates and nothing else.

    Raises CertificateError.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    found = pem(text, "client_ca must be PEM of certificates of authorities")
    plain = b"".join(each.public_bytes(Encoding.PEM) for each in found)
    return f"{hashlib.sha256(plain).hexdigest()[:32]}{CERTIFICATE}", plain.decode()


def mistakes(text: str, now: datetime) -> list[str]:
    """Return what is wrong with the authorities of clients."""
    if "PRIVATE KEY" in text:
        return [f"{KEY} has a private key, which the state would show to everybody: leave it out"]
    try:
        delivered(text)
    except CertificateError as error:
        return [f"front_end.tls.{error}"]
    return list(_not_issuing(text, now))


def pem(
    text: str, rule: str = "certificate must be PEM of a certificate and of those that issued it"
) -> "list[x509.Certificate]":
    """Return the certificates in a text. Raises CertificateError, which begins with the rule."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise CertificateError(f"{rule}, which cannot be read") from None


def _not_issuing(text: str, now: datetime) -> Iterator[str]:
    """Yield what keeps certificates from being those of authorities."""
    from cryptography import x509

    for number, each in enumerate(pem(text), 1):
        place, ends = f"{KEY}: certificate number {number}", each.not_valid_after_utc
        try:
            issues = each.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except (x509.ExtensionNotFound, ValueError):
            issues = False
        if not issues:
            yield (
                f"{place} is not of an authority (basicConstraints CA:TRUE): give the certificate that "
                "issues those of clients"
            )
        elif ends <= now:
            yield f"{place} has ended {ends.isoformat(timespec='seconds')}: give a new one, or drop it"
