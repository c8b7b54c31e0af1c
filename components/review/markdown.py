"""A report as the comment of a pull request: https://github.github.com/gfm/"""

import re
from collections.abc import Iterator, Mapping

from .consequences import ENDLESS
from .report import Change, Report
from .topology import picture

LIMIT = 65_536
"""Characters that GitHub takes for a comment."""
MARK = "<!-- longshore review -->"
"""First line of the comment, by which the next report finds and replaces it."""
_SPARE = 800
_LONGEST = 100
_NAMED = 5
_NOTHING = "\N{ZERO WIDTH SPACE}"
_LEFT_OUT = "\n_Left out, for a comment has an end: {}. `--format json` has all of it._\n"


def comment(reports: Mapping[str, Report]) -> str:
    """Render the reports of several stacks as one comment, in which each has its share of the room."""
    if len(reports) == 1:
        return markdown(next(iter(reports.values())))
    share = (LIMIT - len(MARK)) // len(reports)
    parts = [
        _section(f"Effects of this change on {code(name)}", each, share) for name, each in reports.items()
    ]
    return f"{MARK}\n{''.join(parts)}"


def markdown(report: Report, heading: str = "Effects of this change") -> str:
    """Return the report as a comment."""
    return f"{MARK}\n{_section(heading, report, LIMIT - len(MARK) - 1)}"


def _section(heading: str, report: Report, limit: int) -> str:
    """Render a report in at most `limit` characters: the most important first, the omitted by name."""
    text, missing = f"## {heading}\n\n", []
    for title, part in _parts(report):
        if len(text) + len(part) + _SPARE <= limit:
            text += part
        else:
            missing.append(title)
    if missing:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        named = f"{', '.join(map(code, missing[:_NAMED]))}{more}"
        text += _LEFT_OUT.format(named)
    return text


def _parts(report: Report) -> Iterator[tuple[str, str]]:
    if report.errors:
        said = fenced("\n".join(report.errors), "text")
        yield "errors", f"**There are errors**, so this is not all of it:\n\n{said}\n"
    elif not report.changes and not report.others:
        yield "nothing", "Nothing changes.\n\n"
    yield from _table(report)
    for change in report.changes:
        yield f"what happens to {change.name}", _told(change)
    if report.warnings:
        said = "".join(f"- ⚠️ {escaped(each)}\n" for each in report.warnings)
        yield "warnings", f"### Also said\n\n{said}\n"
    if drawn := picture(report.instances) if report.changes and report.complete else "":
        yield "the picture", f"### Afterwards\n\n```mermaid\n{drawn}\n```\n\n"
    for change in report.changes:
        for each in change.texts:
            body = fenced("\n".join(each.lines), "diff")
            title = f"{escaped(each.name)}: {_plus_minus(each.lines)}"
            yield f"the configuration {each.name}", _folded(title, body)
    if report.others:
        rows = [f"- {s.operation} {code(s.name)} ({code(s.type)})\n" for s in report.others]
        yield "other resources", _folded(f"Other resources: {len(rows)}", "".join(rows))


def _table(report: Report) -> Iterator[tuple[str, str]]:
    if not report.changes:
        return
    yield "the table", "| | what | resources | new connections |\n|---|---|---|---|\n"
    for change in report.changes:
        counts = ", ".join(f"{count} {_PAST[key]}" for key, count in sorted(change.counts.items()))
        row = f"| {code(change.name)} {change.kind} | **{change.fate}** | {counts} | {_served(change)} |\n"
        yield f"the row of {change.name}", row
    yield "the end of the table", "\n"


_PAST = {"create": "added", "update": "changed", "replace": "replaced", "delete": "removed"}


def _served(change: Change) -> str:
    if change.gap == ENDLESS:
        return "no longer served, or not there"
    if not change.known:
        return "not known"
    if change.fate == "created":
        return "new"
    return f"refused for up to {change.gap:g} s" if change.gap else "always served"


def _told(change: Change) -> str:
    lines = [f"{number}. {escaped(each.text)}" for number, each in enumerate(change.consequences, 1)]
    told = tuple(each.warned for each in change.consequences if each.warned)
    lines += [f"- ⚠️ {escaped(each)}" for each in change.warnings if not each.startswith(told)]
    return "\n".join([f"### {code(change.name)}", "", *lines, "", ""]) if lines else ""


def _plus_minus(lines: tuple[str, ...]) -> str:
    added = sum(line.startswith("+") and not line.startswith("+++") for line in lines)
    removed = sum(line.startswith("-") and not line.startswith("---") for line in lines)
    return f"+{added} -{removed}"


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n</details>\n\n"


def escaped(text: str) -> str:
    """Return text of one line that means nothing to Markdown, HTML or GitHub: no link, mention or tag."""
    flat = re.sub(r"\s+", " ", text)
    # GitHub reads entities before it looks for mentions and links: an empty character ends those.
    broken = re.sub(r"(@|#|://|www\.)", f"\\1{_NOTHING}", flat, flags=re.IGNORECASE)
    return re.sub(rf"[^\w\s.,;:()→/'+=%{_NOTHING}-]|_", lambda found: f"&#{ord(found[0])};", broken)


def code(text: str) -> str:
    """Return text of one line as code, with any content; of a long text its beginning."""
    flat = re.sub(r"\s+", " ", text).replace("|", "¦") or " "
    short = flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]}…"
    fence = "`" * (_longest_run(short) + 1)
    pad = " " if short.startswith("`") or short.endswith("`") else ""
    return f"{fence}{pad}{short}{pad}{fence}"


def fenced(text: str, language: str) -> str:
    """Return text as a block of code that it cannot end."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}\n"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
