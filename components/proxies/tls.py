"""Model of TLS at a front end."""

from typing import Annotated, Optional

from pydantic import BeforeValidator, Field, model_validator

from ..arguments.parsing import Frozen
from ..arguments.pem import InputPem, PublicPem
from ..arguments.types import ClientVerify, Port, TlsVersion, Whole, decimals
from .served import HTTPS

MOST_CERTIFICATES = 20
"""Certificates that fit on one line of HAProxy. Each may hold many names."""


class Hsts(Frozen):
    max_age: Annotated[int, Whole(0, 315_360_000)] = 31_536_000
    include_subdomains: bool = False
    preload: bool = False

    @property
    def header(self) -> str:
        """Value of the header Strict-Transport-Security."""
        words = {"includeSubDomains": self.include_subdomains, "preload": self.preload}
        return "; ".join([f"max-age={self.max_age}", *(word for word, said in words.items() if said)])


class Pair(Frozen):
    certificate: InputPem
    private_key: InputPem


class Tls(Frozen):
    port: Port = HTTPS
    certificates: Annotated[list[Pair], Field(min_length=1)]
    min_version: Annotated[TlsVersion, BeforeValidator(decimals)] = "1.2"
    redirect_http: bool = True
    hsts: Optional[Hsts] = None
    client_ca: Optional[PublicPem] = None
    client_verify: ClientVerify = "required"

    @model_validator(mode="after")
    def _clients_without_a_way_around(self) -> "Tls":
        if self.client_ca and not self.redirect_http:
            raise ValueError(
                "client_ca is for HTTPS, and redirect_http: false serves everybody over plain HTTP: drop one "
                "of the two"
            )
        if "client_verify" in self.model_fields_set and not self.client_ca:
            raise ValueError("client_verify says how client_ca is used, and there is none: give it, too")
        return self

    @model_validator(mode="after")
    def _not_too_many(self) -> "Tls":
        if (count := len(self.certificates)) > MOST_CERTIFICATES:
            raise ValueError(
                f"certificates must be at most {MOST_CERTIFICATES}, got {count}: a certificate may hold many "
                "names"
            )
        return self

    @property
    def plain(self) -> Optional[list[tuple[str, str]]]:
        """Texts of certificates and keys; None when one of them is only known later."""
        texts = [(pair.certificate, pair.private_key) for pair in self.certificates]
        return texts if all(isinstance(text, str) for pair in texts for text in pair) else None
