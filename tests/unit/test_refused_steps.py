"""Steps that an engine refuses in the middle: what was in force before is in force then."""

from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError

from components.engine import front_end_steps, keepalived_steps
from components.engine.containers import EngineError, ErrorLog
from components.naming import LABEL
from components.proxies.keepalived import KEEPALIVED
from components.proxies.registry import kind_of

PROGRAM = kind_of("haproxy").program
FULL = "no space left on device"


class Container:
    """A container that refuses some calls, once each; it counts as running once it was started."""

    def __init__(self, name: str, *, status: str = "running", refuses: tuple[str, ...] = ()) -> None:
        self.id = self.name = name
        self.status, self.labels = status, {f"{LABEL}.component": "web"}
        self.attrs = {"State": {"Pid": 1}}
        self.files: dict[str, str] = {}
        self._refuses = set(refuses)
        self.client = SimpleNamespace(info=lambda: {"SystemTime": "2026-01-01T00:00:00Z"})

    def _may(self, call: str) -> None:
        if call in self._refuses:
            self._refuses.remove(call)
            raise APIError("500", explanation=FULL)

    def start(self) -> None:
        self._may("start")
        self.status = "running"

    def stop(self, timeout: int) -> None:
        self.status = "exited"
        self._may("stop")

    def remove(self, **_: Any) -> None:
        self.status = "gone"
        self._may("remove")

    def kill(self, signal: str) -> None:
        self._may("kill")

    def reload(self) -> None:
        pass

    def write(self, _folder: str, name: str, text: str) -> None:
        self.files[name] = text[:1] if "write" in self._refuses else text
        self._may("write")


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep files in an attribute of the containers."""
    for module in (front_end_steps, keepalived_steps):
        monkeypatch.setattr(module, "write_file", Container.write)
    monkeypatch.setattr(front_end_steps, "read_file", lambda container, _: container.files.get(PROGRAM.file))


def engine_of(*containers: Container) -> Any:
    by_name = {each.name: each for each in containers}
    return SimpleNamespace(
        containers=SimpleNamespace(
            get=by_name.__getitem__,
            list=lambda **_: [each for each in containers if each.status == "running"],
        )
    )


@pytest.mark.parametrize("refused", ["write", "kill"])
def test_a_reload_that_is_refused_leaves_the_file(refused: str) -> None:
    """A file that a full disk has cut short would fail the next start of the front end."""
    front_end = Container("front", refuses=(refused,))
    front_end.files[PROGRAM.file] = "old"
    step = front_end_steps.Reload(container="front", program=PROGRAM, text="new", before={}, cause="test")

    with pytest.raises(APIError, match=FULL):
        step.perform(engine_of(front_end))

    assert front_end.files == {PROGRAM.file: "old"}


def test_a_former_front_end_whose_stop_is_refused_serves_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine may say that it could not stop a container, and it has ended all the same."""
    monkeypatch.setattr(front_end_steps, "_not_serving", lambda *_: None)
    former = Container("former", refuses=("stop",))
    new = Container("new", status="created", refuses=("start",))
    step = front_end_steps.Start(container="new", program=PROGRAM, text="new", drain=1, cause="test")

    with pytest.raises(APIError, match=FULL):
        step.perform(engine_of(former, new))

    assert (former.status, new.status) == ("running", "exited")


def test_a_former_keepalived_is_back_where_the_new_one_cannot_be_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: Container) -> None:
        raise EngineError("it did not start")

    monkeypatch.setattr(keepalived_steps, "start", broken)
    former, new = Container("former"), Container("new", status="created", refuses=("remove",))
    step = keepalived_steps.TakeOver(former="former", container="new", cause="test")

    with pytest.raises(APIError, match=FULL):
        step.perform(engine_of(former, new))

    assert former.status == "running"


@pytest.mark.parametrize("refused", ["write", "kill"])
def test_a_keepalived_whose_reload_is_refused_keeps_its_file(
    refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keepalived_steps, "RELOAD_SECONDS", 0)
    monkeypatch.setattr(keepalived_steps, "last_words", lambda _: "")
    monkeypatch.setattr(ErrorLog, "new", lambda _: [])
    node = Container("node", refuses=(refused,))
    step = keepalived_steps.Reload(container="node", config="new", before="old", cause="test")

    with pytest.raises(APIError, match=FULL):
        step.perform(engine_of(node))

    assert node.files[KEEPALIVED.file] == "old"
