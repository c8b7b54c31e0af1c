"""A node of a swarm as data: as it is to be, and as its managers see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict


class Specification(TypedDict):
    """A node to be."""

    role: str
    availability: str
    labels: dict[str, str]
    advertiseAddress: str
    listenAddress: str
    dataPathAddress: str


class Found(TypedDict):
    """Properties of a node that a refresh compares."""

    role: str
    availability: str
    labels: dict[str, str]
    hostName: str
    address: str


@dataclass(frozen=True)
class Node:
    """A node as the managers see it."""

    id: str
    host_name: str
    role: str
    """`manager` or `worker`, as it was told: it may still be on its way."""
    availability: str
    labels: Mapping[str, str]
    address: str
    alive: bool
    """True while the managers hear of it."""
    reachable: bool
    """True for a manager that takes part in decisions."""

    @classmethod
    def of(cls, listed: Mapping[str, Any]) -> "Node":
        """Read a node from the JSON of the Engine API."""
        spec, status = listed["Spec"], listed["Status"]
        return cls(
            listed["ID"],
            listed["Description"].get("Hostname", ""),
            spec["Role"],
            spec["Availability"],
            dict(spec.get("Labels") or {}),
            status.get("Addr", ""),
            status["State"] not in ("down", "disconnected"),
            (listed.get("ManagerStatus") or {}).get("Reachability") == "reachable",
        )

    @property
    def name(self) -> str:
        """Its host name, or its id where it has told none."""
        return self.host_name or self.id

    @property
    def found(self) -> Found:
        """Its properties that a refresh compares."""
        return {
            "role": self.role,
            "availability": self.availability,
            "labels": dict(self.labels),
            "hostName": self.host_name,
            "address": self.address,
        }
