"""Networks of a swarm: `AddressPlan`, `OverlayNetwork`. See `overlay`."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Optional

from ...arguments.connections import Connection
from ...engine import facts
from ...engine.connection import EngineRefused, HostUnreachable, connect
from ...engine.containers import EngineError
from ...engine.swarm import membership, overlay
from ...resources import networks as declared
from ...resources.networks import (
    AddressPlanInputs,
    OverlayNetworkInputs,
    OverlayNetworkOutputs,
    OverlayNetworkState,
)
from ...resources.resource import NoOutputs
from ..values import UNKNOWN, has_unknown
from .handler import Handler, Warn, fixed

_FIXED: Final = ("name", "subnet", "mtu", "encrypted", "attachable", "internal")
AT_ONCE = 16
"""Hosts that are asked at the same time."""


def _encrypts(managers: list[Connection]) -> Optional[str]:
    """Return why an engine cannot encrypt an overlay, or None."""
    for host in managers:
        with contextlib.suppress(HostUnreachable, EngineRefused), connect(host, timeout=30) as engine:
            version = str(engine.version()["Version"])
            if not overlay.encrypts(version):
                return (
                    f"encrypted needs engine 20.10.24, 23.0.3 or later, got {version} at {host['address']}: "
                    "those before sent the traffic in clear (CVE-2023-28840)"
                )
    return None


def _ask(
    name: str, host: Connection, new: AddressPlanInputs
) -> tuple[list[str], Optional[str], Optional[HostUnreachable | EngineRefused | EngineError]]:
    """Return what is wrong with the plan on a node's host.

    Return also what was not checked there, and the error that prevented it.
    """
    try:
        there = facts.of(host, new["labels"])
    except (HostUnreachable, EngineRefused, EngineError) as error:
        return [], f"addresses of node {name} not checked: {error}", error
    info = there.info
    if info["Swarm"]["LocalNodeState"] == "inactive" and (said := membership.unfit(host, info)):
        return [said], None, None
    found, seen = overlay.clashes(there, new["plan"], new["networks"])
    wrong = [
        f"{what} {new['plan'][what]} overlaps {part} {subnet} of node {name}: choose another subnet"
        for what, part, subnet in found
    ]
    unseen = None if seen else f"own subnets of node {name} not checked: no image there can show them"
    return wrong, unseen, None


class AddressPlan(Handler[AddressPlanInputs, NoOutputs, AddressPlanInputs]):
    """Subnets that overlays are to have, checked against what the hosts really have.

    Docker accepts a network that overlaps another; its tasks then never start. The first of all to ask every
    host, it also refuses those whose engines can be in no swarm.
    """

    resource = declared.AddressPlan

    def check(self, new: AddressPlanInputs, old: AddressPlanInputs, warn: Warn) -> Optional[str]:
        if has_unknown(new) or all(old.get(key) == new[key] for key in ("hosts", "plan")):
            return None
        with ThreadPoolExecutor(AT_ONCE) as pool:
            hosts = dict(sorted(new["hosts"].items()))
            asked = list(pool.map(lambda name: _ask(name, hosts[name], new), hosts))
        said = []
        for wrong, unseen, error in asked:
            if error and not old:
                raise error
            said += wrong
            if unseen:
                warn(unseen)
        return "; ".join(said) or None

    def create(self, new: AddressPlanInputs, preview: bool) -> tuple[str, NoOutputs]:
        return "plan", {}

    def update(self, new: AddressPlanInputs, old: AddressPlanInputs, preview: bool) -> NoOutputs:
        return {}


class OverlayNetwork(Handler[OverlayNetworkInputs, OverlayNetworkOutputs, OverlayNetworkState]):
    """A network over all nodes of a swarm."""

    resource = declared.OverlayNetwork

    def check(self, new: OverlayNetworkInputs, old: OverlayNetworkInputs, warn: Warn) -> Optional[str]:
        if has_unknown({**new, "swarmId": ""}):
            return None
        remedy = "declare another network, move the services to it, and remove this one"
        if said := fixed({key: new[key] for key in _FIXED}, old, remedy):
            return said
        if new["encrypted"] and not old:
            return _encrypts(new["managers"])
        return None

    def create(self, new: OverlayNetworkInputs, preview: bool) -> tuple[str, OverlayNetworkOutputs]:
        if preview:
            return "", {"networkId": UNKNOWN}
        with membership.manager(new["managers"], new["swarmId"]) as engine:
            id_ = overlay.make(engine, new)
        return id_, {"networkId": id_}

    def update(
        self, new: OverlayNetworkInputs, old: OverlayNetworkState, preview: bool
    ) -> OverlayNetworkOutputs:
        return {"networkId": old["networkId"]}  # other managers to ask: nothing to do

    def read(self, state: OverlayNetworkState) -> Optional[overlay.Found]:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            return overlay.look(engine, state["networkId"])

    def delete(self, state: OverlayNetworkState) -> None:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            overlay.remove(engine, state["networkId"])
