"""Types of arguments that are text of PEM files."""

from typing import Annotated, Any

import pulumi
from pydantic import PlainValidator

from .marks import SECRET
from .messages import Wrong


def _input_pem(value: Any) -> Any:
    if isinstance(value, pulumi.Output) or (isinstance(value, str) and "-----BEGIN " in value):
        return value
    rule = "must be the text of a PEM file (not its path), or an Output of it"
    raise Wrong(rule, value, " without a line -----BEGIN ...")


def _public_pem(value: Any) -> str:
    if isinstance(value, str) and "-----BEGIN CERTIFICATE-----" in value:
        return value
    rule = "must be the text of a PEM file (not its path) with certificates of authorities"
    raise Wrong(rule, value, " without a line -----BEGIN CERTIFICATE-----" if isinstance(value, str) else "")


InputPem = Annotated[Any, PlainValidator(_input_pem), SECRET]
"""Text of a PEM file, or an Output of it (which may be secret)."""
PublicPem = Annotated[str, PlainValidator(_public_pem)]
"""Text of a PEM file with certificates, and without a key."""
