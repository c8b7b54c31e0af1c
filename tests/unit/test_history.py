"""Revisions of a service: compared, printed, and laid over the settings of a stack."""

import copy
import getpass
import json
import os
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from docker.errors import ImageNotFound

from components import LoadBalancedService
from components.engine.connection import HostUnreachable
from components.engine.history import Failure, History, Image, Revision
from components.load_balanced.validation import service as validated
from components.operate import command, past
from components.operate.overlay import laid_over
from components.operate.past import Asked, Past, way_back
from components.operate.revisions import alike, as_json, changed_settings, changes, difference, table
from components.operate.workspace import Project
from components.provider.authors import author
from components.repair.survey import Owner
from components.repair.telling import CannotGoOn
from components.version import VERSION
from tests.cases.typed.every_argument import COMPONENTS, PEM
from tests.support.documents import block
from tests.support.mocks import run

FIRST = {"image": "app:1", "replicas": 3, "environment": {"TOKEN": "[secret]"}}
PRESENT = {"image": "app:2", "environment": {"TOKEN": {"secret": "token"}}, "host": {"address": "ssh://a"}}


DIGEST = f"registry.example/app@sha256:{'a' * 64}"


def image(letter: str, reference: str = "app:1") -> Image:
    return Image(
        reference=reference,
        id=f"sha256:{letter * 64}",
        digests=[f"registry.example/app@sha256:{letter * 64}"],
    )


def revision(number: int, settings: dict[str, Any] | None = None, **fields: Any) -> Revision:
    """Return a revision of one backend."""
    known: dict[str, Any] = {
        "number": number,
        "when": f"2026-11-29T18:00:{number:02}+00:00",
        "by": "ann at laptop",
        "version": "0.2.0",
        "settings": settings or FIRST,
        "images": {"web": image("a")},
        "replicas": {"web": 3},
        "config": "server site-web-0-g1:80\n",
    }
    return Revision(**{**known, **fields})


def test_a_table_is_read_from_the_newest_on() -> None:
    """A change that failed stands between the revisions, and one that brought another back names it."""
    history = History(
        revisions=[
            revision(1),
            revision(2, {**FIRST, "image": "app:2"}, images={"web": image("b", "app:2")}),
            revision(4, config="server site-web-0-g3:80\nmaxconn 5\n"),
        ],
        failures=[Failure(when="2026-11-29T18:00:03+00:00", by="bob at ci", version="0.2.0", reason="sick")],
    )

    assert table("site", history) == [
        "site: revision 4 is in force",
        "REVISION  WHEN (UTC)           BY             CHANGE",
        (
            "4         2026-11-29 18:00:04  ann at laptop  as 1: backends.web.image: app:2 → app:1; "
            "configuration +1 -0 lines"
        ),
        "-         2026-11-29 18:00:03  bob at ci      failed: sick",
        "2         2026-11-29 18:00:02  ann at laptop  backends.web.image: app:1 → app:2",
        "1         2026-11-29 18:00:01  ann at laptop  web: 3 replicas of app:1",
    ]


def test_the_short_form_of_a_service_is_its_long_form() -> None:
    """To move a backend below `backends` is no change."""
    long = {"front_end": {"port": 80}, "backends": {"api": {"image": "app:1", "replicas": 2}}}

    assert (
        changed_settings({"name": "api", "image": "app:1", "replicas": 2, "front_end": {"port": 80}}, long)
        == []
    )
    assert changed_settings(long, {**long, "host": {"address": "ssh://b"}, "network": None}) == []


def test_an_image_of_the_same_name_is_another_image() -> None:
    """A tag was moved between two changes."""
    said = changes(revision(1), revision(2, images={"web": image("b")}))

    assert said == ["web: app:1 is another image (aaaaaaaaaaaa → bbbbbbbbbbbb)"]
    assert not alike(revision(1), revision(2, images={"web": image("b")}))


def test_a_way_back_names_the_protections_that_it_drops() -> None:
    """Certificates that begin alike are told apart."""
    begin, end = "-----BEGIN CERTIFICATE-----\nMIIB", "\n-----END CERTIFICATE-----"
    ours, theirs = (f"{begin}{'x' * 60}{last}{end}" for last in "ab")
    now = revision(2, {"image": "app:1", "front_end": {"tls": {"client_ca": ours}}})
    tls = {"client_ca": theirs, "client_verify": "optional"}
    target = revision(1, {"image": "app:1", "front_end": {"tls": tls}})

    said = "\n".join(way_back(now, target))

    (before, after) = re.findall(r"MIIBx*… \((\w{12})\)", said)
    assert before != after
    assert "front_end.tls.client_ca has 1 more, which drops a protection" in said
    assert "front_end.tls.client_verify is optional, which drops a protection" in said


def test_a_change_of_a_secret_is_a_revision() -> None:
    """Nothing of it is shown but that something has replaced the replicas."""
    said = changes(revision(1), revision(2, config="server site-web-0-g2:80\n"))

    assert said == ["replicas replaced, for something that is not kept, such as a secret"]


def test_the_difference_of_the_oldest_revision_is_all_of_it() -> None:
    lines = difference("site", History(revisions=[revision(7)]), revision(7))

    assert lines[0].endswith("; no revision before it is kept")
    assert "backends.web.replicas: (default) → 3" in lines
    assert "+server site-web-0:80" in lines
    assert [line for line in lines if "web: " in line] == [
        f"image of web: app:1, sha256:{'a' * 64}, {DIGEST}"
    ]


def test_json_holds_all_that_is_kept() -> None:
    found = json.loads(json.dumps(as_json("site", History(revisions=[revision(1)]))))

    assert (found["service"], found["in_force"], found["failures"]) == ("site", 1, [])
    assert found["revisions"][0]["images"]["web"]["id"] == f"sha256:{'a' * 64}"
    assert found["revisions"][0]["changes"] == ["web: 3 replicas of app:1"]


def test_the_page_shows_a_table() -> None:
    """The table in docs/history.md is the one that its history gives, and its commands are known."""

    def shop(number: int, tag: int, replicas: int, when: str, by: str, config: str) -> Revision:
        return revision(
            number,
            {"image": f"shop:{tag}", "replicas": replicas},
            when=when,
            by=by,
            images={"web": image("abc"[tag - 1], f"shop:{tag}")},
            config=config,
        )

    ann, bob = "ann at laptop", "bob at build"
    reason = "1 of 5 replicas of web-web failed; rolled back to web-web-0-g3, …"
    history = History(
        revisions=[
            shop(1, 1, 3, "2026-11-27T15:58:02+00:00", ann, ""),
            shop(2, 2, 3, "2026-11-27T16:20:31+00:00", ann, ""),
            shop(3, 3, 5, "2026-11-28T09:12:55+00:00", bob, "a\nb\nc\nd\n"),
            shop(4, 2, 3, "2026-11-29T18:34:12+00:00", ann, "a\nb\nc\nd\n"),
        ],
        failures=[Failure(when="2026-11-29T18:31:40+00:00", by=ann, version="0.2.0", reason=reason)],
    )

    assert block("web: revision 4 is in force").splitlines() == table("web", history)
    for typed in ("longshore history", "longshore rollback"):
        _, action, *arguments = block(f"{typed} ").split()
        assert command._past_parser(action).parse_args(arguments).stack == "prod"


def settings(**services: Any) -> dict[str, Any]:
    return {
        "encryptionsalt": "v1:x",
        "config": {"shop:services": services, "shop:secrets": {"token": {"secure": "x"}}},
    }


def test_a_revision_is_laid_over_the_settings() -> None:
    """Secrets, the host, other services and the settings themselves stay as they are."""
    given = settings(site=PRESENT, other={"image": "app:9"})
    before = copy.deepcopy(given)

    found = laid_over(given, "shop", "site", revision(1), {"web": "app:1"})

    assert found == {
        "encryptionsalt": "v1:x",
        "config": {
            "shop:services": {
                "site": {
                    "backends": {
                        "web": {
                            "image": "app:1",
                            "replicas": 3,
                            "environment": {"TOKEN": {"secret": "token"}},
                        }
                    },
                    "host": {"address": "ssh://a"},
                },
                "other": {"image": "app:9"},
            },
            "shop:secrets": {"token": {"secure": "x"}},
        },
    }
    assert given == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (settings(other=PRESENT), "shop:services.site is not in the settings of this stack"),
        ({}, "shop:services.site is not in the settings of this stack"),
        ({"config": {"shop:services": ["site"]}}, "shop:services.site is not in the settings of this stack"),
        (
            settings(site={"image": "app:2"}),
            r"a secret at shop:services\.site\.backends\.web\.environment\.TOKEN",
        ),
        (settings(site={**PRESENT, "environment": {"TOKEN": "a"}}), "revision 1 had a secret at"),
    ],
    ids=["another service", "no settings", "a list", "no secret", "text in place of a secret"],
)
def test_a_revision_that_cannot_be_laid_over_is_refused(given: dict[str, Any], said: str) -> None:
    """Before anything is made, in one line."""
    with pytest.raises(CannotGoOn, match=said) as error:
        laid_over(given, "shop", "site", revision(1), {"web": "app:1"})

    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    "name", [name for name, (kind, _) in COMPONENTS.items() if kind == "LoadBalancedService"]
)
def test_every_argument_comes_back(name: str) -> None:
    """The arguments that a program gives are kept so that they are those of the same service again."""
    given: Any = COMPONENTS[name][1]
    seen = run(lambda: LoadBalancedService(name, given))
    (found,) = seen.of_type("FrontEndConfig")
    kept = plain(found.inputs["settings"])
    secrets = {key: {"secret": key} for key in given.get("environment", {})}
    pairs = [{"certificate": {"secret": "certificate"}, "private_key": {"secret": "key"}}]
    front_end = {"tls": {"certificates": pairs}}
    present = {"name": given.get("name"), "image": "app:1", "environment": secrets, "front_end": front_end}

    laid = laid_over(settings(site=present), "shop", "site", revision(1, kept), {})

    service = laid["config"]["shop:services"]["site"]
    if tls := given.get("front_end", {}).get("tls"):
        assert service["front_end"]["tls"]["certificates"] == pairs
        service["front_end"]["tls"]["certificates"] = tls["certificates"]
    again, was = (validated(name, each) for each in (service, given))
    without: Any = {"host": True, "backends": {"__all__": {"environment"}}}
    assert again.model_dump(exclude=without) == was.model_dump(exclude=without)


def plain(value: Any) -> Any:
    """Return a value as the plugin gets it: whole numbers as int."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def test_secrets_are_not_kept() -> None:
    """Neither a secret nor what is made of one, at whatever depth; the input itself is no secret."""
    secret = pulumi.Output.secret("hunter2")
    args: Any = {
        "image": pulumi.Output.from_input("app:1"),
        "environment": {"A": secret, "B": pulumi.Output.concat("b", secret), "C": "plain"},
        "host": {
            "address": "tcp://a.example:2376",
            "ca_certificate": PEM,
            "client_certificate": PEM,
            "client_key": secret,
        },
    }

    seen = run(lambda: LoadBalancedService("site", args))

    assert seen.named("site-lb-config").inputs["settings"] == {
        "image": "app:1",
        "environment": {"A": "[secret]", "B": "[secret]", "C": "plain"},
    }


# Person


@pytest.mark.parametrize(
    ("variables", "by"),
    [
        ({}, "ann at laptop"),
        ({"SUDO_USER": "bob"}, "bob at laptop"),
        ({"GITHUB_ACTOR": "eve", "SUDO_USER": "bob"}, "eve at GitHub Actions"),
        ({"GITLAB_USER_LOGIN": "eve\x1b[2J"}, "eve[2J at GitLab CI"),
    ],
)
def test_the_author_is_a_person(variables: dict[str, str], by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a CI service the one who started the job; with sudo the one who called it."""
    for name in ("SUDO_USER", "GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop")

    assert (author().by, author().version) == (by, VERSION)


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nobody)
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.delenv("GITHUB_ACTOR", raising=False)

    assert author().by.startswith("uid 4711 at ")


# Choice of a revision


HISTORY = History(
    written=5,
    revisions=[
        revision(4),
        revision(5, {**FIRST, "image": "app:2"}, images={"web": image("b", "app:2")}),
        revision(6, config="maxconn 7\n"),
    ],
)
OWNER = Owner("shop", "dev")
PAST = Past("site", {"address": "unix:///nowhere"}, HISTORY)


def test_the_default_is_the_last_that_is_otherwise() -> None:
    """After a way back, the next one is forth: as with kubectl and helm."""
    target, now = past._target(PAST, None)

    assert (target.number, now.number) == (5, 6)


@pytest.mark.parametrize(
    ("history", "number", "said"),
    [
        (HISTORY, 3, "there is no revision 3 of site: kept are 4 to 6"),
        (HISTORY, 7, "there is no revision 7 of site: kept are 4 to 6"),
        (
            History(revisions=[revision(1)]),
            None,
            "no revision of site is kept that is not as the one in force, 1",
        ),
        (History(revisions=[revision(1), revision(2)]), None, "is not as the one in force, 2"),
        (History(revisions=[]), 1, "no change of site has succeeded yet"),
        (History(failures=[]), None, "no change of site has succeeded yet"),
        (History(failures=[]), 1, "no change of site has succeeded yet"),
    ],
)
def test_a_revision_that_is_not_kept_is_refused(history: History, number: int | None, said: str) -> None:
    with pytest.raises(CannotGoOn, match=said):
        past._target(Past("site", {"address": "unix:///nowhere"}, history), number)


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({"app:1": "a"}, "app:1"),
        (
            {"app:1": "b", DIGEST: "a"},
            DIGEST,
        ),
        ({"app:1": "b", f"sha256:{'a' * 64}": "a"}, f"sha256:{'a' * 64}"),
        ({}, DIGEST),
    ],
    ids=["under its name", "the name was moved", "only the image", "gone: it is pulled"],
)
def test_the_image_is_the_one_that_ran(there: dict[str, str], chosen: str) -> None:
    """A name that now means another image is not used."""
    assert past._on_host(engine(there), "web", image("a")) == chosen


def test_an_image_that_is_gone_for_good_is_refused() -> None:
    """Built on the host and removed from there, no registry has it."""
    built = image("a").model_copy(update={"digests": []})

    with pytest.raises(CannotGoOn, match=r"the image of web, app:1 \(sha256:a+\), is no longer on its host"):
        past._on_host(engine({"app:1": "b"}), "web", built)


def engine(images: dict[str, str]) -> Any:
    """Return an engine with these images: the letter of each by name."""

    def get(name: str) -> Any:
        if name not in images:
            raise ImageNotFound(name)
        return SimpleNamespace(id=f"sha256:{images[name] * 64}")

    return SimpleNamespace(images=SimpleNamespace(get=get))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked(), "name one service with --service: api, site"),
        (Asked(service="shop"), "there is no history of service shop yet.*there is one of api, site"),
    ],
)
def test_a_service_has_to_be_named(asked: Asked, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the stack has several, or none of that name."""
    both = [PAST, Past("api", PAST.host, HISTORY)]
    monkeypatch.setattr(past, "_on", lambda *_: both)

    with pytest.raises(CannotGoOn, match=said):
        past._one(SimpleNamespace(owner=OWNER, hosts=lambda: [PAST.host]), asked)  # type: ignore[arg-type]


LOST = {"address": "unix:///nowhere/docker.sock"}


def test_a_host_that_does_not_answer_hides_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The services of other hosts are shown, and then the error; a service that is named is enough."""

    def there(host: Any, _: Owner) -> list[Past]:
        return [PAST] if host == PAST.host else actual(host, _)

    actual = past._on
    monkeypatch.setattr(past, "_on", there)
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    stack: Any = SimpleNamespace(hosts=lambda: [LOST, PAST.host], owner=OWNER)

    with pytest.raises(HostUnreachable):
        past.show(stack, Project(tmp_path, "dev"), Asked())
    past.show(stack, Project(tmp_path, "dev"), Asked(service="site"))

    assert capsys.readouterr().out.count("site: revision 6 is in force") == 2


def test_a_host_that_does_not_answer_is_named() -> None:
    """Its services may be those that are asked for."""
    stack: Any = SimpleNamespace(hosts=lambda: [LOST], owner=OWNER)

    with pytest.raises(HostUnreachable, match="cannot reach the Docker engine at unix:///nowhere/"):
        past.show(stack, Project(Path("/nowhere"), "dev"), Asked())


@pytest.mark.parametrize(
    ("answer", "goes_on"), [("y", True), ("YES ", True), ("", False), ("n", False), ("no", False)]
)
def test_a_person_is_asked(answer: str, goes_on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only yes is yes."""
    ask: Callable[[str], str] = lambda _: answer  # noqa: E731
    monkeypatch.setattr("builtins.input", ask)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))

    if goes_on:
        past._confirm(Asked())
    else:
        with pytest.raises(CannotGoOn, match="nothing is changed: not confirmed"):
            past._confirm(Asked())
