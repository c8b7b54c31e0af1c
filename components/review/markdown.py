"""A report as the comment of a pull request: https://github.github.com/gfm/"""

import re
from collections.abc import Iterator, Mapping

from .report import Change, Report
from .topology import picture

LIMIT = 65_536
"""Characters that GitHub takes for a comment."""
MARK = "<!-- longshore review -->"
"""What the comment begins with, so that the next report finds and replaces it."""
_SPARE = 600
_LEFT_OUT = "\n_Left out, for a comment has an end: {}. `--format json` has all of it._\n"


def comment(reports: Mapping[str, Report]) -> str:
    """Reports by the name of their stack as one comment, in which each has its share of the room."""
    if len(reports) == 1:
        return markdown(*reports.values())
    share = (LIMIT - len(MARK)) // len(reports)
    parts = [
        _section(f"What this change does to {code(name)}", each, share) for name, each in reports.items()
    ]
    return f"{MARK}\n{''.join(parts)}"


def markdown(report: Report) -> str:
    """The report as a comment."""
    return f"{MARK}\n{_section('What this change does', report, LIMIT - len(MARK) - 1)}"


def _section(heading: str, report: Report, limit: int) -> str:
    """In at most `limit` characters: what matters most comes first, and what does not fit is named at the
    end."""
    text, missing = f"## {heading}\n\n", []
    for title, part in _parts(report):
        if len(text) + len(part) + _SPARE <= limit:
            text += part
        else:
            missing.append(title[:80])
    if missing:
        named = f"{', '.join(missing[:5])}{f' and {len(missing) - 5} more' if len(missing) > 5 else ''}"
        text += _LEFT_OUT.format(named)
    return text


def _parts(report: Report) -> Iterator[tuple[str, str]]:
    if report.errors:
        said = "\n".join(f"> {escaped(line)}" for error in report.errors for line in error.splitlines())
        yield "errors", f"**The preview failed**, so this is not all of it:\n\n{said}\n\n"
    if not report.changes and not report.others:
        yield "nothing", "" if report.errors else "Nothing changes.\n"
        return
    yield from _table(report)
    for change in report.changes:
        if told := _told(change):
            yield f"what happens to {code(change.name)}", told
    drawn = picture(report.instances)
    if drawn:
        yield "the picture", f"### Afterwards\n\n```mermaid\n{drawn}\n```\n\n"
    for change in report.changes:
        for each in change.texts:
            body = fenced("\n".join(each.lines), "diff")
            counts = _plus_minus(each.lines)
            yield f"the configuration {code(each.name)}", _folded(f"{escaped(each.name)}: {counts}", body)
    if report.others:
        rows = [f"- {escaped(s.operation)} {code(s.name)} ({code(s.type)})\n" for s in report.others]
        yield "other resources", _folded(f"Other resources: {len(rows)}", "".join(rows))


def _table(report: Report) -> Iterator[tuple[str, str]]:
    if not report.changes:
        return
    yield "the table", "| | what | resources | new connections |\n|---|---|---|---|\n"
    for change in report.changes:
        counts = ", ".join(f"{count} {_PAST[key]}" for key, count in sorted(change.counts.items()))
        row = f"| {code(change.name)} {change.kind} | **{change.fate}** | {counts} | {_served(change)} |\n"
        yield f"the row of {code(change.name)}", row
    yield "the end of the table", "\n"


_PAST = {"create": "added", "update": "changed", "replace": "replaced", "delete": "removed"}


def _served(change: Change) -> str:
    if change.gap == float("inf"):
        return "no longer served"
    return f"refused for about {change.gap:g} s" if change.gap else "always served"


def _told(change: Change) -> str:
    lines = [f"{number}. {escaped(each.text)}" for number, each in enumerate(change.consequences, 1)]
    lines += [f"- ⚠️ {escaped(warning)}" for warning in change.warnings]
    return "\n".join([f"### {code(change.name)}", "", *lines, "", ""]) if lines else ""


def _plus_minus(lines: tuple[str, ...]) -> str:
    added = sum(line.startswith("+") and not line.startswith("+++") for line in lines)
    removed = sum(line.startswith("-") and not line.startswith("---") for line in lines)
    return f"+{added} -{removed}"


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n</details>\n\n"


def escaped(text: str) -> str:
    """Text of one line that means nothing to Markdown, HTML or GitHub: no link, mention or tag."""
    flat = re.sub(r"\s+", " ", text)
    return re.sub(r"[^\w\s.,;:()→/'+=%-]|(?<=:)/(?=/)|_", lambda found: f"&#{ord(found[0])};", flat)


def code(text: str) -> str:
    """Text of one line as code, whatever it holds."""
    flat = re.sub(r"\s+", " ", text).replace("|", "¦")
    fence = "`" * (_longest_run(flat) + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def fenced(text: str, language: str) -> str:
    """Text as a block of code that it cannot end."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}\n"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
