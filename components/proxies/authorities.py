"""Authorities that issue certificates of clients, read and checked before a proxy is asked.

`cryptography` is imported where it is used: a plugin without TLS does not wait for it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from .served import CERTIFICATE

if TYPE_CHECKING:
    from cryptography import x509

KEY = "front_end.tls.client_ca"
RULE = "client_ca must be PEM of certificates of authorities"
SOON = timedelta(days=21)
"""Rest of a validity that is worth a warning."""


class CertificateError(ValueError):
    """Mistake in a certificate or in its key, in words that follow their place."""


@lru_cache
def delivered(text: str) -> tuple[str, str]:
    """Return the name of the file of a `client_ca`, and its text: the certificates and nothing else.

    Raises CertificateError.
    """
    from cryptography.hazmat.primitives.serialization import Encoding

    found = pem(text, RULE)
    plain = b"".join(each.public_bytes(Encoding.PEM) for each in found)
    return f"{hashlib.sha256(plain).hexdigest()[:32]}{CERTIFICATE}", plain.decode()


def mistakes(text: str, now: datetime) -> list[str]:
    """Return what is wrong with the authorities of clients."""
    try:
        found = pem(text, RULE)
    except CertificateError as error:
        return [f"front_end.tls.{error}"]
    said = [f"{KEY}: {each}" for number in range(len(found)) for each in _not_issuing(found, number)]
    if not said and not any(each.not_valid_before_utc <= now < each.not_valid_after_utc for each in found):
        said.append(f"{KEY}: no certificate is valid now, so every client would be refused: give one that is")
    return said


def warnings(text: str, now: datetime) -> list[str]:
    """Return what is worth a warning: authorities that end soon, have ended, or are not valid yet."""
    found = []
    for number, each in enumerate(pem(text), 1):
        begins, ends = each.not_valid_before_utc, each.not_valid_after_utc
        if now < begins:
            found.append(f"number {number} is not valid before {begins.isoformat(timespec='seconds')}")
        elif ends - now < SOON:
            found.append(
                f"number {number} ends {ends.isoformat(timespec='seconds')}, and its clients are refused then"
            )
    return [f"{KEY}: certificate {each}" for each in found]


def pem(
    text: str, rule: str = "certificate must be PEM of a certificate and of those that issued it"
) -> "list[x509.Certificate]":
    """Return the certificates in a text. Raises CertificateError, which begins with the rule."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise CertificateError(f"{rule}, which cannot be read") from None


def _not_issuing(found: "Sequence[x509.Certificate]", number: int) -> Iterator[str]:
    """Yield what keeps a certificate from being that of an authority."""
    from cryptography import x509

    each, place = found[number], f"certificate number {number + 1}"
    try:
        issues = each.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        issues = False
    if not issues:
        yield (
            f"{place} is not of an authority (basicConstraints CA:TRUE): give the certificate that issues "
            "those of clients"
        )
    elif not any(issued_by(each, other) for other in found):
        yield (
            f"{place} is issued by another, which is missing. Both kinds trust an authority up to its root "
            "only: add it, or give a root of its own for these clients"
        )


def issued_by(one: "x509.Certificate", other: "x509.Certificate") -> bool:
    """Return whether a certificate is issued by another, which may be itself."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        one.verify_directly_issued_by(other)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
