"""The parts that a case needs, on a real host: replicas, a front end, and everybody else who asks it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from components.arguments.parsing import parse
from components.engine.containers import write_file
from components.engine.front_end_changes import Wanted
from components.engine.front_end_config import put_in_force
from components.load_balanced.validation import service as validated
from components.naming import replica_alias
from components.proxies.certificates import known
from components.proxies.registry import kind_of
from components.swarm.gateway.model import Gateway
from tests.bench import front_ends
from tests.bench.generations import OLD
from tests.bench.images import APP, BASE
from tests.bench.process import until
from tests.support.certificates import with_certificates

from .client import Client, Heard, proxy_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker.models.containers import Container
    from docker.models.networks import Network

    from components.proxies.site import Site
    from tests.bench.hosts import Host

    from .cases import Case

COMPONENT = "site"
PORTS = {"haproxy": 8090, "nginx": 8091}
TLS_PORTS = {"haproxy": 8490, "nginx": 8491}
MOST = 8
"""Replicas that a backend of a case may have."""
REPLICA = Path(__file__).with_name("replica.pl")
PACE = 0.03
"""Seconds between two requests of everybody else."""
AFTERWARDS = 10
"""Requests of everybody else that follow a case at least."""
SLOW = 3.0
"""Seconds after which an ordinary request has failed."""


class Log:
    """Hands on each line that a container writes from now on."""

    def __init__(self, container: Container, take: Callable[[str], None]) -> None:
        self._take = take
        self._stream: Any = container.logs(stream=True, follow=True, tail=0)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        rest = b""
        with suppress(Exception):  # the engine ends first
            for data in self._stream:
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._take(line.decode(errors="replace"))

    def ended(self) -> bool:
        return not self._thread.is_alive()


class Replica:
    """One container that runs replica.pl; its log is what it saw."""

    def __init__(self, stage: Stage, backend: str, index: int) -> None:
        self.name = f"{backend}-{index}"
        engine = stage.host.engine()
        self.container: Container = engine.containers.create(
            BASE, ["perl", "/replica.pl", self.name, "80"], stop_signal="SIGKILL"
        )
        write_file(self.container, "/", "replica.pl", REPLICA.read_text())
        # Those of a backend with N replicas in a swarm are the addresses of one name.
        tasks = [f"tasks.{backend}-{count}" for count in range(index + 1, MOST + 1)]
        aliases = [replica_alias(COMPONENT, backend, index, 1), *tasks]
        stage.network.connect(self.container, aliases=aliases)
        self._seen: dict[str, list[dict[str, Any]]] = {}
        self._start()

    def _start(self) -> None:
        self.container.start()
        Log(self.container, self._note)

    def _note(self, line: str) -> None:
        with suppress(ValueError):
            entry = json.loads(line)
            self._seen.setdefault(str(entry.get("case")), []).append(entry)

    def seen(self, case: str) -> list[dict[str, Any]]:
        """Return the requests that it saw with this header Case."""
        return self._seen.get(case, [])

    def do(self, what: str) -> None:
        """Do one of `stop`, `start`, `kill`, `pause` or `unpause`."""
        if what == "start":
            self._start()
        else:
            getattr(self.container, what)(**({"timeout": 0} if what == "stop" else {}))

    def restore(self) -> None:
        """Have it run."""
        self.container.reload()
        if self.container.status == "paused":
            self.container.unpause()
        elif self.container.status != "running":
            self.do("start")


class FrontEnd:
    """The front end of a kind: one container, the configuration of the case in force."""

    def __init__(self, stage: Stage, kind: str) -> None:
        self._stage, self.kind, self.port = stage, kind, PORTS[kind]
        self.program = kind_of(kind).program
        self.container: Container = front_ends.create(
            stage.host, kind, stage.network.name, self.port, TLS_PORTS[kind], mem_limit="256m"
        )
        self._text = ""
        self._files: dict[str, str] = {}
        self._log: Log | None = None
        self._lines: list[str] = []

    def serve(self, text: str, files: dict[str, str] | None = None) -> None:
        """Have `text` in force, in workers that know nothing of the cases of before unless it is the same."""
        self._files = files or {}
        if text == self._text:
            return
        self.forget()
        self._put(text)
        self._lines = []
        self._text, self._log = text, Log(self.container, self._lines.append)

    def reload(self) -> None:
        """Deliver the same text again, as another one would be."""
        self._put(self._text)

    def _put(self, text: str) -> None:
        wanted = Wanted(
            container=str(self.container.id), program=self.program, text=text, files=self._files, drain=1
        )
        put_in_force(self._stage.host.engine(), wanted)

    def forget(self) -> None:
        """End it: the next case finds it new."""
        if self._text:
            self._text = ""
            self.container.kill()
            until(lambda: self._log is None or self._log.ended(), "the log of the front end ends")

    def lines(self, port: int) -> list[str]:
        """Return the lines that it has logged about the connection from this port of the client."""
        found = f":{port} ["
        return [line for line in self._lines if found in line]

    def talk(
        self,
        pieces: list[Any],
        methods: list[str],
        answers: int | None,
        enough: threading.Event,
        tls: dict[str, Any] | None = None,
        proxy: dict[str, Any] | None = None,
    ) -> Heard:
        """Have a client of its own talk to it."""
        port = self.port if tls is None else TLS_PORTS[self.kind]
        return Client((self._stage.host.address, port), methods, enough, tls, proxy).talk(pieces, answers)


class Stage:
    """A host with what the cases of its generation need, made when it is first needed."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.network: Network = host.engine().networks.create("traffic")
        self._replicas: dict[str, Replica] = {}
        self._front_ends: dict[str, FrontEnd] = {}

    def front_end(self, kind: str) -> FrontEnd:
        if kind not in self._front_ends:
            self._front_ends[kind] = FrontEnd(self, kind)
        return self._front_ends[kind]

    def replica(self, name: str) -> Replica:
        """Return the replica of this name, such as `web-0`."""
        if name not in self._replicas:
            backend, _, index = name.rpartition("-")
            self._replicas[name] = Replica(self, backend, int(index))
        return self._replicas[name]

    def replicas(self) -> list[Replica]:
        """Return the replicas that were made so far."""
        return list(self._replicas.values())

    def site(self, case: Case) -> tuple[Site, str]:
        """Return the validated settings of a case and their configuration, with the replicas there."""
        site, text = rendered(case)
        for name, count in counts(case).items():
            assert count <= MOST, f"a backend of a case has at most {MOST} replicas"
            for index in range(count):
                self.replica(f"{name}-{index}")
        return site, text


def rendered(case: Case) -> tuple[Site, str]:
    """Return the settings of a case, validated, and their configuration. Raise ArgumentError."""
    if case.component == "gateway":
        gateway = parse(Gateway, _for_gateway(case), COMPONENT)
        return gateway, gateway.text
    service = validated(COMPONENT, arguments(case))
    generations = dict.fromkeys(service.backends, 1)
    return service, kind_of(case.kind).render(service, COMPONENT, generations, known(service))


def arguments(case: Case) -> dict[str, Any]:
    """Return the arguments of LoadBalancedService in a case."""
    settings = _with_front_end(case)
    front_end = settings["front_end"]
    if case.kind == "nginx" and case.generation is OLD:
        front_end.setdefault("resolve", False)  # it is older than 1.27.4
    if "backends" in settings:
        settings["backends"] = {name: {"image": APP, **each} for name, each in settings["backends"].items()}
    else:
        settings["image"] = APP
    settings.setdefault("host", {"address": "unix:///run/docker.sock"})
    return _with_counts(settings)


def counts(case: Case) -> dict[str, int]:
    """Return the number of replicas of each backend of a case; 2 by default."""
    backends = case.settings.get("backends") or {case.settings.get("name", "web"): case.settings}
    return {name: each.get("replicas", 2) for name, each in backends.items()}


def _with_counts(settings: dict[str, Any]) -> dict[str, Any]:
    if "backends" not in settings:
        return {"replicas": 2, **settings}
    return {**settings, "backends": {k: {"replicas": 2, **v} for k, v in settings["backends"].items()}}


def _with_front_end(case: Case) -> dict[str, Any]:
    front_end = {"kind": case.kind, "port": PORTS[case.kind], **case.settings.get("front_end", {})}
    if "tls" in front_end:
        front_end["tls"] = {"port": TLS_PORTS[case.kind], **front_end["tls"]}
    return with_certificates({**case.settings, "front_end": front_end})


def _for_gateway(case: Case) -> dict[str, Any]:
    """Return the arguments of a gateway, whose backends are services that exist, with as many tasks."""
    settings = _with_front_end(case)
    front_end = settings.pop("front_end")
    backends = settings.pop("backends", None) or {settings.pop("name", "web"): settings}
    count = counts(case)
    return {
        "networks": ["traffic"],
        "front_end": front_end,
        "backends": {
            name: {
                **{key: value for key, value in backend.items() if key != "replicas"},
                "service": f"{name}-{count[name]}",
            }
            for name, backend in backends.items()
        },
    }


class Others:
    """Other clients: ordinary requests, one after the other, while a case runs and for a moment after it.

    `others` of a case has these keys:

        status                 status that they may get (200), or a list
        host                   name that they ask for (the first of the first backend)
        seconds                for how long they go on after the case
        none: true             there are none
    """

    def __init__(self, front_end: FrontEnd, address: str, site: Site, given: dict[str, Any]) -> None:
        assert not given.keys() - {"status", "host", "seconds", "none"}, f"others: {sorted(given)}"
        allowed = given.get("status", 200)
        self._allowed = allowed if isinstance(allowed, list) else [allowed]
        names = [name for _, each in sorted(site.backends.items()) for name in each.host_names]
        self._host = given.get("host") or (names[0].replace("*", "any") if names else "localhost")
        self._seconds, self._none = given.get("seconds", 0), given.get("none", False)
        self._address, self._port = address, front_end.port
        self._named = bool(site.front_end.proxy_protocol)
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._stop = threading.Event()
        self.asked = 0
        self.failed: list[str] = []

    def __enter__(self) -> Self:
        if not self._none:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._none:
            enough = self.asked + AFTERWARDS
            self._stop.wait(self._seconds)
            until(lambda: self.asked >= enough, "everybody else has asked", timeout=AFTERWARDS * 2 * SLOW)
            self._stop.set()
            self._thread.join()

    def _ask(self) -> None:
        began = time.monotonic()
        while not self._stop.wait(PACE):
            asked_at = time.monotonic()
            got = self._one()
            took = time.monotonic() - asked_at
            self.asked += 1
            if got not in self._allowed or took > SLOW:
                self.failed.append(f"{got} after {took:.2f} s, {asked_at - began:.2f} s from the begin")

    def _one(self) -> int | str:
        connection = http.client.HTTPConnection(self._address, self._port, timeout=2 * SLOW)
        try:
            connection.connect()
            if self._named:
                connection.sock.sendall(proxy_header({}, self._port))
            connection.request("GET", "/ordinary", headers={"Host": self._host})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()
        return answer.status
