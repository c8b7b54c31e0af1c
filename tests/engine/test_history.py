"""History of a service in the volume of its front end, on a real engine."""

import io
import tarfile
from collections.abc import Iterator

import pytest
from docker.models.containers import Container

from components.engine import history
from components.engine.containers import read_file, write_file
from components.engine.history import FILES, KEPT, Author, History, history_of, keep, keep_failure
from components.naming import LABEL
from components.proxies.program import FOLDER
from tests.bench import front_ends
from tests.bench.hosts import Host
from tests.bench.images import APP

pytestmark = [pytest.mark.engine, pytest.mark.every_engine]

OWNER = {f"{LABEL}.project": "shop", f"{LABEL}.stack": "history", f"{LABEL}.component": "site"}
ANN = Author(by="ann at laptop", version="0.2.0")


class Service:
    """Containers of a service that never run: two front ends that follow each other, and a replica."""

    def __init__(self, host: Host) -> None:
        labels = {**OWNER, f"{LABEL}.role": "front-end"}
        self.engine = host.engine()
        self.front_end, self.next = (
            front_ends.create(host, "haproxy", None, 8099, labels=labels) for _ in range(2)
        )
        self.replica = self.engine.containers.create(APP)

    def keep(self, config: str, container: Container | None = None) -> History:
        """Note a configuration as the one in force; the history then."""
        front_end = container or self.front_end
        replicas = {"site-web-0": str(self.replica.id), "site-web-1": str(self.replica.id)}
        keep(self.engine, str(front_end.id), ANN, {"image": APP}, config, replicas)
        return history_of(front_end)

    def files(self) -> list[str | None]:
        return [read_file(self.front_end, f"{FOLDER}/{name}") for name in FILES]

    def remove(self) -> None:
        for each in (self.front_end, self.next, self.replica):
            each.remove(v=True)


@pytest.fixture
def service(host: Host) -> Iterator[Service]:
    """Provide a service without a history."""
    made = Service(host)
    yield made
    made.remove()


def numbers(found: History) -> list[int]:
    return [each.number for each in found.revisions]


def test_a_revision_has_the_image_of_the_engine(service: Service) -> None:
    """The name that the replicas were made with, the id, and the number of replicas."""
    found = service.keep("one").in_force

    assert found is not None
    assert (found.number, found.by, found.config, found.replicas) == (1, "ann at laptop", "one", {"web": 2})
    image = service.engine.images.get(APP)
    assert found.images["web"].model_dump() == {
        "reference": APP,
        "id": image.id,
        "digests": sorted(image.attrs["RepoDigests"] or []),
    }


def test_the_last_ten_revisions_are_kept(service: Service) -> None:
    """And the last ten failures, which take no place of a revision."""
    for number in range(KEPT + 2):
        service.keep(f"configuration {number}")
        keep_failure(service.engine, OWNER, ANN, f"failure {number}\n    its log")

    found = history_of(service.front_end)
    assert numbers(found) == list(range(3, KEPT + 3))
    assert [each.reason for each in found.failures] == [f"failure {number}" for number in range(2, KEPT + 2)]


def test_a_state_that_is_in_force_already_is_no_revision(service: Service) -> None:
    """Nothing is written then."""
    service.keep("one")
    before = service.files()

    assert numbers(service.keep("one")) == [1]
    assert service.files() == before
    assert numbers(service.keep("two")) == [1, 2]


@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_a_history_that_is_killed_in_its_write_is_the_one_of_before(
    service: Service, part: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine has got a part of the file; the next change goes on from there."""
    service.keep("one")
    before = service.keep("two" * 5000)

    def cut(container: Container, folder: str, name: str, text: str, *, owner: int) -> None:
        data, archive = text.encode(), io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            info = tarfile.TarInfo(name)
            info.size = int(len(data) * part)
            tar.addfile(info, io.BytesIO(data[: info.size]))
        container.put_archive(folder, archive.getvalue())

    monkeypatch.setattr(history, "write_file", cut)
    assert service.keep("three") == before
    assert len([text for text in service.files() if text == (before.model_dump_json())]) == 1
    monkeypatch.setattr(history, "write_file", write_file)

    assert [each.config for each in service.keep("three").revisions] == ["one", "two" * 5000, "three"]


def test_a_front_end_takes_the_history_over(service: Service) -> None:
    """Also when what is in force is as before; and a failure before that is in both."""
    service.keep("one")
    service.keep("two")
    keep_failure(service.engine, OWNER, ANN, "it did not start; its last log lines:\n    no")

    found = service.keep("two", service.next)

    assert numbers(found) == [1, 2]
    assert [each.reason for each in found.failures] == ["it did not start"]
    assert numbers(service.keep("three", service.next)) == [1, 2, 3]


def test_a_failure_before_the_first_front_end_is_kept_nowhere(service: Service) -> None:
    """That is no error: the failure itself is shown."""
    keep_failure(service.engine, {**OWNER, f"{LABEL}.component": "other"}, ANN, "sick")

    assert service.files() == [None, None]
