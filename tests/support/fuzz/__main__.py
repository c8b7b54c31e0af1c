"""Try inputs at random, and say what became of them.

    python -m tests.support.fuzz --count 1000000 --jobs 2

An input that is neither a model nor one clear error is shown with its number, to be tried again with
`--first NUMBER --count 1`.
"""

import argparse
import os
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.support.fuzz.inputs import made
from tests.support.fuzz.outcomes import outcome
from tests.support.fuzz.programs import objections

_BLOCK = 2000
_SHOWN = 20


def main() -> int:
    """Return the exit status: 0, or 1 when an input with a wrong outcome was found."""
    parser = argparse.ArgumentParser(prog="tests.support.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000, help="how many inputs (default: 10000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first one (default: 0)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--sample", type=int, default=200, help="one of so many is for the real programs")
    given = parser.parse_args()
    total: Counter[str] = Counter()
    wrong: list[str] = []
    ends = given.first + given.count
    blocks = [range(first, min(first + _BLOCK, ends)) for first in range(given.first, ends, _BLOCK)]
    with ProcessPoolExecutor(given.jobs) as pool:
        for counts, found in pool.map(partial(tried, sample=given.sample), blocks):
            total += counts
            wrong += found
            if found or sum(counts.values()) % 100_000 == 0:
                print(*found[:_SHOWN], sep="\n", flush=True)
    print(", ".join(f"{count:,} {what}" for what, count in sorted(total.items())))
    print(f"{len(wrong):,} wrong")
    return 1 if wrong else 0


def tried(numbers: range, sample: int) -> tuple[Counter[str], list[str]]:
    """Try the inputs of these numbers; return the outcomes and their counts, and the wrong ones."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        found = list(_tried(numbers, sample, Path(folder), counts))
    return counts, found


def _tried(numbers: range, sample: int, folder: Path, counts: Counter[str]) -> Iterator[str]:
    os.environ.pop("DOCKER_HOST", None)
    for number in numbers:
        given = made(number)
        try:
            texts = outcome(given)
        except Exception:  # noqa: BLE001 — whatever it is, it is what the fuzzer looks for
            counts["wrong"] += 1
            yield f"--first {number} ({given.component}):\n{traceback.format_exc(limit=-4)}"
            continue
        counts[f"{given.component}: {'refused' if texts is None else 'good'}"] += 1
        if texts and number % sample == 0:
            for program, text in texts:
                counts[f"shown to {program}"] += 1
                if said := objections(program, text, folder):
                    yield f"--first {number} ({given.component}), {program}: {said[:3]}\n{text}"


if __name__ == "__main__":
    sys.exit(main())
