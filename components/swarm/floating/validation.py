"""From what a user wrote to a Floating, in words that teach."""

from ...arguments.messages import shown
from ...arguments.parsing import Frozen, arguments, parse
from ...arguments.types import VrrpPassword
from .model import Floating

_COMPONENT = "FloatingAddress"


class _HasPassword(Frozen):
    password: VrrpPassword


def floating(name: str, args: object) -> Floating:
    """Return `args` (FloatingAddressArgs) of the component `name`, validated.

    Raises ArgumentError, before anything is registered.
    """
    return arguments(Floating, _COMPONENT, name, args)


def known_password(name: str, password: str) -> str:
    """Return a password that was not known before, validated: it stands in a configuration."""
    parse(_HasPassword, {"password": password}, f"{_COMPONENT} {shown(name)}")
    return password
