"""Plans of changes of a backend's replicas, without an engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from components.arguments.parsing import ArgumentError, parse
from components.engine.replica import Declared, ReplicaContainer, Seen, Template, Wanted, seen
from components.engine.replica_changes import changes, generation_of
from components.engine.replica_steps import Watch
from components.engine.steps import Step
from components.proxies.container import Update

LABELS = {
    "io.longshore.project": "shop",
    "io.longshore.stack": "dev",
    "io.longshore.component": "site",
    "io.longshore.role": "replica-web",
}
TEMPLATE = Template(
    labels=LABELS,
    mark="m1",
    definition="one",
    image="app:1",
    networks=["site-net"],
    container=ReplicaContainer(),
    drain=10,
)
THREE = Wanted(template=TEMPLATE, count=3, generation=1, start_timeout=60)
NEW = replace(THREE, template=replace(TEMPLATE, definition="two", image="app:2"), generation=2)


def container(index: int, generation: int = 1, definition: str = "one", **keys: Any) -> Seen:
    alias = f"site-web-{index}-g{generation}"
    of = Wanted(
        template=replace(TEMPLATE, definition=definition),
        count=index + 1,
        generation=generation,
        start_timeout=60,
    )
    given = {
        "id": f"id-{alias}",
        "name": of.replicas[index].name,
        "alias": alias,
        "status": "running",
        **keys,
    }
    return Seen(index=index, generation=generation, definition=definition, **given)


RUNNING = [container(0), container(1), container(2)]


def texts(there: Sequence[Seen], wanted: Wanted, **policy: Any) -> list[str]:
    """Return the plan in words; names of containers without the digest at their end."""
    steps = changes(there, wanted, parse(Update, policy, "update"))
    return [shortened(str(step)) for step in steps]


def shortened(text: str) -> str:
    for each in (*RUNNING, *(container(index, 2, "two") for index in range(5)), container(3), container(4)):
        text = text.replace(each.name, each.alias)
    return text


def test_nothing_to_do_is_an_empty_plan() -> None:
    assert texts(RUNNING, THREE) == []


def test_the_first_replicas_are_made_at_once() -> None:
    assert texts([], THREE) == [
        "have image app:1: replicas are made of it",
        "create site-web-0-g1, site-web-1-g1, site-web-2-g1: 3 replicas are declared",
        (
            "await health of site-web-0-g1, site-web-1-g1, site-web-2-g1, at most 60 s: "
            "only healthy replicas serve"
        ),
    ]


def test_a_thousand_replicas_are_one_line() -> None:
    assert texts([], replace(THREE, count=1000))[1] == (
        "create site-web-0-g1 … site-web-999-g1 (1000): 1000 replicas are declared"
    )


def test_more_replicas_leave_the_others_alone() -> None:
    assert texts(RUNNING, replace(THREE, count=5)) == [
        "have image app:1: replicas are made of it",
        "create site-web-3-g1, site-web-4-g1: 5 replicas are declared",
        "await health of site-web-3-g1, site-web-4-g1, at most 60 s: only healthy replicas serve",
    ]


def test_fewer_replicas_are_those_of_the_lowest_indexes() -> None:
    assert texts(RUNNING, replace(THREE, count=1)) == [
        "stop site-web-1-g1, site-web-2-g1, at most 10 s: 1 replica is declared",
        "remove site-web-1-g1, site-web-2-g1: 1 replica is declared",
    ]


def test_a_definition_is_rolled_out_one_replica_after_the_other() -> None:
    """By default a replica is healthy, and was watched, before the one with its index is stopped."""
    plan = texts(RUNNING, NEW, delay=2)

    assert plan[:6] == [
        "have image app:2: replicas are made of it",
        "create site-web-0-g2: the definition changes",
        "await health of site-web-0-g2, at most 60 s: only healthy replicas serve",
        "watch site-web-0-g2 for 5 s: a failure now ends the change",
        "stop site-web-0-g1, at most 10 s: another replica has its place",
        "remove site-web-0-g1: another replica has its place",
    ]
    assert plan[6:8] == [
        "wait 2 s: the delay between two rounds",
        "create site-web-1-g2: the definition changes; 1 of 3 are replaced",
    ]
    assert plan[-1] == "remove site-web-2-g1: another replica has its place"
    assert len(plan) == 1 + 3 * 5 + 2


def test_stop_first_never_runs_more_than_declared() -> None:
    assert texts(RUNNING, NEW, order="stop-first", parallelism=2, monitor=0) == [
        "have image app:2: replicas are made of it",
        "stop site-web-0-g1, site-web-1-g1, at most 10 s: another replica has its place",
        "remove site-web-0-g1, site-web-1-g1: another replica has its place",
        "create site-web-0-g2, site-web-1-g2: the definition changes",
        "await health of site-web-0-g2, site-web-1-g2, at most 60 s: only healthy replicas serve",
        "stop site-web-2-g1, at most 10 s: another replica has its place",
        "remove site-web-2-g1: another replica has its place",
        "create site-web-2-g2: the definition changes; 2 of 3 are replaced",
        "await health of site-web-2-g2, at most 60 s: only healthy replicas serve",
    ]


@pytest.mark.parametrize(
    ("policy", "created"),
    [
        ({"parallelism": 2}, ["site-web-0-g2, site-web-1-g2", "site-web-2-g2"]),
        ({"parallelism": 3}, ["site-web-0-g2, site-web-1-g2, site-web-2-g2"]),
        ({"parallelism": 3, "max_surge": 1}, ["site-web-0-g2", "site-web-1-g2", "site-web-2-g2"]),
    ],
)
def test_parallelism_and_surge_bound_a_round(policy: Mapping[str, Any], created: list[str]) -> None:
    plan = texts(RUNNING, NEW, **policy)

    made = [text.partition(":")[0] for text in plan if text.startswith("create")]
    assert made == [f"create {names}" for names in created]


def test_a_new_definition_and_a_new_count_are_one_change() -> None:
    """An index that is new comes in its turn; one that is no longer declared serves until the end."""
    more = texts(RUNNING, replace(NEW, count=4), monitor=0)
    fewer = texts(RUNNING, replace(NEW, count=2), monitor=0)

    assert more[-2:] == [
        "create site-web-3-g2: 4 replicas are declared",
        "await health of site-web-3-g2, at most 60 s: only healthy replicas serve",
    ]
    assert fewer[-2:] == [
        "stop site-web-2-g1, at most 10 s: 2 replicas are declared",
        "remove site-web-2-g1: 2 replicas are declared",
    ]


# Drift, and runs that were killed


@pytest.mark.parametrize("status", ["exited", "created", "paused"])
def test_a_replica_that_does_not_run_is_started(status: str) -> None:
    """It was stopped by hand, or a run was killed before it could start it."""
    assert texts([container(0), container(1, status=status), container(2)], THREE) == [
        "start site-web-1-g1: declared, and does not run",
        "await health of site-web-1-g1, at most 60 s: only healthy replicas serve",
    ]


def test_a_replica_that_was_removed_is_made_again() -> None:
    assert texts([container(0), container(2)], THREE)[1:] == [
        "create site-web-1-g1: 3 replicas are declared",
        "await health of site-web-1-g1, at most 60 s: only healthy replicas serve",
    ]


def test_a_replica_too_many_is_removed() -> None:
    """One with our labels that somebody made, and one of a run that was killed."""
    foreign = container(7, name="by-hand")
    left = container(0, 2, "two", status="created")

    assert texts([*RUNNING, foreign, left], THREE) == [
        "stop by-hand, at most 10 s: 3 replicas are declared",
        "remove site-web-0-g2, by-hand: 3 replicas are declared",
    ]


def test_a_relabelled_replica_is_replaced_like_one_of_another_definition() -> None:
    relabelled = container(1, definition="else", name="by-hand")

    assert texts([container(0), relabelled, container(2)], THREE) == [
        "have image app:1: replicas are made of it",
        "create site-web-1-g1: the definition changes",
        "await health of site-web-1-g1, at most 60 s: only healthy replicas serve",
        "watch site-web-1-g1 for 5 s: a failure now ends the change",
        "stop by-hand, at most 10 s: another replica has its place",
        "remove by-hand: another replica has its place",
    ]


def test_a_killed_roll_out_goes_on_in_the_middle_of_its_round() -> None:
    """A new replica that was made is not made again, and is watched before the old one goes."""
    new = container(0, 2, "two", health="starting")

    assert texts([*RUNNING, new], NEW)[:6] == [
        "have image app:2: replicas are made of it",
        "await health of site-web-0-g2, at most 60 s: only healthy replicas serve",
        "watch site-web-0-g2 for 5 s: a failure now ends the change",
        "stop site-web-0-g1, at most 10 s: another replica has its place",
        "remove site-web-0-g1: another replica has its place",
        "create site-web-1-g2: the definition changes; 1 of 3 are replaced",
    ]


def test_an_unhealthy_replica_of_before_is_no_reason_to_wait() -> None:
    """A change that is to help a service must not wait for it; one that no run has recorded is awaited."""
    sick = container(1, health="unhealthy")
    there = [container(0), sick, container(2)]

    assert texts(there, replace(THREE, known=frozenset({sick.id}))) == []
    assert texts(there, THREE) == ["await health of site-web-1-g1, at most 60 s: only healthy replicas serve"]


def test_a_rollback_only_removes_what_the_change_made() -> None:
    """The former replicas were healthy before: nothing is asked of them."""
    wanted = replace(THREE, known=frozenset(each.id for each in RUNNING))

    assert texts([*RUNNING, container(0, 2, "two", status="restarting")], wanted) == [
        "stop site-web-0-g2, at most 10 s: 3 replicas are declared",
        "remove site-web-0-g2: 3 replicas are declared",
    ]


# Generations


@pytest.mark.parametrize(
    ("there", "recorded", "number"),
    [
        ([], 0, 1),
        (RUNNING, 1, 2),
        ([*RUNNING, container(0, 2, "two")], 1, 2),
        ([*RUNNING, container(0, 2, "else")], 1, 3),
        ([container(0, 1, "two")], 0, 1),
        ([container(0, 4, "else")], 0, 5),
        ([container(0, 1, "two"), container(1, 3)], 3, 4),
    ],
    ids=[
        "the first",
        "the next",
        "one of a killed run",
        "after a killed run of another",
        "one of a killed create",
        "after a killed create of another",
        "an old definition again",
    ],
)
def test_a_new_definition_has_a_number_of_its_own(there: list[Seen], recorded: int, number: int) -> None:
    assert generation_of(there, "two", recorded, same=False) == number


def test_the_number_of_the_same_definition_stays() -> None:
    assert generation_of([*RUNNING, container(0, 2, "two")], "one", 1, same=True) == 1


# The front end


@dataclass(frozen=True, kw_only=True)
class Loaded(Step):
    """A configuration with these servers is in force."""

    names: Sequence[str]

    @property
    def action(self) -> str:
        return f"load {' '.join(name.removeprefix('site-web-') for name in self.names)}"

    def perform(self, engine: object) -> None:
        raise NotImplementedError


def loaded(names: Sequence[str], watch: Watch | None) -> list[Step]:
    """Return the step of a front end, and the watch."""
    return [Loaded(names=names, cause=""), *([watch] if watch else [])]


@pytest.mark.parametrize(
    ("order", "plan"),
    [
        ("start-first", ["create", "await", "load 0-g2 1-g1", "watch", "stop", "remove"]),
        ("stop-first", ["load 1-g1", "stop", "remove", "create", "await", "load 0-g2 1-g1", "watch"]),
    ],
)
def test_a_front_end_sends_to_healthy_replicas_that_stay(order: str, plan: list[str]) -> None:
    steps = changes(
        RUNNING[:2],
        replace(NEW, count=2),
        parse(Update, {"order": order}, "update"),
        loaded,
        {each.alias for each in RUNNING},
    )

    actions = [step.action if isinstance(step, Loaded) else step.action.split()[0] for step in steps]
    assert actions[1 : 1 + len(plan)] == plan


def test_a_front_end_leaves_replicas_before_they_are_stopped() -> None:
    proven = replace(THREE, count=1, known=frozenset({RUNNING[0].id}))
    steps = changes(RUNNING, proven, Update(), loaded)

    assert [type(step).__name__ for step in steps] == ["Loaded", "Stop", "Remove"]
    assert steps[0].action == "load 0-g1"


# Containers as the engine lists and makes them


def test_a_container_is_read_from_the_list() -> None:
    marks = THREE.replicas[1].marks
    entry = {"Id": "f00", "Names": ["/a"], "Labels": marks, "State": "running", "Status": "Up 3 s"}

    found = seen(entry)

    assert (found.id, found.name, found.alias, found.index) == ("f00", "a", "site-web-1-g1", 1)
    assert (found.generation, found.definition, found.running, found.health) == (1, "one", True, "healthy")
    assert seen({**entry, "Status": "Up 3 s (health: starting)"}).health == "starting"
    assert seen({**entry, "Status": "Up 3 s (unhealthy)"}).health == "unhealthy"
    assert seen({**entry, "Labels": {**marks, "io.longshore.index": "x"}}).index == -1


def test_names_are_fixed_and_differ_by_owner_and_definition() -> None:
    name = THREE.replicas[0].name
    others = [
        replace(TEMPLATE, mark="m2"),
        replace(TEMPLATE, definition="two"),
        replace(TEMPLATE, labels={**LABELS, "io.longshore.component": "shop"}),
    ]

    assert name.startswith("site-web-0-g1-")
    assert name == replace(THREE, count=9).replicas[0].name
    names = {replace(THREE, template=other).replicas[0].name for other in others}
    assert len({name, *names}) == 4


def test_a_replica_has_no_more_rights_than_it_is_given() -> None:
    own = ReplicaContainer(environment={"B": "2", "A": "1"}, memory=64, capabilities=["CHOWN"], user="app")
    body = replace(THREE, template=replace(TEMPLATE, container=own)).replicas[0].body()

    host = body["HostConfig"]
    assert (host["CapDrop"], host["CapAdd"], host["SecurityOpt"]) == (
        ["ALL"],
        ["CAP_CHOWN"],
        ["no-new-privileges"],
    )
    assert host["Memory"] == host["MemorySwap"] == 64 * 2**20
    assert (body["Env"], body["User"], body["StopTimeout"]) == (["A=1", "B=2"], "app", 10)
    assert body["NetworkingConfig"]["EndpointsConfig"] == {"site-net": {"Aliases": ["site-web-0-g1"]}}
    assert "PortBindings" not in host


def test_the_form_of_a_plan_holds_no_value_of_a_variable() -> None:
    own = ReplicaContainer(environment={"TOKEN": "hunter2"})

    wanted = replace(THREE, template=replace(TEMPLATE, container=own))

    assert "hunter2" not in repr(changes([], wanted, Update())) + repr(wanted)


# Arguments


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("replicas", 0, "replicas must be between 1 and 1000, got 0"),
        ("networks", [], "networks must not be empty"),
        (
            "update",
            {"parallelism": 0},
            "update.parallelism must be between 1 and 1000, got 0",
        ),
        (
            "update",
            {"max_surge": 0},
            (
                "update.max_surge must be at least 1 with order start-first, which starts a "
                "replica before it stops one, got 0: use order stop-first for no replica more than declared"
            ),
        ),
        (
            "rollback",
            {"order": "stop-first", "max_surge": 2},
            (
                "rollback.max_surge is for order start-first, got 2 with stop-first, which runs "
                "no replica more than declared: drop it"
            ),
        ),
        (
            "update",
            {"max_failure_ratio": 2},
            "update.max_failure_ratio must be between 0 and 1, got 2",
        ),
        (
            "update",
            {"failure_action": "retry"},
            "update.failure_action must be 'rollback', 'pause' or 'continue', got 'retry'",
        ),
        (
            "rollback",
            {"failure_action": "rollback"},
            "rollback.failure_action must be 'pause' or 'continue', got 'rollback'",
        ),
        (
            "container",
            {"enviroment": {}},
            (
                "container.enviroment is not a known key; did you mean environment? known here: "
                "capabilities, command, cpus, environment, health, memory, pids_limit, read_only, restart, "
                "user"
            ),
        ),
    ],
)
def test_a_bad_value_is_one_error_that_names_the_key(key: str, value: object, said: str) -> None:
    good = {"image": "app:1", "replicas": 3, "networks": ["site-net"]}

    with pytest.raises(ArgumentError) as error:
        parse(Declared, {**good, key: value}, "Replicas 'web'")

    assert str(error.value) == f"Replicas 'web': {said}"
