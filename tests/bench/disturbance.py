"""Replicas that are replaced, stopped, restarted, killed and paused by chance, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Any

from tests.support.program import APP, PORT
from tests.support.rehearsal import Rehearsal

from .hosts import Host
from .images import APP_2
from .process import until

REPLICAS = {"shop": 3, "blog": 2}
HOSTS = {name: f"{name}.example" for name in REPLICAS}


class Stage:
    """Two backends behind one front end, whose replicas suffer; `seen` holds the containers of each."""

    def __init__(self, host: Host, kind: str, image: str, chance: Random) -> None:
        self._rehearsal = Rehearsal(host)
        self._host = host
        self._front_end = {"kind": kind, "image": image, "port": PORT}
        self._chance = chance
        self._images = dict.fromkeys(REPLICAS, APP)
        self._counts = dict(REPLICAS)
        self.seen: dict[str, set[str]] = {name: set() for name in REPLICAS}
        """Host names of all containers that each backend has had."""
        self.url = f"http://{host.address}:{PORT}/"

    def up(self) -> None:
        """Carry out what is wanted now."""
        backends: Any = {
            name: {
                "image": self._images[name],
                "replicas": self._counts[name],
                "host_names": [HOSTS[name]],
                "response_deadline": 1,
                "drain": 5,
            }
            for name in REPLICAS
        }
        self._rehearsal.serve("site", {"front_end": self._front_end, "backends": backends})
        for name, seen in self.seen.items():
            for resource in self._rehearsal.names():
                if resource.startswith(f"site-{name}-"):
                    seen.add(str(self._rehearsal.container(resource).id)[:12])

    def destroy(self) -> None:
        self._rehearsal.destroy()

    def disturb(self) -> str:
        """Do something to a backend; what it was. Each replica serves again afterwards."""
        name = self._chance.choice(list(REPLICAS))
        what = self._chance.choice(DISTURBANCES)
        what(self, name)
        return f"{what.__name__} {name}"

    def replaced(self, name: str) -> None:
        self._images[name] = APP if self._images[name] == APP_2 else APP_2
        self.up()

    def scaled(self, name: str) -> None:
        self._counts[name] = REPLICAS[name] + (self._counts[name] == REPLICAS[name])
        self.up()

    def killed(self, name: str) -> None:
        """Kill the replica; the engine starts it again."""
        replica = self._one(name)
        before = replica.attrs["State"]["StartedAt"]
        self._host.crash(str(replica.id))
        until(lambda: self._started(replica) != before, f"a replica of {name} is started again", 60)
        self._healthy(replica)

    def stopped(self, name: str) -> None:
        replica = self._one(name)
        replica.stop(timeout=5)
        time.sleep(self._chance.random() * 3)
        replica.start()
        self._healthy(replica)

    def restarted(self, name: str) -> None:
        replica = self._one(name)
        replica.restart(timeout=5)
        self._healthy(replica)

    def paused(self, name: str) -> None:
        replica = self._one(name)
        replica.pause()
        try:
            time.sleep(self._chance.random() * 3)
        finally:
            replica.unpause()
        self._healthy(replica)

    def _one(self, name: str) -> Any:
        index = self._chance.randrange(self._counts[name])
        return self._rehearsal.container(f"site-{name}-{index}")

    @staticmethod
    def _started(replica: Any) -> str:
        replica.reload()
        return str(replica.attrs["State"]["StartedAt"]) if replica.status == "running" else ""

    def _healthy(self, replica: Any) -> None:
        def healthy() -> bool:
            replica.reload()
            return bool(replica.attrs["State"]["Health"]["Status"] == "healthy")

        until(healthy, f"{replica.name} is healthy", 60)


DISTURBANCES: tuple[Callable[[Stage, str], None], ...] = (
    Stage.replaced,
    Stage.scaled,
    Stage.killed,
    Stage.stopped,
    Stage.restarted,
    Stage.paused,
)
