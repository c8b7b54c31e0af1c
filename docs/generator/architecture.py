"""The picture of the rooms, and the way of one argument through them, in docs/architecture.md."""

import ast
import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path

import grimp

from components.load_balanced.validation import service
from components.proxies.registry import kind_of
from tests.support.traffic.cases import SERVED

from .marked import put

ROOT = Path(__file__).parents[2]
PACKAGE = "components"
ROOMS = "<!-- Written by `make reference` from pyproject.toml and the imports. -->\n"
WAY = "<!-- Written by `make reference` from the lines that it shows. -->\n"


@dataclass(frozen=True)
class Stop:
    """A place that an argument passes."""

    meaning: str
    file: str
    line: str
    """Text in the line that is shown: the first one that has it."""


ARGUMENT = {"response_deadline": 2}
STOPS = (
    Stop("Type and meaning", "components/load_balanced/route_args.py", "response_deadline:"),
    Stop("Bounds", "components/proxies/site.py", "response_deadline:"),
    Stop("View", "components/proxies/views.py", "deadline=milliseconds(deadline)"),
    Stop("Template of HAProxy", "templates/haproxy/haproxy.cfg.j2", "backend.times.deadline }}"),
    Stop("Template of nginx", "templates/nginx/nginx.conf.j2", "backend.times.deadline or"),
)


def replaced(page: str) -> str:
    """Return the page with the rooms and the way of now."""
    return put(put(page, ROOMS, rooms()), WAY, way())


def rooms() -> str:
    """Return a line for each room, the highest first: its contents and the rooms that it imports."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [layer.split(" | ") for layer in settings["contracts"][0]["layers"]]
    graph = grimp.build_graph(PACKAGE)
    names = [name for layer in layers for name in layer]
    lines = ["| Room | Contents | Imports |", "|---|---|---|"]
    for name in names:
        module = f"{PACKAGE}.{name}"
        inside = {module, *graph.find_descendants(module)}
        imported = {each for one in inside for each in graph.find_modules_directly_imported_by(one)}
        below = {each.split(".")[1] for each in imported - inside if each != PACKAGE}
        listed = ", ".join(f"`{each}`" for each in names if each in below) or "none"
        lines.append(f"| `{name}` | {_contents(module)} | {listed} |")
    return "\n".join(lines) + "\n"


def way() -> str:
    """Return the lines that ARGUMENT passes, then the lines that it changes in the text of each kind."""
    (name, value), *_ = ARGUMENT.items()
    parts = [f"Settings, `Pulumi.<stack>.yaml`:\n\n```yaml\n{name}: {value}\n```\n"]
    for stop in STOPS:
        lines = (ROOT / stop.file).read_text().splitlines()
        number = next(at for at, line in enumerate(lines, 1) if stop.line in line)
        shown = lines[number - 1].strip()
        parts.append(f"{stop.meaning}, `{stop.file}`:\n\n```text\n{shown}\n```\n")
    parts += [
        f"Changed lines of the configuration, {kind}:\n\n```diff\n{_difference(kind)}\n```\n"
        for kind in SERVED
    ]
    return "\n".join(parts)


def _contents(module: str) -> str:
    """Return the first sentence of a room's docstring."""
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text())) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _difference(kind: str) -> str:
    """Return the lines that ARGUMENT adds to a kind's configuration, and those that it removes."""
    plain, changed = (_text(kind, more).splitlines() for more in ({}, ARGUMENT))
    lines = list(difflib.unified_diff(plain, changed, lineterm="", n=0))[2:]
    return "\n".join(line for line in lines if not line.startswith("@@"))


def _text(kind: str, more: dict[str, int]) -> str:
    args = {"image": "app:1", "replicas": 2, "front_end": {"kind": kind}, **more}
    return kind_of(kind).render(service("site", args), "site", {"web": 1})
