"""A Docker Engine in memory, as far as replicas need one: a thousand containers take no time."""

import itertools
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

from docker.errors import APIError, NotFound

from components.engine.raw import NONE


def refusal(status: int, text: str) -> APIError:
    """Return the engine's error with this status."""
    response: Any = SimpleNamespace(status_code=status)
    return (NotFound if status == HTTPStatus.NOT_FOUND else APIError)(text, response, text)


class Killed(BaseException):
    """The process that asked was killed: nothing is done after it."""


class Containers:
    """Lists of containers in both layers of the SDK: `api.containers()`, `containers.list()`."""

    def __init__(self, engine: "FakeEngine") -> None:
        self._engine = engine
        self.front_ends: list[Any] = []

    def __call__(
        self,
        all: bool = False,  # noqa: A002
        filters: Mapping[str, Any] = NONE,
    ) -> list[dict[str, Any]]:
        labels = filters.get("label", ())
        wanted = dict(each.split("=", 1) for each in labels if "=" in each)
        return self._engine.listed(all, wanted, [each for each in labels if "=" not in each])

    def list(self, filters: Mapping[str, Any], all: bool = False) -> list[Any]:  # noqa: A002
        wanted = dict(each.split("=", 1) for each in filters["label"])
        return [
            each
            for each in self.front_ends
            if wanted.items() <= each.labels.items() and (all or each.status == "running")
        ]

    def get(self, key: str) -> Any:
        for each in self.front_ends:
            if each.id == key:
                return each
        raise refusal(404, "no such container")


class FakeEngine:
    """Both layers of the Docker SDK's client at once."""

    def __init__(self) -> None:
        self.api = self
        self.images = SimpleNamespace(get=lambda _: None)
        self.there: dict[str, dict[str, Any]] = {}
        """Containers by id, as the engine describes them."""
        self.sick: set[str] = set()
        """Images and network names whose health check fails."""
        self.ends: set[str] = set()
        """Images whose program ends at once."""
        self.refused: dict[str, str] = {}
        """Messages with which the engine refuses to start an image."""
        self.calls: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        """Most calls of each kind at the same time."""
        self.most_running = 0
        self.kill_after: int | None = None
        """Creations after which the process that asks is killed."""
        self.kill_at: int | None = None
        """Number of the change, from 1, at which the process that asks is killed: it is not done."""
        self.acts: list[str] = []
        """Changes that were asked for: `create`, `start`, `kill`, `remove`, and those of a front end."""
        self.containers = Containers(self)
        self.networks = SimpleNamespace()
        self.together = 1
        """Containers that end only when so many of them have their stop signal."""
        self._signalled: list[str] = []
        self._now: Counter[str] = Counter()
        self.lock = threading.Lock()
        self._numbers = itertools.count(1)

    @contextmanager
    def _call(self, kind: str) -> Iterator[None]:
        with self.lock:
            self.calls[kind] += 1
            self._now[kind] += 1
            self.most[kind] = max(self.most[kind], self._now[kind])
        try:
            yield
        finally:
            with self.lock:
                self._now[kind] -= 1

    def _find(self, key: str) -> dict[str, Any]:
        with self.lock:
            if key in self.there:
                return self.there[key]
            for found in self.there.values():
                if found["Name"] == f"/{key}":
                    return found
        raise refusal(404, "no such container")

    def act(self, kind: str) -> None:
        """Note a change, unless the process that asks for it is killed."""
        with self.lock:
            if self.kill_at is not None and len(self.acts) + 1 >= self.kill_at:
                raise Killed
            self.acts.append(kind)

    def info(self) -> dict[str, Any]:
        return {"SystemTime": "2026-01-01T00:00:00+00:00"}

    def _url(self, path: str, *_: str) -> str:
        return path

    def _post_json(self, url: str, data: Any, params: Mapping[str, str] = NONE, **_: Any) -> Any:
        if url.startswith("/exec/"):
            return b"bad gateway"
        if url.endswith("/update"):
            self._find(url.split("/")[2])["HostConfig"].update(data)
            return {}
        assert url == "/containers/create"
        self.act("create")
        with self._call("create"), self.lock:
            if self.kill_after is not None and self.calls["create"] > self.kill_after:
                raise Killed
            name = params["name"]
            if f"/{name}" in [each["Name"] for each in self.there.values()]:
                raise refusal(409, f"the name {name} is in use")
            id_ = f"{next(self._numbers):064x}"
            networks = data["NetworkingConfig"]["EndpointsConfig"]
            self.there[id_] = {
                "Id": id_,
                "Name": f"/{name}",
                "Config": data,
                "State": {"Status": "created", "Running": False, "Restarting": False, "ExitCode": 0},
                "RestartCount": 0,
                "HostConfig": dict(data["HostConfig"]),
                "NetworkSettings": {"Networks": {key: dict(value) for key, value in networks.items()}},
            }
            return {"Id": id_}

    def _get_result_tty(self, _stream: bool, answer: bytes, _is_tty: bool) -> bytes:
        return answer

    def _result(self, answer: Any, json: bool) -> Any:
        return answer

    def listed(self, every: bool, wanted: Mapping[str, str], keys: Collection[str]) -> list[dict[str, Any]]:
        """Return containers with these labels, and with labels of these keys, as the engine lists them."""
        with self._call("list"):
            return [
                {
                    "Id": each["Id"],
                    "Names": [each["Name"]],
                    "Labels": each["Config"]["Labels"],
                    "State": each["State"]["Status"],
                    "Status": "",
                }
                for each in self.there.values()
                if wanted.items() <= each["Config"]["Labels"].items()
                and each["Config"]["Labels"].keys() >= set(keys)
                and (every or each["State"]["Running"])
            ]

    def inspect_container(self, key: str) -> dict[str, Any]:
        return self._find(key)

    def connect_container_to_network(self, key: str, network: str) -> None:
        self._find(key)["NetworkSettings"]["Networks"][network] = {}

    def start(self, key: str) -> None:
        found = self._find(key)
        image = found["Config"]["Image"]
        self.act("start")
        with self._call("start"):
            if image in self.refused:
                raise refusal(400, self.refused[image])
            running = image not in self.ends
            found["State"] |= {"Status": "running" if running else "exited", "Running": running}
            with self.lock:
                self.most_running = max(self.most_running, len(self.running()))

    def kill(self, key: str, signal: str) -> None:
        assert signal == "SIGTERM"
        self.act("kill")
        with self._call("kill"), self.lock:
            self._signalled.append(key)
            if len(self._signalled) >= self.together:
                for each in self._signalled:
                    self.there[each]["State"] |= {"Status": "exited", "Running": False}
                self._signalled.clear()

    def remove_container(self, key: str, v: bool, force: bool) -> None:
        self.act("remove")
        with self._call("remove"):
            self.there.pop(self._find(key)["Id"])

    def logs(self, key: str, **_: Any) -> bytes:
        return f"cannot open /data with {self._find(key)['Config']['Env']}".encode()

    def exec_create(self, key: str, command: list[str]) -> dict[str, str]:
        return {"Id": key}

    def exec_start(self, key: str, **_: Any) -> None:
        pass

    def exec_inspect(self, key: str) -> dict[str, Any]:
        found = self._find(key)
        alias = found["Name"].lstrip("/").rpartition("-")[0]
        return {
            "Running": False,
            "ExitCode": int(not self.sick.isdisjoint({found["Config"]["Image"], alias})),
        }

    def running(self, image: str | None = None) -> list[str]:
        """Return the names of the containers that run, of one image or of all, without the digest."""
        return sorted(
            each["Name"].lstrip("/").rpartition("-")[0]
            for each in self.there.values()
            if each["State"]["Running"] and image in (None, each["Config"]["Image"])
        )
