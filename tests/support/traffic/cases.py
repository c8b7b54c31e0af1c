"""Cases of the table, as the files of tests/cases/traffic hold them. The form is in CONTRIBUTING.md."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import yaml

from tests.bench.generations import GENERATIONS, Generation

FOLDER = Path(__file__).parents[2] / "cases" / "traffic"
COMPONENTS = ("service", "gateway")
SERVED = ("haproxy", "nginx")
"""Kinds of front end that the table runs, and so docs/front-ends.md shows: not one that only renders."""


@dataclass(frozen=True)
class Step:
    """One thing that happens, and what is seen then. Without `do`, a client sends a request."""

    do: str | None = None
    """`stop`, `start`, `kill`, `pause` or `unpause`, and the name of a replica; or `reload`."""
    request: str | None = None
    """Head of a request, line by line; an empty line and the header Case are added."""
    body: str = ""
    """Sent behind the head, as it is."""
    send: list[Any] | None = None
    """Instead of both: pieces as in `client.Piece`; nothing is added."""
    tls: dict[str, Any] | None = None
    """Speak TLS: see `client.handshake`."""
    proxy: dict[str, Any] | None = None
    """Begin with a header of the PROXY protocol: see `client.proxy_header`."""
    times: int = 1
    """Number of requests, one after the other; each must satisfy the expectations."""
    clients: int = 1
    """Number of clients at the same time, each `times`."""
    meanwhile: bool = False
    """True where the next steps begin at once; this one is awaited at the end of the case."""
    eventually: float = 0
    """Seconds within which it must be as expected; it is tried again until then."""
    answer: dict[str, Any] | None = None
    """The answer that the client gets: see `verdict.answer`."""
    answers: list[dict[str, Any]] | None = None
    """Several answers on one connection, instead of `answer`."""
    replica: dict[str, Any] | None = None
    """The requests that replicas see: see `verdict.replica`."""
    log: list[str] = field(default_factory=list)
    """Texts in the line that the front end logs about it; `not TEXT` is none in it."""


@dataclass(frozen=True)
class Case:
    """A row of the table, for one kind, generation and component."""

    name: str
    file: str
    kind: str
    generation: Generation
    component: str
    settings: dict[str, Any]
    """Arguments of LoadBalancedService, without image and host."""
    steps: list[Step]
    others: dict[str, Any] = field(default_factory=dict)
    """The answers that everybody else gets: see `stage.Others`."""
    healthy: bool | None = None
    """True where the health check of the replicas' own containers passes."""
    row: str | None = None
    """Line of docs/front-ends.md that shows it, in the words of a user."""
    cell: str | None = None
    """The line's text for a kind: yes by default, or refused."""
    place: int = 0
    """Its number in the file."""
    refused: str | None = None
    """Text of the reason for which the settings are refused; then nothing is sent."""

    @property
    def id(self) -> str:
        """Name of its test."""
        return self._on(self.generation)

    @property
    def elsewhere(self) -> list[str]:
        """Names of its tests on hosts of other generations."""
        return [self._on(each) for each in GENERATIONS if each is not self.generation]

    def _on(self, generation: Generation) -> str:
        return f"{self.kind}-{generation.name}-{self.component}-{self.file}: {self.name}"


_STEP = {each.name for each in fields(Step)}
_CASE = {"case", "settings", "steps", "others", "healthy", "row", "cell", "refused", "components", "differs"}


def read() -> list[Case]:
    """Return every case of every file; those with the same settings are next to each other."""
    found: list[Case] = []
    for file in sorted(FOLDER.glob("*.yaml")):
        for place, given in enumerate(yaml.load(file.read_text(), yaml.CSafeLoader)):
            found += [replace(each, place=place) for each in _variants(file.stem, given)]
    return sorted(
        found,
        key=lambda each: (
            each.kind, each.component, repr(each.settings), each.file, each.place, each.generation.name
        ),
    )  # fmt: skip


def _variants(file: str, given: dict[str, Any]) -> list[Case]:
    """Return one row for each kind, generation and component; `differs` has their exceptions."""
    found = []
    components = given.get("components", ["service"])
    differs = given.get("differs", {})
    known = {*SERVED, *COMPONENTS, *(each.name for each in GENERATIONS)}
    for words in differs:
        assert known.issuperset(words.split()), f"{file}: {given['case']}: differs: {words!r} names no part"
    for generation in GENERATIONS:
        for kind in SERVED:
            for component in components:
                row = {key: value for key, value in given.items() if key not in ("components", "differs")}
                for words, changed in differs.items():
                    if {kind, generation.name, component}.issuperset(words.split()):
                        row = merged(row, changed)
                found.append(_case(file, kind, generation, component, row))
    return found


def _case(file: str, kind: str, generation: Generation, component: str, row: dict[str, Any]) -> Case:
    where = f"{file}: {row['case']}"
    if unknown := row.keys() - _CASE - _STEP:
        raise AssertionError(f"{where}: no such key: {', '.join(sorted(unknown))}")
    alone = {key: row[key] for key in row if key in _STEP}
    given = row.get("steps") or ([alone] if alone else [])
    for step in given:
        assert not step.keys() - _STEP, f"{where}: no such key in a step: {sorted(step.keys() - _STEP)}"
    return Case(
        name=row["case"],
        file=file,
        kind=kind,
        generation=generation,
        component=component,
        settings=row.get("settings", {}),
        steps=[Step(**step) for step in given],
        others=row.get("others", {}),
        healthy=row.get("healthy"),
        row=row.get("row"),
        cell=row.get("cell"),
        refused=row.get("refused"),
    )


def merged(first: Any, second: Any) -> Any:
    """Return `second` over `first`: mappings by key, anything else whole."""
    if isinstance(first, dict) and isinstance(second, dict):
        return {**first, **{key: merged(first.get(key), value) for key, value in second.items()}}
    return second


def once(step: Step) -> Step:
    """Return the step for one client and one time."""
    return replace(step, times=1, clients=1)
