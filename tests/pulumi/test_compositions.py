"""examples/wrapped and examples/transforms: what a team builds around our components."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bench.hosts import Host
from tests.bench.images import APP_2
from tests.bench.load import Load
from tests.pulumi.test_examples import Project
from tests.pulumi.test_stack import everything, get
from tests.support.program import APP, PORT, PROXY, ROOT

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.slow]


def example(name: str, installed: Path, folder: Path, host: Host) -> Project:
    """Return a project of examples/, with settings for the bench."""
    copied = Path(shutil.copytree(ROOT / "examples" / name, folder / name))
    (copied / ".venv").symlink_to(installed)
    project = Project(copied, folder / "private")
    project.set(engine=host.url, image=APP, proxy=PROXY, port=str(PORT))
    return project


def test_a_component_of_ones_own(installed: Path, tmp_path: Path, host: Host) -> None:
    """The team's defaults are in force, its outputs are there, and its component is the parent of ours."""
    before = everything(host)
    project = example("wrapped", installed, tmp_path, host)

    project.up()
    try:
        shop = get(host, "/env/DOMAIN", name="www.shop.example")
        blog = get(host, "/env/DOMAIN", port=PORT + 1, name="blog.example")
        outputs = json.loads(project.pulumi("stack", "output", "--json").stdout)
        tree = project.pulumi("stack", "--show-urns").output
        (replica,) = host.engine().containers.list(filters={"name": "shop-site-0-"})
        again = project.changes_nothing
    finally:
        project.destroy()

    assert (shop, blog) == ("shop.example\n", "blog.example\n")
    assert outputs == {
        "addresses": [
            f"shop.example at http://localhost:{PORT}", f"blog.example at http://localhost:{PORT + 1}"
        ],
        "servers": [2, 2],
    }  # fmt: skip
    assert "::team:index:WebSite$longshore:index:LoadBalancedService::shop" in tree
    assert replica.attrs["HostConfig"]["ReadonlyRootfs"]
    assert replica.attrs["HostConfig"]["Memory"] == 64 * 2**20
    assert again
    assert everything(host) == before


def labelled(host: Host) -> dict[str, Any]:
    """Return the label `team` of everything that the stack has on the host."""
    engine = host.engine()
    found = {str(each.name): each.labels for each in engine.containers.list(all=True)}
    found |= {str(each.name): each.attrs["Labels"] for each in engine.networks.list(names=["web-net"])}
    found |= {str(each.name): each.attrs["Labels"] for each in engine.volumes.list(filters={"name": "data-"})}
    return {name: (labels or {}).get("team") for name, labels in found.items()}


def test_a_label_on_everything(installed: Path, tmp_path: Path, host: Host) -> None:
    """From the beginning: the next preview is empty, and a new image comes without a failed request."""
    before = everything(host)
    project = example("transforms", installed, tmp_path, host)
    project.set(team="web")

    project.up()
    try:
        found = labelled(host)
        again = project.changes_nothing
        project.set(image=APP_2)
        with Load(f"http://{host.address}:{PORT}/", rate=100) as load:
            load.wait_sent(100)
            project.up()
        changed = labelled(host)
    finally:
        project.destroy()

    assert len(found) == 6  # three replicas, the front end, the network, the volume
    assert set(found.values()) == {"web"}
    assert again
    assert set(changed.values()) == {"web"}
    assert load.report.failed == 0, load.report.failures
    assert everything(host) == before


ALONE = """if args.type_ not in LABELLED or args.name == "web-lb" or "network" in args.type_:"""


@pytest.mark.parametrize("what", ["everything", "replicas alone"])
def test_a_label_that_comes_later(
    what: str, installed: Path, tmp_path: Path, host: Host, note: Callable[[str], None]
) -> None:
    """Each container with the label is replaced.

    The front end's port is closed then, for at most the drain time and a second. Replicas keep their names;
    requests fail while each of these still means the former replica.
    """
    before = everything(host)
    project = example("transforms", installed, tmp_path, host)
    transform = project.folder / "labels.py"
    if what == "replicas alone":
        transform.write_text(transform.read_text().replace("if args.type_ not in LABELLED:", ALONE))

    project.up()
    try:
        with Load(f"http://{host.address}:{PORT}/", rate=100, timeout=30) as load:
            load.wait_sent(200)
            project.set(team="web")
            project.up()
            load.wait_sent(load.sent + 200)
            load.stop()
        found = labelled(host)
        again = project.changes_nothing
    finally:
        project.destroy()

    report = load.report
    offsets = [failure.offset for failure in report.failures]
    gap = max(offsets) - min(offsets) if offsets else 0.0
    note(f"a label on {what}, added later: {report.failed} of {report.sent} requests failed, in {gap:.1f} s")
    assert list(found.values()).count("web") == {"everything": 6, "replicas alone": 4}[what]
    assert again
    assert gap < {"everything": 12, "replicas alone": 3}[what]
    assert everything(host) == before
