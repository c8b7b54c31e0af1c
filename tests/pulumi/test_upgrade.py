"""An upgrade touches nothing: states that releases have left, compared with the present code.

cases/releases/<version>/ is recorded by record.py. DIFFERENCES lists the changes of an upgrade, in words of
the changelog.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from components.engine.raw import post
from components.plan.program import planned
from components.preview.reading import SHOWN_SECRET
from components.provider.handlers import HANDLERS
from components.provider.written import WRITTEN_BY
from components.version import VERSION
from tests.bench.hosts import Host
from tests.pulumi.test_stack import everything
from tests.support.mocks import SECRET, SIGNATURE
from tests.support.program import ROOT, Inline, Program, Run
from tests.support.record import RELEASES, STACK, bring_up, put_back, record
from tests.unit.test_handlers import NEWER, REFUSAL

_FRONT_END = {
    ": cpuShares": "An upgrade sets the weight in the container that runs",
    ": healthcheck": "the health check comes with the next replacement of the container",
    "-config: pidsLimit": "An upgrade sets the limit in the containers that run",
    "-config: settings": "The history begins with the first change after an upgrade",
    "-ready: pidsLimits": "An upgrade sets the limit in the containers that run",
}
_TASKS = "an upgrade replaces no task"
_SCRIPT = "keepalived runs its script by `/usr/bin/bash`"
_RESTART = "An upgrade sets the restart policy `always` in the containers that run"
_PULLED = "The images of replicas are pulled before anything is made"
_NUMBER = "The new replicas have a generation that no container has"
_HEALTH = "replicas and tasks that run keep the check that they have"
_REPLICAS = ("docs-web-0", "docs-web-1", "shop-api-0", "shop-api-1", "shop-web-0", "shop-web-1", "shop-web-2")
_CONTAINERS = ("docs-lb", "docs-web-0", "docs-web-1", "shop-api-0", "shop-api-1", "shop-lb")
_ISOLATED = "its front end joins them while it runs"
_LATER = "the replicas come to it with their next change"
_WORKERS = "the first `up` after an upgrade reloads nginx for that"
_SLOW = "The first `up` after an upgrade reloads the front end with that\n  configuration"
_GATEWAY = "a gateway's tasks are replaced"
DIFFERENCES: dict[str, dict[str, str]] = {
    "0.1.0": {
        **{f"{name}-lb{what}": words for name in ("docs", "shop") for what, words in _FRONT_END.items()},
        "main-gateway-service: spec": _GATEWAY,
        "main-gateway-config: name": _GATEWAY,
        "main-gateway-config: data": _GATEWAY,
        "main-gateway-config: settings": "that a change of a service or a gateway drops",
        "main-gateway-config: memory": "checked with the memory that its container will have",
        "main-shop-service: spec": _TASKS,
        "docs-lb-config: config": _WORKERS,
        "docs-lb-ready: config": _WORKERS,
        "shop-lb-config: config": _SLOW,
        "shop-lb-ready: config": _SLOW,
        "shop-lb-config: networks": _ISOLATED,
        **{f"shop-{name}-network: new": _ISOLATED for name in ("api", "web")},
        "shop-api-generation: isolate": _LATER,
        **{
            f"shop-{name}: networksAdvanced": _LATER for name in ("api-0", "api-1", "web-0", "web-1", "web-2")
        },
        "main-vip-node-b: config": _SCRIPT,
        "main-vip-node-c: config": _SCRIPT,
        **{f"{name}: restart": _RESTART for name in _CONTAINERS},
        **{
            f"{name}-generation: {key}": words
            for name in ("docs-web", "shop-api")
            for key, words in (
                ("definition", _RESTART),
                ("host", _PULLED),
                ("registries", _PULLED),
                ("labels", _NUMBER),
            )
        },
        **{f"{name}-generation: health": _HEALTH for name in ("docs-web", "shop-api", "shop-web")},
        # Without an engine, a counter knows nothing of before, and says what new replicas have.
        **{f"{name}: healthcheck": _HEALTH for name in _REPLICAS},
    }
}
"""By release: what is otherwise since (`<resource>: new`, `gone`, or the input that differs), and words of
the changelog that say so."""
PULUMIS_OWN = ("update failed", "preview failed", "refresh failed", "destroy failed")
FILES = [pytest.param(file, id=f"{file.parent.name}-{file.stem}") for file in RELEASES.glob("*/*.json")]
State = dict[str, Any]


def resources(text: str) -> list[State]:
    """Return the resources of a state, without the providers that the engine makes by itself."""
    found = json.loads(text)["deployment"]["resources"]
    return [each for each in found if "::pulumi:providers:longshore::default" not in each["urn"]]


def declared(settings: str, folder: Path) -> list[State]:
    """Return the resources that the program declares with these settings, as `longshore plan` does."""
    for name in ("Pulumi.yaml", "__main__.py", "components", "templates"):
        (folder / name).symlink_to(ROOT / name)
    (folder / f"Pulumi.{STACK}.yaml").write_text(settings)
    found = planned(folder, STACK)
    assert [each for each in found["diagnostics"] if each["severity"] == "error"] == []
    return [{"urn": step["urn"], **step["newState"]} for step in found["steps"]]


def differences(before: Iterable[State], now: Sequence[State]) -> set[str]:
    """Return the declarations that differ from the recorded ones."""
    left = {each["urn"]: each for each in before}
    found = set()
    for state in now:
        urns = [state["urn"], *state.get("aliases", [])]
        name = state["urn"].rpartition("::")[2]
        was = next((left.pop(urn) for urn in urns if urn in left), None)
        if was is None or was["type"] != state["type"]:
            found.add(f"{name}: new")
            continue
        kept = _recorded(was.get("inputs", {}))
        given = _given(state, kept)
        found |= {f"{name}: {key}" for key in {*given, *kept} if not _same(given.get(key), kept.get(key))}
    return found | {f"{urn.rpartition('::')[2]}: gone" for urn in left}


def _given(state: State, kept: State) -> State:
    """Return the inputs of a declared resource as the state would keep them, which has those `kept`."""
    handler = HANDLERS.get(state["type"].rpartition(":")[2])
    inputs: State = state["inputs"]
    if handler is None or not state["type"].startswith("longshore:"):
        return inputs
    given: State = handler.kept(handler.carried(inputs, kept))
    return given


def _recorded(value: Any) -> Any:
    """Return a recorded value as a plan shows it: without what the engine and providers have added."""
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET:
            return SHOWN_SECRET
        added = {"version"} if "__internal" in value else set(value.get("__defaults", ()))
        return {k: _recorded(v) for k, v in value.items() if k not in added and not k.startswith("__")}
    return [_recorded(each) for each in value] if isinstance(value, list) else value


def _same(given: Any, kept: Any) -> bool:
    """Return whether two values are equal, as far as that is known without an engine and a passphrase."""
    if given == UNKNOWN:
        return True
    if kept == SHOWN_SECRET:
        return SHOWN_SECRET in json.dumps(given)
    if isinstance(given, Mapping) and isinstance(kept, Mapping):
        return set(given) == set(kept) and all(_same(given[key], kept[key]) for key in given)
    if isinstance(given, list) and isinstance(kept, list):
        return len(given) == len(kept) and all(map(_same, given, kept))
    return bool(given == kept)


# Without pulumi


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("file", FILES)
def test_the_present_code_declares_the_state_of_each_release(file: Path, tmp_path: Path) -> None:
    """Every resource by its URN or an alias, with the same type and inputs; nothing new, nothing gone."""
    now, before = declared(file.with_suffix(".yaml").read_text(), tmp_path), resources(file.read_text())
    here = {state["urn"].rpartition("::")[2] for state in [*before, *now]}
    allowed = {each for each in DIFFERENCES[file.parent.name] if each.partition(":")[0] in here}

    assert differences(before, now) == allowed


def test_the_changelog_has_each_change_of_an_upgrade() -> None:
    """Each difference, in its words; and every release has been recorded."""
    said = (ROOT / "CHANGELOG.md").read_text()

    assert [words for each in DIFFERENCES.values() for words in each.values() if words not in said] == []
    assert {file.parent.name for file in RELEASES.glob("*/*.json")} == set(DIFFERENCES)


def test_a_difference_is_found() -> None:
    """A resource that is new, gone, renamed or of another type; an input that is added, lost or changed."""
    urn = "urn:pulumi:s::p::longshore:index:{}::{}"
    was: State = {
        "urn": urn.format("Swarm", "a"),
        "type": "longshore:index:Swarm",
        "inputs": {"autolock": False, "labels": {"zone": "dmz"}, "__defaults": ["x"], "x": 1},
    }
    now: State = {**was, "inputs": {"autolock": False, "labels": {"zone": "dmz"}}}
    renamed: State = {**now, "urn": urn.format("Swarm", "b")}
    retyped: State = {**renamed, "type": "longshore:index:Other", "aliases": [was["urn"]]}

    def inputs(**keys: Any) -> State:
        return {**now, "inputs": {**now["inputs"], **keys}}

    assert differences([was], [now]) == set()
    assert differences([was], [inputs(labels=UNKNOWN)]) == set()
    assert differences([was], [{**renamed, "aliases": [was["urn"]]}]) == set()
    assert differences([was], [renamed]) == {"a: gone", "b: new"}
    assert differences([was], [retyped]) == {"b: new"}
    assert differences([was], [inputs(labels={})]) == {"a: labels"}
    assert differences([was], [inputs(mtu=1)]) == {"a: mtu"}
    assert differences([was], [{**now, "inputs": {}}]) == {"a: autolock", "a: labels"}
    assert differences([inputs(data={SIGNATURE: SECRET})], [inputs(data="clear")]) == {"a: data"}


def test_a_recorded_file_is_of_no_machine() -> None:
    """It has neither paths nor the secret of the one who recorded it."""
    words = ("s3cret", "docker.sock", "/var/", "/root/", str(ROOT))

    texts = [file.read_text() for file in RELEASES.glob("*/*")]

    assert [word for word in words for text in texts if word in text] == []


# With pulumi


def imported(file: Path, folder: Path, hosts: Sequence[Host]) -> Program:
    """Import a recorded state, as if it had been brought up on these hosts."""
    kind = Inline if file.stem == "swarm" else Program
    program = kind(folder, hosts[0], {})
    program.pulumi("stack", "init")
    program.settings_file.write_text(put_back(file.with_suffix(".yaml").read_text(), program, hosts))
    load_state(program, put_back(file.read_text(), program, hosts))
    return program


def load_state(program: Program, state: str) -> None:
    """Put a state in place of the present one."""
    file = program.folder / "imported.json"
    file.write_text(state)
    program.pulumi("stack", "import", "--file", str(file))


def state_of(program: Program) -> str:
    """Return the state of a program."""
    return program.pulumi("stack", "export").stdout


def steps(program: Program) -> dict[str, str]:
    """Return the steps of a preview for each resource, by URN."""
    found = json.loads(program.pulumi("preview", "--json", "--show-sames").stdout)
    return {step["urn"]: step["op"] for step in found["steps"]}


def name_of(urn: str) -> str:
    return urn.rpartition("::")[2]


def kept(states: Iterable[State]) -> dict[str, tuple[Any, Any]]:
    """Return id and outputs by URN, as far as they are not secret."""
    return {each["urn"]: (each.get("id"), _recorded(each.get("outputs", {}))) for each in states}


def _live() -> list[Any]:
    """Return the recorded states, each with its needs: a swarm has our own resources alone."""
    marks = {"swarm": pytest.mark.pulumi_cli, "balanced": pytest.mark.pulumi}
    files = sorted(RELEASES.glob("*/*.json"))
    return [
        pytest.param(file, marks=marks[file.stem], id=f"{file.parent.name}-{file.stem}") for file in files
    ]


@pytest.mark.engine
@pytest.mark.slow
@pytest.mark.parametrize("file", _live())
def test_an_upgrade_does_nothing(file: Path, tmp_path: Path, hosts: list[Host]) -> None:
    """All other resources stay the same, at preview and `up`: no host is touched, ids and outputs are kept.

    Without `--refresh` nobody looks at what the hosts have: what is recorded is compared with what is
    declared. So the services of the state need not be there, and whatever was done to them would be an error.
    For what differs see `test_an_upgrade_restarts_no_container`.
    """
    before = [everything(host) for host in hosts]
    program = imported(file, tmp_path, hosts)
    recorded = resources(state_of(program))
    allowed = {difference.partition(":")[0] for difference in DIFFERENCES[file.parent.name]}

    preview = steps(program)

    assert {each["urn"] for each in recorded} <= set(preview)
    different = {name_of(urn): operation for urn, operation in preview.items() if operation != "same"}
    assert set(different) <= allowed
    made = {name for name in different if f"{name}: new" in DIFFERENCES[file.parent.name]}
    renamed = {name for name in different if f"{name}: name" in DIFFERENCES[file.parent.name]}
    assert {different[name] for name in renamed} <= {"replace"}
    assert {operation for name, operation in different.items() if name not in made | renamed} <= {"update"}
    assert {name for name, operation in different.items() if operation == "create"} == made
    if not different:  # else `up` needs the services of the state
        program.up()
        after = kept(resources(state_of(program)))
        assert {name_of(urn) for urn, was in kept(recorded).items() if after.get(urn) != was} == set()
    assert [everything(host) for host in hosts] == before


@pytest.fixture(scope="module")
def live(hosts: list[Host], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Provide the stack `balanced`, brought up by the present code."""
    before = everything(hosts[0])
    program = bring_up(tmp_path_factory.mktemp("live"), "balanced", hosts)
    yield program
    program.destroy()
    assert everything(hosts[0]) == before


@pytest.mark.engine
@pytest.mark.pulumi
@pytest.mark.slow
def test_a_release_is_recorded(live: Program, tmp_path: Path, hosts: list[Host]) -> None:
    """A state that `python -m tests.support.record` keeps names no machine, and previews to nothing."""
    record(tmp_path, "balanced", live, hosts)

    file = tmp_path / "balanced.json"
    for text in (file.read_text(), file.with_suffix(".yaml").read_text()):
        assert [
            word for word in (live.stack, hosts[0].url, str(ROOT), str(live.folder)) if word in text
        ] == []
    assert set(steps(imported(file, tmp_path, hosts)).values()) == {"same"}


@pytest.mark.engine
@pytest.mark.pulumi
@pytest.mark.slow
def test_an_upgrade_restarts_no_container(live: Program, hosts: list[Host]) -> None:
    """Changes since 0.1.0 reach the running containers while they run."""
    state = json.loads(state_of(live))
    for each in state["deployment"]["resources"]:
        for values in (each.get("inputs", {}), each.get("outputs", {})):
            for key in ("pidsLimit", "pidsLimits", "cpuShares"):
                values.pop(key, None)
    engine = hosts[0].engine()
    before = {}
    for container in engine.containers.list(filters={"label": live.labels}):
        post(engine, f"/containers/{container.id}/update", {"PidsLimit": -1, "CpuShares": 1024})
        before[container.id] = container.attrs["State"]["StartedAt"]
    load_state(live, json.dumps(state))

    live.up()

    after = engine.containers.list(filters={"label": live.labels})
    assert {each.id: each.attrs["State"]["StartedAt"] for each in after} == before
    assert {each.attrs["HostConfig"]["PidsLimit"] for each in after} == {2048}
    assert 2048 in {each.attrs["HostConfig"]["CpuShares"] for each in after}


@pytest.fixture
def newer(live: Program) -> Iterator[Program]:
    """Return a stack that a newer version seems to have brought up; the state from before is restored."""
    before, mark = state_of(live), f'"{WRITTEN_BY}": "%s"'
    assert before.count(mark % VERSION) == 2 * 7  # inputs and outputs of ours
    load_state(live, before.replace(mark % VERSION, mark % NEWER))
    yield live
    load_state(live, before)


@pytest.mark.engine
@pytest.mark.pulumi
@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["preview"],
        ["preview", "--refresh"],
        ["up", "--yes"],
        ["up", "--yes", "--skip-preview"],
        ["refresh", "--yes"],
        ["refresh", "--yes", "--skip-preview"],
        ["destroy", "--yes", "--skip-preview"],
    ],
    ids=" ".join,
)
def test_the_state_of_a_newer_version_is_refused(
    command: list[str], newer: Program, hosts: list[Host]
) -> None:
    """With that one message, and nothing is touched: neither the host nor what the state holds of ours."""
    before, running = ours(newer), everything(hosts[0])

    run = newer.pulumi(*command, check=False)

    assert run.code != 0
    assert errors(run) == {REFUSAL}
    assert "Traceback" not in run.output
    assert everything(hosts[0]) == running
    assert ours(newer) == before


def ours(program: Program) -> dict[str, tuple[Any, Any]]:
    """Return our resources in the state; those of Docker's provider are refreshed by it."""
    return kept(each for each in resources(state_of(program)) if each["type"].startswith("longshore:"))


def errors(run: Run) -> set[str]:
    """Return the errors of the resources that failed."""
    found = re.findall(r"^ +error: (?:Preview failed: )?(.*)$", run.output, re.MULTILINE)
    return {line for line in found if line not in PULUMIS_OWN}
