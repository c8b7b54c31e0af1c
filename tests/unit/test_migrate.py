"""The state of a stack, rewritten by `longshore migrate`. test_migrate.py of tests/pulumi moves a real one.

cases/migrate/recorded.json has the state of a service with two backends, one of them with secrets, and what
its program declares once the backend `web` has the key `update`.
"""

import json
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from components.migrate import migration
from components.migrate.migration import Migration, Move
from components.migrate.rewriting import (
    GENERATION,
    READINESS,
    Json,
    Unfinished,
    apart,
    differences,
    is_adopted,
    joined,
    returns,
    split,
)
from components.naming import PACKAGE
from components.provider.values import UNKNOWN
from components.repair.leftovers import FRONT_END, REPLICAS
from components.repair.survey import CONTAINER, NETWORK, Owner
from components.repair.telling import CannotGoOn
from tests.pulumi.test_upgrade import declared as declared_by
from tests.support.documents import block
from tests.support.record import RELEASES

RECORDED = json.loads((Path(__file__).parents[1] / "cases/migrate/recorded.json").read_text())
STATE: Json = RECORDED["state"]["deployment"]
DECLARED: Json = RECORDED["declared"]
SHOP = DECLARED["parent"]
WEB = ["shop-web-0", "shop-web-1", "shop-web-2"]


def named(deployment: Json, name: str) -> Json:
    """Return the resource with this name."""
    return next(each for each in deployment["resources"] if each["urn"].rpartition("::")[2] == name)


def moved() -> tuple[Json, Json]:
    """Return the state after the move, and the one resource in it."""
    after = joined(STATE, DECLARED)
    return after, named(after, "shop-web-replicas")


def links(each: Json) -> set[str]:
    """Return the URNs that must stand before a resource."""
    by_property = (each.get("propertyDependencies") or {}).values()
    found = {*(each.get("dependencies") or []), *(urn for urns in by_property for urn in urns or [])}
    return found | {each.get("parent", ""), each.get("provider", "").rpartition("::")[0]} - {""}


def is_in_order(deployment: Json) -> bool:
    """Return whether each resource stands behind those that it refers to, as Pulumi demands."""
    before: set[str] = set()
    for each in deployment["resources"]:
        if not links(each) <= before:
            return False
        before.add(each["urn"])
    return True


def unordered(deployment: Json) -> dict[str, Json]:
    """Return the resources by URN, with their dependencies in no order."""
    return {
        each["urn"]: {
            **each,
            "dependencies": {*(each.get("dependencies") or [])},
            "propertyDependencies": {
                key: {*(urns or [])} for key, urns in (each.get("propertyDependencies") or {}).items()
            },
        }
        for each in deployment["resources"]
    }


def test_the_one_resource_has_all_that_the_containers_were() -> None:
    """Their ids in full, their number and names; secrets as they were encrypted."""
    before, (after, whole) = deepcopy(STATE), moved()

    outputs = whole["outputs"]
    assert outputs["containers"] == {name: named(STATE, name)["id"] for name in WEB}
    assert outputs["names"] == [named(STATE, name)["inputs"]["name"] for name in WEB]
    assert outputs["generation"] == named(STATE, "shop-web-generation")["outputs"]["number"]
    assert outputs["adopted"] == {named(STATE, name)["id"]: f"{name}-g1" for name in WEB}
    token = named(STATE, "shop-web-generation")["inputs"]["definition"]["environment"]["TOKEN"]
    assert whole["inputs"]["container"]["environment"] == {"COLOUR": "blue", "TOKEN": token}
    assert whole["provider"] == named(STATE, "shop-web-generation")["provider"]
    assert differences(DECLARED, whole) == []
    assert before == STATE
    gone = {*WEB, "shop-web-generation"}
    names = [each["urn"].rpartition("::")[2] for each in after["resources"]]
    assert sorted(names) == sorted(
        ["shop-web-replicas", *({each["urn"].rpartition("::")[2] for each in STATE["resources"]} - gone)]
    )


def test_all_refer_to_the_one_resource() -> None:
    """The state is in order, and Readiness no longer waits for these replicas by itself."""
    after, whole = moved()

    assert is_in_order(STATE)
    assert is_in_order(after)
    referring = [each["type"] for each in after["resources"] if whole["urn"] in links(each)]
    assert sorted(referring) == sorted([READINESS, FRONT_END])
    assert "shop-web-generation" not in json.dumps(after)
    for values in ("inputs", "outputs"):
        assert named(after, "shop-lb-ready")[values]["pidsLimits"].keys() == {"shop-api-0", "shop-api-1"}
    assert named(after, "shop-lb-config")["outputs"]["adopted"] == sorted(whole["outputs"]["adopted"])


@pytest.mark.parametrize("late", ["", "shop-web-replicas"])
def test_the_way_back_leaves_the_state_of_before(late: str) -> None:
    """Also when an `up` meanwhile has put resources in another order."""
    after, whole = moved()
    after["resources"] = as_late_as_may_be(after["resources"], late)

    back = split(after, whole, STATE)

    assert is_in_order(after)
    assert is_in_order(back)
    assert unordered(back) == unordered(STATE)


def test_the_links_of_networks_follow_later() -> None:
    """With all backends as one resource each, the networks may stand before the provider of a Generation."""
    before = json.loads(json.dumps(STATE))
    api = named(before, "shop-api-generation")["urn"]
    for each in before["resources"]:
        if "dependencies" in each:
            each["dependencies"] = [urn for urn in each["dependencies"] if urn != api]
    after = joined(before, DECLARED)
    after["resources"] = as_late_as_may_be(after["resources"], "default_0_2_0")
    networks = [each["urn"] for each in before["resources"] if each["type"] == NETWORK]

    back = split(after, named(after, "shop-web-replicas"), before)

    assert is_in_order(after)
    assert is_in_order(back)
    found, wanted = unordered(back), unordered(before)
    for urn in networks:
        wanted[urn]["dependencies"] -= {named(before, "shop-web-generation")["urn"]}
    assert found == wanted


def as_late_as_may_be(resources: Sequence[Json], name: str) -> list[Json]:
    """Return the resources with this one and those that refer to it behind all others."""
    late: set[str] = set()
    for each in resources:
        if each["urn"].endswith(f"::{name}") or links(each) & late:
            late.add(each["urn"])
    return sorted(resources, key=lambda each: each["urn"] in late)


def test_more_backends_than_one_are_moved_and_come_back() -> None:
    """Each for itself, and in any order."""
    api = json.loads(
        json.dumps(DECLARED).replace("shop-web", "shop-api").replace("replica-web", "replica-api")
    )
    after, _ = moved()
    both = joined(after, api)

    back = split(both, named(both, "shop-web-replicas"), STATE)
    back = split(back, named(back, "shop-api-replicas"), STATE)

    assert is_in_order(both)
    assert is_in_order(back)
    assert "adopted" in json.dumps(both)
    assert unordered(back) == unordered(STATE)


CHANGES: dict[str, tuple[Any, list[str]]] = {
    "image": ("app:2", ["image"]),
    "replicas": (5, ["replicas"]),
    "networks": ([UNKNOWN], ["networks"]),
    "registries": (["[secret]"], []),
    "update": ({"parallelism": 2}, []),
    "container.memory": (128, ["memory"]),
    "container.cpus": (2, ["cpus"]),
    "container.command": (["run"], ["command"]),
    "container.environment": ({"COLOUR": "red", "TOKEN": "[secret]"}, ["environment"]),
    "container.restart": ({"policy": "always", "max_retries": 0}, ["restart"]),
    "container.health": (["CMD", "true"], ["health"]),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_settings_that_change_more_are_seen(change: str) -> None:
    """The one resource is recorded as the containers are, and what is declared beside it is named."""
    declared = deepcopy(DECLARED)
    value, expected = CHANGES[change]
    place = declared["inputs"]["container"] if change.startswith("container.") else declared["inputs"]
    place[change.rpartition(".")[2]] = value

    whole = named(joined(STATE, declared), "shop-web-replicas")

    assert differences(declared, whole) == expected


def test_replicas_that_were_replaced_do_not_come_back() -> None:
    """The saved state has others, whose labels the docker provider would take for drift."""
    _, whole = moved()
    rolled, grown = deepcopy(whole), deepcopy(whole)
    rolled["outputs"] |= {"generation": 2, "containers": dict.fromkeys(WEB, "c"), "adopted": {}}
    grown["outputs"]["containers"]["shop-web-3"] = "c"

    assert (is_adopted(whole), returns(whole, STATE)) == (True, True)
    assert [is_adopted(each) for each in (rolled, grown)] == [False, False]
    assert [returns(each, STATE) for each in (rolled, grown)] == [False, False]


def test_replicas_of_an_interrupted_change_are_not_moved() -> None:
    """Two entries of one replica: nobody can say which container serves."""
    state = deepcopy(STATE)
    named(state, "shop-web-1")["pendingReplacement"] = True

    with pytest.raises(Unfinished, match="shop-web-1"):
        apart(state, SHOP, "shop-web")


def test_the_state_of_a_release_is_moved(tmp_path: Path) -> None:
    """That of 0.1.0 has neither host nor registries in a Generation, and no limit of processes."""
    file = RELEASES / "0.1.0/balanced.json"
    state = json.loads(file.read_text())["deployment"]
    settings = yaml.safe_load(file.with_suffix(".yaml").read_text())
    settings["config"][f"{PACKAGE}:services"]["shop"]["backends"]["web"]["update"] = {}
    (declared,) = (
        each for each in declared_by(yaml.safe_dump(settings), tmp_path) if each["type"] == REPLICAS
    )

    after = joined(state, declared)

    whole = named(after, "shop-web-replicas")
    assert is_in_order(after)
    assert whole["outputs"]["containers"] == {
        f"shop-web-{n}": named(state, f"shop-web-{n}")["id"] for n in range(3)
    }
    assert whole["inputs"]["host"] == named(state, "shop-lb-config")["inputs"]["host"]
    assert whole["inputs"]["container"]["restart"] == {"policy": "on-failure", "max_retries": 3}
    assert unordered(split(after, whole, state)) == unordered(state)


# The command around it


def step(state: Json, operation: str = "same", **keys: Any) -> Json:
    return {"urn": state["urn"], "op": operation, "newState": state, **keys}


class Kept:
    """A state that is written in memory."""

    def __init__(self) -> None:
        self.now: Json = {"version": 3, "deployment": STATE}

    def exported(self) -> Json:
        return self.now

    def put(self, exported: Json) -> None:
        self.now = exported

    def unlocking(self, action: Any) -> Any:
        return action()


class Rehearsed(Migration):
    """A migration whose previews are given."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, folder: Path, *steps: Json, ends: BaseException | None = None
    ) -> None:
        monkeypatch.setattr(migration, "PRIVATE", str(folder))
        self.kept = Kept()
        self._state = cast(Any, self.kept)
        self.owner = Owner("longshore", "dev")
        self._given, self._ends = steps, ends

    def _steps(self) -> list[Json]:
        if self._ends:
            raise self._ends
        return [*self._given]

    def rewrite(self) -> None:
        _, whole = moved()
        self._rewrite([Move(whole, lambda deployment: joined(deployment, DECLARED))])


def test_the_state_is_kept_before_it_is_rewritten(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a file for the user alone; a change of another service, a login or the history stops no move."""
    after, whole = moved()
    other = {**whole, "urn": "urn:pulumi:s::p::t::other", "parent": "urn:pulumi:s::p::t::else"}
    noted = (("shop-web-replicas", "registries"), ("shop-lb-config", "settings"))
    harmless = [step(named(after, name), "update", diffReasons=[key]) for name, key in noted]
    run = Rehearsed(monkeypatch, tmp_path, step(other, "update"), *harmless)

    run.rewrite()

    assert run.kept.now == {"version": 3, "deployment": after}
    (file,) = tmp_path.glob("states/longshore/dev-*.json")
    assert json.loads(file.read_text()) == {"version": 3, "deployment": STATE}
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [*run._saved()] == [STATE]


def test_a_move_after_which_something_changes_is_taken_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The state is as before, also when the preview ends with an error or by Ctrl-C."""
    config = step(named(STATE, "shop-lb-config"), "update", diffReasons=["config", "replicas"])
    changing = Rehearsed(monkeypatch, tmp_path, config)
    interrupted = Rehearsed(monkeypatch, tmp_path, ends=KeyboardInterrupt())

    with pytest.raises(CannotGoOn) as error:
        changing.rewrite()
    with pytest.raises(KeyboardInterrupt):
        interrupted.rewrite()

    assert "change more than the key `update` (shop-lb-config: config, replicas), so" in str(error.value)
    assert [each.kept.now["deployment"] for each in (changing, interrupted)] == [STATE, STATE]


FORWARD: dict[str, tuple[list[Json], str]] = {
    "no update": ([step(named(STATE, "shop-web-0"))], "no backend of this program has the key `update`: add"),
    "moved already": ([step(DECLARED)], "shop-web: one resource already"),
    "new": (
        [step({**DECLARED, "urn": f"{DECLARED['urn'].rpartition('::')[0]}::shop-new-replicas"}, "create")],
        "there are no replicas of shop-new yet: `longshore up` creates them",
    ),
    "more": (
        [step({**DECLARED, "inputs": {**DECLARED["inputs"], "image": "app:2"}}, "create")],
        "the settings of shop-web change more than the key `update` (image): take that back",
    ),
}


@pytest.mark.parametrize("case", list(FORWARD))
def test_settings_that_move_nothing_are_refused(case: str) -> None:
    """With the reason and the remedy."""
    steps, said = FORWARD[case]

    with pytest.raises(CannotGoOn) as error:
        list(migration._forward(STATE, steps))

    assert said in str(error.value)


def test_a_way_back_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the reason and the remedy; with the kept state it is there."""
    after, whole = moved()
    wished = [step(named(STATE, "shop-web-generation"), "create")]
    rolled = deepcopy(after)
    named(rolled, "shop-web-replicas")["outputs"]["adopted"] = {}
    run = Rehearsed(monkeypatch, tmp_path)
    said = {}
    for name, state, steps in (
        ("none", STATE, wished),
        ("update", after, []),
        ("rolled", rolled, wished),
        ("not kept", after, wished),
    ):
        with pytest.raises(CannotGoOn) as error:
            list(run._back(state, steps))
        said[name] = str(error.value)
    run.rewrite()

    (move,) = run._back(after, wished)

    assert "no replicas of this stack are one resource: nothing to move back" in said["none"]
    assert "the program declares shop-web with the key `update`: take it out" in said["update"]
    assert "replicas of shop-web have been created since they are one resource" in said["rolled"]
    assert f"no state in {tmp_path}/states/longshore has the replicas of shop-web" in said["not kept"]
    assert unordered(move.change(after)) == unordered(STATE)
    assert move.whole == whole


def test_replicas_whose_containers_are_gone_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each is named: the move would record what is not there."""
    _, whole = moved()
    ids = whole["outputs"]["containers"]
    there = [SimpleNamespace(id=ids["shop-web-0"]), SimpleNamespace(id=ids["shop-web-2"])]
    host = json.dumps(whole["inputs"]["host"], sort_keys=True)
    run = Rehearsed(monkeypatch, tmp_path)
    run._mending = cast(Any, SimpleNamespace(deployment=lambda: STATE, survey=lambda _: {host: there}))

    with pytest.raises(CannotGoOn, match="the host shows no container of shop-web-1: see that it answers"):
        run._require_there([whole])

    there.append(SimpleNamespace(id=ids["shop-web-1"]))
    run._require_there([whole])


def test_the_page_shows_what_the_command_prints() -> None:
    """The example of docs/upgrades.md, line by line."""
    _, whole = moved()
    whole["outputs"]["generation"] = 4

    shown = dedent(block("$ longshore migrate --stack prod")).splitlines()

    assert shown[1] == migration._told(whole, back=False)
    assert shown[2] == "nothing is changed yet: `longshore migrate --yes` does this"


def test_types_of_the_state_are_those_of_the_program() -> None:
    """Names in the rewriting are those that the recorded state has."""
    assert {GENERATION, READINESS, FRONT_END, CONTAINER} <= {each["type"] for each in STATE["resources"]}
    assert DECLARED["type"] == REPLICAS
