"""`GatewayConfig`: the configuration of a swarm's gateway, checked by its own program."""

from typing import Optional

from ...engine import config_check
from ...engine.connection import EngineRefused, HostUnreachable, connect
from ...engine.containers import EngineError
from ...engine.images import PULL_SECONDS, pull_missing
from ...proxies.registry import kind_of
from ..notices import GATEWAY_REPLACED
from ..values import has_unknown
from .handler import FLAG, KIND, REGISTRIES, TEXT, WHOLE, Values, Warn, checked, described, listed
from .services import SwarmConfig

_CHECKED = ("data", "image", "kind", "memory")
"""Inputs whose change is checked by the program."""


class GatewayConfig(SwarmConfig):
    """A swarm's config that the program of the gateway's image accepts.

    A manager checks it, whether there is a swarm yet or not.
    """

    inputs = {
        **SwarmConfig.inputs,
        "registries": REGISTRIES,
        "kind": KIND,
        "image": described(TEXT, "Image of the gateway, in which the configuration is checked."),
        "memory": described(
            WHOLE, "Memory limit of a task in MiB, under which the configuration is checked."
        ),
        "names": described(listed(TEXT), "Network names in it, which must resolve while it is checked."),
        "gap": described(FLAG, "Whether a node refuses connections while its task is replaced."),
    }

    def check(self, new: Values, old: Values, warn: Warn) -> Optional[str]:
        if has_unknown([new.get(key) for key in ("managers", "names", "gap", *_CHECKED)]):
            return None
        if not (changed := _changed(new, old)):
            return None  # accepted before
        if old and new["gap"]:
            warn(
                f"{GATEWAY_REPLACED} ({', '.join(changed)}), one node after the other: one "
                "task at a time can have the port of a node, so for some seconds a node refuses new "
                "connections, while the others serve"
            )
        return checked(lambda: _problem(new), warn)

    def carried(self, new: Values, old: Values) -> Values:
        # A state of 0.2.0 has no memory: it comes with the next change.
        before = {key: value for key, value in new.items() if key != "memory"}
        return before if old and "memory" not in old and not _changed(new, old) else new

    def create(self, new: Values, preview: bool) -> tuple[str, Values]:
        if not preview:
            _verify(new)
        return super().create(new, preview)

    def update(self, new: Values, old: Values, preview: bool) -> Values:
        if not preview and _changed(new, old):
            _verify(new)
        return super().update(new, old, preview)


def _changed(new: Values, old: Values) -> list[str]:
    return [key for key in _CHECKED if (key in old or not old) and old.get(key) != new[key]]


def _problem(new: Values, pull: bool = False) -> Optional[str]:
    """What the program has against the configuration, or None; asked on the first manager that can.

    Raises EngineError when none can.
    """
    reasons = []
    program = kind_of(new["kind"]).program
    for host in new["managers"]:
        try:
            with connect(host, timeout=PULL_SECONDS if pull else 30) as engine:
                if pull:
                    pull_missing(engine, new["image"], new["registries"])
                return config_check.problem(
                    engine, program, new["image"], new["data"], new["names"], new["labels"], new["memory"]
                )
        except config_check.ImageMissing:
            reasons.append(f"image {new['image']} is not on {host['address']} yet")
        except (EngineError, EngineRefused, HostUnreachable) as error:
            reasons.append(str(error))
    raise EngineError("; ".join(reasons))


def _verify(new: Values) -> None:
    if said := _problem(new, pull=True):
        raise EngineError(said)
