"""A swarm and its nodes: `Swarm`, `SwarmNode`. See `membership`, `nodes`."""

from typing import Optional

from ...arguments.connections import Connection
from ...engine.connection import EngineRefused, HostUnreachable, connect
from ...engine.containers import EngineError, Unfinished
from ...engine.swarm import membership, nodes
from ...engine.swarm.node import Found
from ...resources import swarm as declared
from ...resources.swarm import (
    SwarmInputs,
    SwarmNodeInputs,
    SwarmNodeOutputs,
    SwarmNodeState,
    SwarmOutputs,
    SwarmState,
)
from ..recent import Recent
from ..values import UNKNOWN, has_unknown
from .handler import Handler, Warn, fixed


class Swarm(Handler[SwarmInputs, SwarmOutputs, SwarmState]):
    """A swarm as a whole; its first manager is the first of `managers` that makes it."""

    resource = declared.Swarm

    def check(self, new: SwarmInputs, old: SwarmInputs, warn: Warn) -> Optional[str]:
        if has_unknown(new):
            return None
        remedy = "make a new swarm under another name and move the services, or change it back"
        if said := fixed({key: new[key] for key in ("addressPools", "poolMask")}, old, remedy):
            return said
        if not old:
            return _bare_or_ours(new["managers"][0], new["labels"])
        return _keeps_quorum(new["managers"], old) if old["managers"] != new["managers"] else None

    def create(self, new: SwarmInputs, preview: bool) -> tuple[str, SwarmOutputs]:
        if preview:
            return "", {
                "swarmId": UNKNOWN,
                "workerToken": UNKNOWN,
                "managerToken": UNKNOWN,
                "unlockKey": UNKNOWN,
            }
        first = new["managers"][0]
        with connect(first) as engine:
            id_ = membership.initialise(engine, first, new)
            return id_, _outputs(membership.describe(engine))

    def update(self, new: SwarmInputs, old: SwarmState, preview: bool) -> SwarmOutputs:
        rotate = new["tokenGeneration"] != old.get("tokenGeneration")
        if preview:
            same_lock = new["autolock"] == old.get("autolock")
            return {
                "swarmId": old["swarmId"],
                "workerToken": UNKNOWN if rotate else old["workerToken"],
                "managerToken": UNKNOWN if rotate else old["managerToken"],
                "unlockKey": old["unlockKey"] if same_lock else UNKNOWN,
            }
        with membership.manager([*new["managers"], *old["managers"]], old["swarmId"]) as engine:
            membership.configure(engine, new["labels"], new["autolock"], rotate)
            return _outputs(membership.describe(engine))

    def read(self, state: SwarmState) -> membership.Found:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            return membership.describe(engine)

    def delete(self, state: SwarmState) -> None:
        membership.dissolve(state["managers"], state["swarmId"])


def _outputs(found: membership.Found) -> SwarmOutputs:
    return {
        "swarmId": found["swarmId"],
        "workerToken": found["workerToken"],
        "managerToken": found["managerToken"],
        "unlockKey": found["unlockKey"],
    }


def _bare_or_ours(host: Connection, labels: dict[str, str]) -> Optional[str]:
    """Return why the first manager cannot make this swarm, or None."""
    with connect(host, timeout=30) as engine:
        info = engine.info()
    found = info["Swarm"]
    if found["LocalNodeState"] == "inactive":
        return membership.unfit(host, info)
    if ((found.get("Cluster") or {}).get("Spec") or {}).get("Labels") == labels:
        return None
    return str(membership.foreign(host))


def _keeps_quorum(managers: list[Connection], old: SwarmInputs) -> Optional[str]:
    """Return why these managers cannot follow the old ones, or None."""
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


class SwarmNode(Handler[SwarmNodeInputs, SwarmNodeOutputs, SwarmNodeState]):
    """One host's place in a swarm: role, availability, labels."""

    resource = declared.SwarmNode

    def __init__(self) -> None:
        self._members = Recent(nodes.members)

    def check(self, new: SwarmNodeInputs, old: SwarmNodeInputs, warn: Warn) -> Optional[str]:
        addresses = {key: new[key] for key in ("advertiseAddress", "listenAddress", "dataPathAddress")}
        if has_unknown([new["host"], new["managers"], addresses]):
            return None
        remedy = "remove the node, `up`, and declare it again, or change it back"
        if said := fixed(addresses, old, remedy):
            return said
        if not old:
            # Before there is the swarm, it is whichever the managers are in.
            swarm = "" if has_unknown(new["swarmId"]) else new["swarmId"]
            with connect(new["host"], timeout=30) as engine:
                nodes.own_node(engine, new["host"], new["managers"], swarm)
        return None

    def create(self, new: SwarmNodeInputs, preview: bool) -> tuple[str, SwarmNodeOutputs]:
        if preview:
            return "", {"nodeId": UNKNOWN, "hostName": UNKNOWN, "address": UNKNOWN}
        return self._join(new)

    def _join(self, new: SwarmNodeInputs) -> tuple[str, SwarmNodeOutputs]:
        node = nodes.join(new["host"], new["managers"], new["swarmId"], new)
        try:
            return node, self._apply(new, node)
        except (EngineError, EngineRefused, HostUnreachable) as error:
            raise Unfinished(str(error), node, {"nodeId": node}) from error

    def holds(self, state: SwarmNodeState) -> Optional[str]:
        return str(state["nodeId"])

    def drifted(self, state: SwarmNodeState) -> set[str]:
        hosts, swarm = state["managers"], state["swarmId"]
        try:
            known = self._members(hosts, swarm)
        except (EngineError, EngineRefused, HostUnreachable):
            return set()  # nobody can say
        return {"nodeId"} if nodes.has_left(state["host"], known, state["nodeId"]) else set()

    def update(self, new: SwarmNodeInputs, old: SwarmNodeState, preview: bool) -> SwarmNodeOutputs:
        if old["host"] != new["host"] and not has_unknown(new["host"]):
            nodes.refuse_other_engine(new["host"], old["nodeId"])
        if preview:
            return {
                "nodeId": old["nodeId"],
                "hostName": old.get("hostName", UNKNOWN),
                "address": old.get("address", UNKNOWN),
            }
        hosts, swarm, node = new["managers"], new["swarmId"], old["nodeId"]
        if nodes.has_left(new["host"], nodes.members(hosts, swarm), node):
            nodes.forget(hosts, swarm, node)
            return self._join(new)[1]
        return self._apply(new, node)

    def _apply(self, new: SwarmNodeInputs, node: str) -> SwarmNodeOutputs:
        found = nodes.apply(new["managers"], new["swarmId"], node, new, new["drainTimeout"])
        return {"nodeId": node, "hostName": found["hostName"], "address": found["address"]}

    def read(self, state: SwarmNodeState) -> Optional[Found]:
        with membership.manager(state["managers"], state["swarmId"]) as engine:
            return nodes.look(engine, state["nodeId"])

    def delete(self, state: SwarmNodeState) -> None:
        hosts = [*state["managers"], state["host"]]
        nodes.remove(state["host"], hosts, state["swarmId"], state["nodeId"], state["drainTimeout"])
