"""`GatewayConfig`: the configuration of a swarm's gateway, checked by its own program."""

from collections.abc import Mapping
from typing import Final, Optional

from ...engine import config_check
from ...engine.connection import EngineRefused, HostUnreachable, connect
from ...engine.containers import EngineError
from ...engine.images import PULL_SECONDS, pull_missing
from ...proxies.registry import kind_of
from ...resources import gateway as declared
from ...resources.gateway import GatewayConfigInputs, GatewayConfigState
from ...resources.services import FileOutputs
from ..notices import GATEWAY_REPLACED
from ..values import has_unknown
from .certificates import files_of, wrong
from .handler import Warn, checked
from .services import File

_CHECKED: Final = ("data", "image", "kind", "memory")
"""Inputs whose change is checked by the program."""


class GatewayConfig(File[GatewayConfigInputs, GatewayConfigState]):
    """A swarm's config that the program of the gateway's image accepts.

    A manager checks it, whether there is a swarm yet or not.
    """

    resource = declared.GatewayConfig
    kind = "config"
    remedy = "give it fewer routes, or make two gateways of it"

    def check(self, new: GatewayConfigInputs, old: GatewayConfigInputs, warn: Warn) -> Optional[str]:
        if has_unknown([new.get(key) for key in ("managers", "names", "gap", "certificates", *_CHECKED)]):
            return None
        if said := super().check(new, old, warn):
            return said
        if said := wrong(new, warn):
            return said
        if not (changed := _changed(new, old)):
            return None  # accepted before
        if old and new["gap"]:
            warn(
                f"{GATEWAY_REPLACED} ({', '.join(changed)}), one node after the other: one "
                "task at a time can have the port of a node, so for some seconds a node refuses new "
                "connections, while the others serve"
            )
        return checked(lambda: _problem(new), warn)

    def carried(self, new: GatewayConfigInputs, old: GatewayConfigInputs) -> GatewayConfigInputs:
        # A state of 0.2.0 has neither: they come with the next change.
        carried = new.copy()
        if old and not _changed(new, old):
            if "memory" not in old:
                carried.pop("memory", None)
            if "settings" not in old:
                carried.pop("settings", None)
        return carried

    def paths(self, key: str, new: GatewayConfigInputs, old: GatewayConfigState) -> Mapping[str, str]:
        # A preview shows the same change where it has its effect.
        return {} if key == "settings" and new["data"] != old["data"] else super().paths(key, new, old)

    def create(self, new: GatewayConfigInputs, preview: bool) -> tuple[str, FileOutputs]:
        if not preview:
            _verify(new)
        return super().create(new, preview)

    def update(self, new: GatewayConfigInputs, old: GatewayConfigState, preview: bool) -> FileOutputs:
        if not preview and _changed(new, old):
            _verify(new)
        return super().update(new, old, preview)


def _changed(new: GatewayConfigInputs, old: GatewayConfigInputs) -> list[str]:
    return [key for key in _CHECKED if (key in old or not old) and old.get(key) != new[key]]


def _problem(new: GatewayConfigInputs, pull: bool = False) -> Optional[str]:
    """Return the program's objection to the configuration, or None; ask on the first manager that can.

    Raises EngineError when none can.
    """
    reasons = []
    program = kind_of(new["kind"]).program
    for host in new["managers"]:
        try:
            with connect(host, timeout=PULL_SECONDS if pull else 30) as engine:
                if pull:
                    pull_missing(engine, new["image"], new["registries"])
                files = files_of(new)
                configuration = config_check.Configuration(new["data"], new["names"], files)
                return config_check.problem(
                    engine, program, new["image"], configuration, new["labels"], new["memory"]
                )
        except config_check.ImageMissing:
            reasons.append(f"image {new['image']} is not on {host['address']} yet")
        except (EngineError, EngineRefused, HostUnreachable) as error:
            reasons.append(str(error))
    raise EngineError("; ".join(reasons))


def _verify(new: GatewayConfigInputs) -> None:
    if said := _problem(new, pull=True):
        raise EngineError(said)
