"""Plans of changes of a swarm's nodes, without an engine."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any
from unittest.mock import MagicMock

import pytest

from components.arguments.connections import Connection
from components.engine.containers import EngineError
from components.engine.steps import Plan
from components.engine.swarm import nodes
from components.engine.swarm.node import Node, Specification
from components.engine.swarm.node_changes import changing, forgetting, joining, removal

HOST: Connection = {"address": "ssh://w1"}
WORKER = Node("id-w1", "w1", "worker", "active", {}, "10.0.0.4", alive=True, reachable=False)
MANAGERS = [
    Node(f"id-m{number}", f"m{number}", "manager", "active", {}, "", alive=True, reachable=True)
    for number in (1, 2, 3)
]


def declared(role: str = "worker", availability: str = "active", **labels: str) -> Specification:
    return {
        "role": role,
        "availability": availability,
        "labels": labels,
        "advertiseAddress": "10.0.0.4",
        "listenAddress": "0.0.0.0:2377",
        "dataPathAddress": "",
    }


def texts(plan: Plan) -> list[str]:
    return [str(step) for step in plan]


TOKEN, ADDRESSES = "SWMTKN-worker", ["10.0.0.1:2377"]


def test_a_bare_host_joins() -> None:
    plan = joining(HOST, declared(), TOKEN, ADDRESSES, forgotten=False)

    assert texts(plan) == ["join the swarm on ssh://w1 as worker: declared"]


def test_a_host_that_was_removed_while_it_was_away_leaves_first() -> None:
    plan = joining(HOST, declared("manager"), TOKEN, ADDRESSES, forgotten=True)

    assert texts(plan) == [
        "leave the swarm on ssh://w1: its managers removed it while it was away",
        "join the swarm on ssh://w1 as manager: declared",
    ]


def test_neither_the_text_nor_the_form_of_a_plan_shows_a_join_token() -> None:
    plan = joining(HOST, declared(), TOKEN, ADDRESSES, forgotten=False)

    assert "SWMTKN" not in str(texts(plan)) + repr(plan)


def test_a_node_as_declared_is_only_waited_for() -> None:
    plan = changing(WORKER, declared(), [WORKER, *MANAGERS], 30)

    assert texts(plan) == [
        "wait until w1 is a worker: its role is in force then",
        "wait until w1 is ready: tasks can run there then",
    ]


def test_a_change_names_what_changes_and_a_drained_node_is_waited_for() -> None:
    plan = changing(WORKER, declared(availability="drain", disk="ssd", zone="a"), [WORKER, *MANAGERS], 30)

    assert texts(plan) == [
        "set availability drain, labels disk=ssd,zone=a of node w1: declared",
        "wait until w1 is a worker: its role is in force then",
        "wait until w1 is ready: tasks can run there then",
        "wait until w1 runs no task, at most 30 s: it is drained",
    ]


def test_labels_that_go_are_shown_as_none() -> None:
    plan = changing(replace(WORKER, labels={"zone": "a"}), declared(), [WORKER, *MANAGERS], 30)

    assert texts(plan)[0] == "set labels (none) of node w1: declared"


def test_a_worker_that_goes_is_drained_first() -> None:
    plan = removal(WORKER, HOST, [WORKER, *MANAGERS], 30)

    assert texts(plan) == [
        "set availability drain of node w1: it leaves the swarm",
        "wait until w1 runs no task, at most 30 s: it leaves the swarm",
        "wait until w1 is a worker: managers decide without it then",
        "have ssh://w1 leave the swarm: removed from the declaration",
        "remove w1 from the list of nodes: it has left",
    ]


def test_a_manager_that_goes_is_demoted_before_it_leaves() -> None:
    plan = removal(MANAGERS[2], HOST, MANAGERS, 30)

    assert texts(plan) == [
        "set availability drain of node m3: it leaves the swarm",
        "wait until m3 runs no task, at most 30 s: it leaves the swarm",
        "set role worker of node m3: it leaves the swarm",
        "wait until m3 is a worker: managers decide without it then",
        "have ssh://w1 leave the swarm: removed from the declaration",
        "remove m3 from the list of nodes: it has left",
    ]


def test_tasks_of_a_dead_node_are_not_waited_for() -> None:
    dead = replace(WORKER, alive=False)

    plan = removal(dead, HOST, [dead, *MANAGERS], 30)

    assert not [line for line in texts(plan) if "no task" in line or "drain" in line]


def test_the_last_manager_stays_when_it_is_alone() -> None:
    assert removal(MANAGERS[0], HOST, MANAGERS[:1], 30) == []


def test_the_last_manager_of_others_is_refused() -> None:
    with pytest.raises(EngineError, match="m1 is the last manager of w1: promote another one first"):
        removal(MANAGERS[0], HOST, [MANAGERS[0], WORKER], 30)


@pytest.mark.parametrize("decide", ["changing", "removal", "forgetting"])
def test_a_lost_quorum_is_refused_before_any_step(decide: str) -> None:
    known = [MANAGERS[0], MANAGERS[1], replace(MANAGERS[2], reachable=False)]
    plans = {
        "changing": lambda: changing(known[0], declared(), known, 30),
        "removal": lambda: removal(known[0], HOST, known, 30),
        "forgetting": lambda: forgetting(known[0], known),
    }

    with pytest.raises(EngineError, match="1 of 2 could be reached, and 2 are needed"):
        plans[decide]()


def test_a_manager_that_left_is_demoted_before_it_is_removed() -> None:
    plan = forgetting(MANAGERS[2], MANAGERS)

    assert texts(plan) == [
        "set role worker of node m3: it has left",
        "remove m3 from the list of nodes: it has left",
    ]


def test_all_nodes_are_listed_only_where_a_manager_is_demoted(monkeypatch: pytest.MonkeyPatch) -> None:
    engine: Any = MagicMock()
    engine.api.inspect_node.return_value = {
        "ID": "id-m1",
        "Version": {"Index": 7},
        "Description": {"Hostname": "m1"},
        "Spec": {"Role": "manager", "Availability": "active"},
        "Status": {"State": "ready"},
        "ManagerStatus": {"Reachability": "reachable"},
    }
    engine.api.nodes.return_value = []
    monkeypatch.setattr(nodes, "manager", lambda hosts, swarm, besides: nullcontext(engine))

    nodes.apply([HOST], "k1x", "id-m1", declared("manager", zone="dmz"), 1)

    assert engine.api.update_node.call_args.args[2]["Labels"] == {"zone": "dmz"}
    engine.api.nodes.assert_not_called()
    with pytest.raises(EngineError, match="without this manager 0 of 0"):
        nodes.apply([HOST], "k1x", "id-m1", declared("worker"), 1)
    engine.api.nodes.assert_called_once()
