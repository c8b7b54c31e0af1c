"""`longshore review`, also `python -m components.review`: a preview as a comment for its reviewers.

pulumi preview --json --show-sames | longshore review
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from .markdown import comment
from .preview import NotAPreview
from .report import Report, review

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
        choices=["gap", "replace", "delete"],
        action="append",
        default=[],
        help="end with status 3 when someone is refused, a resource replaced, or removed; may be repeated",
    )
    given = parser.parse_args(arguments)
    try:
        reports = {Path(name).stem: _read(name) for name in given.previews}
    except (OSError, UnicodeDecodeError, NotAPreview) as error:
        print(f"longshore review: {error}", file=sys.stderr)
        return 2
    if given.format == "json":
        values = {name: report.properties() for name, report in reports.items()}
        print(json.dumps(values if len(values) > 1 else next(iter(values.values())), indent=1))
    else:
        print(comment(reports), end="")
    if any(report.errors for report in reports.values()):
        return 1
    return REFUSED if any(_does(r, what) for r in reports.values() for what in given.fail_on) else 0


def _read(name: str) -> Report:
    try:
        return review(sys.stdin.read() if name == "-" else Path(name).read_text())
    except NotAPreview as error:
        raise NotAPreview(f"{'standard input' if name == '-' else name}: {error}") from error


def _does(report: Report, what: str) -> bool:
    return report.gap if what == "gap" else report.has(what)


if __name__ == "__main__":
    sys.exit(main())
