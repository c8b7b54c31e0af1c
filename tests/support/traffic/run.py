"""Run one case."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from components.load_balanced.replicas import health_test
from components.proxies.model import Service
from tests.bench.hosts import GATEWAY
from tests.bench.process import until
from tests.support.certificates import files

from . import verdict
from .client import parsed
from .stage import Others, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from components.proxies.site import Site

    from .cases import Case, Step
    from .stage import FrontEnd

CLIENT = GATEWAY
"""Address from which the clients of the table come."""
LOGGED = 10.0
"""Seconds until a line is there at the latest."""


def run(stage: Stage, case: Case) -> list[str]:
    """Return what is otherwise than the case says."""
    site, text = stage.site(case)
    front_end = stage.front_end(case.kind)
    front_end.serve(text, files(site))
    found = _health(stage, case, site)
    moved = False
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor())
        others = Others(front_end, stage.host.address, site, case.others)
        stack.enter_context(others)
        waiting: list[Future[list[str]]] = []
        enough = threading.Event()
        for step in case.steps:
            if step.do == "reload":
                front_end.reload()
                continue
            if step.do:
                what, name = step.do.split()
                stage.replica(name).do(what)
                moved = True
                continue
            asked = pool.submit(_step, stage, front_end, step, enough)
            if step.meanwhile:
                waiting.append(asked)
            else:
                found += asked.result()
        enough.set()
        for each in waiting:
            found += each.result()
    if moved:
        for replica in stage.replicas():
            replica.restore()
    if moved or found or others.failed or _broken(case):
        front_end.forget()
    if others.failed:
        first = "; ".join(others.failed[:3])
        found.append(f"everybody else: {len(others.failed)} of {others.asked} failed: {first}")
    return found


def _health(stage: Stage, case: Case, site: Site) -> list[str]:
    """Compare what the replicas' own health check says, where the case has a word about it."""
    if case.healthy is None:
        return []
    assert isinstance(site, Service), "`healthy` is about the replicas of a LoadBalancedService"
    found = []
    for name, backend in site.backends.items():
        test = health_test(backend, site.mode)
        done: Any = stage.replica(f"{name}-0").container.exec_run(["/bin/sh", "-c", test[1]])
        if (done.exit_code == 0) != case.healthy:
            found.append(
                f"healthy: {case.healthy} expected of {name}-0, got {done.output.decode().strip()!r}"
            )
    return found


def _broken(case: Case) -> bool:
    """Return whether a front end remembers what a replica does: the next case has a new one."""
    text = repr(case.steps)
    return any(word in text for word in ("close", "reset", "sleep", "status 5", "abort"))


def _step(stage: Stage, front_end: FrontEnd, step: Step, enough: threading.Event) -> list[str]:
    if step.eventually:
        found: list[str] = []

        def fits() -> bool:
            found[:] = _clients(stage, front_end, step, enough)
            return not found

        try:
            until(fits, "it is as expected", timeout=step.eventually, interval=0.1)
        except TimeoutError:
            return [f"within {step.eventually} s: {each}" for each in found]
        return []
    return _clients(stage, front_end, step, enough)


def _clients(stage: Stage, front_end: FrontEnd, step: Step, enough: threading.Event) -> list[str]:
    """Run every client of a step; return each difference once."""
    found: list[str] = []

    def client() -> None:
        for _ in range(step.times):
            found.extend(_one(stage, front_end, step, enough))

    with ThreadPoolExecutor(step.clients) as pool:
        for each in [pool.submit(client) for _ in range(step.clients)]:
            each.result()
    return [
        f"{text} ({found.count(text)} times)" if found.count(text) > 1 else text
        for text in dict.fromkeys(found)
    ]


def _one(stage: Stage, front_end: FrontEnd, step: Step, enough: threading.Event) -> list[str]:
    """Run one client, once."""
    case = f"c{secrets.token_hex(6)}"
    pieces = (
        step.send
        if step.send is not None
        else [f"{(step.request or '').strip()}\nCase: $CASE\n\n{step.body}"]
    )
    pieces = _filled(pieces, case)
    methods = [
        line.split()[0]
        for line in "\n".join(each for each in pieces if isinstance(each, str)).splitlines()
        if line.endswith((" HTTP/1.1", " HTTP/1.0"))
    ]
    expected = step.answers if step.answers is not None else [step.answer] if step.answer is not None else []
    to_the_end = any(each.get("end", "open") != "open" for each in expected)
    heard = front_end.talk(
        pieces, methods, None if to_the_end else len(expected), enough, step.tls, step.proxy
    )
    answers = parsed(heard, methods)
    finals = [each for each in answers if each.status >= 200 or each.status == 101]
    found = []
    for number, wanted in enumerate(_filled(expected, case)):
        interim = wanted.pop("interim", None)
        if (
            interim is not None
            and (early := [each.status for each in answers if each not in finals]) != interim
        ):
            found.append(f"interim answers: {interim} expected, got {early}")
        found += verdict.answer(wanted, finals[number] if number < len(finals) else None, heard)
    if found:
        return found
    if step.replica is not None:
        wanted = _filled(step.replica, case)
        found += _settled(
            lambda: verdict.replica(wanted, [e for r in stage.replicas() for e in r.seen(case)])
        )
    if step.log:
        texts = _filled(step.log, case)
        found += _settled(lambda: verdict.log(texts, front_end.lines(heard.port)))
    return found


def _settled(judge: Callable[[], list[str]]) -> list[str]:
    """Return the verdict once it is good, or the last one: lines of a log come later than the answer."""
    with suppress(TimeoutError):
        until(lambda: not judge(), "the lines are there", timeout=LOGGED, interval=0.05)
    return judge()


def _filled(value: Any, case: str) -> Any:
    """Fill in `$CASE` and `$CLIENT` in every text of a value."""
    if isinstance(value, str):
        return value.replace("$CASE", case).replace("$CLIENT", CLIENT)
    if isinstance(value, list):
        return [_filled(each, case) for each in value]
    if isinstance(value, dict):
        return {key: _filled(each, case) for key, each in value.items()}
    return value
