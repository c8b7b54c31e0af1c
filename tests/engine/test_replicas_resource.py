"""Replicas of a backend on a real engine, as the provider's resource `Replicas` carries them out."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from docker import DockerClient
from docker.models.containers import Container

from components.engine import replica_steps
from components.engine.containers import EngineError, Halted, Unfinished
from components.naming import LABEL
from components.provider import server
from components.provider.handlers import HANDLERS
from tests.bench.hosts import Host
from tests.bench.images import APP, APP_2, APP_BROKEN, APP_SICK, BROKEN_LINE

pytestmark = [pytest.mark.engine, pytest.mark.every_engine]

HANDLER = HANDLERS["Replicas"]
LABELS = {
    f"{LABEL}.project": "shop",
    f"{LABEL}.stack": "replicas",
    f"{LABEL}.component": "site",
    f"{LABEL}.role": "replica-web",
}
CHECK = ["CMD", "curl", "-fsS", "http://127.0.0.1/healthz"]
NETWORK, OTHER = "replicas-resource", "replicas-resource-logs"


class Backend:
    """A resource over several changes; its state is kept as Pulumi does."""

    def __init__(self, host: Host) -> None:
        self.host, self.engine = host, host.engine()
        self.inputs: dict[str, Any] = {
            "host": {"address": host.url},
            "labels": LABELS,
            "registries": [],
            "replicas": 3,
            "image": APP,
            "networks": [NETWORK],
            "container": {"health": CHECK, "environment": {"TOKEN": "correct-horse"}},
            "update": {"monitor": 0},
            "rollback": {"monitor": 0},
            "drain": 1,
            "startTimeout": 20,
        }
        self.state: dict[str, Any] = {}

    def up(self, **keys: Any) -> None:
        """Create or update; the inputs of a change that fails are not kept."""
        inputs = HANDLER.kept({**self.inputs, **keys})
        try:
            if self.state:
                outputs = HANDLER.update(inputs, self.state, False)
            else:
                _, outputs = HANDLER.create(inputs, False)
        except Halted as error:
            self.state |= error.outputs
            raise
        except Unfinished as error:
            self.state = {**inputs, **error.outputs}
            raise
        self.inputs, self.state = inputs, {**inputs, **outputs}

    def refused(self, **keys: Any) -> str:
        with pytest.raises(EngineError) as error:
            self.up(**keys)
        return str(error.value)

    def containers(self) -> list[Container]:
        """Return all containers with the labels, by name."""
        labels = [f"{key}={value}" for key, value in LABELS.items()]
        found = self.engine.containers.list(all=True, filters={"label": labels})
        return sorted(found, key=lambda each: str(each.name))

    def shown(self) -> list[str]:
        """Return name, version and status of each: `site-web-0-g1 v1 running`."""
        return [
            f"{str(each.name).rpartition('-')[0]} {str(each.attrs['Config']['Image'])[-1]} {each.status}"
            for each in self.containers()
        ]

    def ids(self) -> set[str]:
        return {str(each.id) for each in self.containers()}


def names(count: int, generation: int, image: str) -> list[str]:
    return [f"site-web-{index}-g{generation} {image[-1]} running" for index in range(count)]


@pytest.fixture(scope="module")
def networks(host: Host) -> Iterator[None]:
    """Have two networks on the host."""
    made = [host.engine().networks.create(name) for name in (NETWORK, OTHER)]
    yield
    for each in made:
        each.remove()


@pytest.fixture
def backend(host: Host, networks: None) -> Iterator[Backend]:
    """Provide a backend that has no replicas yet; nothing of it is left afterwards."""
    found = Backend(host)
    yield found
    for each in found.containers():
        each.remove(force=True, v=True)


def test_life(backend: Backend) -> None:
    """Created, more, fewer, gone; those that stay are the same containers."""
    backend.up()
    assert backend.shown() == names(3, 1, APP)
    first = backend.ids()
    assert set(backend.state["containers"].values()) == first

    backend.up(replicas=5)
    assert backend.shown() == names(5, 1, APP)
    backend.up(replicas=2)
    assert backend.shown() == names(2, 1, APP)
    assert backend.ids() < first
    there = ("each", "generation", "containers", "names")
    assert HANDLER.read(backend.state) == {key: backend.state[key] for key in there}

    HANDLER.delete(backend.state)
    assert backend.shown() == []


def test_a_replica_has_its_names_and_limits(backend: Backend) -> None:
    """On engines that make a container on one network at a time, too."""
    own = {"memory": 64, "cpus": 0.5, "pids_limit": 99, "read_only": True, "user": "65534:65534"}
    backend.up(replicas=1, networks=[NETWORK, OTHER], container={**own, "health": CHECK})

    (replica,) = backend.containers()
    host, joined = replica.attrs["HostConfig"], replica.attrs["NetworkSettings"]["Networks"]
    assert set(joined) == {NETWORK, OTHER}
    assert "site-web-0-g1" in joined[NETWORK]["Aliases"]
    assert "site-web-0-g1" not in (joined[OTHER]["Aliases"] or [])
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (64 * 2**20, 64 * 2**20, 99)
    assert host["NanoCpus"] == 5 * 10**8
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert "no-new-privileges" in host["SecurityOpt"]
    assert not host["PortBindings"]
    assert replica.attrs["Config"]["User"] == "65534:65534"


@pytest.mark.parametrize(("order", "least", "most"), [("start-first", 3, 4), ("stop-first", 2, 3)])
def test_another_image_is_rolled_out(backend: Backend, order: str, least: int, most: int) -> None:
    """One replica after the other; never fewer or more run than the order allows."""
    backend.up()
    counts: set[int] = set()
    over = threading.Event()

    def count() -> None:
        while not over.is_set():
            counts.add(len(backend.engine.api.containers(filters={"label": f"{LABEL}.stack=replicas"})))

    counting = threading.Thread(target=count)
    counting.start()
    try:
        backend.up(image=APP_2, update={"order": order, "monitor": 0})
    finally:
        over.set()
        counting.join()

    assert backend.shown() == names(3, 2, APP_2)
    assert backend.state["generation"] == 2
    assert (min(counts), max(counts)) == (least, most)


@pytest.mark.parametrize(
    ("image", "reason"),
    [(APP_SICK, "its health check ended with 22"), (APP_BROKEN, BROKEN_LINE)],
)
@pytest.mark.parametrize("order", ["start-first", "stop-first"])
def test_an_image_that_is_unhealthy_is_rolled_back(
    backend: Backend, image: str, reason: str, order: str
) -> None:
    """One message with replica, reason and log; the former replicas serve, and nothing else is left."""
    backend.up()
    before = backend.ids()

    said = backend.refused(image=image, startTimeout=2, update={"order": order, "monitor": 0})

    assert said.startswith("1 of 3 replicas of site-web failed; rolled back to site-web-0-g1, site-web-1-g1")
    assert reason in said
    assert "correct-horse" not in said
    assert backend.shown() == names(3, 1, APP)
    assert len(backend.ids() & before) == (3 if order == "start-first" else 2)


def test_an_image_that_ends_while_it_is_watched_is_rolled_back(backend: Backend) -> None:
    """It is healthy at first."""
    backend.up()

    said = backend.refused(
        container={"health": CHECK, "command": ["sh", "-c", "timeout 2 /usr/local/bin/app; exit 7"]},
        update={"monitor": 20},
    )

    assert "site-web-0-g2" in said
    assert "within 20 s" in said
    assert backend.shown() == names(3, 1, APP)


def test_a_user_that_does_not_exist_is_rolled_back_with_the_engine_s_words(backend: Backend) -> None:
    backend.up()

    said = backend.refused(container={"health": CHECK, "user": "nobody-knows"})

    assert "the engine refused" in said
    assert "nobody-knows" in said
    assert backend.shown() == names(3, 1, APP)


class Killed(BaseException):
    """The plugin was killed."""


@pytest.mark.parametrize("change", [{}, {"image": APP_2}], ids=["create", "roll-out"])
def test_a_killed_change_is_continued(
    backend: Backend, change: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between creating a container and starting it: the next run starts that one."""
    if change:
        backend.up()
    started: list[str] = []
    begin = replica_steps.start

    def start(engine: DockerClient, container: str, networks: list[str]) -> None:
        if started:
            raise Killed
        started.append(container)
        begin(engine, container, networks)

    monkeypatch.setattr(replica_steps, "start", start)
    with pytest.raises(Killed):
        backend.up(**change)
    monkeypatch.undo()
    left = {str(each.id) for each in backend.containers() if each.status == "created"}
    assert left

    backend.up(**change)

    assert left <= backend.ids()
    assert backend.shown() == (names(3, 2, APP_2) if change else names(3, 1, APP))


def test_drift_is_read_and_repaired(backend: Backend) -> None:
    """One stopped, one removed, and one with another limit by hand."""
    backend.up()
    stopped, removed, limited = backend.containers()
    stopped.stop(timeout=1)
    removed.remove(force=True)
    never: Any = {"Name": "no"}
    limited.update(mem_limit="64m", memswap_limit="64m", restart_policy=never)

    found: Any = HANDLER.read(backend.state)
    assert found["each"] == {
        "site-web-0": "exited",
        "site-web-2": "running, memory 64 instead of 512, restart no instead of always",
    }

    backend.state |= found
    backend.up()
    assert backend.shown() == names(3, 1, APP)
    assert {str(stopped.id), str(limited.id)} <= backend.ids()
    limited.reload()
    assert limited.attrs["HostConfig"]["Memory"] == limited.attrs["HostConfig"]["MemorySwap"] == 512 * 2**20
    assert limited.attrs["HostConfig"]["RestartPolicy"]["Name"] == "always"


def test_containers_of_another_resource_are_refused_at_preview_and_left_alone(backend: Backend) -> None:
    """They have the labels of the component, as those of LoadBalancedService have."""
    theirs = backend.engine.containers.create(APP, labels=LABELS, name="site-web-0-1a2b3c4")
    inputs = HANDLER.kept(backend.inputs)

    said = server.problem(HANDLER, inputs, {}, lambda _: None)
    again = backend.refused()

    assert said == again
    assert said is not None
    assert "not made (site-web-0-1a2b3c4), and it takes over none" in said
    assert backend.ids() == {str(theirs.id)}
    HANDLER.delete({**inputs, "generation": 1, "containers": {}})
    assert backend.ids() == {str(theirs.id)}


def test_an_image_that_cannot_be_pulled_changes_nothing(backend: Backend) -> None:
    backend.up()
    before = backend.ids()

    said = backend.refused(image="longshore-nowhere:1")

    assert "image longshore-nowhere:1 is not on its host" in said
    assert backend.ids() == before


def test_a_network_that_does_not_exist_is_the_engine_s_error(backend: Backend) -> None:
    said = backend.refused(networks=["nowhere"])

    assert "network nowhere not found" in said
