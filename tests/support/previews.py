"""Recorded previews as cases keep them: `python -m tests.unit.test_review --record <case>` writes one."""

import json
import re
from typing import Any

ENGINE = re.compile(r"(?:unix|ssh|tcp)://[\w./@:%-]*\w")
READ = ("op", "urn", "oldState", "newState", "diffReasons")
READ_OF_STATE = ("type", "parent", "inputs")
READ_OF_OUTPUTS = ("each",)
READ_OF_MESSAGE = ("urn", "message", "severity")
"""Keys of a preview that a review reads."""


def reduced(text: str) -> str:
    """Return a preview as its case keeps it: what a review reads, with other names for the engines."""

    def some(found: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
        return {key: found[key] for key in keys if key in found}

    def state(found: dict[str, Any]) -> dict[str, Any]:
        outputs = some(found.get("outputs") or {}, READ_OF_OUTPUTS)
        return some(found, READ_OF_STATE) | ({"outputs": outputs} if outputs else {})

    found = json.loads(text)
    steps = [some(step, READ) for step in found["steps"]]
    for step in steps:
        step |= {key: state(step[key]) for key in ("oldState", "newState") if key in step}
    messages = [some(each, READ_OF_MESSAGE) for each in found.get("diagnostics", [])]
    kept = json.dumps({"steps": steps, "diagnostics": messages}, indent=1, ensure_ascii=False)
    engines = sorted({*ENGINE.findall(kept)})
    names = {engine: f"unix:///run/host{number}.sock" for number, engine in enumerate(engines, 1)}
    return ENGINE.sub(lambda engine: names[engine[0]], kept) + "\n"
