"""`longshore review`, also `python -m components.review`: a preview as a comment for its reviewers.

pulumi preview --json --show-sames | longshore review
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from ..preview.reading import NotAPreview
from .markdown import comment
from .report import Report, review, unreadable

REFUSED = 3
"""Exit status when the change does what `--fail-on` names."""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Print the report; the exit status: 0, 1 when the preview failed, 2 for wrong input, or 3 (REFUSED)."""
    parser = argparse.ArgumentParser(prog="longshore review", description=__doc__.splitlines()[0])
    parser.add_argument(
        "previews",
        nargs="*",
        default=["-"],
        metavar="preview",
        help="files with what `pulumi preview --json` printed, <stack>.json; else standard input",
    )
    parser.add_argument("--format", choices=["markdown", "json"], default="markdown")
    parser.add_argument(
        "--fail-on",
        choices=["gap", "replace", "delete", "protection"],
        action="append",
        default=[],
        help="end with status 3 when someone is (or may be) refused, a resource replaced or removed, or a "
        "protection dropped",
    )
    given = parser.parse_args(arguments)
    names = [Path(name).stem for name in given.previews]
    if len(set(names)) < len(names):
        print("longshore review: two files of one name: each is the name of a stack", file=sys.stderr)
        return 2
    reports, wrong = {}, False
    for name, file in zip(names, given.previews, strict=True):
        try:
            reports[name] = review(sys.stdin.read() if file == "-" else Path(file).read_text("utf-8"))
        except (OSError, UnicodeError, NotAPreview) as error:
            # The others are reviewed all the same.
            print(f"longshore review: {file}: {error}", file=sys.stderr)
            reports[name], wrong = unreadable(f"{file}: {error}"), True
    if given.format == "json":
        values = {name: report.properties() for name, report in reports.items()}
        print(json.dumps(values if len(values) > 1 else next(iter(values.values())), indent=1))
    else:
        print(comment(reports).encode("utf-8", "replace").decode(), end="")
    if wrong or any(report.errors for report in reports.values()):
        return 2 if wrong else 1
    return REFUSED if any(_does(r, what) for r in reports.values() for what in given.fail_on) else 0


def _does(report: Report, what: str) -> bool:
    match what:
        case "gap":
            return report.refuses
        case "protection":
            return report.unprotects
        case _:
            return report.has(what)
