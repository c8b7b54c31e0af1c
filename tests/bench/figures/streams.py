"""Milliseconds from a replica's piece of an answer until the client has it."""

import statistics
from threading import Event

from tests.bench.figures.report import Ratio, note, show
from tests.bench.hosts import Host, clear
from tests.support.traffic.cases import Case
from tests.support.traffic.stage import Stage
from tests.support.traffic.verdict import delay

LIMIT, ROUNDS = 20.0, 20
PAUSE = "sleep 100"
ANSWERS = {
    "events": "set Content-Type: text/event-stream | "
    f"chunk data: @STAMP@ | {PAUSE} | chunk data: @STAMP@ | {PAUSE}",
    "chunked JSON": f'chunk ["@STAMP@" | {PAUSE} | chunk , "@STAMP@" | {PAUSE} | chunk ]',
    "long polling": f"{PAUSE} | chunk @STAMP@",
    "without a length": f"head | write @STAMP@ | {PAUSE} | write @STAMP@ | {PAUSE}",
}
"""A replica's instructions for each; see tests/support/traffic/replica.pl."""


def measure(host: Host, quick: bool) -> tuple[list[Ratio], list[str]]:
    """Return the figure of each kind and sort of answer; nothing is skipped."""
    ratios, rows = [], [["", *ANSWERS]]
    stage = Stage(host)
    try:
        for kind in ("haproxy", "nginx"):
            note(f"{kind}: streams")
            rounds = 3 if quick else ROUNDS
            figures = [_median(stage, kind, words, rounds) for words in ANSWERS.values()]
            rows.append([kind, *(f"{figure:.1f}" for figure in figures)])
            ratios += [
                Ratio(f"{kind}: ms of a piece, {name}", figure, LIMIT)
                for name, figure in zip(ANSWERS, figures, strict=True)
            ]
    finally:
        clear(host.engine())
    show("Milliseconds until a client has a piece of an answer", rows)
    return ratios, []


def _median(stage: Stage, kind: str, words: str, rounds: int) -> float:
    """Return the median of the slowest piece of each answer."""
    _, text = stage.site(Case("", "", kind, stage.host.generation, "service", {}, []))
    front_end = stage.front_end(kind)
    front_end.serve(text)
    request = f"GET / HTTP/1.1\nHost: a.example\nDo: {words}\n\n"
    found = [delay(front_end.talk([request], ["GET"], 1, Event())) for _ in range(rounds)]
    return 1000 * statistics.median(each for each in found if each is not None)
