"""From what a user wrote to a Service: the short form or the long one, in words that teach."""

from typing import Any

from ..arguments.messages import named, shown
from ..arguments.parsing import ArgumentError, check_name, mapping, parse, refused, unknown_key
from ..proxies import certificates
from ..proxies.model import Backend, Service
from ..proxies.registry import kind_of

_COMMON_KEYS = {"host", "network", "front_end"}
_NAMES = 50
"""Letters that the names of component and backend may have together. A replica's network name has
both, its index and its generation, and is a DNS label: at most 63."""


def service(name: str, args: object) -> Service:
    """Return `args` (LoadBalancedServiceArgs) of the component `name`, validated.

    Raises ArgumentError, before anything is registered.
    """
    where = f"LoadBalancedService {shown(name)}"
    check_name(name, where)
    given = mapping(args, where)
    short = {*Backend.model_fields, "name"}
    known = {*short, *_COMMON_KEYS, "backends"}
    if unknown := [key for key in given if key not in known]:
        raise refused([f"{where}: {named(key)} {unknown_key(key, known)}" for key in unknown], where)
    given = {key: value for key, value in given.items() if value is not None}
    values = {"host": {}, **{key: given.pop(key) for key in _COMMON_KEYS if key in given}}
    values["backends"] = _backends(given, where)
    validated = parse(Service, values, where)
    for backend in sorted(validated.backends):
        if len(name) + len(backend) > _NAMES:
            raise ArgumentError(
                f"{where}: backends.{backend}: its name and the component's, both in the network "
                f"names of replicas, must have at most {_NAMES} characters together, "
                f"got {len(backend)} + {len(name)}"
            )
    if reasons := kind_of(validated.front_end.kind).refusals(validated):
        raise refused([f"{where}: {reason}" for reason in reasons], where)
    if said := certificates.known_mistakes(validated):
        raise refused([f"{where}: {each}" for each in said], where)
    return validated


def _backends(given: dict[str, Any], where: str) -> Any:
    """Return the backends of the long form, or the one of the short form."""
    backends = given.pop("backends", None)
    if backends is not None:
        if given:
            raise ArgumentError(
                f"{where}: backends stands instead of the short form, got both: "
                f"move {', '.join(sorted(given))} into backends or drop backends"
            )
        return backends
    name = given.pop("name", "web")
    check_name(name, where)
    if not given:
        raise ArgumentError(f"{where}: give image (one backend) or backends (several), got neither")
    return {name: parse(Backend, given, where)}
