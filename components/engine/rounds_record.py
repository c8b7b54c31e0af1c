"""The record of rounds in a front end: its configuration before them, and the replicas that serve since.

The run after one that was killed goes on with it, and a rollback puts the text of before in force.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from pydantic import ValidationError

from ..arguments.parsing import Frozen
from ..proxies.program import FOLDER
from .containers import read_file, write_file

if TYPE_CHECKING:
    from docker.models.containers import Container

FILE = "rounds.json"
"""File beside the configuration."""


class Served(Frozen):
    """Replicas of one owner to which a front end sends."""

    names: list[str]
    """Network names."""
    canary: list[str] = []
    """Network names of those that get a share only."""
    percent: int = 0
    """Share in percent."""


Serving = Mapping[str, Served]
"""Replicas that serve, by their owner (`<component>-<backend>`)."""


class _Record(Frozen):
    """The file."""

    before: str
    """Configuration before the rounds."""
    serving: dict[str, dict[str, Served]]
    """`Serving` by the digest of a configuration that the rounds have made."""
    loading: str
    """Digest of a configuration that workers may not have yet; empty when all have it."""


@dataclass(frozen=True)
class Rounds:
    """Origin of a configuration."""

    before: str
    """Configuration before the rounds."""
    serving: Serving
    """Replicas that serve since."""
    loading: bool
    """True if workers may have an older configuration: a run was killed in the reload."""


def rounds_of(container: "Container", live: str) -> Rounds:
    """Return what rounds have made of the configuration `live`; one of no round is that of before."""
    record, digest = _read(container), _digest(live)
    if record is None or digest not in record.serving:
        return Rounds(live, {}, loading=False)
    return Rounds(record.before, record.serving[digest], loading=record.loading == digest)


def keep(container: "Container", live: str, rounds: Rounds, text: str, serving: Serving) -> None:
    """Note, before its reload, that `text` follows `live`: a run that is killed in it may leave either."""
    known = {_digest(live): {**rounds.serving}, _digest(text): {**serving}}
    _write(container, _Record(before=rounds.before, serving=known, loading=_digest(text)))


def loaded(container: "Container", text: str) -> None:
    """Note that all workers have `text`, unless a newer one is being loaded."""
    record = _read(container)
    if record is not None and record.loading == _digest(text):
        _write(container, record.model_copy(update={"loading": ""}))


def _read(container: "Container") -> Optional[_Record]:
    """Return the record; None without one, or when a full disk or a crash has cut it short."""
    try:
        return _Record.model_validate_json(read_file(container, f"{FOLDER}/{FILE}") or "")
    except ValidationError:
        return None


def _write(container: "Container", record: _Record) -> None:
    write_file(container, FOLDER, FILE, record.model_dump_json())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
