"""Certificates and keys of a user, read and checked before a proxy is asked.

`cryptography` is imported where it is used: a plugin without TLS does not wait for it. Errors show no value.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from . import authorities
from .authorities import SOON, CertificateError, issued_by, pem
from .served import CERTIFICATE, Served

if TYPE_CHECKING:
    from cryptography import x509

    from .site import Site

KEY = "front_end.tls.certificates"
MOST_LOADED = 256
"""Pairs that are read once in a process: to read an RSA key of 4096 bits takes 0.3 s."""
UNUSABLE = Served(f"unusable{CERTIFICATE}", (), "")
"""In place of a certificate with a mistake, which is refused before a configuration with it is used."""
_NAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


@dataclass(frozen=True)
class Loaded:
    """A certificate and its key that fit each other."""

    served: Served
    text: str
    """PEM of the key, the certificate and those that issued it, in that order."""
    begins: datetime
    ends: datetime
    covers: frozenset[str]
    """Names for which clients accept it; the subject is none of them."""


@lru_cache(MOST_LOADED)
def load(certificate: str, private_key: str) -> Loaded:
    """Return a certificate and its key. Raises CertificateError."""
    from cryptography.hazmat.primitives import serialization as forms

    chain = pem(certificate)
    leaf, key = chain[0], _key(private_key)
    public = (forms.Encoding.DER, forms.PublicFormat.SubjectPublicKeyInfo)
    fitting = [
        number
        for number, each in enumerate(chain)
        if each.public_key().public_bytes(*public) == key.public_key().public_bytes(*public)
    ]
    if not fitting:
        raise CertificateError(
            "private_key is the key of another certificate: give the one of this certificate"
        )
    if fitting[0]:
        raise CertificateError("certificate must begin with the certificate of private_key: put it first")
    _check_order(chain)
    private = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    text = b"".join([private, *(each.public_bytes(forms.Encoding.PEM) for each in chain)]).decode()
    covers = _alternative_names(leaf)
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    name = f"{hashlib.sha256(text.encode()).hexdigest()[:32]}{CERTIFICATE}"
    served = Served(name, tuple(sorted(covers | _subject(leaf))), ends.isoformat(timespec="seconds"))
    return Loaded(served, text, begins, ends, frozenset(covers))


def usable(certificate: str, private_key: str) -> tuple[Served, str]:
    """Return a certificate, and the text of its file; UNUSABLE and no text where there is a mistake."""
    try:
        found = load(certificate, private_key)
    except CertificateError:
        return UNUSABLE, ""
    return found.served, found.text


def served(texts: Sequence[tuple[str, str]]) -> list[Served]:
    """Return the certificates as a configuration needs them; UNUSABLE in place of one with a mistake."""
    return [usable(*pair)[0] for pair in texts]


def known(site: "Site") -> list[Served]:
    """Return the certificates of a site that are plain text."""
    tls = site.front_end.tls
    return served(tls.plain or []) if tls else []


def known_mistakes(site: "Site") -> list[str]:
    """Return the mistakes in the certificates of a site that are plain text; a preview checks the others."""
    tls = site.front_end.tls
    if tls is None:
        return []
    said = authorities.mistakes(tls.client_ca, now()) if tls.client_ca else []
    return [*said, *(mistakes(tls.plain, site.hosts, now()) if tls.plain else [])]


def mistakes(
    texts: Sequence[tuple[str, str]], hosts: Mapping[str, Sequence[str]], now: datetime
) -> list[str]:
    """Return what is wrong with certificates and keys for the host names of each backend."""
    loaded: dict[int, Loaded] = {}
    said: list[str] = []
    for number, pair in enumerate(texts):
        try:
            loaded[number] = load(*pair)
            said += _untimely(f"{KEY}.{number}", loaded[number], now)
        except CertificateError as error:
            said.append(f"{KEY}.{number}: {error}")
    return said or [*_twice(loaded), *_uncovered(loaded, hosts)]


def warnings(texts: Sequence[tuple[str, str]], now: datetime) -> list[str]:
    """Return what is worth a warning: certificates without mistakes that end soon."""
    found = []
    for number, pair in enumerate(texts):
        each = load(*pair)
        if each.ends - now < SOON:
            name = each.served.names[0] if each.served.names else "no name"
            found.append(
                f"{KEY}.{number}: the certificate of {name} ends in {(each.ends - now).days} days "
                f"({each.served.until}): renew it"
            )
    return found


def stand_in() -> str:
    """Return a certificate and its key, made now, for a check without the real ones."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.hashes import SHA256

    key, begins = generate_private_key(SECP256R1()), now()
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + SOON)
        .sign(key, SHA256())
    )
    private = key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption())
    return (private + made.public_bytes(forms.Encoding.PEM)).decode()


def now() -> datetime:
    """Return the time against which validities are checked."""
    return datetime.now(UTC)


def _key(text: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise CertificateError(
            "private_key is encrypted, and nobody types its password at a start: give it without encryption, "
            "as a secret"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateError("private_key must be PEM of a private key, which cannot be read") from None


def _check_order(chain: "list[x509.Certificate]") -> None:
    """Raise CertificateError unless each certificate is issued by the next."""
    for number, (issued, issuer) in enumerate(pairwise(chain)):
        if not issued_by(issued, issuer):
            raise CertificateError(
                f"certificate number {number + 1} in certificate is not issued by number {number + 2}: put "
                "the server's first, then the one that issued it, and so on"
            )


def _alternative_names(leaf: "x509.Certificate") -> set[str]:
    from cryptography import x509

    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return set()
    names = (name.lower() for name in found.get_values_for_type(x509.DNSName))
    return {name for name in names if _NAME.fullmatch(name)}


def _subject(leaf: "x509.Certificate") -> set[str]:
    """Return the name in the subject, which HAProxy serves as well."""
    from cryptography.x509.oid import NameOID

    names = (str(each.value).lower() for each in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    return {name for name in names if "." in name and _NAME.fullmatch(name)}


def _untimely(key: str, each: Loaded, now: datetime) -> Iterator[str]:
    if each.ends <= now:
        yield f"{key}: the certificate has ended {each.served.until}: give a new one"
    elif each.begins > now:
        yield (
            f"{key}: the certificate is not valid before {each.begins.isoformat(timespec='seconds')}: give "
            "one that is valid now"
        )


def _twice(loaded: Mapping[int, Loaded]) -> Iterator[str]:
    owners: dict[str, int] = {}
    for number, each in loaded.items():
        for name in each.served.names:
            if owners.setdefault(name, number) != number:
                yield (
                    f"{KEY}.{number}: {name} is in the certificate {KEY}.{owners[name]}, too: a name has one "
                    "certificate; drop one of the two"
                )
                break


def _uncovered(loaded: Mapping[int, Loaded], hosts: Mapping[str, Sequence[str]]) -> Iterator[str]:
    names = {name for each in loaded.values() for name in each.covers}
    for backend, wanted in sorted(hosts.items()):
        for host in wanted:
            if not {host, f"*.{host.partition('.')[2]}"} & names:
                yield (
                    f"{_key_of(backend)}.host_names: no certificate of {KEY} is for {host}: give one that "
                    "names it, or drop the host name"
                )


def _key_of(owner: str) -> str:
    """Return the path of what has host names: no backend has a dot in its name."""
    return owner if owner.startswith("front_end.") else f"backends.{owner}"
