"""The table of the kinds in docs/front-ends.md: what rows of the table of traffic show, in their words.

A case with a `row` is a line of it. Its `cell` says what is shown of a kind, and stands beside the
expectation that shows it.
"""

from collections.abc import Iterable

from tests.support.traffic.cases import SERVED, Case, read

from .marked import put

BEGIN = "<!-- Written by `make reference` from tests/cases/traffic. -->\n"


def replaced(page: str, cases: Iterable[Case] | None = None) -> str:
    """Return the page with the table of now."""
    return put(page, BEGIN, table(read() if cases is None else cases))


def table(cases: Iterable[Case]) -> str:
    """Return one line for each row that a case names, in the order of files and cases."""
    cells: dict[str, dict[str, list[str]]] = {}
    shown = [each for each in cases if each.row and each.component == "service"]
    for case in sorted(shown, key=lambda each: (each.file, each.place)):
        found = cells.setdefault(case.row or "", {kind: [] for kind in SERVED})[case.kind]
        said = case.cell or ("refused" if case.refused else "yes")
        if said not in found:
            found.append(said)
    lines = [f"| {' | '.join(['what', *SERVED])} |", f"|{'---|' * (1 + len(SERVED))}"]
    lines += [
        f"| {' | '.join([row, *('; '.join(found[kind]) for kind in SERVED)])} |"
        for row, found in cells.items()
    ]
    return "\n".join(lines) + "\n"
