"""Certificates made where they are used: none is stored, and the same words make the same bytes."""

from __future__ import annotations

import hashlib
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from components.proxies import authorities
from components.proxies.certificates import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.proxies.site import Site

BEGIN, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)

TEST = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test")])
"""Subject of every certificate of a server: it holds no name of a host."""


class Made(NamedTuple):
    """Texts of a certificate and of its key."""

    certificate: str
    private_key: str


class Authority:
    """Key and certificate with which certificates are signed."""

    def __init__(self, name: str, issuer: Authority | None = None, ends: datetime = END) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer = issuer or self
        self.certificate = _builder(self.name, signer.name, self.key, BEGIN, ends, name, issues=True).sign(
            signer.key, None
        )
        self.text = self.certificate.public_bytes(forms.Encoding.PEM).decode()


def made(
    *names: str,
    issuer: Authority | None = None,
    begins: datetime = BEGIN,
    ends: datetime = END,
    seed: str = "",
    password: bytes | None = None,
    elliptic: bool = False,
) -> Made:
    """Make a certificate for these names: by an authority, followed by it, or by itself."""
    secret = hashlib.sha256("\n".join([*names, seed]).encode()).digest()
    key: Any = Ed25519PrivateKey.from_private_bytes(secret)
    if elliptic:  # clients of all kinds know this one
        key = derive_private_key(int.from_bytes(secret[:31], "big"), SECP256R1())
    alternatives = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
    builder = _builder(TEST, issuer.name if issuer else TEST, key, begins, ends, seed)
    leaf = builder.add_extension(alternatives, False).sign(
        issuer.key if issuer else key, _hash(None if issuer else key)
    )
    hiding = forms.BestAvailableEncryption(password) if password else forms.NoEncryption()
    return Made(
        leaf.public_bytes(forms.Encoding.PEM).decode() + (issuer.text if issuer else ""),
        key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, hiding).decode(),
    )


def of_client(authority: Authority, subject: str) -> Made:
    """Make the certificate of a client; its subject is text of RFC 4514."""
    key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(subject.encode()).digest())
    builder = _builder(x509.Name.from_rfc4514_string(subject), authority.name, key, BEGIN, END, subject)
    signed = builder.sign(authority.key, None)
    return Made(
        signed.public_bytes(forms.Encoding.PEM).decode(),
        key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()).decode(),
    )


def client_context(own: Made | None = None) -> ssl.SSLContext:
    """Return the settings of a client that takes any certificate, and has this one if any."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if own is not None:
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write("".join(own))
            file.flush()
            context.load_cert_chain(file.name)
    return context


def _hash(key: Any) -> Any:
    from cryptography.hazmat.primitives.hashes import SHA256

    return None if key is None or isinstance(key, Ed25519PrivateKey) else SHA256()


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: Any,
    begins: datetime,
    ends: datetime,
    seed: str,
    *,
    issues: bool = False,
) -> x509.CertificateBuilder:
    serial = int.from_bytes(hashlib.sha256(f"{subject}{seed}{ends}".encode()).digest()[:8], "big") >> 1
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial + 1)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=issues, path_length=None), True)
    )


def soon(days: float) -> datetime:
    """Return a time in so many days."""
    return datetime.now(UTC) + timedelta(days=days)


def names(certificate: bytes) -> list[str]:
    """Return the names in a certificate, as a client gets it."""
    loaded = x509.load_der_x509_certificate(certificate)
    found = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return sorted(found.get_values_for_type(x509.DNSName))


def with_certificates(args: dict[str, Any], names: Sequence[str] = ()) -> dict[str, Any]:
    """Return arguments of a service with a certificate, made now, in place of each `{names: […]}` of TLS.

    With `names`, one certificate for these is in place of all. `{authority: NAME}` is a `client_ca`.
    """
    front_end = args.get("front_end") or {}
    tls = front_end.get("tls")
    if not tls:
        return args
    wanted = [{"names": names}] if names else tls["certificates"]
    given = [made(*each["names"])._asdict() if "names" in each else each for each in wanted]
    tls = {**tls, "certificates": given}
    if isinstance(tls.get("client_ca"), dict):
        tls["client_ca"] = Authority(tls["client_ca"]["authority"]).text
    return {**args, "front_end": {**front_end, "tls": tls}}


def files(site: Site) -> dict[str, str]:
    """Return the files of the certificates of a service, by name."""
    tls = site.front_end.tls
    if tls is None:
        return {}
    loaded = [load(*pair) for pair in (tls.plain or [])]
    own = {each.served.file: each.text for each in loaded}
    return own | (dict([authorities.delivered(tls.client_ca)]) if tls.client_ca else {})
