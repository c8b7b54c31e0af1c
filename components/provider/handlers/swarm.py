"""A swarm, its nodes and its networks: `Swarm`, `SwarmNode`, `OverlayNetwork`. See `membership`, `nodes`."""

import contextlib
from collections.abc import Iterable
from typing import Optional

from pulumi.runtime.rpc import UNKNOWN

from ...connection import EngineRefused, HostUnreachable, connect
from .. import membership, nodes, overlay
from ..engine import EngineError, Unfinished
from ..values import has_unknown
from .handler import FLAG, NUMBER, TEXT, TEXTS, WHOLE, Handler, Values, Warn, listed, mapped, secret

_FIXED_SWARM = ("addressPools", "poolMask")
_FIXED_NODE = ("advertiseAddress", "listenAddress", "dataPathAddress")


def _fixed(keys: Iterable[str], new: Values, old: Values, remedy: str) -> Optional[str]:
    """What is wrong with a change of what only a new one can have."""
    for key in keys:
        if old and not has_unknown(new[key]) and old[key] != new[key]:
            return f"{key} cannot be changed from {old[key]!r} to {new[key]!r} while it exists: {remedy}"
    return None


class Swarm(Handler):
    """A swarm as a whole; its first manager is the first of `managers` that makes it."""

    inputs = {
        "managers": listed(TEXTS),
        "labels": TEXTS,
        "autolock": FLAG,
        "tokenGeneration": WHOLE,
        "advertiseAddress": TEXT,
        "listenAddress": TEXT,
        "dataPathAddress": TEXT,
        "addressPools": listed(TEXT),
        "poolMask": WHOLE,
    }
    outputs = {
        "swarmId": TEXT,
        "workerToken": secret(TEXT),
        "managerToken": secret(TEXT),
        "unlockKey": secret(TEXT),
    }

    def check(self, new: Values, old: Values, warn: Warn) -> Optional[str]:
        if has_unknown(new):
            return None
        remedy = "make a new swarm under another name and move the services, or change it back"
        if said := _fixed(_FIXED_SWARM, new, old, remedy):
            return said
        if not old:
            return _bare_or_ours(new["managers"][0], new["labels"])
        return _keeps_quorum(new["managers"], old) if old["managers"] != new["managers"] else None

    def create(self, new: Values, preview: bool) -> tuple[str, Values]:
        if preview:
            return "", dict.fromkeys(self.outputs, UNKNOWN)
        first = new["managers"][0]
        with connect(first) as engine:
            id_ = membership.initialise(engine, first, new)
            return id_, self._outputs(membership.describe(engine))

    def update(self, new: Values, old: Values, preview: bool) -> Values:
        rotate = new["tokenGeneration"] != old.get("tokenGeneration")
        if preview:
            known = {key: old[key] for key in self.outputs}
            changed = ("workerToken", "managerToken") if rotate else ()
            relocked = ("unlockKey",) if new["autolock"] != old.get("autolock") else ()
            return {**known, **dict.fromkeys((*changed, *relocked), UNKNOWN)}
        with membership.manager([*new["managers"], *old["managers"]], old["swarmId"]) as engine:
            membership.configure(engine, new["labels"], new["autolock"], rotate)
            return self._outputs(membership.describe(engine))

    def read(self, state: Values) -> Optional[Values]:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            found = membership.describe(engine)
        return {**self._outputs(found), "labels": found["labels"], "autolock": found["autolock"]}

    def delete(self, state: Values) -> None:
        membership.dissolve(state["managers"], state["swarmId"])

    def _outputs(self, found: Values) -> Values:
        return {key: found[key] for key in self.outputs}


def _bare_or_ours(host: Values, labels: dict[str, str]) -> Optional[str]:
    """Why the first manager cannot make this swarm, or None."""
    with connect(host, timeout=30) as engine:
        found = engine.info()["Swarm"]
    cluster = found.get("Cluster") or {}
    if found["LocalNodeState"] == "inactive" or (cluster.get("Spec") or {}).get("Labels") == labels:
        return None
    return str(membership.foreign(host))


def _keeps_quorum(managers: list[Values], old: Values) -> Optional[str]:
    """Why these managers cannot follow the old ones, or None."""
    if not any(host in old["managers"] for host in managers):
        return (
            "none of the present managers is among the new ones, and one must stay to admit the others: "
            "add the new managers first, remove the old ones in a second `up`"
        )
    alive = 0
    for host in managers:
        try:
            with connect(host, timeout=30) as engine:
                alive += engine.info()["Swarm"]["LocalNodeState"] in ("active", "inactive")
        except (HostUnreachable, EngineRefused):
            continue
    needed = len(managers) // 2 + 1
    if alive >= needed:
        return None
    return (
        f"{alive} of the {len(managers)} managers could be reached, and {needed} are needed to decide "
        "anything: bring the others back, or declare more, first"
    )


class SwarmNode(Handler):
    """One host's place in a swarm: role, availability, labels."""

    inputs = {
        "host": TEXTS,
        "managers": listed(TEXTS),
        "swarmId": TEXT,
        "role": TEXT,
        "availability": TEXT,
        "labels": TEXTS,
        "advertiseAddress": TEXT,
        "listenAddress": TEXT,
        "dataPathAddress": TEXT,
        "drainTimeout": NUMBER,
    }
    outputs = {"nodeId": TEXT, "hostName": TEXT, "address": TEXT}

    def check(self, new: Values, old: Values, warn: Warn) -> Optional[str]:
        asked = {key: new[key] for key in ("host", "managers", *_FIXED_NODE)}
        if has_unknown(asked):
            return None
        remedy = "remove the node, `up`, and declare it again, or change it back"
        if said := _fixed(_FIXED_NODE, new, old, remedy):
            return said
        if not old:
            # Before there is the swarm, it is whichever the managers are in.
            swarm = "" if has_unknown(new["swarmId"]) else new["swarmId"]
            with connect(new["host"], timeout=30) as engine:
                nodes.own_node(engine, new["host"], new["managers"], swarm)
        return None

    def create(self, new: Values, preview: bool) -> tuple[str, Values]:
        if preview:
            return "", dict.fromkeys(self.outputs, UNKNOWN)
        node = nodes.join(new["host"], new["managers"], new["swarmId"], new)
        try:
            return node, self._apply(new, node)
        except (EngineError, EngineRefused, HostUnreachable) as error:
            raise Unfinished(str(error), node, {"nodeId": node}) from error

    def update(self, new: Values, old: Values, preview: bool) -> Values:
        if old["host"] != new["host"] and not has_unknown(new["host"]):
            nodes.refuse_other_engine(new["host"], old["nodeId"])
        if preview:
            return {key: old.get(key, UNKNOWN) for key in self.outputs}
        return self._apply(new, old["nodeId"])

    def _apply(self, new: Values, node: str) -> Values:
        found = nodes.apply(new["managers"], new["swarmId"], node, new, new["drainTimeout"])
        return {"nodeId": node, "hostName": found["hostName"], "address": found["address"]}

    def read(self, state: Values) -> Optional[Values]:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            return nodes.look(engine, state["nodeId"])

    def delete(self, state: Values) -> None:
        hosts = [*state["managers"], state["host"]]
        nodes.remove(state["host"], hosts, state["swarmId"], state["nodeId"], state["drainTimeout"])


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


class AddressPlan(Handler):
    """Subnets that overlays are to have, checked against what the hosts really have.

    Docker accepts a network that overlaps another; its tasks then never start.
    """

    inputs = {"hosts": mapped(TEXTS), "plan": TEXTS, "networks": listed(TEXT), "labels": TEXTS}

    def check(self, new: Values, old: Values, warn: Warn) -> Optional[str]:
        if has_unknown(new) or all(old.get(key) == new[key] for key in ("hosts", "plan")):
            return None
        said = []
        for name, host in sorted(new["hosts"].items()):
            try:
                with connect(host, timeout=30) as engine:
                    found, seen = overlay.clashes(engine, new["plan"], new["networks"], new["labels"])
            except (HostUnreachable, EngineRefused) as error:
                if not old:
                    raise
                warn(f"addresses of node {name} not checked: {error}")
                continue
            said += [
                f"{what} {new['plan'][what]} overlaps {there} {subnet} of node {name}"
                for what, there, subnet in found
            ]
            if not seen:
                warn(f"own subnets of node {name} not checked: no image there can show them")
        return "; ".join(said) + ": choose other subnets" if said else None

    def create(self, new: Values, preview: bool) -> tuple[str, Values]:
        return "plan", {}

    def update(self, new: Values, old: Values, preview: bool) -> Values:
        return {}


class OverlayNetwork(Handler):
    """A network over all nodes of a swarm."""

    inputs = {
        "managers": listed(TEXTS),
        "swarmId": TEXT,
        "name": TEXT,
        "labels": TEXTS,
        "subnet": TEXT,
        "mtu": WHOLE,
        "encrypted": FLAG,
        "attachable": FLAG,
        "internal": FLAG,
    }
    outputs = {"networkId": TEXT}

    def check(self, new: Values, old: Values, warn: Warn) -> Optional[str]:
        if has_unknown({**new, "swarmId": ""}):
            return None
        remedy = "declare another network, move the services to it, and remove this one"
        if said := _fixed(("name", "subnet", "mtu", "encrypted", "attachable", "internal"), new, old, remedy):
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
