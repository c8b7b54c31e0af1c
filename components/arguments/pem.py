"""Types of arguments that are text of PEM files."""

import re
from typing import Annotated, Any

import pulumi
from pydantic import PlainValidator

from .marks import SECRET
from .messages import Wrong, listed


def _input_pem(value: Any) -> Any:
    if isinstance(value, pulumi.Output) or (isinstance(value, str) and "-----BEGIN " in value):
        return value
    rule = "must be the text of a PEM file (not its path), or an Output of it"
    raise Wrong(rule, value, " without a line -----BEGIN ...")


def _public_pem(value: Any) -> str:
    rule = "must be the text of a PEM file (not its path) with certificates of authorities"
    if not isinstance(value, str):
        raise Wrong(rule, value)
    # The text is not shown: it may be a key, which somebody took for a certificate.
    labels = {*re.findall("-----BEGIN ([^-]*)-----", value)}
    if others := labels - {"CERTIFICATE"}:
        raise ValueError(f"{rule} alone, got {listed(sorted(others))}")
    if not labels:
        raise ValueError(f"{rule}, got text without a line -----BEGIN CERTIFICATE-----")
    return value


InputPem = Annotated[Any, PlainValidator(_input_pem), SECRET]
"""Text of a PEM file, or an Output of it (which may be secret)."""
PublicPem = Annotated[str, PlainValidator(_public_pem)]
"""Text of a PEM file with certificates, and without a key."""
