"""The services of a program on a real engine without Pulumi: exported, and brought up by `docker-compose`.

    project = ComposeProject(host, {"site": service(replicas=3)}, folder)
    project.up()
    project.container("site-web-0")

The repository's own program is run, and `longshore export compose` writes what is brought up.
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docker.models.containers import Container

from components.export.command import main
from tests.bench.hosts import Host
from tests.bench.process import run
from tests.unit.test_plan import Project

NAME = "exported"
TOKEN = "a-token-of-nobody"
"""The secret `token` of the settings; the user who runs the project puts it in `.env`."""


class ComposeProject:
    """Services on one host, exported; a secret of theirs is `{secret: token}`."""

    def __init__(self, host: Host, services: Mapping[str, Any], folder: Path) -> None:
        self.host = host
        self.folder = folder / "exported"
        self._ids: dict[str, str] = {}
        program = Project(folder / "program")
        secrets = {"token": {"secure": "v1:abc:def"}}
        program.configure(dict(services), host={"address": host.url}, secrets=secrets)
        with contextlib.chdir(program.folder):
            assert main(["compose", str(self.folder), "--stack", "test"]) == 0
        variables = (self.folder / ".env.example").read_text()
        (self.folder / ".env").write_text(variables.replace("=", f"={TOKEN}"))

    def up(self) -> None:
        """Bring them up as somebody does who has nothing but the folder and `docker-compose`."""
        where = ["--project-directory", str(self.folder), "--file", str(self.folder / "compose.yaml")]
        run(["docker-compose", "--host", self.host.url, "--project-name", NAME, *where, "up", "--detach"])
        for each in self.host.engine().containers.list(all=True):
            self._ids[each.labels["com.docker.compose.service"]] = str(each.id)

    def names(self) -> list[str]:
        """Return names of the containers' resources in the program."""
        return list(self._ids)

    def container(self, name: str) -> Container:
        """Return the container of the resource `name`."""
        return self.host.engine().containers.get(self._ids[name])

    def network(self, name: str) -> str:
        """Return the name of the network of the resource `name` on the engine."""
        return f"{NAME}_{name}"

    def address(self, name: str, network: str) -> str:
        """Return address of the front end `name` on a network."""
        return str(self.container(name).attrs["NetworkSettings"]["Networks"][network]["IPAddress"])
