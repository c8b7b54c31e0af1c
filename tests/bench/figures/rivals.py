"""Four ways to bring the same service up and down: each does it once and says how long it took."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Optional, Protocol

import docker.errors
import yaml
from docker.models.containers import Container

from components.engine import containers as engine
from components.load_balanced import replicas
from components.proxies.model import Backend
from tests.bench.figures import hand_tuned
from tests.bench.hosts import Host
from tests.bench.process import until
from tests.support.program import APP, PORT, PROXY, Program, service

AT_ONCE = 16
RESTART: Any = {"Name": "unless-stopped", "MaximumRetryCount": 0}
CAPABILITIES = ["CHOWN", "KILL", "SETGID", "SETUID"]
SYSCTLS = {"net.ipv4.ip_unprivileged_port_start": "0"}
TEST = replicas.health_test(Backend(image="httpd:2.4"), "http")[1]
MANY = 1800.0
"""Seconds after which a command is given up."""


class Rival(Protocol):
    """A way to bring up a service of some replicas of APP behind PROXY on PORT."""

    name: str

    def up(self) -> float:
        """Bring the rival up; return the seconds until the last call has returned and it serves."""
        ...

    def preview(self) -> Optional[float]:
        """Run a preview without a change; return its seconds, or None where the rival has no preview."""
        ...

    def destroy(self) -> float:
        """Destroy everything; return the seconds."""
        ...


def serves(host: Host, port: int = PORT) -> None:
    """Await an answer, as proof that what was measured is a service."""

    def answers() -> bool:
        with suppress(OSError):
            return bool(urllib.request.urlopen(f"http://{host.address}:{port}/", timeout=1).read())
        return False

    until(answers, f"{host.address}:{port} serves")


class Longshore:
    """`pulumi up` with the component."""

    name = "longshore"

    def __init__(self, folder: Path, host: Host, count: int) -> None:
        services = {"web": service(replicas=count)}
        self.program = Program(folder, host, {"services": services})
        self.program.pulumi("stack", "init")

    def up(self) -> float:
        return self.program.pulumi("up", "--yes", "--skip-preview", timeout=MANY).seconds

    def preview(self) -> Optional[float]:
        return self.program.pulumi("preview", "--expect-no-changes", timeout=MANY).seconds

    def destroy(self) -> float:
        return self.program.pulumi("destroy", "--yes", "--skip-preview", timeout=MANY).seconds

    def state_bytes(self) -> int:
        """Return size of the state."""
        return next(self.program.state.glob(".pulumi/stacks/*/*.json")).stat().st_size


class PlainProgram(Program):
    """`plain_program.py` as a project; it needs no plugin of ours."""

    def _lay_out(self) -> None:
        super()._lay_out()
        for name in ("Pulumi.yaml", "__main__.py", "components", "checkout", "templates", "plugin"):
            (self.project / name).unlink()
        (self.project / "__main__.py").symlink_to(Path(__file__).with_name("plain_program.py"))
        options = {"toolchain": "pip", "virtualenv": ".venv"}
        runtime = {"name": "python", "options": options}
        content = {"name": "longshore", "runtime": runtime}
        (self.project / "Pulumi.yaml").write_text(yaml.safe_dump(content))


class Plain(Longshore):
    """`pulumi up` with pulumi-docker alone: the same containers, with or without waiting for health."""

    def __init__(self, folder: Path, host: Host, count: int, *, wait: bool) -> None:
        self.name = "pulumi-docker, waits" if wait else "pulumi-docker, does not wait"
        names = [f"web-{index}" for index in range(count)]
        settings = {
            "address": host.url,
            "replicas": count,
            "wait": wait,
            "port": PORT,
            "image": APP,
            "frontEndImage": PROXY,
            "test": TEST,
            "configuration": hand_tuned.configuration("haproxy", names, PORT),
        }
        self.program = PlainProgram(folder, host, settings)
        self.program.pulumi("stack", "init")


class Compose:
    """docker-compose: one service scaled, the front end after its health."""

    name = "docker-compose"

    def __init__(self, folder: Path, host: Host, count: int) -> None:
        self.folder, self.host, self.count = folder / "compose", host, count
        self.folder.mkdir()
        names = [f"compose_web_{index + 1}" for index in range(count)]
        text = hand_tuned.configuration("haproxy", names, PORT)
        (self.folder / "haproxy.cfg").write_text(text)
        common: dict[str, Any] = {
            "restart": "unless-stopped",
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "sysctls": SYSCTLS,
        }
        # $ would be a variable of the file.
        test = ["CMD-SHELL", TEST.replace("$", "$$")]
        health = {"test": test, "interval": "1s", "timeout": "5s", "retries": 3}
        web = {
            **common,
            "image": APP,
            "cap_add": CAPABILITIES,
            "mem_limit": "512m",
            "memswap_limit": "512m",
            "healthcheck": health,
        }
        front_end = {
            **common,
            "image": PROXY,
            "command": ["haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"],
            "user": "65534:65534",
            "mem_limit": "256m",
            "memswap_limit": "256m",
            "stop_signal": "SIGUSR1",
            "ports": [f"{PORT}:{PORT}"],
            "volumes": ["./haproxy.cfg:/etc/haproxy/haproxy.cfg:ro"],
            "depends_on": {"web": {"condition": "service_healthy"}},
        }
        content = {"version": "2.4", "services": {"web": web, "lb": front_end}}
        (self.folder / "docker-compose.yml").write_text(json.dumps(content))

    def up(self) -> float:
        return self._run("up", "-d", "--scale", f"web={self.count}")

    def preview(self) -> Optional[float]:
        return None

    def destroy(self) -> float:
        return self._run("down", "--volumes")

    def _run(self, *arguments: str) -> float:
        began = time.monotonic()
        done = subprocess.run(
            ("docker-compose", "--project-name", "compose", *arguments),
            cwd=self.folder,
            env={**os.environ, "DOCKER_HOST": self.host.url, "COMPOSE_HTTP_TIMEOUT": "300"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=MANY,
        )
        if done.returncode != 0:
            raise RuntimeError(f"docker-compose {arguments[0]}: {done.stdout[-800:]}{done.stderr[-800:]}")
        return time.monotonic() - began


class EngineApi:
    """Nothing but calls of the Engine API, many at once: what the engine itself needs."""

    name = f"Engine API, {AT_ONCE} calls at once"

    def __init__(self, folder: Path, host: Host, count: int) -> None:
        self.host, self.count = host, count
        self._client = host.engine()
        self._containers: list[Container] = []
        self._network = ""

    def up(self) -> float:
        began = time.monotonic()
        self._network = str(self._client.networks.create("api-net", driver="bridge").id)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self._containers = list(pool.map(self._replica, range(self.count)))
            list(pool.map(self._await_well, self._containers))
        self._containers.insert(0, self._front_end())
        return time.monotonic() - began

    def preview(self) -> Optional[float]:
        return None

    def destroy(self) -> float:
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._remove, self._containers))
        self._client.networks.get(self._network).remove()
        self._containers = []
        return time.monotonic() - began

    def _create(self, image: str, name: str, memory: int, **options: Any) -> Container:
        return self._client.containers.create(
            image,
            name=name,
            mem_limit=memory * 2**20,
            memswap_limit=memory * 2**20,
            sysctls=SYSCTLS,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            restart_policy=RESTART,
            network=self._network,
            **options,
        )

    def _replica(self, index: int) -> Container:
        check = {"test": ["CMD-SHELL", TEST], "interval": 15 * 10**9, "timeout": 5 * 10**9}
        made = self._create(APP, f"api-{index}", 512, cap_add=CAPABILITIES, healthcheck=check)
        made.start()
        return made

    def _await_well(self, container: Container) -> None:
        def well() -> bool:
            with suppress(docker.errors.APIError):
                return bool(container.exec_run(["/bin/sh", "-c", TEST]).exit_code == 0)
            return False

        until(well, f"{container.name} is well", timeout=60.0, interval=0.2)

    def _front_end(self) -> Container:
        names = [f"api-{index}" for index in range(self.count)]
        made = self._create(
            PROXY,
            "api-lb",
            256,
            command=["haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"],
            user="65534:65534",
            ports={f"{PORT}/tcp": PORT},
            stop_signal="SIGUSR1",
        )
        text = hand_tuned.configuration("haproxy", names, PORT)
        engine.write_file(made, "/etc/haproxy", "haproxy.cfg", text)
        made.start()
        return made

    @staticmethod
    def _remove(container: Container) -> None:
        container.stop(timeout=10)
        container.remove(v=True)


def unavailable(program: str) -> Optional[str]:
    """Return the reason why a rival that is a program of Debian cannot run, or None."""
    if shutil.which(program) is None:
        return f"not installed: {program}; run: apt-get install {program}"
    return None


__all__ = ["MANY", "Compose", "EngineApi", "Longshore", "Plain", "Rival", "serves", "unavailable"]
