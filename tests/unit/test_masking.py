"""Secrets in what programs write: hidden in each form, and what else they write stays readable."""

import base64
import html
import json
import shlex
import urllib.parse
from collections.abc import Callable

import pytest

from components.engine.masking import without_values

SECRETS = [
    "hunter2",
    "a face \U0001f600",
    "pass word",
    "p@ss/w+rd=&x",
    'a"quoted\\one',
    "<ünïcode>'s",
    "0123456789abcdef" * 9,
]
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of a URL": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 with what is before": lambda text: base64.b64encode(f"me:{text}".encode()).decode(),
    "base64 with what is around": lambda text: base64.b64encode(f"u:{text}:more".encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(f"much {text}".encode()).decode(),
    "quoted for a path": urllib.parse.quote,
    "quoted for a query": urllib.parse.quote_plus,
    "quoted in small letters": lambda text: urllib.parse.quote(text, safe="").lower(),
    "all quoted": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal with colons": lambda text: text.encode().hex(":").upper(),
    "JSON": json.dumps,
    "JSON with letters as they are": lambda text: json.dumps(text, ensure_ascii=False),
    "HTML": html.escape,
    "Python": repr,
    "ASCII of Python": ascii,
    "bytes of Python": lambda text: repr(text.encode()) if text.isascii() else text,
    "a shell": shlex.quote,
}


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", list(FORMS))
def test_a_value_is_hidden_in_each_form(form: str, secret: str) -> None:
    """Of base64, letters that are about what is around it may be left."""
    written = FORMS[form](secret)

    text = without_values(f"before {written} after", ["PORT=8080", f"TOKEN={secret}", "PATH=/bin"])

    assert text.startswith("before ")
    assert text.endswith(" after")
    assert "[TOKEN]" in text
    left = text.removeprefix("before").removesuffix("after").replace("[TOKEN]", "").strip(" \n'\"b:")
    assert len(left) <= (20 if "base64" in form else 0), text


def test_the_longer_of_two_values_comes_first() -> None:
    """Nothing of a value is left where a part of it is one, too."""
    text = without_values("at db://me:hunter2-of-2026@a", ["A=hunter2", "B=hunter2-of-2026"])

    assert "2026" not in text
    assert "hunter" not in text


def test_lines_of_a_value_are_hidden() -> None:
    """The last lines of a log may have some of them only."""
    key = "-----BEGIN KEY-----\nbGluZSBvbmUgb2YgaXQ\nbGluZSB0d28gb2YgaXQ\n-----END KEY-----"

    text = without_values("found: bGluZSB0d28gb2YgaXQ", [f"KEY={key}"])

    assert text == "found: [KEY]"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("connecting to postgres://me:hunter2@db/shop", "connecting to postgres://[hidden]@db/shop"),
        ("> Authorization: Bearer hunter2", "> Authorization: [hidden]"),
        ("authorization: Basic bWU6aHVudGVyMg==", "authorization: [hidden]"),
        ("login with DB_PASSWORD=hunter2 failed", "login with DB_PASSWORD=[hidden] failed"),
        ("""{"apiKey": "hunter2", "a": 1}""", """{"apiKey": "[hidden]", "a": 1}"""),
        ("GET /?token=hunter2&page=1", "GET /?token=[hidden]&page=1"),
        ("curl --password=hunter2 -v", "curl --password=[hidden] -v"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN [hidden]-----END RSA PRIVATE KEY-----",
        ),
    ],
)
def test_credentials_from_elsewhere_are_hidden(written: str, shown: str) -> None:
    """A text that is no variable, but calls itself a credential."""
    assert without_values(written, []) == shown


@pytest.mark.parametrize(
    "text",
    [
        "listening on 8080",
        "no curl, wget or bash in this image: give health.command",
        "curl: (22) The requested URL returned error: 500",
        "error: token expired",
        "password: authentication failed for user",
        "GET http://127.0.0.1:80/healthz HTTP/1.1",
        "deploy@server: permission denied",
    ],
)
def test_other_text_stays(text: str) -> None:
    """A report has to be understood."""
    assert without_values(text, ["PORT=8080", "PATH=/usr/bin", "EMPTY=", "MODE=prod"]) == text
