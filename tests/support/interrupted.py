"""A stack with one service on a host, runs of it that are killed, and whether they converge."""

import os
import re
import signal
from collections.abc import Callable
from typing import Any

import requests

from components.naming import LABEL
from components.repair import leftovers, processes, survey
from tests.bench.hosts import Host
from tests.bench.images import APP
from tests.bench.kills import KILLS, commands
from tests.bench.process import until
from tests.support.program import Program, kill, service

PORT = 18090
REPLICAS = 2
Point = Callable[["Stack"], bool]
"""Test of whether a run has come to the point where it is to be killed."""


class Stack:
    """A program on a host, and what the engine holds of it."""

    def __init__(self, program: Program, host: Host, port: int = PORT) -> None:
        self.program = program
        self.host = host
        self.port = port
        self.image = APP
        self.replicas = REPLICAS
        self.front_end: dict[str, Any] = {}
        self.kind = "haproxy"

    def configure(self, **keys: Any) -> None:
        self.image = keys.get("image", APP)
        self.replicas = keys.setdefault("replicas", REPLICAS)
        self.front_end = keys.get("front_end", {})
        keys["front_end"] = {"port": self.port, **self.front_end}
        self.program.configure({"services": {"op": service(**keys)}})

    def containers(self, role: str = "") -> dict[str, Any]:
        """Return containers of the stack, by id, as the engine lists them; of a role only when given."""
        labels = [*self.program.labels, *([f"{LABEL}.role={role}"] if role else [])]
        listed = self.host.engine().api.containers(all=True, filters={"label": labels})
        return {each["Id"]: each for each in listed}

    def networks(self) -> set[str]:
        listed = self.host.engine().api.networks(filters={"label": self.program.labels})
        return {each["Id"] for each in listed}

    def killed(self, at: Point, *command: str) -> int:
        """Run `pulumi <command>`, `up` by default, and kill it at the point; its process id."""
        start = self.program.start if command else self.program.start_up
        process = start(*command)
        try:
            until(lambda: at(self) or process.poll() is not None, "the point", 120, 0.01)
            assert process.poll() is None, f"too late to kill it:\n{self.program.log.read_text()}"
        finally:
            if process.poll() is None:
                kill(process)
        return process.pid

    def hurt(self, part: str, at: Point, *command: str) -> None:
        """Run `pulumi <command>`, `up` by default, kill a part of it at the point, and await its end."""
        assert self.hurt_if_running(part, at, *command), (
            f"too late to kill it:\n{self.program.log.read_text()}"
        )

    def hurt_if_running(self, part: str, at: Point, *command: str) -> bool:
        """Run `hurt` at the point, unless the run ends before; return whether it was killed."""
        process = self.program.start(*command) if command else self.program.start_up()
        try:
            until(lambda: at(self) or process.poll() is not None, "the point", 180, 0.01)
            if process.poll() is not None:
                return False
            KILLS[part](process, self.host)
            process.wait(180)
        finally:
            if process.poll() is None:
                kill(process)
        return True

    def killed_again(self, at: Point, command: str = "up") -> int:
        """Run `up` or `destroy` as `make` does, and kill its `pulumi` at the point; its process id."""
        process = self.program.start_to_operate({"destroy": "down"}.get(command, command))
        try:
            until(lambda: commands(process, command) or process.poll() is not None, "pulumi", 60, 0.01)
            pulumi = commands(process, command)
            until(lambda: at(self) or process.poll() is not None, "the point", 120, 0.01)
            assert process.poll() is None, f"too late to kill it:\n{self.program.log.read_text()}"
            os.kill(pulumi[0], signal.SIGKILL)
        finally:
            for pid in commands(process, command):
                os.kill(pid, signal.SIGKILL)
            process.wait(60)
        return pulumi[0]

    def said(self, text: str) -> bool:
        """Return a test of whether the run has printed a text that matches."""
        return re.search(text, self.program.log.read_text()) is not None

    def assert_converged(self) -> None:
        """Check that the engine holds the resources of the state as declared, and that the service serves."""
        resources = self.program.export()["resources"]
        found = self.containers()

        def recorded(kind: str) -> set[str]:
            return {each["id"] for each in resources if each["type"] == kind}

        rounds = [each["outputs"]["containers"] for each in resources if each["type"] == leftovers.REPLICAS]
        assert set(found) == recorded(survey.CONTAINER).union(*(each.values() for each in rounds))
        assert self.networks() == recorded(survey.NETWORK)
        assert sorted((each["Labels"][f"{LABEL}.role"], each["State"]) for each in found.values()) == [
            ("front-end", "running"),
            *[("replica-web", "running")] * self.replicas,
        ]
        assert {each["Image"] for each in self.containers("replica-web").values()} == {self.image}
        for _ in range(2 * self.replicas):
            answer = requests.get(f"http://{self.host.address}:{self.port}/", timeout=5)
            assert answer.status_code == 200
        assert self.program.preview().changes == []
        assert processes._orphans(self.program.project) == {}

    def clear(self) -> None:
        """Remove what the engine holds of the stack, and end what its runs have left."""
        engine = self.host.engine()
        for container in self.containers():
            engine.containers.get(container).remove(force=True, v=True)
        for network in self.networks():
            engine.networks.get(network).remove()
        processes.end_orphans(self.program.project)

    def assert_nothing_left(self) -> None:
        """Check that neither the engine nor the state holds anything of the stack."""
        assert self.containers() == {}
        assert self.networks() == set()
        assert self.program.export().get("resources", []) == []


def repaired(output: str) -> list[str]:
    """Return the repairs that a run prints."""
    return re.findall(r"(?m)^repaired: (.*)$", output)
