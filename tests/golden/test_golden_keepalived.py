"""Golden configurations of keepalived: golden/keepalived/<case>.txt, as those of test_golden.

Hosts, interfaces and addresses of the nodes have defaults; the key `node` says whose text it is.
`python -m tests.golden.test_golden_keepalived --update` writes the second part of every file anew.
"""

import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from components.proxies.keepalived import FILE, KEEPALIVED
from components.swarm.floating.validation import floating
from components.swarm.floating.view import configuration
from tests.support.golden_files import FOLDER, installed, main, read, tidy

FILES = sorted((FOLDER / "keepalived").glob("*.txt"))
CASES = [pytest.param(file, id=file.stem) for file in FILES]


@pytest.mark.parametrize("file", CASES)
def test_arguments_make_this_configuration(file: Path) -> None:
    """The configuration is the golden file's, byte for byte, in whatever order the nodes are given."""
    args, expected = read(file)
    turned = {**args, "nodes": dict(reversed(args["nodes"].items()))}

    assert text(args) == expected
    assert text(turned) == expected


@pytest.mark.parametrize("file", CASES)
def test_a_configuration_holds_no_blank_surprise(file: Path) -> None:
    """No tab, no trailing blank, no carriage return, one newline at the end."""
    _, expected = read(file)

    assert tidy(expected)
    assert expected.endswith("}\n")


@pytest.mark.parametrize("file", CASES)
def test_the_real_keepalived_takes_it(file: Path, tmp_path: Path) -> None:
    """`keepalived --config-test` has nothing against it, not even a warning."""
    _, expected = read(file)

    assert objections(expected, tmp_path) == ""


def test_the_real_keepalived_refuses_nonsense(tmp_path: Path) -> None:
    """A broken text is refused: the test above can fail."""
    args, _ = read(FILES[0])

    assert "bananas" in objections(text(args).replace("advert_int 1", "advert_int bananas"), tmp_path)


def test_there_are_golden_files() -> None:
    """None would pass every test above."""
    assert len(FILES) >= 10


def text(args: dict[str, Any]) -> str:
    given = {key: value for key, value in args.items() if key != "node"}
    given["nodes"] = {
        name: {
            "host": {"address": f"ssh://{name}.example"},
            "interface": "eth0",
            "address": f"192.0.2.{11 + index}",
            **node,
        }
        for index, (name, node) in enumerate(sorted(args["nodes"].items()))
    }
    return configuration("vip", floating("vip", given), args["node"], given.get("password"))


def objections(config: str, folder: Path) -> str:
    """Return the errors of the real keepalived for a configuration; skip the test without keepalived."""
    program = installed("keepalived")
    if "script_user" in config and os.geteuid():
        pytest.skip("keepalived takes scripts of root only, as in its container")
    interfaces = [each.name for each in Path("/sys/class/net").iterdir() if multicast(each)]
    if not interfaces:
        pytest.skip("no network interface with multicast")
    file = folder / FILE
    file.write_text(re.sub(r"\beth\d\b", min(interfaces), config))
    command = [program, *KEEPALIVED.check[1:-1], f"--use-file={file}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    said = (done.stdout + done.stderr).strip()
    return said or (f"exit status {done.returncode}" if done.returncode else "")


def multicast(interface: Path) -> bool:
    with suppress(OSError):  # it is gone: other tests make interfaces and remove them
        return bool(int((interface / "flags").read_text(), 16) & 0x1000)
    return False


if __name__ == "__main__":
    main(FILES, lambda _, args: text(args))
