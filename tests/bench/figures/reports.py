"""Seconds to review a large change, and to plan a large service: both from the command to its end."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.program import ROOT, Program, service
from tests.unit.test_review import large

from .report import Ratio, note, seconds, show

ROUNDS = 3
REPLICAS = 200
LIMITS = {"review of 300 resources that change": 2.0, f"plan of {REPLICAS} replicas": 3.0}


class _Nowhere:
    """A host that nobody asks."""

    url = "unix:///nobody/here.sock"


def measure(quick: bool) -> tuple[list[Ratio], list[str]]:
    """Return ratios of the quickest round to what is allowed; nothing is skipped."""
    times: dict[str, list[float]] = {name: [] for name in LIMITS}
    with tempfile.TemporaryDirectory(prefix="longshore-figures-") as name:
        folder = Path(name)
        preview = folder / "preview.json"
        preview.write_text(json.dumps(large()))
        program = Program(folder, _Nowhere(), {"services": {"web": service(replicas=REPLICAS)}})
        commands = (
            (ROOT, ("components.review", str(preview))),
            (program.project, ("components.plan", "--stack", program.stack)),
        )
        for turn in range(1 if quick else ROUNDS):
            note(f"reports, round {turn + 1}")
            for taken, (where, command) in zip(times.values(), commands, strict=True):
                taken.append(_seconds(where, *command))
    rows = [[name, seconds(taken), f"{min(taken):.1f}"] for name, taken in times.items()]
    show("Reports: seconds", [["", "median", "quickest"], *rows])
    ratios = [
        Ratio(f"{name}: seconds / {limit:g}", min(times[name]) / limit, 1.0) for name, limit in LIMITS.items()
    ]
    return ratios, []


def _seconds(folder: Path, *command: str) -> float:
    began = time.monotonic()
    subprocess.run((sys.executable, "-m", *command), cwd=folder, check=True, capture_output=True, timeout=300)
    return time.monotonic() - began
