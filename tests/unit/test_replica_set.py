"""Changes of replicas, carried out on an engine in memory."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from components.arguments.parsing import parse
from components.engine import replica_set
from components.engine.containers import EngineError, Halted, Unfinished
from components.engine.progress import reported_to
from components.engine.replica import Declared, Template, Wanted, digest
from components.engine.replica_listing import look, ours, unmarked
from components.engine.replica_set import Made, deliver, remove, states
from tests.support.fake_engine import FakeEngine, Killed
from tests.unit.test_replica_changes import LABELS

GOOD = {"image": "app:1", "replicas": 3, "networks": ["site-net"]}
QUICK = {"monitor": 0}


class Backend:
    """The replicas of a backend over several changes, as the handler of `Replicas` drives them."""

    def __init__(self) -> None:
        self.fake = FakeEngine()
        self.engine: Any = self.fake
        self.state: Wanted | None = None
        """Wanted as of the last change that came to its end, or that the state keeps."""

    def wanted(self, declared: Declared) -> Wanted:
        template = Template(
            labels=LABELS,
            mark="m1",
            definition=digest(declared.image, declared.networks),
            image=declared.image,
            networks=declared.networks,
            container=declared.container,
            drain=1,
        )
        number = self.state.generation if self.state else 0
        known = self.state.known if self.state else frozenset()
        return Wanted(
            template=template,
            count=declared.replicas,
            generation=number,
            start_timeout=0,  # a health check in memory ends at once
            known=known,
        )

    def up(self, **keys: Any) -> Made:
        """Bring the replicas to what is declared; the state is kept as Pulumi does."""
        declared = parse(Declared, {**GOOD, "update": QUICK, "rollback": QUICK, **keys}, "Replicas")
        wanted = self.wanted(declared)
        try:
            made = deliver(self.engine, wanted, declared, self.state)
        except Halted as error:
            assert self.state
            self.state = self._recorded(self.state, error.outputs)
            raise
        except Unfinished as error:
            self.state = self._recorded(wanted, error.outputs)
            raise
        self.state = self._recorded(wanted, made)
        return made

    def failed(self, **keys: Any) -> str:
        with pytest.raises(EngineError) as error:
            self.up(**keys)
        return str(error.value)

    def _recorded(self, wanted: Wanted, made: Any) -> Wanted:
        return replace(wanted, generation=made["generation"], known=frozenset(made["containers"].values()))

    def by_hand(self, index: int) -> dict[str, Any]:
        """Return the container of a replica, to be spoilt."""
        return next(
            each for each in self.fake.there.values() if each["Name"].startswith(f"/site-web-{index}-")
        )


@pytest.fixture
def backend() -> Backend:
    return Backend()


def names(count: int, generation: int) -> list[str]:
    return sorted(f"site-web-{index}-g{generation}" for index in range(count))


def test_life(backend: Backend) -> None:
    """Created, more, fewer, another image, and gone; one list before a change and one after it."""
    made = backend.up()
    assert backend.fake.running() == names(3, 1)
    assert list(made["containers"]) == ["site-web-0", "site-web-1", "site-web-2"]
    assert backend.fake.calls["list"] == 2

    again = backend.up(replicas=5)
    assert made["containers"].items() < again["containers"].items()
    backend.up(replicas=2)
    assert backend.fake.running() == names(2, 1)

    assert backend.up(replicas=2, image="app:2")["generation"] == 2
    assert backend.fake.running("app:2") == backend.fake.running() == names(2, 2)

    assert backend.state
    said: list[str] = []
    with reported_to(said.append):
        remove(backend.engine, backend.state.template, backend.state.known)
    assert not backend.fake.there
    assert said[-1].startswith("remove site-web-0-g2-"), said
    assert said[-1].count("site-web-") == 2, said  # each once, recorded or not


@pytest.mark.parametrize(
    ("update", "most"),
    [({"order": "stop-first"}, 4), ({}, 5), ({"parallelism": 3}, 7), ({"parallelism": 3, "max_surge": 2}, 6)],
)
def test_a_change_runs_no_more_replicas_than_its_surge(
    backend: Backend, update: dict[str, Any], most: int
) -> None:
    backend.up(replicas=4)

    backend.up(replicas=4, image="app:2", update={**QUICK, **update})

    assert backend.fake.most_running == most
    assert backend.fake.running("app:2") == backend.fake.running() == names(4, 2)


def test_a_thousand_replicas(backend: Backend) -> None:
    """Eight at a time are made, in one list before and after; all stop together."""
    backend.up(replicas=1000)
    assert len(backend.fake.running()) == 1000
    assert backend.fake.calls["list"] == 2
    assert backend.fake.most["create"] <= 8
    assert backend.fake.most["start"] <= 8

    backend.up(replicas=1000, image="app:2", update={**QUICK, "parallelism": 250})
    assert backend.fake.running() == names(1000, 2)
    assert backend.fake.most_running == 1250


def test_stops_do_not_wait_for_each_other(backend: Backend) -> None:
    backend.up(replicas=50)
    backend.fake.together = 49

    backend.up(replicas=1)

    assert backend.fake.running() == names(1, 1)
    assert backend.fake.most["kill"] <= 8


def test_further_networks_are_joined(backend: Backend) -> None:
    backend.up(networks=["site-net", "logs"])

    for each in backend.fake.there.values():
        assert each["NetworkSettings"]["Networks"] == {
            "site-net": {"Aliases": [each["Name"].lstrip("/").rpartition("-")[0]]},
            "logs": {},
        }


# Failures


SICK = {"image": "app:2", "container": {"health": ["CMD", "true"]}}


@pytest.fixture
def failing(backend: Backend) -> Backend:
    """Provide a backend of three replicas, with a new image that is unhealthy."""
    backend.up(container={"health": ["CMD", "true"]})
    backend.fake.sick = {"app:2"}
    return backend


def test_an_unhealthy_image_is_rolled_back(failing: Backend) -> None:
    """The former replicas have never been touched, and one message names replica, reason and log."""
    before = set(failing.fake.there)
    state = failing.state

    said = failing.failed(
        **{**SICK, "container": {"health": ["CMD", "true"], "environment": {"TOKEN": "correct-horse"}}}
    )

    assert set(failing.fake.there) == before
    assert failing.state is state
    assert said.startswith(
        "1 of 3 replicas of site-web failed; rolled back to site-web-0-g1, site-web-1-g1, site-web-2-g1; "
        "the first: site-web-0-g2 (container site-web-0-g2-"
    )
    assert "its health check ended with 1: bad gateway; its last log lines:\n    cannot open /data" in said
    assert "correct-horse" not in said


def test_stopped_replicas_come_back(failing: Backend) -> None:
    """With stop-first the state has their new ids, and keeps the former definition."""
    before = set(failing.fake.there)

    said = failing.failed(**SICK, update={**QUICK, "order": "stop-first", "parallelism": 2})

    assert said.startswith("2 of 3 replicas of site-web failed; rolled back to")
    assert failing.fake.running() == failing.fake.running("app:1") == names(3, 1)
    assert len(set(failing.fake.there) & before) == 1
    assert failing.state
    assert failing.state.known == set(failing.fake.there)
    assert failing.up()["generation"] == 1


def test_a_paused_change_goes_on_with_the_next_up(failing: Backend) -> None:
    said = failing.failed(**SICK, update={**QUICK, "failure_action": "pause"})
    assert said.startswith("1 of 3 replicas of site-web failed; the change ends here, the next `up` goes on:")
    assert failing.fake.running() == [*names(3, 1)[:1], "site-web-0-g2", *names(3, 1)[1:]]

    failing.fake.sick = set()
    failing.up(**SICK)

    assert failing.fake.running() == names(3, 2)


def test_a_paused_round_is_proven_by_the_next_up(failing: Backend) -> None:
    """A replica that was healthy beside one that failed was never watched: the state does not rely on it."""
    before = set(failing.fake.there)
    failing.fake.sick = {"site-web-1-g2"}

    failing.failed(**SICK, update={**QUICK, "failure_action": "pause", "parallelism": 3})

    assert failing.fake.running("app:2") == names(3, 2)
    assert set(failing.fake.there) > before
    assert failing.state
    assert failing.state.known == frozenset()


def test_a_paused_change_can_be_taken_back(failing: Backend) -> None:
    """The former definition again is a new one: its replicas have names of their own."""
    failing.failed(**SICK, update={**QUICK, "failure_action": "pause"})

    failing.up(container={"health": ["CMD", "true"]})

    assert failing.fake.running() == failing.fake.running("app:1")
    assert len(failing.fake.running()) == 3


def test_a_change_that_continues_ends_with_an_error(failing: Backend) -> None:
    said = failing.failed(**SICK, update={**QUICK, "failure_action": "continue", "parallelism": 3})

    assert said.startswith("3 of 3 replicas of site-web failed; the change went on to its end: site-web-0-g2")
    assert failing.fake.running() == failing.fake.running("app:2")


def test_few_failures_are_tolerated(failing: Backend) -> None:
    failing.up(**SICK, update={**QUICK, "max_failure_ratio": 1, "parallelism": 3})

    assert failing.fake.running() == failing.fake.running("app:2") == names(3, 2)


def test_a_replica_that_ends_while_it_is_watched(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was healthy at first; then its program ends."""
    backend.up()
    monkeypatch.setattr("components.engine.replica_steps.WATCH_POLL", 0.01)
    looked = backend.fake.inspect_container
    seen: list[str] = []

    def inspect(key: str) -> dict[str, Any]:
        found = looked(key)
        if "-g2-" in found["Name"]:
            seen.append(key)
            if len(seen) > 3:
                found["State"] |= {"Status": "exited", "Running": False, "ExitCode": 7}
        return found

    monkeypatch.setattr(backend.fake, "inspect_container", inspect)
    said = backend.failed(image="app:2", update={"monitor": 30})

    assert "site-web-0-g2" in said
    assert "it ended with exit code 7 within 30 s" in said
    assert backend.fake.running() == names(3, 1)


def test_a_first_create_that_fails_keeps_its_ids(backend: Backend) -> None:
    """The state knows the replicas that are good, and the next run goes on with all."""
    backend.fake.sick = {"app:2"}

    with pytest.raises(Unfinished) as error:
        backend.up(**SICK)

    assert error.value.made == "site-web"
    assert len(backend.fake.running()) == 3
    backend.fake.sick = set()
    before = set(backend.fake.there)
    backend.up(**SICK)
    assert set(backend.fake.there) == before


def test_a_refused_start_is_a_failure_with_the_engine_s_words(backend: Backend) -> None:
    backend.up()
    backend.fake.refused = {"app:2": "no such user nobody"}

    said = backend.failed(image="app:2")

    assert "site-web-0-g2: the engine refused: no such user nobody" in said
    assert backend.fake.running() == names(3, 1)
    assert len(backend.fake.there) == 3


# Killed runs, and what others did


@pytest.mark.parametrize("after", range(6))
def test_a_killed_create_is_continued(backend: Backend, after: int) -> None:
    """Nothing is made twice, whatever was made before the kill."""
    backend.fake.kill_after = after
    with pytest.raises(Killed):
        backend.up(replicas=6)
    left = set(backend.fake.there)
    backend.fake.kill_after = None

    made = backend.up(replicas=6)

    assert left <= set(made["containers"].values()) == set(backend.fake.there)
    assert backend.fake.running() == names(6, 1)


@pytest.mark.parametrize("order", ["start-first", "stop-first"])
@pytest.mark.parametrize("after", range(3))
def test_a_killed_roll_out_is_continued(backend: Backend, after: int, order: str) -> None:
    backend.up()
    backend.fake.kill_after = 3 + after
    with pytest.raises(Killed):
        backend.up(image="app:2", update={**QUICK, "order": order})
    backend.fake.kill_after = None

    backend.up(image="app:2")

    assert backend.fake.running() == backend.fake.running("app:2") == names(3, 2)


def test_another_definition_after_a_killed_roll_out_shares_no_name(backend: Backend) -> None:
    backend.up()
    backend.fake.kill_after = 4
    with pytest.raises(Killed):
        backend.up(image="app:2")
    backend.fake.kill_after = None

    assert backend.up(image="app:3")["generation"] == 3
    assert backend.fake.running() == names(3, 3)


def test_a_name_that_somebody_took_is_an_error(backend: Backend) -> None:
    """Two runs at a time make each replica once: a container of ours that has the name is taken."""
    backend.up()
    first = backend.by_hand(0)
    del backend.fake.there[first["Id"]]
    backend.fake.there["f" * 64] = {**first, "Id": "f" * 64, "Config": {"Labels": {}, "Env": [], "Image": ""}}

    said = backend.failed()

    assert "site-web-0-g1: a container that this resource has not made has its name site-web-0-g1-" in said


def test_a_name_that_another_run_of_ours_took_is_adopted(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin that outlived its run has made them after this run looked."""
    backend.up()
    there = set(backend.fake.there)
    backend.state = None
    looked, looks = ours, iter([True])
    monkeypatch.setattr(replica_set, "ours", lambda *args: [] if next(looks, False) else looked(*args))

    made = backend.up()

    assert set(made["containers"].values()) == there == set(backend.fake.there)


def test_containers_without_our_mark_are_refused(backend: Backend) -> None:
    """They belong to other resources, whose deletion would remove what was taken over."""
    backend.up()
    for each in backend.fake.there.values():
        each["Config"] = {**each["Config"], "Labels": LABELS}
    there = dict(backend.fake.there)

    said = backend.failed()

    assert said == unmarked(backend.engine, LABELS)
    assert said.startswith("the host has containers with the labels of site-web that this resource has not")
    assert "declare it with another io.longshore.component, run `up`, and then drop" in said
    assert backend.fake.there == there


def test_drift_is_seen_by_name(backend: Backend) -> None:
    """One stopped, one removed, one too many; the next run repairs all of it."""
    backend.up()
    state = backend.state
    assert state
    stopped, removed = backend.by_hand(0), backend.by_hand(1)
    stopped["State"] |= {"Status": "exited", "Running": False}
    del backend.fake.there[removed["Id"]]
    extra = {**deepcopy(backend.by_hand(2)), "Id": "e" * 64, "Name": "/extra"}
    backend.fake.there["e" * 64] = extra

    def found() -> dict[str, str]:
        return states(backend.engine, look(backend.engine, state.template), state)

    assert found() == {"site-web-0": "exited", "site-web-2": "running", "extra": "running"}
    backend.up()
    assert found() == dict.fromkeys(["site-web-0", "site-web-1", "site-web-2"], "running")


def test_a_removal_leaves_the_containers_of_others(backend: Backend) -> None:
    """By recorded ids and by our mark: labels alone are no proof."""
    backend.up()
    assert backend.state
    unrecorded = backend.by_hand(1)
    backend.fake.there["f" * 64] = {
        **unrecorded, "Id": "f" * 64, "Name": "/theirs", "Config": {"Labels": LABELS, "Image": ""}
    }  # fmt: skip

    remove(backend.engine, backend.state.template, backend.state.known - {unrecorded["Id"]})

    assert set(backend.fake.there) == {"f" * 64}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"Memory": 256 * 2**20}, "running, memory 256 instead of 512"),
        ({"PidsLimit": None}, "running, pids_limit 0 instead of 2048"),
        ({"NanoCpus": 2 * 10**9}, "running, cpus 2 instead of 0.5"),
        ({"RestartPolicy": {"Name": "no"}}, "running, restart no instead of always"),
    ],
)
def test_a_limit_that_was_changed_by_hand_is_set_again(
    backend: Backend, changed: dict[str, Any], said: str
) -> None:
    """A refresh says which, and the next change replaces nothing for it."""
    keys = {"container": {"cpus": 0.5}}
    made = backend.up(**keys)
    before = deepcopy(backend.by_hand(1)["HostConfig"])
    backend.by_hand(1)["HostConfig"].update(changed)
    assert backend.state

    found = states(backend.engine, look(backend.engine, backend.state.template), backend.state)
    assert found == {"site-web-0": "running", "site-web-1": said, "site-web-2": "running"}
    assert backend.up(**keys) == made
    assert backend.by_hand(1)["HostConfig"] == before
