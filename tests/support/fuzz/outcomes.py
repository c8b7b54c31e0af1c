"""Outcomes of an input: a model whose configurations can be made, or one clear error."""

import json
import re
from typing import Any

import pulumi
from pulumi.runtime.settings import Settings, configure
from pulumi.runtime.sync_await import _sync_await

from components import ArgumentError, settings
from components.arguments.parsing import arguments
from components.load_balanced.replicas import health_test
from components.load_balanced.validation import service
from components.proxies.certificates import known
from components.proxies.model import Service
from components.proxies.registry import KINDS
from components.proxies.views import server_addresses
from components.swarm.cluster.validation import cluster
from components.swarm.floating.model import Floating
from components.swarm.floating.validation import floating
from components.swarm.floating.view import configuration
from components.swarm.gateway.model import Gateway, PlacedGateway
from components.swarm.service.model import PlacedService
from components.swarm.service.model import Service as SwarmService
from components.swarm.service.spec import spec
from tests.support.fuzz.inputs import MARK, Input
from tests.support.golden_files import tidy
from tests.support.mocks import PROJECT, STACK

NAME = "site"
LINES, LETTERS = 6, 6000
"""Most that an error has."""

Texts = list[tuple[str, str]]
"""Configurations, each with the program that it is for."""


def outcome(given: Input) -> Texts | None:
    """Return the configurations of a good input; None for one that is rightly refused; else raise."""
    try:
        texts = _texts(given)
    except ArgumentError as error:
        _check(str(error), given.component)
        return None
    for _, text in texts:
        assert tidy(text), text
        assert text.isascii(), text
        assert MARK not in text, text
    return texts


def _check(said: str, component: str) -> None:
    lines = said.splitlines()
    where = "Pulumi.test.yaml: " if component == "settings" else f"{component} {NAME!r}: "
    assert 1 <= len(lines) <= LINES, said
    assert len(said) <= LETTERS, said
    for line in lines:
        assert line.startswith(where), said
        assert re.match(r"\S+ \S+ .|and [0-9,]+ more$", line.removeprefix(where)), said
        assert line.isascii(), said
        assert line.isprintable(), said
    assert MARK not in said, said


def _texts(given: Input) -> Texts:
    match given.component:
        case "LoadBalancedService":
            return _load_balanced(service(NAME, given.given))
        case "SwarmGateway":
            return _gateway(arguments(PlacedGateway, "SwarmGateway", NAME, given.given))
        case "SwarmService":
            return _service(arguments(PlacedService, "SwarmService", NAME, given.given))
        case "FloatingAddress":
            return _floating(floating(NAME, given.given))
        case "SwarmCluster":
            what, _ = cluster(NAME, given.given)
            texts = [text for each in what.services.values() for text in _service(each)]
            texts += _gateway(what.gateway) if what.gateway else []
            return [*texts, *(text for each in what.floating_addresses.values() for text in _floating(each))]
        case _:
            return _settings(given.given)


def _load_balanced(what: Service) -> Texts:
    """Return the texts of both kinds, where the other one supports the arguments."""
    found = []
    for name, kind in KINDS.items():
        other = what.model_copy(update={"front_end": what.front_end.model_copy(update={"kind": name})})
        if kind.refusals(other):
            assert name != what.front_end.kind
            continue
        generations = dict.fromkeys(what.backends, 1)
        text = kind.render(other, NAME, generations, known(other))
        for address in server_addresses(other, NAME, generations):
            text = text.replace(f" {address}:", " 127.0.0.1:")
        if not _certified_later(what):
            found.append((name, text))
    for backend in what.backends.values():
        assert health_test(backend, what.mode)
    return found


def _gateway(what: Gateway) -> Texts:
    assert what.service.configs
    return [] if _certified_later(what) else [(what.front_end.kind, what.text)]


def _certified_later(what: Service | Gateway) -> bool:
    """Return whether there are certificates that are known later only: no program could find their files."""
    return what.front_end.tls is not None and what.front_end.tls.plain is None


def _service(what: SwarmService) -> Texts:
    without = what.model_copy(update={"environment": {}})  # what may be an Output is for a program that runs
    json.dumps(spec(NAME, "service", without, [], []), allow_nan=False)
    return []


def _floating(what: Floating) -> Texts:
    password = "" if what.password is None else "password"
    return [("keepalived", configuration(NAME, what, node, password or None)) for node in what.nodes]


def _settings(values: Any) -> Texts:
    """Return the settings themselves; the components validate the parts below services and swarms."""
    if not isinstance(values, dict):
        return []
    texts = {}
    for key, value in values.items():
        try:
            texts[f"{PROJECT}:{key}"] = value if isinstance(value, str) else json.dumps(value)
        except (TypeError, ValueError, RecursionError):
            return []  # no settings file can hold it
    pulumi.runtime.set_all_config(texts, [f"{PROJECT}:secrets"])
    configure(Settings(project=PROJECT, stack=STACK))
    _sync_await(_load())
    return []


async def _load() -> None:
    """Load the settings as a program does, which has a loop for its Outputs; nothing is registered."""
    settings.load()
