"""A change of an engine as data: deciding is apart from doing.

A pure function compares what is there with what is declared, and returns a plan: a list of steps. Tests
compare the texts of the steps, and users read the same texts as progress.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .progress import report

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True, kw_only=True)
class Step(ABC):
    """One call to an engine that changes something, or one wait for the effect of such a call."""

    cause: str
    """Reason for the step, in words."""

    @property
    @abstractmethod
    def action(self) -> str:
        """The step as an order: `drain node w1`."""

    @abstractmethod
    def perform(self, engine: "DockerClient") -> None:
        """Do it. Raises EngineError when it cannot be done, or has no effect in time."""

    def __str__(self) -> str:
        return f"{self.action}: {self.cause}"


Plan = Sequence[Step]
"""Steps in the order in which they are performed."""


def perform(plan: Plan, engine: "DockerClient") -> None:
    """Do the steps one after the other, and show each; the first that fails ends the plan."""
    for step in plan:
        report(str(step))
        step.perform(engine)
