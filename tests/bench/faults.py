"""One of three replicas is killed, stopped or cut off under load; what the clients see."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.program import PORT, service
from tests.support.rehearsal import Rehearsal

from .hosts import Host
from .load import Load, Report

RATE, BEFORE, AFTER = 200, 300, 1_500


@contextmanager
def killed(host: Host, container: str) -> Iterator[None]:
    """Kill the replica with SIGKILL; it stays away."""
    host.signal(container, "SIGKILL")
    yield


@contextmanager
def stopped(host: Host, container: str) -> Iterator[None]:
    """Stop the replica with SIGSTOP: the kernel accepts its connections, and no answer comes."""
    host.signal(container, "SIGSTOP")
    try:
        yield
    finally:
        host.signal(container, "SIGCONT")


def cut(host: Host, container: str) -> AbstractContextManager[None]:
    """Cut the replica's network: it neither answers nor refuses."""
    return host.cut(container)


Fault = Callable[[Host, str], AbstractContextManager[None]]
FAULTS: dict[str, Fault] = {"killed": killed, "stopped": stopped, "cut": cut}


@dataclass(frozen=True)
class Seen:
    """Answers and failures that the clients saw during a fault."""

    report: Report
    began: float
    """When the fault began, in seconds since the load did; a little late, never early."""


def suffer(host: Host, kind: str, fault: str, **backend: Any) -> Seen:
    """Send GET requests over three replicas, one of which suffers `fault`; `backend` are its arguments."""
    rehearsal = Rehearsal(host)
    front_end = {"kind": kind, "resolve": kind == "haproxy"}
    try:
        rehearsal.serve("site", service(front_end=front_end, **backend))
        victim = rehearsal.container("site-web-1").id
        assert victim is not None
        with Load(f"http://{host.address}:{PORT}/", rate=RATE, max_seconds=60) as load:
            load.wait_sent(BEFORE)
            with FAULTS[fault](host, victim):
                began = load.sent / RATE
                load.wait_sent(BEFORE + AFTER)
                load.stop()
        return Seen(load.report, began)
    finally:
        rehearsal.destroy()
