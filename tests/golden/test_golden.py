"""Golden configurations: golden/<kind>/<case>.txt holds arguments, a line `----------` and the text.

golden/gateway/<kind>/<case>.txt holds the same for a gateway in a swarm.
`python -m tests.golden.test_golden --update` writes the second part of every file anew, and the first part of
a file that has only arguments. The difference is then reviewed like any other change. The key
`generations`, if given, is no argument: it counts the changes of each backend (default: 1).
"""

import functools
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.arguments.parsing import parse
from components.load_balanced.validation import service
from components.proxies.certificates import known
from components.proxies.model import Service
from components.proxies.program import FOLDER as PLACE
from components.proxies.registry import KINDS, kind_of
from components.proxies.views import server_addresses
from components.swarm.gateway.model import Gateway
from tests.support.certificates import files
from tests.support.golden_files import FOLDER, installed, main, read, tidy
from tests.support.traffic.cases import SERVED

COMPONENT = "site"
FILES = sorted(
    file for kind in KINDS for where in (kind, f"gateway/{kind}") for file in FOLDER.glob(f"{where}/*.txt")
)
CASES = [pytest.param(file, id=str(file.relative_to(FOLDER).with_suffix(""))) for file in FILES]
STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
"""nginx's module for mode tcp, in Debian a package of its own."""


@pytest.mark.parametrize("file", CASES)
def test_arguments_make_this_configuration(file: Path) -> None:
    """The configuration is the golden file's, byte for byte."""
    args, expected = read(file)

    text = made(file, args)

    assert text == expected


@pytest.mark.parametrize("file", CASES)
def test_order_of_arguments_does_not_matter(file: Path) -> None:
    """The same arguments in another order of keys, host names and networks make the same bytes."""
    args, expected = read(file)

    text = made(file, turned(args))

    assert text == expected


@pytest.mark.parametrize("file", CASES)
def test_a_configuration_holds_no_blank_surprise(file: Path) -> None:
    """No tab, no trailing blank, no carriage return, a newline at the end."""
    _, expected = read(file)

    assert tidy(expected)


@pytest.mark.parametrize("file", CASES)
def test_sections_have_names_of_their_own(file: Path) -> None:
    """Also where a backend has the name of a section of ours: HAProxy 3.3 refuses that, 3.2 warns."""
    _, expected = read(file)

    names = re.findall(r"^ *(?:frontend|backend|resolvers|upstream) (\S+)", expected, re.MULTILINE)

    assert len(names) == len(set(names))


@pytest.mark.parametrize("file", CASES)
def test_the_real_program_takes_it(file: Path, tmp_path: Path) -> None:
    """`haproxy -c` or `nginx -t` has nothing against it, not even a warning.

    Names of replicas stand as addresses: only the network of the replicas knows them. An nginx older
    than 1.27.4 is shown it without the parameter `resolve`.
    """
    kind = file.parent.name
    args, text = read(file)
    shown = text if of_gateway(file) else with_addresses(text, kind, args)

    for name, content in files(described(kind, args)).items() if not of_gateway(file) else ():
        (tmp_path / name).write_text(content)

    said = objections(kind, shown, tmp_path)

    assert said == []


@pytest.mark.parametrize("kind", SERVED)
def test_the_real_program_refuses_nonsense(kind: str, tmp_path: Path) -> None:
    """A broken text is refused: the test above can fail."""
    text = configuration(kind, {"image": "httpd:2.4", "front_end": {"resolve": False}})
    broken = with_addresses(text, kind, {"image": "httpd:2.4"}).replace("10000ms", "10000 bananas")

    assert objections(kind, broken, tmp_path) != []


@pytest.mark.parametrize("kind", SERVED)
def test_many_host_names_fit(kind: str, tmp_path: Path) -> None:
    """A backend may have hundreds of host names, and hundreds of networks may be trusted."""
    args = {
        "image": "httpd:2.4",
        "host_names": [f"{star}h{i}.example" for i in range(300) for star in ("", "*.")],
        "front_end": {"trusted_proxies": [f"10.{i}.0.0/16" for i in range(200)]},
    }
    text = with_addresses(configuration(kind, args), kind, args)

    said = objections(kind, text, tmp_path)

    assert said == []
    assert all(text.count(f"h{i}.example") >= 2 for i in range(300))


def test_the_longest_wildcard_comes_first() -> None:
    """Of two wildcards that match, HAProxy takes the first in its file, nginx the longest: it is the
    longest in both."""
    args, _ = read(FOLDER / "haproxy" / "wildcards.txt")

    text = configuration("haproxy", args)

    suffixes = re.findall(r"-m end (.*) }", text)
    assert suffixes == [".shop.example", ".example"]


@pytest.mark.parametrize("kind", SERVED)
def test_there_are_golden_files(kind: str) -> None:
    """Each kind that serves has golden files: none would pass every test above."""
    assert len([file for file in FILES if file.parent.name == kind]) >= 10


def of_gateway(file: Path) -> bool:
    return file.parent.parent.name == "gateway"


def made(file: Path, args: dict[str, Any]) -> str:
    """Return the configuration of a golden file's arguments."""
    kind = file.parent.name
    if not of_gateway(file):
        return configuration(kind, args)
    return parse(Gateway, {**args, "networks": ["apps"], "front_end": front_end(kind, args)}, COMPONENT).text


def front_end(kind: str, args: dict[str, Any]) -> dict[str, Any]:
    return {**args.get("front_end", {}), "kind": kind}


def described(kind: str, args: dict[str, Any]) -> Service:
    given = {key: value for key, value in args.items() if key != "generations"}
    given["front_end"] = front_end(kind, args)
    return service(COMPONENT, given)


def generations(what: Service, args: dict[str, Any]) -> dict[str, int]:
    return {name: args.get("generations", {}).get(name, 1) for name in what.backends}


def configuration(kind: str, args: dict[str, Any]) -> str:
    what = described(kind, args)
    return kind_of(kind).render(what, COMPONENT, generations(what, args), known(what))


SETS = ("host_names", "trusted_proxies", "networks", "allow_from", "deny_from", "exempt")
"""Arguments whose order says nothing."""


def turned(value: Any, key: str = "") -> Any:
    """Return the arguments in another order: mappings, and lists that are sets."""
    if isinstance(value, dict):
        return {key: turned(value[key], key) for key in reversed(value)}
    if isinstance(value, list) and key in SETS:
        return value[::-1]
    return value


def with_addresses(text: str, kind: str, args: dict[str, Any]) -> str:
    """Return `text` without names of replicas, which nobody here can resolve."""
    what = described(kind, args)
    for name in server_addresses(what, COMPONENT, generations(what, args)):
        text = text.replace(f" {name}:", " 127.0.0.1:")
    return text


def objections(kind: str, text: str, folder: Path) -> list[str]:
    """Return the errors of the real program for a configuration; skip the test where there is no program."""
    program = installed(kind)
    file = folder / "configuration"
    command = [program, "-c", "-f"] if kind == "haproxy" else [program, "-t"]
    if kind == "nginx":
        about = version(program)
        if "\nstream {" in text and STREAM.exists():
            command += ["-g", f"load_module {STREAM};"]
        elif "\nstream {" in text and "--with-stream " not in about:
            pytest.skip("no stream module in nginx (Debian: libnginx-mod-stream)")
        if number(about) < (1, 27, 3):
            text = text.replace(" resolve;", ";")
        if number(about) < (1, 27, 4):
            text = re.sub(r"\n *keepalive_min_timeout .*;", "", text)
        if number(about) < (1, 29, 6):
            text = re.sub(r"\n *sticky .*;| route=[^ ;]+", "", text)
        command.append("-c")
        text = text.replace("/tmp/", f"{folder}/")
        # It binds its ports, and low ones are not everybody's.
        text = re.sub(r"(\blisten (?:\[::]:)?)(\d+)", lambda at: f"{at[1]}{20_000 + int(at[2])}", text)
    file.write_text(text.replace(f"{PLACE}/", f"{folder}/"))
    done = subprocess.run([*command, file], capture_output=True, text=True)
    lines = (done.stdout + done.stderr).splitlines()
    if done.returncode:
        return lines
    return [line for line in lines if "[WARNING]" in line or ("[warn]" in line and str(file) in line)]


@functools.cache
def version(nginx: str) -> str:
    done = subprocess.run([nginx, "-V"], capture_output=True, text=True, check=True)
    return done.stderr.replace("\n", " ") + " "


def number(text: str) -> tuple[int, ...]:
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else (0,)


if __name__ == "__main__":
    main(FILES, made)
