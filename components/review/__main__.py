"""`longshore review`, also `python -m components.review`: a preview as a comment for its reviewers.

pulumi preview --json --show-sames | longshore review
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from .markdown import markdown
from .preview import NotAPreview
from .report import Report, review

REFUSED = 3
"""Exit status when the change does what `--fail-on` names."""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Print the report; the exit status: 0, 1 when the preview failed, 2 for wrong input, or 3 (REFUSED)."""
    parser = argparse.ArgumentParser(prog="longshore review", description=__doc__.splitlines()[0])
    parser.add_argument(
        "preview",
        nargs="?",
        default="-",
        help="file with what `pulumi preview --json` printed; else standard input",
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
        text = sys.stdin.read() if given.preview == "-" else Path(given.preview).read_text()
        report = review(text)
    except (OSError, UnicodeDecodeError, NotAPreview) as error:
        print(f"longshore review: {error}", file=sys.stderr)
        return 2
    print(json.dumps(report.properties(), indent=1) if given.format == "json" else markdown(report), end="")
    if report.errors:
        return 1
    return REFUSED if any(_does(report, each) for each in given.fail_on) else 0


def _does(report: Report, what: str) -> bool:
    return report.gap if what == "gap" else report.has(what)


if __name__ == "__main__":
    sys.exit(main())
