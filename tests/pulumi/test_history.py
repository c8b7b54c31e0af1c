"""History of a service on its host, and the way back to a revision, under load and the real `pulumi`."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from docker.models.containers import Container

from components.engine.containers import read_file
from components.engine.history import FILES
from components.naming import LABEL
from components.operate.revisions import long_form
from components.proxies.program import FOLDER
from tests.bench.hosts import Host
from tests.bench.images import APP, APP_2, APP_SICK
from tests.bench.load import Load
from tests.pulumi.test_changes import leftovers, volumes
from tests.support.program import PORT, Inline, Run, service

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.load]

SECRET = "correct-horse-battery"
RATE = 100
FIRST, SECOND = "longshore-history:1", "longshore-history:2"
"""Names of this file for images of the bench: no other test moves them."""
Arguments = dict[str, Any]
KINDS = [("haproxy", {"monitor": 1}), ("nginx", None)]
"""Kinds of front ends, and `update` of the backend."""


@pytest.fixture(scope="module", params=KINDS, ids=lambda each: f"{each[0]}{', in rounds' if each[1] else ''}")
def running(
    request: pytest.FixtureRequest, host: Host, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Inline, Arguments]]:
    """Provide a service of three revisions, with either kind of front end, and its present arguments."""
    kind, update = request.param
    args = service(
        image=FIRST,
        drain=2,
        start_timeout=5,
        environment={"TOKEN": {"secret": "token"}, "COLOUR": "red"},
        front_end={"kind": kind, "resolve": kind == "haproxy"},
        **({"update": update} if update else {}),
    )
    before = volumes(host)
    for name, image in ((FIRST, APP), (SECOND, APP_2)):
        assert host.engine().images.get(image).tag(name)
    program = Inline(tmp_path_factory.mktemp(kind), host, {"services": {"site": args}})
    program.environment["GITHUB_ACTOR"] = "ann"
    program.set_secret("token", SECRET)
    program.up()
    args |= {"image": SECOND}
    bring(program, args)
    args |= {"replicas": 4, "response_deadline": 7, "environment": {**args["environment"], "COLOUR": "blue"}}
    bring(program, args)
    yield program, args
    program.destroy()
    assert leftovers(host, program) == []
    assert volumes(host) == before
    for name in (FIRST, SECOND):
        host.engine().images.remove(name)


def bring(program: Inline, args: Arguments) -> None:
    program.configure({"services": {"site": args}})
    program.up()


def longshore(program: Inline, *arguments: str, check: bool = True) -> Run:
    """Run `longshore <arguments>` on the stack of a program."""
    command = (sys.executable, "-m", "components.operate", *arguments, "--stack", program.stack)
    return program._run(command, check, 300)


def history(program: Inline) -> dict[str, Any]:
    (found,) = json.loads(longshore(program, "history", "--json").stdout)
    return dict(found)


def test_history_names_what_each_up_has_put_in_force(running: tuple[Inline, Arguments], host: Host) -> None:
    """With the time, the person, the images with their ids, and what has changed; no secret is in it."""
    program, _ = running

    shown, found = longshore(program, "history").stdout.splitlines(), history(program)

    assert shown[0] == "site: revision 3 is in force"
    row = re.compile(r"(\d)         20\d\d-\d\d-\d\d \d\d:\d\d:\d\d  ann at GitHub Actions  (.*)")
    rows = [match.groups() for match in map(row.fullmatch, shown[2:]) if match]
    assert rows == [
        (
            "3",
            (
                "backends.web.environment.COLOUR: red → blue; backends.web.replicas: 3 → 4; "
                "backends.web.response_deadline: (default) → 7; and 1 more"
            ),
        ),
        ("2", f"backends.web.image: {FIRST} → {SECOND}"),
        ("1", f"web: 3 replicas of {FIRST}"),
    ]
    images = [revision["images"]["web"]["id"] for revision in found["revisions"]]
    assert images == [host.engine().images.get(name).id for name in (APP, APP_2, APP_2)]
    kept = files(program, host)
    assert SECRET not in str(kept)
    assert '"TOKEN":"[secret]"' in str(kept)
    # The front end's program serves strangers: it cannot read them.
    assert front_end(program, host).exec_run(["cat", *paths()], user="65534").exit_code != 0


def test_all_changes_of_a_revision_are_shown(running: tuple[Inline, Arguments]) -> None:
    """Also the lines of the configuration, but for the numbers in the names of replicas."""
    program, _ = running

    third = longshore(program, "history", "3").stdout
    second = longshore(program, "history", "2").stdout

    assert "backends.web.response_deadline: (default) → 7\n" in third
    assert re.search(r"^\+.*\b7(000ms|s)\b", third, re.MULTILINE), third
    assert "site-web-3:80" in third
    assert f"image of web: {SECOND}, sha256:" in second
    assert "+++" not in second


def test_an_up_without_a_change_notes_nothing(running: tuple[Inline, Arguments], host: Host) -> None:
    """Nor does a preview."""
    program, _ = running
    before = files(program, host)

    assert program.preview().changes == []
    program.up()

    assert files(program, host) == before


def test_a_revision_is_brought_back_and_left_again(
    running: tuple[Inline, Arguments], host: Host, note: Callable[[str], None]
) -> None:
    """No request fails. The settings file stays, the next preview shows its difference, `up` goes to it."""
    program, args = running
    settings, (first, _, third) = program.settings_file.read_bytes(), history(program)["revisions"]

    refused = longshore(program, "rollback", "1", check=False)
    assert refused.code == 1
    assert refused.output.endswith(
        "error: nothing is changed: nobody can be asked here, and --yes is not given\n"
    )
    if "update" not in args:
        # The name of the first image is that of another one now.
        assert host.engine().images.get(APP_SICK).tag(FIRST)
    with Load(f"http://{host.address}:{PORT}/", rate=RATE, max_seconds=600) as load:
        load.wait_sent(200)
        back = longshore(program, "rollback", "1", "--yes")
        at_revision, changes = history(program), program.preview().changes
        program.up()
        load.wait_sent(load.sent + 200)
        load.stop()

    note(f"{args['front_end']['kind']}: {load.report.sent} requests, {load.report.failed} failed")
    assert load.report.failed == 0, load.report.failures
    said = back.stdout
    assert said.startswith("site: back from revision 3 to 1\n"), said
    assert f"  backends.web.image: {SECOND} → {FIRST}\n" in said
    assert f"  backends.web.environment.TOKEN: a secret, as it is in {program.settings_file.name}\n" in said
    assert "site: revision 4 is in force, as 1\n" in said
    # The preview shows the configuration, and not the same change once more.
    assert re.search(r"^ +~ config *:", said, re.MULTILINE)
    assert not re.search(r"^ +[~+-] settings *:", said, re.MULTILINE)
    assert said.endswith("  backends.web.response_deadline: (default) → 7\n")
    fourth = at_revision["revisions"][-1]
    name = FIRST if "update" in args else first["images"]["web"]["id"]
    assert (at_revision["in_force"], fourth["images"]["web"]["id"]) == (4, first["images"]["web"]["id"])
    assert fourth["images"]["web"]["reference"] == name
    wanted = long_form(first["settings"])
    wanted["backends"]["web"]["image"] = name
    assert fourth["settings"] == wanted
    assert fourth["replicas"] == {"web": 3}
    assert program.settings_file.read_bytes() == settings
    assert ("update", "site-lb-config") in changes
    forward = history(program)["revisions"][-1]
    assert (forward["number"], forward["settings"], forward["images"]) == (
        5,
        third["settings"],
        third["images"],
    )
    assert program.preview().changes == []


def test_a_change_that_failed_is_noted_and_is_no_revision(
    running: tuple[Inline, Arguments], host: Host
) -> None:
    """With the reason in one line; the log lines of the replica are not kept."""
    program, args = running
    before = history(program)

    program.configure({"services": {"site": {**args, "image": APP_SICK}}})
    program.up(check=False)
    program.configure({"services": {"site": args}})

    after = history(program)
    assert after["revisions"] == before["revisions"]
    (failure,) = after["failures"]
    reason = r"rolled back to site-web-0-g\d" if "update" in args else "4 of 4 new replicas are unhealthy"
    assert re.search(reason, failure["reason"]), failure
    assert "listening on" not in str(files(program, host))
    assert SECRET not in str(files(program, host))
    assert f"-         {failure['when'][:10]}" in longshore(program, "history").stdout
    program.up()
    assert program.preview().changes == []


def test_another_container_of_the_front_end_has_the_history(running: tuple[Inline, Arguments]) -> None:
    """It takes the history over from the one that it follows, which is removed."""
    program, args = running
    before = history(program)

    bring(program, {**args, "front_end": {**args["front_end"], "memory": 300}})

    after = history(program)
    assert after["revisions"][:-1] == before["revisions"]
    assert after["failures"] == before["failures"]
    assert after["revisions"][-1]["changes"][0] == "front_end.memory: (default) → 300"


def front_end(program: Inline, host: Host) -> Container:
    labels = [*program.labels, f"{LABEL}.role=front-end"]
    (found,) = host.engine().containers.list(filters={"label": labels})
    return found


def paths() -> list[str]:
    return [f"{FOLDER}/{name}" for name in FILES]


def files(program: Inline, host: Host) -> list[str | None]:
    """Return the files of the history in the front end."""
    return [read_file(front_end(program, host), path) for path in paths()]
