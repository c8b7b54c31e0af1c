"""Arguments of a service as its history on the host keeps them."""

from collections.abc import Mapping
from typing import Any

import pulumi

from ..engine.history import SECRET


def recorded(args: Mapping[str, Any]) -> dict[str, object]:
    """Return the arguments of a service without its host, and with SECRET in place of secrets."""
    return {key: _plain(value) for key, value in args.items() if key != "host" and value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, pulumi.Output):
        return _opened(value)
    if isinstance(value, Mapping):
        if {"certificate", "private_key"} == value.keys():
            return dict.fromkeys(value, SECRET)  # a rollback keeps the present ones, which end later
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _opened(value: pulumi.Output[Any]) -> pulumi.Output[Any]:
    """Return the value once it is known, unless it is a secret."""
    secret: pulumi.Output[bool] = pulumi.Output.from_input(value.is_secret())

    def shown(both: list[Any]) -> Any:
        known, is_secret = both
        return SECRET if is_secret else known

    return pulumi.Output.unsecret(pulumi.Output.all(value, secret).apply(shown))
