"""Steps of a change of a swarm's nodes: each is one call to an engine, or one wait for its effect."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Optional

from ...arguments.connections import Connection
from ..connection import HostUnreachable, connect
from ..containers import EngineError, wait_until
from ..progress import report
from ..steps import Step
from .membership import in_sequence
from .node import Node, Specification
from .tasks import unfinished

if TYPE_CHECKING:
    from docker import DockerClient

JOIN_SECONDS = 60.0
SETTLE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class LeaveStale(Step):
    """An engine gives up a membership that its managers have ended."""

    host: Connection = field(repr=False)

    @property
    def action(self) -> str:
        return f"leave the swarm on {self.host['address']}"

    def perform(self, engine: "DockerClient") -> None:
        engine.api.leave_swarm(force=True)


@dataclass(frozen=True, kw_only=True)
class Join(Step):
    """An engine joins a swarm."""

    host: Connection = field(repr=False)
    spec: Specification = field(repr=False)
    token: str = field(repr=False)
    managers: Sequence[str]
    """Addresses that managers are reached at, `<address>:<port>`."""

    @property
    def action(self) -> str:
        return f"join the swarm on {self.host['address']} as {self.spec['role']}"

    def perform(self, engine: "DockerClient") -> None:
        engine.api.join_swarm(
            remote_addrs=list(self.managers),
            join_token=self.token,
            listen_addr=self.spec["listenAddress"],
            advertise_addr=self.spec["advertiseAddress"] or None,
            data_path_addr=self.spec["dataPathAddress"] or None,
        )
        if not wait_until(lambda: engine.info()["Swarm"]["LocalNodeState"] == "active", JOIN_SECONDS):
            error = engine.info()["Swarm"]["Error"] or "it is still pending"
            raise EngineError(f"the engine at {self.host['address']} did not join the swarm: {error}")


@dataclass(frozen=True, kw_only=True)
class SetNode(Step):
    """A node gets another role, availability or other labels; None leaves what it has."""

    node: Node
    role: Optional[str] = None
    availability: Optional[str] = None
    labels: Optional[Mapping[str, str]] = None

    @property
    def changes(self) -> dict[str, Any]:
        """Keys of the node's specification that change, with their values."""
        wanted = {"Role": self.role, "Availability": self.availability, "Labels": self.labels}
        before = {
            "Role": self.node.role,
            "Availability": self.node.availability,
            "Labels": self.node.labels,
        }
        return {key: value for key, value in wanted.items() if value is not None and value != before[key]}

    @property
    def action(self) -> str:
        changes = ", ".join(f"{key.lower()} {_shown(value)}" for key, value in self.changes.items())
        return f"set {changes} of node {self.node.name}"

    def perform(self, engine: "DockerClient") -> None:
        def change() -> None:
            found = engine.api.inspect_node(self.node.id)
            spec: Any = {**found["Spec"], **self.changes}
            engine.api.update_node(self.node.id, found["Version"]["Index"], spec)

        in_sequence(change)


def _shown(value: Any) -> str:
    if not isinstance(value, Mapping):
        return str(value)
    return ",".join(f"{key}={text}" for key, text in sorted(value.items())) or "(none)"


@dataclass(frozen=True, kw_only=True)
class AwaitRole(Step):
    """Wait until a node is a manager that others reach, or no manager any more."""

    node: Node
    role: str

    @property
    def action(self) -> str:
        return f"wait until {self.node.name} is a {self.role}"

    def perform(self, engine: "DockerClient") -> None:
        def settled() -> bool:
            status = engine.api.inspect_node(self.node.id).get("ManagerStatus") or {}
            return bool(status.get("Reachability") == "reachable" if self.role == "manager" else not status)

        if not wait_until(settled, SETTLE_SECONDS):
            raise EngineError(
                f"node {self.node.id} did not become a {self.role} within {SETTLE_SECONDS:.0f} s"
            )


@dataclass(frozen=True, kw_only=True)
class AwaitReady(Step):
    """Wait until the managers hear of a node."""

    node: Node

    @property
    def action(self) -> str:
        return f"wait until {self.node.name} is ready"

    def perform(self, engine: "DockerClient") -> None:
        status: dict[str, Any] = {}

        def ready() -> bool:
            status.update(engine.api.inspect_node(self.node.id)["Status"])
            return bool(status["State"] == "ready")

        if not wait_until(ready, JOIN_SECONDS):
            raise EngineError(f"node {self.node.name} is not ready: {status.get('Message', '')}")


@dataclass(frozen=True, kw_only=True)
class AwaitNoTask(Step):
    """Wait until a drained node runs no task."""

    node: Node
    seconds: float

    @property
    def action(self) -> str:
        return f"wait until {self.node.name} runs no task, at most {self.seconds:g} s"

    def perform(self, engine: "DockerClient") -> None:
        left: list[str] = []

        def idle() -> bool:
            now = unfinished(engine, node=self.node.id)
            if now and len(now) != len(left):
                report(f"{self.node.name} still runs {len(now)} tasks")
            left[:] = now
            return not now

        if not wait_until(idle, self.seconds):
            raise EngineError(
                f"node {self.node.id} is drained, but still runs {len(left)} tasks after {self.seconds:g} s: "
                f"{', '.join(sorted(left)[:5])}; their services may stop slowly (stop_grace_period)"
            )


@dataclass(frozen=True, kw_only=True)
class Leave(Step):
    """The engine of a node leaves the swarm, where it is still that node."""

    node: Node
    host: Connection = field(repr=False)

    @property
    def action(self) -> str:
        return f"have {self.host['address']} leave the swarm"

    def perform(self, engine: "DockerClient") -> None:
        try:
            with connect(self.host) as own:
                if own.info()["Swarm"]["NodeID"] == self.node.id:
                    # A manager that was just demoted may not know it yet; the others do.
                    own.api.leave_swarm(force=True)
        except HostUnreachable:
            if self.node.alive:
                raise


@dataclass(frozen=True, kw_only=True)
class Remove(Step):
    """The managers forget a node."""

    node: Node

    @property
    def action(self) -> str:
        return f"remove {self.node.name} from the list of nodes"

    def perform(self, engine: "DockerClient") -> None:
        # By force: that it has left is known here at once, to the managers after some heartbeats.
        engine.api.remove_node(self.node.id, force=True)
