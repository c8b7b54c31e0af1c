"""Ask the services of a stack whether they answer at the addresses that its program exports."""

import http.client
import json
import socket
from collections.abc import Callable, Iterable
from typing import Optional
from urllib.parse import urlsplit

from ..engine.connection import EngineRefused, HostUnreachable, connect
from ..engine.containers import wait_until
from ..proxies.health import connect as connect_test
from ..repair.survey import CONTAINER, Survey, Thing

PATIENCE = 60.0
"""Seconds in which a service answers once its containers run."""
LISTEN_SECONDS = 5.0
_UNKNOWN = 127
_NO_TOOL = f"command -v bash >/dev/null || command -v nc >/dev/null || exit {_UNKNOWN}"


def answers(url: str) -> bool:
    """Return whether a service answers, however it does; without HTTP, whether it lets a client in."""
    parts = urlsplit(url)
    try:
        if parts.scheme != "http":
            socket.create_connection((parts.hostname or "", parts.port or 0), timeout=2).close()
            return True
        connection = http.client.HTTPConnection(parts.netloc, timeout=2)
        connection.request("GET", "/")
        return bool(connection.getresponse().status)
    except (OSError, http.client.HTTPException):
        return False


def problem(component: str, url: str, look: Callable[[], Survey]) -> Optional[str]:
    """Return why a service does not answer at `url`, or None.

    When this machine cannot reach the service, its front end is asked on its own host.
    """
    why: Optional[str] = None

    def serves() -> bool:
        nonlocal why
        found = [(host, each) for host, things in look().items() for each in things]
        parts = [
            (host, each) for host, each in found if (each.kind, each.component) == (CONTAINER, component)
        ]
        why = _not_running([each for _, each in parts])
        if why is None and not answers(url):
            port = urlsplit(url).port or 0
            listening = [_listens(host, each, port) for host, each in parts if each.role == "front-end"]
            # Of what has no front end of ours nothing more is known than where it may be reached from.
            why = "nothing listens there" if listening and not any(listening) else None
        return why is None

    wait_until(serves, PATIENCE)
    return why


def _not_running(things: Iterable[Thing]) -> Optional[str]:
    """Return which part of a component has no container that runs, or None."""
    roles: dict[str, bool] = {}
    for thing in things:
        if thing.role == "front-end" or thing.role.startswith("replica-"):
            roles[thing.role] = roles.get(thing.role, False) or thing.status == "running"
    down = sorted(role.replace("-", " ", 1) for role, runs in roles.items() if not runs)
    return f"no {' and no '.join(down)} runs" if down else None


def _listens(host: str, front_end: Thing, port: int) -> bool:
    """Return whether the port is open in the front end's container, or nothing there can tell."""
    command = ["/bin/sh", "-c", f"{_NO_TOOL}\n{connect_test(port)[1]}"]
    try:
        with connect(json.loads(host)) as engine:
            run = engine.api.exec_create(front_end.id, command)["Id"]
            # Detached: over ssh, the SDK loses each connection on which a command's output has come.
            engine.api.exec_start(run, detach=True)
            wait_until(lambda: not engine.api.exec_inspect(run)["Running"], LISTEN_SECONDS)
            return engine.api.exec_inspect(run)["ExitCode"] in (0, _UNKNOWN)
    except EngineRefused:  # no shell in this image
        return True
    except HostUnreachable:
        return False
