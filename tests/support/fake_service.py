"""A service with `update` in memory: replicas, the front end before them, and a state as Pulumi keeps it."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from threading import Lock
from types import SimpleNamespace
from typing import Any

import pytest

from components.arguments.parsing import parse
from components.engine import canary_steps
from components.engine.containers import Halted, Unfinished
from components.engine.front_end_changes import Wanted as Configured
from components.engine.front_end_config import put_in_force
from components.engine.replica import (
    GENERATION,
    INDEX,
    Declared,
    Template,
    Wanted,
    alias_of,
    digest,
    marks_of,
)
from components.engine.replica_listing import key
from components.engine.replica_set import Made, deliver
from components.naming import LABEL
from tests.support.fake_engine import FakeEngine
from tests.support.fake_front_end import PROGRAM, FakeFrontEnd

OWNER = {f"{LABEL}.project": "shop", f"{LABEL}.stack": "dev", f"{LABEL}.component": "site"}
QUICK = {"monitor": 0}


def passing_time(patch: pytest.MonkeyPatch) -> list[float]:
    """Have time pass in the steps of a canary only, and there at once; return the time."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    patch.setattr(canary_steps, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    return now


class Engine(FakeEngine):
    """An engine that notes requests which would be lost."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: list[str] = []
        """Replicas that were stopped while a front end sent to them, or to which it sent in vain."""
        self.before_act: Callable[[], None] | None = None
        """Called before each change."""

    def kill(self, key: str, signal: str) -> None:
        self._note(key)
        super().kill(key, signal)

    def remove_container(self, key: str, v: bool, force: bool) -> None:
        if self._find(key)["State"]["Running"]:
            self._note(key)
        super().remove_container(key, v, force)

    def act(self, kind: str) -> None:
        if self.before_act:
            self.before_act()
        super().act(kind)
        if kind == "reload":
            for front_end in self.containers.front_ends:
                dead = {*front_end.sends_in(front_end.config)} - {*self.running()}
                self.lost += sorted(f"{name}: reloaded with it" for name in dead)
                self.lost += sorted(
                    f"{name}: sick" for name in self.sick & {*front_end.sends_in(front_end.config)}
                )

    def _note(self, key: str) -> None:
        alias = self._find(key)["Name"].lstrip("/").rpartition("-")[0]
        for front_end in self.containers.front_ends:
            if alias in front_end.sends_to:
                self.lost.append(f"{alias}: stopped")


class Backend:
    """State of one backend: what the last run that came to its end has recorded."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.labels = {**OWNER, f"{LABEL}.role": f"replica-{name}"}
        self.state: Wanted | None = None
        self.made: Made = {"generation": 0, "containers": {}, "names": []}
        self.due = False
        """True if the next run changes it, whatever is declared: an error, or a repair, has marked it."""


class Service:
    """Backends behind one front end. `up` is a run of Pulumi, in which each resource may be killed."""

    def __init__(self, *backends: str) -> None:
        self.fake = Engine()
        self.engine: Any = self.fake
        self.backends = {name: Backend(name) for name in backends or ("web",)}
        self.declared: dict[str, dict[str, Any]] = {}
        self.delivered: tuple[str, dict[str, str]] | None = None
        """Text and replicas of FrontEndConfig in the state."""
        self.adopted: set[str] = set()
        """Ids of adopted replicas in the state of FrontEndConfig."""
        self.front_end = FakeFrontEnd(self.fake, {**OWNER, f"{LABEL}.role": "front-end"}, "")
        self.fake.containers.front_ends.append(self.front_end)

    def up(self, route: str = "", **backends: dict[str, Any]) -> None:
        """Bring all to what is declared; `route` is a setting of the front end alone."""
        for name, keys in backends.items():
            self.declared[name] = keys
        for name, backend in self.backends.items():
            self.change(backend, **self.declared[name])
        replicas = {
            name: id_ for each in self.backends.values() for name, id_ in each.made["containers"].items()
        }
        wanted = self.text(route), replicas
        if wanted != self.delivered:
            self.delivered = None  # as `make` marks it when it is killed here
            put_in_force(self.engine, self._configured(*wanted))
            self.delivered = wanted
            self.adopted &= {*replicas.values()}

    def wanted(self, name: str) -> Wanted:
        """Return a backend as a refresh compares it with the engine."""
        backend = self.backends[name]
        assert backend.state
        template = replace(backend.state.template, adopted=self._marks(backend))
        return replace(backend.state, template=template)

    def adopt(self) -> None:
        """Turn the replicas into those of a moved state: they lack the labels that only `Replicas` sets."""
        for backend in self.backends.values():
            there = {id_: self.fake.there[id_] for id_ in backend.made["containers"].values()}
            names = {id_: each["Config"]["Labels"] for id_, each in there.items()}
            backend.made["adopted"] = {
                id_: alias_of(labels, int(labels[INDEX]), int(labels[GENERATION]))
                for id_, labels in names.items()
            }
            for each in there.values():
                each["Config"] = {**each["Config"], "Labels": backend.labels}
            self.adopted |= there.keys()

    def change(self, backend: Backend, contact: str = "80", **keys: Any) -> None:
        """Create or update the replicas of a backend."""
        known = {"image": "app:1", "replicas": 3, "networks": ["net"], "update": QUICK, "rollback": QUICK}
        declared = parse(Declared, {**known, **keys}, "Replicas")
        wanted = self._wanted(backend, declared, contact)
        before = backend.state
        same = before is not None and (wanted.template.definition, wanted.count, wanted.contact) == (
            before.template.definition,
            before.count,
            before.contact,
        )
        if same and not backend.due:
            return
        try:
            made = deliver(self.engine, wanted, declared, before)
        except Halted as error:
            self._record(backend, before, error.outputs, due=True)
            raise
        except Unfinished as error:
            self._record(backend, wanted, error.outputs, due=True)
            raise
        self._record(backend, wanted, made, due=False)

    def killed(self, **backends: dict[str, Any]) -> list["Service"]:
        """Run `up`; return the service as a kill at each change of the engine leaves it, and as it ends.

        The state knows nothing of a kill; `make` marks what differs from the state.
        """
        left: list[Service] = []
        self.fake.before_act = lambda: left.append(self._left())
        self.up("", **backends)
        self.fake.before_act = None
        return [*left, self]

    def text(self, route: str = "") -> str:
        """Return the configuration as it is declared for the state."""
        lines = [f"# {route}"]
        for name, each in self.backends.items():
            assert each.state
            indexes = range(each.state.count)
            names = [f"{key(each.labels, index)}-g{each.made['generation']}" for index in indexes]
            lines += [
                f"upstream {name} {{",
                *(f"server {one}:{each.state.contact} weight=1;" for one in names),
                "}",
            ]
        return "\n".join(lines)

    def names(self) -> list[str]:
        """Return the network names of all replicas that the state declares."""
        return sorted(self.front_end.sends_in(self.text()))

    def _left(self) -> "Service":
        left = deepcopy(self, {id(self.fake.lock): Lock()})
        left.fake.before_act = None
        for each in left.backends.values():
            each.due = True
        return left

    def _wanted(self, backend: Backend, declared: Declared, contact: str) -> Wanted:
        template = Template(
            labels=backend.labels,
            mark="m1",
            definition=digest(declared.image),
            image=declared.image,
            networks=declared.networks,
            container=declared.container,
            drain=0,
            adopted=self._marks(backend),
        )
        return Wanted(
            template=template,
            count=declared.replicas,
            generation=backend.made["generation"],
            start_timeout=0,  # a health check in memory ends at once
            known=frozenset(backend.made["containers"].values()),
            contact=contact,
        )

    def _marks(self, backend: Backend) -> dict[str, dict[str, str]]:
        definition = backend.state.template.definition if backend.state else ""
        return marks_of(backend.made.get("adopted", {}), "m1", definition, backend.made["generation"])

    def _record(self, backend: Backend, wanted: Wanted | None, made: Any, *, due: bool) -> None:
        assert wanted
        known = frozenset(made["containers"].values())
        backend.state = replace(wanted, generation=made["generation"], known=known)
        backend.made, backend.due = made, due

    def _configured(self, text: str, replicas: dict[str, str]) -> Configured:
        front_end = self.front_end.id
        return Configured(
            container=front_end, program=PROGRAM, text=text, drain=0, replicas=replicas, adopted=self.adopted
        )
