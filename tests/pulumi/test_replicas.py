"""`Replicas` in a program of one's own under the real `pulumi`: what a preview shows, and what `up` does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container
from docker.models.networks import Network

from tests.bench.hosts import Host
from tests.bench.images import APP, APP_2, APP_SICK
from tests.support.documents import blocks
from tests.support.program import Inline, PulumiError

pytestmark = [pytest.mark.engine, pytest.mark.pulumi_cli]

EXAMPLE, CHANGED, DRIFTED = (each.text for each in blocks() if each.file == "replicas.md")
"""Example of docs/replicas.md, and what its previews show."""


class Stack(Inline):
    """A program of one backend, its settings as the inputs."""

    main = EXAMPLE.replace("from longshore.", "from components.")
    web: dict[str, Any]

    def declare(self, **keys: Any) -> None:
        self.web = {**self.web, **keys}
        self.configure({"web": self.web})

    def order(self, order: str) -> None:
        """Have the program ask for this order."""
        file = self.project / "__main__.py"
        file.write_text(file.read_text().replace('"order": "start-first"', f'"order": "{order}"'))

    def containers(self, host: Host) -> list[Container]:
        """Return the containers, by name."""
        found = host.engine().containers.list(all=True, filters={"label": self.labels})
        return sorted(found, key=lambda each: str(each.name))

    def ids(self, host: Host) -> list[str]:
        return [str(each.id) for each in self.containers(host)]


@pytest.fixture
def network(host: Host) -> Iterator[Network]:
    """Provide a network for the replicas."""
    made = host.engine().networks.create("own-replicas")
    yield made
    made.remove()


@pytest.fixture
def stack(host: Host, network: Network, tmp_path: Path) -> Iterator[Stack]:
    """Provide a stack of three replicas that are up; nothing of it is left afterwards."""
    stack = Stack(tmp_path, host, {})
    stack.web = {
        "host": host.url,
        "network": network.name,
        "replicas": 3,
        "image": APP,
        "monitor": 0,
        "start_timeout": 20,
    }
    stack.declare()
    stack.up()
    yield stack
    stack.destroy()
    assert stack.containers(host) == []


def diff(stack: Stack) -> str:
    """Return what `pulumi preview --diff` shows."""
    return stack.pulumi("preview", "--diff").output


def lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines()}


def test_life(stack: Stack, host: Host) -> None:
    """Unchanged, more replicas, another image: few lines of a preview, and what it says is done."""
    first = stack.ids(host)
    assert stack.outputs() == {
        "generation": 1,
        "containers": dict(zip(["site-web-0", "site-web-1", "site-web-2"], first, strict=True)),
    }
    assert stack.preview().changes == []

    stack.declare(replicas=5, image=APP_2)
    shown = diff(stack)
    assert lines(CHANGED.replace('"app:', '"longshore-app:')) <= lines(shown)
    assert "each" not in shown
    assert "generation" in shown

    said = stack.up().output
    assert "web updating" in said
    assert stack.outputs()["generation"] == 2
    assert [each.attrs["Config"]["Image"] for each in stack.containers(host)] == [APP_2] * 5
    assert stack.preview().changes == []


def test_a_refresh_finds_what_others_did(stack: Stack, host: Host) -> None:
    """One removed, one stopped; the preview names them, and `up` repairs both."""
    removed, stopped, _ = stack.containers(host)
    removed.remove(force=True)
    stopped.stop(timeout=1)
    assert stack.preview().changes == []

    stack.refresh()
    shown = diff(stack)
    assert lines(DRIFTED) <= lines(shown)

    stack.up()
    assert [each.status for each in stack.containers(host)] == ["running"] * 3
    assert stack.preview().changes == []


@pytest.mark.parametrize("order", ["start-first", "stop-first"])
def test_a_rollback_ends_with_an_error_and_the_former_state(stack: Stack, host: Host, order: str) -> None:
    """The former program has nothing to change afterwards, but for what is to be confirmed."""
    stack.declare(image=APP_SICK, start_timeout=2)
    stack.order(order)

    with pytest.raises(PulumiError, match="rolled back to site-web-0-g1") as error:
        stack.up()

    assert "its health check ended with 22" in error.value.run.output
    assert "Traceback" not in error.value.run.output
    assert [each.attrs["Config"]["Image"] for each in stack.containers(host)] == [APP] * 3
    stack.declare(image=APP, start_timeout=20)
    ids = stack.ids(host)
    stack.up()
    assert stack.ids(host) == ids
    assert list(stack.outputs()["containers"].values()) == ids
    assert stack.preview().changes == []


def test_a_bad_value_is_one_error_of_the_preview(stack: Stack) -> None:
    stack.declare(replicas=0)

    with pytest.raises(PulumiError, match=r"replicas must be between 1 and 1000, got 0"):
        stack.preview()

    stack.declare(replicas=3)


def test_a_replacement_by_force_removes_nothing_that_was_taken_over(stack: Stack, host: Host) -> None:
    """Create finds all replicas, so the deletion that follows has nothing to do."""
    ids = stack.ids(host)
    (urn,) = (each["urn"] for each in stack.export()["resources"] if each["urn"].endswith("Replicas::web"))

    stack.up(f"--replace={urn}")

    assert stack.ids(host) == ids
