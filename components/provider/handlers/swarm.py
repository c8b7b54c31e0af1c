"""A swarm and its nodes: `Swarm`, `SwarmNode`. See `membership`, `nodes`."""

from typing import Optional

from pulumi.runtime.rpc import UNKNOWN

from ...engine.connection import EngineRefused, HostUnreachable, connect
from ...engine.containers import EngineError, Unfinished
from ...engine.swarm import membership, nodes
from ..recent import Recent
from ..values import has_unknown
from .handler import (
    FLAG,
    HOST,
    LABELS,
    MANAGERS,
    NUMBER,
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
    secret,
)

_FIXED_SWARM = ("addressPools", "poolMask")
_ADDRESSES = {
    "advertiseAddress": described(TEXT, "IP address at which others reach it; empty: the engine's choice."),
    "listenAddress": described(TEXT, "Address and port on which a manager listens."),
    "dataPathAddress": described(TEXT, "IP address for traffic of overlays; empty: the advertised one."),
}
_FIXED_NODE = tuple(_ADDRESSES)


class Swarm(Handler):
    """A swarm as a whole; its first manager is the first of `managers` that makes it."""

    inputs = {
        "managers": MANAGERS,
        "labels": LABELS,
        "autolock": described(FLAG, "Whether a manager that restarts needs the unlock key."),
        "tokenGeneration": described(WHOLE, "Another number makes new join tokens."),
        **_ADDRESSES,
        "addressPools": described(listed(TEXT), "IPv4 networks of overlays without a subnet."),
        "poolMask": described(WHOLE, "Prefix length of a network from the pools."),
    }
    outputs = {
        "swarmId": described(TEXT, "Id of the swarm."),
        "workerToken": described(secret(TEXT), "Admits a worker."),
        "managerToken": described(secret(TEXT), "Admits a manager."),
        "unlockKey": described(secret(TEXT), "Opens a locked manager; empty without autolock."),
    }

    def check(self, new: Values, old: Values, warn: Warn) -> Optional[str]:
        if has_unknown(new):
            return None
        remedy = "make a new swarm under another name and move the services, or change it back"
        if said := fixed(_FIXED_SWARM, new, old, remedy):
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
        info = engine.info()
    found = info["Swarm"]
    if found["LocalNodeState"] == "inactive":
        return membership.unfit(host, info)
    if ((found.get("Cluster") or {}).get("Spec") or {}).get("Labels") == labels:
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
        "host": HOST,
        "managers": MANAGERS,
        "swarmId": SWARM_ID,
        "role": described(TEXT, "`manager` or `worker`."),
        "availability": described(TEXT, "`active`, `pause` or `drain`."),
        "labels": described(TEXTS, "The node's labels, by which constraints choose."),
        **_ADDRESSES,
        "drainTimeout": described(NUMBER, "Seconds its tasks have to end when it is drained or removed."),
    }
    outputs = {
        "nodeId": described(TEXT, "Its id in the swarm."),
        "hostName": described(TEXT, "Name of its host, as the managers know it."),
        "address": described(TEXT, "Its IP address, as the managers know it."),
    }

    def __init__(self) -> None:
        self._members = Recent(nodes.members)

    def check(self, new: Values, old: Values, warn: Warn) -> Optional[str]:
        asked = {key: new[key] for key in ("host", "managers", *_FIXED_NODE)}
        if has_unknown(asked):
            return None
        remedy = "remove the node, `up`, and declare it again, or change it back"
        if said := fixed(_FIXED_NODE, new, old, remedy):
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
        return self._join(new)

    def _join(self, new: Values) -> tuple[str, Values]:
        node = nodes.join(new["host"], new["managers"], new["swarmId"], new)
        try:
            return node, self._apply(new, node)
        except (EngineError, EngineRefused, HostUnreachable) as error:
            raise Unfinished(str(error), node, {"nodeId": node}) from error

    def holds(self, state: Values) -> Optional[str]:
        return str(state["nodeId"])

    def drifted(self, state: Values) -> set[str]:
        hosts, swarm = state["managers"], state["swarmId"]
        try:
            known = self._members(hosts, swarm)
        except (EngineError, EngineRefused, HostUnreachable):
            return set()  # nobody can say
        return {"nodeId"} if nodes.has_left(state["host"], known, state["nodeId"]) else set()

    def update(self, new: Values, old: Values, preview: bool) -> Values:
        if old["host"] != new["host"] and not has_unknown(new["host"]):
            nodes.refuse_other_engine(new["host"], old["nodeId"])
        if preview:
            return {key: old.get(key, UNKNOWN) for key in self.outputs}
        hosts, swarm, node = new["managers"], new["swarmId"], old["nodeId"]
        if nodes.has_left(new["host"], nodes.members(hosts, swarm), node):
            nodes.forget(hosts, swarm, node)
            return self._join(new)[1]
        return self._apply(new, node)

    def _apply(self, new: Values, node: str) -> Values:
        found = nodes.apply(new["managers"], new["swarmId"], node, new, new["drainTimeout"])
        return {"nodeId": node, "hostName": found["hostName"], "address": found["address"]}

    def read(self, state: Values) -> Optional[Values]:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            return nodes.look(engine, state["nodeId"])

    def delete(self, state: Values) -> None:
        hosts = [*state["managers"], state["host"]]
        nodes.remove(state["host"], hosts, state["swarmId"], state["nodeId"], state["drainTimeout"])
