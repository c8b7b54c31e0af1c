"""Stacks of examples/, with the bench's images."""

from pathlib import Path
from typing import Any

import yaml

from tests.bench.images import APP, PROXY

STACKS = Path(__file__).resolve().parents[2] / "examples" / "stacks"


def example(stack: str, kind: str, **front_end: Any) -> dict[str, Any]:
    """Return the service of an example, with the bench's images and the kind of front end."""
    text = (STACKS / f"{stack}.yaml").read_text().replace("httpd:2.4", APP)
    args: dict[str, Any] = yaml.safe_load(text)["config"]["longshore:services"]["site"]
    args["front_end"].update(kind=kind, image=PROXY, **front_end)
    if kind == "nginx":
        args["front_end"]["resolve"] = False  # the bench's nginx is older than 1.27.4
    return args
