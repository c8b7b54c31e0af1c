"""Certificates and keys of a user, checked before a proxy is asked."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from components.arguments.parsing import ArgumentError
from components.load_balanced.validation import service
from components.plan.checks import check
from components.preview.reading import Step
from components.proxies import authorities
from components.proxies.certificates import (
    UNUSABLE,
    known,
    load,
    mistakes,
    served,
    warnings,
)
from components.proxies.registry import kind_of
from components.proxies.served import Entrance, Served, entrances
from tests.support.certificates import Authority, Made, made, soon
from tests.support.golden_files import installed
from tests.support.program import ROOT

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TOP = Authority("Root")
BETWEEN = Authority("Between", TOP)
GOOD = made("a.example", issuer=BETWEEN)
HOSTS = {"web": ["a.example"]}
WRONG: dict[str, tuple[Made, str]] = {
    "no certificate": (Made("-----BEGIN x", GOOD.private_key), "certificate must be PEM of a certificate"),
    "no key": (Made(GOOD.certificate, GOOD.certificate), "private_key must be PEM of a private key"),
    "a key of another": (
        Made(GOOD.certificate, made("c.example").private_key),
        "private_key is the key of another certificate",
    ),
    "an encrypted key": (made("b.example", password=b"x"), "private_key is encrypted"),
    "the leaf last": (
        Made(BETWEEN.text + made("b.example").certificate, made("b.example").private_key),
        "certificate must begin with the certificate of private_key",
    ),
    "a stranger in the chain": (
        Made(GOOD.certificate + Authority("Other").text, GOOD.private_key),
        "certificate number 2 in certificate is not issued by number 3",
    ),
    "ended": (
        made("b.example", ends=datetime(2026, 5, 31, tzinfo=UTC)),
        "the certificate has ended 2026-05-31T00:00:00[+]00:00: give a new one",
    ),
    "not yet valid": (
        made("b.example", begins=datetime(2026, 6, 2, tzinfo=UTC)),
        "the certificate is not valid before 2026-06-02",
    ),
}


def said(*pairs: Made, hosts: dict[str, list[str]] = HOSTS) -> list[str]:
    return mistakes(pairs, hosts, NOW)


def test_a_certificate_with_those_that_issued_it_is_right() -> None:
    whole = Made(GOOD.certificate + TOP.text, GOOD.private_key)

    assert [said(GOOD), said(whole), said(made("a.example", elliptic=True))] == [[], [], []]


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_certificate_is_refused_by_its_place_and_not_shown(case: str) -> None:
    pair, error = WRONG[case]

    (found,) = said(GOOD, pair)

    assert re.match(f"front_end.tls.certificates.1: {error}", found)
    assert not any(line in found for text in pair for line in text.splitlines() if len(line) > 20)


def test_names_are_covered_and_a_wildcard_covers_one_label() -> None:
    pairs = [made("a.example"), made("*.b.example")]

    assert said(*pairs, hosts={"web": ["a.example", "x.b.example"], "all": ["*.b.example"]}) == []
    found = said(*pairs, hosts={"web": ["b.example"], "deep": ["y.x.b.example"]})
    assert [each.partition(": give")[0] for each in found] == [
        "backends.deep.host_names: no certificate of front_end.tls.certificates is for y.x.b.example",
        "backends.web.host_names: no certificate of front_end.tls.certificates is for b.example",
    ]


def test_a_name_in_two_certificates_is_refused() -> None:
    (found,) = said(GOOD, made("b.example", "a.example"))

    assert found.startswith(
        "front_end.tls.certificates.1: a.example is in the certificate front_end.tls.certificates.0, too: "
    )


def test_a_certificate_that_ends_within_three_weeks_is_worth_a_warning() -> None:
    now = datetime.now(UTC)

    (found,) = warnings([made("a.example", ends=soon(20.5)), made("b.example", ends=soon(21.5))], now)

    assert re.match(
        r"front_end.tls.certificates.0: the certificate of a.example ends in 20 days \(20.*\): renew", found
    )


def test_the_name_of_a_file_is_of_its_content() -> None:
    """Blank lines are no other content; another certificate for the same key is."""
    first, spaced = load(*GOOD), load(f"\n{GOOD.certificate}\n", GOOD.private_key)
    renewed = load(*made("a.example", issuer=BETWEEN, ends=soon(90)))

    assert first.served.file == spaced.served.file != renewed.served.file
    assert first.text.index("PRIVATE KEY") < first.text.index("BEGIN CERTIFICATE")
    assert first.text.count("BEGIN CERTIFICATE") == 2


def test_plain_certificates_are_checked_when_they_are_declared() -> None:
    args: dict[str, Any] = {"image": "app:1", "host_names": ["b.example"]}
    args["front_end"] = {"tls": {"certificates": [GOOD._asdict()]}}

    with pytest.raises(ArgumentError) as error:
        service("site", args)

    assert str(error.value).startswith(
        "LoadBalancedService 'site': backends.web.host_names: no certificate of front_end.tls.certificates is"
    )


def test_a_wrong_certificate_stands_in_no_configuration() -> None:
    assert served([WRONG["no key"][0]]) == [UNUSABLE]


def test_entrances_are_exact_names_and_then_suffixes_the_longest_first() -> None:
    certificates = [
        Served("one.pem", ("*.a.example", "a.example"), ""),
        Served("two.pem", ("*.b.a.example", "c.example"), ""),
    ]
    hosts = {"web": ["a.example", "x.a.example"], "all": ["*.a.example"]}

    assert entrances(certificates, hosts, None) == [
        Entrance(("a.example", "x.a.example"), None, "one.pem", "web"),
        Entrance(("c.example",), None, "two.pem", None),
        Entrance((".b.a.example",), "one", "two.pem", "all"),
        Entrance((".a.example",), "one", "one.pem", "all"),
        Entrance((".a.example",), "more", "", "all"),
    ]


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_a_plan_checks_a_configuration_without_its_certificates(kind: str) -> None:
    """A plan has no secrets: the program gets a certificate that is made for the check."""
    installed(kind)
    tls = {"port": 18443, "certificates": [GOOD._asdict()]}
    front_end = {"kind": kind, "port": 18080, "resolve": False, "tls": tls}
    what = service("site", {"image": "app:1", "replicas": 1, "front_end": front_end, "host": {}})
    text = kind_of(kind).render(what, "site", {"web": 1}, known(what)).replace("site-web-0-g1", "127.0.0.1")
    step = Step("update", "urn", "longshore:index:FrontEndConfig", "", new={"kind": kind, "config": text})

    (found,) = check([step])

    assert (found.problem, found.skipped) == (None, False)


def test_authorities_of_clients_are_checked_when_they_are_declared() -> None:
    """A certificate that issues none, one that has ended, and a key among them are refused and not shown."""
    wrong = {
        made("a.example").certificate: "number 1 is not of an authority",
        BETWEEN.text: "number 1 is issued by another, which is missing",
        Authority("Old", ends=soon(-1)).text: "no certificate is valid now",
        TOP.text + GOOD.private_key: "certificates of authorities alone, got PRIVATE KEY",
        "-----BEGIN CERTIFICATE-----\nx": "client_ca must be PEM of certificates of authorities",
    }

    for text, said in wrong.items():
        tls = {"certificates": [GOOD._asdict()], "client_ca": text}
        with pytest.raises(ArgumentError) as error:
            service("site", {"image": "app:1", "host_names": ["a.example"], "front_end": {"tls": tls}})
        assert said in str(error.value)
        assert not any(line in str(error.value) for line in text.splitlines())
    assert authorities.mistakes(TOP.text + BETWEEN.text, datetime.now(UTC)) == []


def test_the_end_of_an_authority_is_worth_a_warning() -> None:
    """One that has ended, too: the clients of the others get in."""
    old, new = Authority("Old", ends=soon(-1)), Authority("New", ends=soon(20))
    text, now = TOP.text + old.text + new.text, datetime.now(UTC)

    assert authorities.mistakes(text, now) == []
    assert [each.partition(" ends ")[0] for each in authorities.warnings(text, now)] == [
        "front_end.tls.client_ca: certificate number 2",
        "front_end.tls.client_ca: certificate number 3",
    ]


def test_the_file_of_authorities_has_certificates_and_nothing_else() -> None:
    name, text = authorities.delivered(f"Our own:\n{TOP.text}\n{BETWEEN.text}")

    assert text == TOP.text + BETWEEN.text
    assert name == authorities.delivered(TOP.text + BETWEEN.text)[0]
    assert name != authorities.delivered(TOP.text)[0]


def test_a_plugin_without_tls_does_not_load_cryptography() -> None:
    program = "import sys, components.provider.server; print('cryptography' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout == "False\n", done.stderr
