"""Configurations of random inputs, shown to the real programs."""

import re
from pathlib import Path

import pytest

from components.proxies.certificates import stand_in
from components.proxies.program import FOLDER
from tests.golden import test_golden, test_golden_keepalived


def objections(program: str, text: str, folder: Path) -> list[str]:
    """Return the errors of the real program for a configuration, without those about facts of a host.

    Return nothing where there is no such program.
    """
    try:
        return _objections(program, text, folder)
    except pytest.skip.Exception:
        return []


def _objections(program: str, text: str, folder: Path) -> list[str]:
    if program == "keepalived":
        said = test_golden_keepalived.objections(re.sub(r"\b(interface|dev) \S+", r"\1 eth0", text), folder)
        return [said] if said else []
    # The host decides how many connections and which ports there may be.
    known = re.sub(r"^( +maxconn|    worker_connections) \d+", r"\1 100", text, flags=re.MULTILINE)
    known = re.sub(r"\blisten \d+\b(?! ssl)", "listen 80", known)
    known = re.sub(r"\blisten \d+ ssl", "listen 443 ssl", known)
    known = re.sub(r"\bbind (\S*):\d+", r"bind \1:20080", known)
    for certificate in set(re.findall(rf"{FOLDER}/(\w+\.pem)", known)):
        (folder / certificate).write_text(stand_in())
    return test_golden.objections(program, known, folder)
