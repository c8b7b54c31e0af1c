"""Settings of a stack: what is wrong in Pulumi.<stack>.yaml is one clear error that names the key."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest

from components import ArgumentError, settings
from components.load_balanced.validation import service
from tests.support.mocks import run

WEB = {"services": {"web": {"image": "httpd:2.4"}}}


@pytest.fixture(autouse=True)
def _nothing_set() -> Iterator[None]:
    yield
    pulumi.runtime.set_all_config({}, [])


def load(values: dict[str, Any], secret: tuple[str, ...] = ("secrets",)) -> Any:
    """Return `settings.load()` in a deployment whose stack has `values`; its result or error."""
    texts = {
        f"longshore:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
    }
    pulumi.runtime.set_all_config(
        {**texts, "other:services": "of another project"}, [f"longshore:{key}" for key in secret]
    )
    seen = run(settings.load)
    return seen.error or seen.value


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "services or swarms is required: there is nothing to bring up"),
    "unknown key": (
        {**WEB, "service": {}},
        "service is not a known key; did you mean services[?] known here: host, secrets, services, swarms",
    ),
    "unknown key with text": (
        {**WEB, "replicas": "three"},
        "replicas is not a known key; known here: host, secrets, services, swarms",
    ),
    "unknown key with a strange name": (
        {**WEB, "a b": 1},
        "'a b' is not a known key; known here: host, secrets, services, swarms",
    ),
    "services text": ({"services": "web"}, "services must be a mapping of keys, got text"),
    "services a list": ({"services": [1]}, "services must be a mapping of keys, got a list"),
    "service text": (
        {"services": {"web": "httpd"}},
        "services.web must be a mapping of keys, got text",
    ),
    "service None": (
        {"services": {"web": None}},
        "services.web must be a mapping of keys, got None",
    ),
    "service with a wrong name": (
        {"services": {"Web": {}}},
        "services.Web must be 1 to 32 of a-z, 0-9 and -, .*, got text",
    ),
    "services of nothing": ({"services": None}, "services or swarms is required: there is nothing .*"),
    "services an empty text": ({"services": ""}, "services must be a mapping of keys, got text"),
    "unknown secret, and one with a strange name": (
        {"services": {"web": {"a": {"secret": "b"}}}, "secrets": {"": "x", "a\n": "y"}},
        r"services.web.a.secret must be a name under secrets \('', 'a\\n'\), .*got text: `pulumi config .*",
    ),
    "host text": ({**WEB, "host": "ssh://a"}, "host must be a mapping of keys, got text"),
    "secrets text": (
        {**WEB, "secrets": "hunter2"},
        "secrets must be a mapping of names to secret texts, got text: `pulumi config set .*",
    ),
    "a secret number": (
        {**WEB, "secrets": {"db": 12345}},
        "secrets must be a mapping of names to secret texts, got a number for db: put its value in quotes",
    ),
    "unknown secret": (
        {
            "services": {"web": {"image": "a", "environment": {"T": {"secret": "tokn"}}}},
            "secrets": {"token": "hunter2", "db": "hunter3"},
        },
        (
            r"services.web.environment.T.secret must be a name under secrets \(db, token\), "
            "did you mean token[?] got text: `pulumi config set .*"
        ),
    ),
    "secret without secrets": (
        {"services": {"web": {"host": {"client_key": {"secret": "key"}}}}},
        (
            r"services.web.host.client_key.secret must be a name under secrets \(none\), got text"
            ": `pulumi config set --path --secret <project>:secrets.<name>`"
        ),
    ),
    "secret named by a list": (
        {"services": {"web": {"command": [{"secret": ["a"]}]}}},
        r"services.web.command.0.secret must be a name under secrets \(none\), got a list: `pulumi .*",
    ),
}


@pytest.mark.parametrize("title", list(WRONG))
def test_a_wrong_setting_is_one_clear_error(title: str) -> None:
    """One mistake, one line: the file, the key, what is allowed; never a secret's value."""
    values, expected = WRONG[title]

    error = load(values)

    assert isinstance(error, ArgumentError), repr(error)
    assert re.fullmatch(rf"Pulumi\.test\.yaml: {expected}", str(error))
    assert "hunter" not in str(error)
    assert "12345" not in str(error)


def test_a_secret_outside_of_secrets_is_refused() -> None:
    """A secret among plain settings would end up in clear: the error says where it belongs."""
    values = {"services": {"web": {"image": "a", "environment": {"TOKEN": "hunter2"}}}}

    error = load(values, secret=("services",))

    assert str(error) == (
        "Pulumi.test.yaml: services holds a secret, which would end up in clear: put it under "
        "secrets and write {secret: <its name>} here"
    )


def test_services_are_taken_as_they_are() -> None:
    """The arguments of a service reach the component, whose business they are."""
    loaded = load({"services": {"web": {"image": "httpd:2.4", "replicas": 5}}})

    assert loaded.services["web"] == {"image": "httpd:2.4", "replicas": 5, "host": {}}


def test_a_secret_is_one_in_the_arguments() -> None:
    """`{secret: name}` becomes a secret Output of the value."""
    values = {
        "services": {"web": {"image": "a", "environment": {"TOKEN": {"secret": "token"}}}},
        "secrets": {"token": "hunter2"},
    }

    loaded = load(values)

    token = loaded.services["web"]["environment"]["TOKEN"]
    known: list[Any] = []
    run(lambda: pulumi.Output.all(token, token.is_secret()).apply(known.append))
    assert isinstance(token, pulumi.Output)
    assert known == [["hunter2", True]]


@pytest.mark.parametrize("own", [{}, {"host": None}])
def test_services_share_the_settings_host(own: dict[str, Any]) -> None:
    """A service without a host of its own gets that of the stack."""
    values = {
        "services": {"web": {"image": "a", **own}, "far": {"image": "a", "host": {"address": "x"}}},
        "host": {"address": "ssh://near"},
    }

    loaded = load(values)

    assert loaded.services["web"]["host"] == {"address": "ssh://near"}
    assert loaded.services["far"]["host"] == {"address": "x"}
    assert service("web", loaded.services["web"]).host.address == "ssh://near"


def test_settings_cannot_be_changed() -> None:
    """Settings stay as they were read."""
    loaded = load(WEB)

    with pytest.raises(Exception, match="frozen"):
        loaded.host = {}
