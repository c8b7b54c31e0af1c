"""Networks of a swarm: `AddressPlan`, `OverlayNetwork`. See `overlay`."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Optional

from pulumi.runtime.rpc import UNKNOWN

from ...engine import facts
from ...engine.connection import EngineRefused, HostUnreachable, connect
from ...engine.containers import EngineError
from ...engine.swarm import membership, overlay
from ..values import has_unknown
from .handler import (
    FLAG,
    LABELS,
    MANAGERS,
    SWARM_ID,
    TEXT,
    TEXTS,
    WHOLE,
    Handler,
    Values,
    Warn,
    described,
    fixed,
    listed,
    mapped,
)

AT_ONCE = 16
"""Hosts that are asked at the same time."""


def _encrypts(managers: list[Values]) -> Optional[str]:
    """Why an engine cannot encrypt an overlay, or None."""
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
    name: str, host: Values, new: Values
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


class AddressPlan(Handler):
    """Subnets that overlays are to have, checked against what the hosts really have.

    Docker accepts a network that overlaps another; its tasks then never start. The first of all to ask every
    host, it also refuses those whose engines can be in no swarm.
    """

    inputs = {
        "hosts": described(mapped(TEXTS), "Hosts of the swarm by the names of their nodes."),
        "plan": described(TEXTS, "Subnets by the argument that says them."),
        "networks": described(listed(TEXT), "Names of the swarm's own networks, which clash with nothing."),
        "labels": LABELS,
    }

    def check(self, new: Values, old: Values, warn: Warn) -> Optional[str]:
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

    def create(self, new: Values, preview: bool) -> tuple[str, Values]:
        return "plan", {}

    def update(self, new: Values, old: Values, preview: bool) -> Values:
        return {}


class OverlayNetwork(Handler):
    """A network over all nodes of a swarm."""

    inputs = {
        "managers": MANAGERS,
        "swarmId": SWARM_ID,
        "name": described(TEXT, "Its name in the swarm."),
        "labels": LABELS,
        "subnet": described(TEXT, "IPv4 subnet; empty: one of the address pools."),
        "mtu": described(WHOLE, "Largest packet in bytes; 0: Docker's default."),
        "encrypted": described(FLAG, "Whether traffic between hosts is encrypted."),
        "attachable": described(FLAG, "Whether containers that are no tasks may join it."),
        "internal": described(FLAG, "Whether there is no way out of it."),
    }
    outputs = {"networkId": described(TEXT, "Its id in the swarm.")}

    def check(self, new: Values, old: Values, warn: Warn) -> Optional[str]:
        if has_unknown({**new, "swarmId": ""}):
            return None
        remedy = "declare another network, move the services to it, and remove this one"
        if said := fixed(("name", "subnet", "mtu", "encrypted", "attachable", "internal"), new, old, remedy):
            return said
        if new["encrypted"] and not old:
            return _encrypts(new["managers"])
        return None

    def create(self, new: Values, preview: bool) -> tuple[str, Values]:
        if preview:
            return "", {"networkId": UNKNOWN}
        with membership.manager(new["managers"], new["swarmId"]) as engine:
            id_ = overlay.make(engine, new)
        return id_, {"networkId": id_}

    def update(self, new: Values, old: Values, preview: bool) -> Values:
        return {"networkId": old["networkId"]}  # other managers to ask: nothing to do

    def read(self, state: Values) -> Optional[Values]:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            return overlay.look(engine, state["networkId"])

    def delete(self, state: Values) -> None:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            overlay.remove(engine, state["networkId"])
