"""`make up YES=1` with neither Pulumi nor Docker nor an image, from a fresh checkout."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import docker
import pytest

from checkout import debian
from tests.support.program import ROOT
from tests.support.wheel import checkout

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture
def fresh_machine() -> Iterator[None]:
    """Provide this machine, if it may be changed and has nothing yet; its engine is stopped in the end."""
    if os.environ.get("CI") != "true" or not debian.is_ours_to_change():
        pytest.skip("an engine is installed in a test only as root on Debian, with CI=true")
    if shutil.which("dockerd", path=debian.PATH):
        pytest.skip("there is a Docker engine on this machine already")
    yield
    engine = docker.from_env()
    for image in engine.images.list(all=True):
        engine.images.remove(str(image.id), force=True)
    engine.close()
    stop = ["start-stop-daemon", "--stop", "--pidfile=/run/docker-ssd.pid", "--remove-pidfile", "--retry=30"]
    subprocess.run(stop, check=True)


@pytest.mark.usefixtures("fresh_machine")
def test_one_command_ends_with_a_page(tmp_path: Path, note: Callable[[str], None]) -> None:
    """Three replicas behind the front end; `make down` removes them."""
    folder = checkout(tmp_path)
    shutil.copy(ROOT / "Pulumi.dev.yaml", folder)
    without = [each for each in os.environ["PATH"].split(":") if not Path(each, "pulumi").exists()]
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": ":".join(without)}

    def make(target: str) -> str:
        done = subprocess.run(
            ["make", target, "YES=1"], cwd=folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    began = time.monotonic()
    said = make("up").splitlines()
    pages = {urlopen("http://localhost:8080/", timeout=10).read() for _ in range(9)}
    note(f"from a machine with nothing to a page: {time.monotonic() - began:.0f} s")

    assert said[-1] == "web: http://localhost:8080"
    assert len(pages) == 3
    assert all(b"It works!" in page for page in pages)
    make("down")
    assert docker.from_env().containers.list(all=True) == []
