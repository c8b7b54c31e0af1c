"""The one door to the templates: a view in, text out. Same view, same bytes."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2


def _templates() -> Path:
    here = Path(__file__).parent.parent
    inside = here / "templates"  # in the wheel; in the repository they stand beside the package
    return inside if inside.is_dir() else here.parent / "templates"


@cache
def _environment() -> "jinja2.Environment":
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_templates()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,  # the templates of a package do not change
        autoescape=False,  # noqa: S701 — no HTML; every value is allow-listed in types.py
    )


def render(template: str, view: Any) -> str:
    """Return `template` (a path below templates/) filled with `view`; an undefined name is an error."""
    return _environment().get_template(template).render(view=view)
