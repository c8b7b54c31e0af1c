"""`python -m docs.generator` writes docs/reference anew."""

import asyncio
import contextlib
import json
from pathlib import Path

import pulumi.provider.experimental.provider as p

from components.provider.server import Longshore

from .pages import Reference, Schema

FOLDER = Path(__file__).parents[1] / "reference"


def schema() -> Schema:
    """The plugin's schema."""
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        response = loop.run_until_complete(Longshore(None).get_schema(p.GetSchemaRequest(version=0)))
    found: Schema = json.loads(response.schema or "")
    return found


def main() -> None:
    """Write each page."""
    for name, text in Reference(schema()).pages().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
