"""Values in the arguments of a case that are known at `up` only."""

from typing import Any

import pulumi

LATER = object()
"""Stands for an Output, which can only be made while a program runs."""


def with_outputs(value: Any) -> Any:
    """Return `value` with an Output in each place of LATER."""
    if value is LATER:
        return pulumi.Output.from_input("later")
    if isinstance(value, dict):
        return {key: with_outputs(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_outputs(item) for item in value]
    return value
