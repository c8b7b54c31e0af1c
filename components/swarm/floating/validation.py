"""From what a user wrote to a Floating, in words that teach."""

from collections.abc import Mapping

from ...types import ArgumentError, Frozen, Name, VrrpPassword, parse, shown
from .model import Floating


class _HasName(Frozen):
    name: Name


class _HasPassword(Frozen):
    password: VrrpPassword


def floating(name: str, args: object) -> Floating:
    """`args` (FloatingAddressArgs) of the component `name`, validated.

    Raises ArgumentError, before anything is registered.
    """
    where = f"FloatingAddress {shown(name)}"
    parse(_HasName, {"name": name}, where)
    if not isinstance(args, Mapping):
        raise ArgumentError(f"{where}: args must be a mapping of keys, got {shown(args)}")
    return parse(Floating, dict(args), where)


def known_password(name: str, password: str) -> str:
    """A password that was not known before, validated: it stands in a configuration."""
    parse(_HasPassword, {"password": password}, f"FloatingAddress {shown(name)}")
    return password
