"""Inputs at random: good ones, changed in a few places. One number always makes one input."""

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.cases.typed.every_argument import COMPONENTS
from tests.support.golden_files import FOLDER, SEPARATOR, arguments

MARK = "s3cr3tMk"
"""Stands at each place that may hold a secret; no error and no configuration may show it."""
PEM = f"-----BEGIN CERTIFICATE-----\n{MARK}\n-----END CERTIFICATE-----\n"
_SECRET = {"environment", "command", "entrypoint", "content", "password", "username", "secrets"}
_CERTIFICATES = {"ca_certificate", "client_certificate", "client_key"}
_WITH_PASSWORD: dict[str, list[Any]] = {
    "address": [f"ssh://root:{MARK}@server", f"tcp://{MARK}@server:2376", f"https://server/?{MARK}"],
    "host": [f"ssh://root:{MARK}@server", [f"ssh://root:{MARK}@server"]],
    "image": [f"me:{MARK}@registry.example/app:1", f"https://me:{MARK}@registry.example/app"],
    "registries": [f"me:{MARK}@registry", [f"me:{MARK}@registry"], {"registry": MARK}],
    "environment": [f"TOKEN={MARK}", [f"TOKEN={MARK}"], {f"TOKEN={MARK}": "x"}, {"TOKEN": [MARK]}],
    "managers": [f"ssh://root:{MARK}@server"],
    "path": [f"http://a/?token={MARK}"],
}
_TEXTS = (
    "", " ", "\n", "\r", "\t", "\x00", "\x7f", '"', "'", "{", "}", ";", "#", "$host", "\\", "`id`", "{{",
    "}}", "{{ x }}", "{% x %}", "%[src]", "%", "*", "*.", "-", "--", ".", "..", "/", "//", ":", "@", "=",
    "\u0430", "\uff11", "\u2028", "\u202e", "\ud800", "\U0001f600", "entry", "engine", "default", "if", "or",
    "unless", "server", "_", "null", "true", "no", "1e5", "0x10", "nan", "a" * 64, "a" * 300, "0.0.0.0", "::",
    "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.0/8", "0.0.0.0/0", "::/0", "fe80::1%eth0",
)  # fmt: skip
_NUMBERS = (
    -1, 0, 1, 2, 3, 7, 64, 255, 256, 1000, 1001, 65535, 65536, 2**31, 2**63, 10**400, -0.0, 0.5, 1e-9, 0.05,
    1.5, 40.95, 1e300, float("inf"), float("-inf"), float("nan"),
)  # fmt: skip
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [None], [[]], {"": None}, {1: 2}, {"a": {}}, (1,), {1})
_CHARACTERS = "aZ09-_./:@ \n\t\x00\"'{};#$\\%*=\u0430\u2028"


class Input(NamedTuple):
    """A component's class, or `settings`, and what it is given."""

    component: str
    given: Any


def _seeds() -> list[Input]:
    found = [Input(component, dict(args)) for component, args in COMPONENTS.values()]
    for file in sorted(FOLDER.rglob("*.txt")):
        head = file.read_text().partition(SEPARATOR)[0]
        kind = file.parent.name
        if kind not in ("haproxy", "nginx"):
            continue
        args = arguments(head)
        args.pop("generations", None)
        args["front_end"] = {**args.get("front_end", {}), "kind": kind}
        if file.parent.parent.name == "gateway":
            swarm = {"networks": ["apps"], "managers": [{"address": "ssh://one.example"}]}
            found.append(Input("SwarmGateway", {**args, **swarm}))
        else:
            found.append(Input("LoadBalancedService", args))
    found += [Input("settings", each) for each in _settings(found)]
    return [Input(component, _marked(args)) for component, args in found]


def _settings(components: list[Input]) -> Iterator[dict[str, Any]]:
    """Yield settings with these components."""
    for component, args in components:
        if component == "LoadBalancedService":
            token = {"environment": {"TOKEN": {"secret": "token"}}} if "backends" not in args else {}
            services = {"web": {**args, **token}}
            yield {"services": services, "host": {"address": "ssh://one"}, "secrets": {"token": MARK}}
        if component == "SwarmCluster":
            yield {"swarms": {"main": args}}


def _marked(value: Any, key: str = "", secret: bool = False) -> Any:
    """Return a value with the mark in each text that may be secret."""
    if isinstance(value, dict):
        return {k: _marked(v, str(k), secret or k in _SECRET) for k, v in value.items()}
    if isinstance(value, list):
        return [_marked(each, key, secret) for each in value]
    if not isinstance(value, str) or key in ("path", "mode", "user", "group", "secret"):
        return value
    if key in _CERTIFICATES:
        return PEM
    if key in ("certificate", "private_key"):
        return f"{MARK}\n{value}"  # readers of PEM begin at its first line
    return MARK if secret else value


SEEDS = _seeds()
_COMPONENTS = {
    name: [each for each in SEEDS if each.component == name]
    for name in sorted({each.component for each in SEEDS})
}
_NAMES = list(_COMPONENTS)
_PARTS: list[tuple[str, Any]] = []
"""Each key of the seeds, with its value; no text that is secret, which is none in another place."""


def _places(value: Any, levels: int = 12) -> list[tuple[Any, Any]]:
    """Return each mapping or list in a value with each of its keys; no argument is deeper."""
    found: list[tuple[Any, Any]] = []
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        found.append((value, key))
        if levels and isinstance(each, (dict, list)):
            found += _places(each, levels - 1)
    return found


def _copy(value: Any) -> Any:
    """Return a value with mappings and lists of its own."""
    if isinstance(value, dict):
        return {key: _copy(each) for key, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value


for _, _args in SEEDS:
    _found = ((key, container[key]) for container, key in _places(_args))
    _PARTS += [(k, v) for k, v in _found if isinstance(k, str) and not (isinstance(v, str) and MARK in v)]


def made(number: int) -> Input:
    """Make the input of that number."""
    chance = random.Random(number)  # noqa: S311 — to be made again
    component, args = chance.choice(_COMPONENTS[chance.choice(_NAMES)])
    given = _copy(args)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        given = _changed(chance, given)
    return Input(component, given)


def _changed(chance: random.Random, given: Any) -> Any:
    places = _places(given) if isinstance(given, dict | list) else []
    if not places or chance.random() < 0.002:
        return _copy(chance.choice((*OTHERS, *_TEXTS)))
    container, key = chance.choice(places)
    ways = (_replace, _replace, _alter, _alter, _wrap, _transplant, _transplant, _remove, _rename, _repeat)
    chance.choice(ways)(chance, container, key)
    return given


def _replace(chance: random.Random, container: Any, key: Any) -> None:
    """Put another value in; where an address or a secret is, one with a password."""
    known = _WITH_PASSWORD.get(key, [])
    if known and chance.random() < 0.5:
        container[key] = _copy(chance.choice(known))
    else:
        pools: tuple[tuple[Any, ...], ...] = (_TEXTS, _NUMBERS, OTHERS)
        pool = chance.choice(pools)
        container[key] = _copy(chance.choice(pool))


def _alter(chance: random.Random, container: Any, key: Any) -> None:
    """Change a value a little, unless it has a secret in it, which might be none in another form."""
    value = container[key]
    if isinstance(value, str) and MARK in value:
        return
    if isinstance(value, bool) or value is None:
        container[key] = not value
    elif isinstance(value, int | float) and abs(value) < 2**64:
        changed = (value + 1, value - 1, -value, value * 1000, value / 1000, float(value))
        container[key] = chance.choice(changed)
    elif isinstance(value, str):
        at = chance.randint(0, len(value))
        inserted = chance.choice((*_CHARACTERS, *_TEXTS))
        container[key] = value[:at] + inserted + value[at + chance.randint(0, 1) :]


def _wrap(chance: random.Random, container: Any, key: Any) -> None:
    """Put the value into a list or mapping, or as deep as nobody means it."""
    for _ in range(chance.choice((1, 1, 1, 2, 40, 2000))):
        container[key] = [container[key]] if chance.random() < 0.5 else {"a": container[key]}


def _transplant(chance: random.Random, container: Any, key: Any) -> None:
    """Add a key of another component, or of another place."""
    if isinstance(container, dict):
        other, value = chance.choice(_PARTS)
        container[other] = _copy(value)


def _remove(chance: random.Random, container: Any, key: Any) -> None:
    del container[key]


def _rename(chance: random.Random, container: Any, key: Any) -> None:
    """Give a key another name, sometimes one that is no text."""
    if isinstance(container, dict):
        name = chance.choice((f"{key}s", str(key)[1:], str(key).upper(), *_TEXTS, 1, None, 1.5, ("a",)))
        container[name] = container.pop(key)


def _repeat(chance: random.Random, container: Any, key: Any) -> None:
    """Repeat a part of the input: in a list, or under another name; sometimes often."""
    for number in range(chance.choice((1, 1, 2, 50))):
        if isinstance(container, list):
            container.append(container[key])
        elif isinstance(container, dict):
            container[f"{key}{number}"] = container[key]
