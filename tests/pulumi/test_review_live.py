"""A review, compared with what then happens: the order of events, and for how long which requests fail."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from components.review import Report, review
from components.review.consequences import ENDLESS
from components.review.consequences.load_balanced import GAP as FRONT_END_GAP
from components.review.markdown import markdown
from components.review.report import Change
from tests.bench.hosts import Host
from tests.bench.images import APP_2, PROXY
from tests.bench.load import Load
from tests.bench.load import Report as Seen
from tests.bench.process import until
from tests.pulumi.test_swarm_cluster import PORT as GATEWAY_PORT
from tests.pulumi.test_swarm_cluster import everything, seen
from tests.support.floating import floating_address
from tests.support.previews import ENGINE, reduced
from tests.support.program import APP, PORT, Inline, Run, service
from tests.support.swarm import answers, asked, served

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.load]

RATE = 50
"""Requests a second: a gap of 20 s is the longest of which each failure is kept."""
DRAIN = 2
OTHER_PROXY = "longshore-proxy:2"
"""The proxy's image under another name: another name counts as a replacement."""
BOUNDS = re.compile(r"at least (\S+) s \(monitor and delay\) and at most (\S+) s: a bound")
"""Seconds of a change in rounds as a review forecasts them."""
Settings = dict[str, Any]


def reviewed(program: Inline) -> Report:
    """Return the review of a preview; the preview as a case keeps it has the same one."""
    preview = program.pulumi("preview", "--json", "--show-sames").stdout
    whole, kept = review(preview), review(reduced(preview))
    assert ENGINE.sub("", markdown(kept)) == ENGINE.sub("", markdown(whole))
    return whole


def carried_out(
    program: Inline, *urls: str, then: Callable[[], object] = lambda: None, **load: Any
) -> tuple[Run, list[Seen]]:
    """Run `up`; return its output, and the answers to clients of each url until a second after `then`."""
    with ExitStack() as stack:
        loads = [stack.enter_context(Load(url, rate=RATE, max_seconds=90, **load)) for url in urls]
        for each in loads:
            each.wait_sent(RATE)
        done = program.up()
        then()
        for each in loads:
            each.wait_sent(each.sent + RATE)
        return done, [each.stop() for each in loads]


def gap(report: Seen) -> float:
    """Return seconds from the first refused request to the last one."""
    assert len(report.failures) == report.failed, "a load keeps so many and no more: give it a lower rate"
    return report.failures[-1].offset - report.failures[0].offset if report.failures else 0.0


@contextmanager
def exchanges(host: Host, name: str) -> Iterator[list[float]]:
    """Measure seconds that the engine needs from the end of a container to the start of the next.

    It depends on the machine and its load: a forecast that is held to the clock alone fails on a busy one.
    """
    took: list[float] = []
    began = time.time()
    yield took
    kinds = {"type": "container", "event": ["die", "start"]}
    until_now = {"since": int(began), "until": int(time.time()) + 1}  # the client sends whole seconds
    events = host.engine().events(**until_now, decode=True, filters=kinds)
    times: dict[str, list[float]] = {"die": [], "start": []}
    for event in events:
        at = event["timeNano"] / 1e9
        if at > began and event["Actor"]["Attributes"]["name"].startswith(name):
            times[event["Action"]].append(at)
    took.append(max(times["start"]) - min(times["die"]))


@contextmanager
def most_containers(host: Host, name: str) -> Iterator[list[int]]:
    """Count the containers that exist at any moment, and add the largest number at the end."""
    engine, found = host.engine(), list[int]()
    there = {each.id for each in engine.containers.list(all=True, filters={"name": f"^/{name}"})}
    most, began = len(there), time.time()
    yield found
    kinds = {"type": "container", "event": ["create", "destroy"]}
    until_now = {"since": int(began), "until": int(time.time()) + 1}
    for event in engine.events(**until_now, decode=True, filters=kinds):
        if event["Actor"]["Attributes"]["name"].startswith(name) and event["timeNano"] / 1e9 > began:
            change = there.add if event["Action"] == "create" else there.discard
            change(event["Actor"]["ID"])
            most = max(most, len(there))
    found.append(most)


def in_order(run: Run, *events: str) -> bool:
    """Return whether the events stand in this order in the output of `up`."""
    found = [run.output.index(event) for event in events]
    return found == sorted(found)


def test_replicas_and_a_front_end(tmp_path: Path, host: Host, note: Callable[[str], None]) -> None:
    """More replicas, and a new image: no gap, new ones first. The front end's own image: about a second, and
    what kept connections add."""
    args = service(drain=DRAIN)
    program = Inline(tmp_path, host, {"services": {"site": args}})
    url = f"http://{host.address}:{PORT}/"
    host.engine().images.get(PROXY).tag(*OTHER_PROXY.split(":"))
    try:
        program.up()

        for more, events in (
            (
                {"replicas": 5},
                ["site-web-3 created", "site-lb-config updating"],
            ),
            (
                {"image": "longshore-app:2"},
                ["site-web-0 created replacement", "site-lb-config updated", "site-web-0 deleted"],
            ),
        ):
            args |= more
            program.configure({"services": {"site": args}})
            said = reviewed(program)
            done, (found,) = carried_out(program, url)
            assert not said.refuses
            assert found.failed == 0, found.failures
            assert in_order(done, *events)

        args["front_end"] |= {"image": OTHER_PROXY}
        program.configure({"services": {"site": args}})
        (change,) = reviewed(program).changes
        with exchanges(host, "site-lb-") as took:
            done, (found,) = carried_out(program, url)
        note(f"a replaced front end: up to {change.gap:g} s were foretold, {gap(found):.2f} s measured")
        assert change.gap == FRONT_END_GAP + DRAIN
        # Half a second to two are about a second.
        assert FRONT_END_GAP / 2 <= gap(found) <= 2 * max(FRONT_END_GAP, *took) + DRAIN
        assert in_order(
            done,
            "site-lb-ready updated",
            "site-lb created replacement",
            "site-lb-config updated",
            "site-lb deleted original",
        )
    finally:
        program.destroy()
        host.engine().images.remove(OTHER_PROXY)


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_replicas_in_rounds(kind: str, tmp_path: Path, host: Host, note: Callable[[str], None]) -> None:
    """A change lasts as long as it was forecast, with as many containers, and no request fails. The only
    replica is not served while it is replaced with stop-first, for no longer than forecast."""
    args = service(drain=DRAIN, front_end={"kind": kind, "resolve": kind == "haproxy"})
    args |= {"update": {"parallelism": 2, "monitor": 2, "delay": 1}}
    program = Inline(tmp_path, host, {"services": {"site": args}})
    url = f"http://{host.address}:{PORT}/"
    stop_first = {"update": {**args["update"], "order": "stop-first"}}
    try:
        program.up()

        for more, rounds, most, refused in (
            ({"image": APP_2}, "in 2 rounds of at most 2, start-first", 5, False),
            ({"image": APP, "replicas": 1, **stop_first}, "in 1 round, stop-first", 3, False),
            ({"image": APP_2}, "in 1 round, stop-first", 1, True),
        ):
            args |= more
            program.configure({"services": {"site": args}})
            report = reviewed(program)
            (change,) = report.changes
            with most_containers(host, "site-web-") as beside:
                done, (found,) = carried_out(program, url)
            texts = " ".join(each.text for each in change.consequences)
            ((least, longest),) = ((float(a), float(b)) for a, b in BOUNDS.findall(texts))
            note(
                f"{kind}, {rounds}: {least:g} to {longest:g} s were forecast, {done.seconds:.1f} s measured; "
                f"up to {change.gap:g} s without an answer, {gap(found):.2f} s measured"
            )
            assert rounds in texts
            assert least <= done.seconds <= longest
            assert beside == [most]
            assert f"{most * 512:,} MiB" in texts
            assert report.refuses == refused
            assert gap(found) <= change.gap
            assert refused or found.failed == 0, found.failures
    finally:
        program.destroy()


class Swarm:
    """A swarm of three managers, two of them with a service, a gateway and an address that one of them has.

    Each test changes what the ones before it have left.
    """

    def __init__(self, program: Inline, hosts: list[Host]) -> None:
        self.program, self.hosts = program, hosts
        managers = {name: {"role": "manager"} for name in "bc"}
        self.settings: Settings = json.loads(json.dumps(everything(hosts, **managers)))
        # A task on each node: what has left one comes back with it.
        del self.settings["services"]["shop"]["replicas"]
        self.settings["services"]["shop"]["mode"] = "global"
        self.configure(lambda settings: None)

    def configure(self, edit: Callable[[Settings], object]) -> None:
        """Change the settings."""
        edit(self.settings)
        self.program.configure({"swarms": {"main": self.settings}})

    def changes(self, edit: Callable[[Settings], object]) -> dict[str, Change]:
        """Change the settings; what a review says of it, by name."""
        self.configure(edit)
        return {change.name: change for change in reviewed(self.program).changes}

    def carried_out(
        self, *addresses: str, then: Callable[[], object] = lambda: None, **load: Any
    ) -> tuple[Run, list[Seen]]:
        """Run `up`; return its output, and the answers to clients of the gateway at each address."""
        urls = [f"http://{address}:{GATEWAY_PORT}/" for address in addresses]
        return carried_out(self.program, *urls, then=then, host_header="shop.example", **load)

    @property
    def address(self) -> str:
        """The floating address."""
        address: str = self.settings["floating_addresses"]["vip"]["addresses"][0]
        return address.partition("/")[0]

    @contextmanager
    def watched(self, host: Host) -> Iterator[list[tuple[str, str]]]:
        """Watch role and availability of a node, one after the other; nothing when it is no node any more."""
        states: list[tuple[str, str]] = []
        ended = Event()

        def work() -> None:
            while not ended.wait(0.02):
                node = seen(self.hosts[0]).get(host.name)
                state = (node["role"], node["availability"]) if node else ("", "")
                if states[-1:] != [state]:
                    states.append(state)

        thread = Thread(target=work, daemon=True)
        thread.start()
        try:
            yield states
        finally:
            ended.set()
            thread.join()


@pytest.fixture(scope="module")
def swarm(tmp_path_factory: pytest.TempPathFactory, hosts: list[Host]) -> Iterator[Swarm]:
    """Provide one swarm for all tests of this file."""
    program = Inline(tmp_path_factory.mktemp("swarm"), hosts[0], {})
    made = Swarm(program, hosts)
    try:
        program.up()
        served(hosts[1:], GATEWAY_PORT, "shop.example")
        yield made
    finally:
        program.destroy()


def test_another_route_of_a_gateway(swarm: Swarm, note: Callable[[str], None]) -> None:
    """A node's gap is within a factor of two of the one foretold, or of what a slow engine needs."""
    said = swarm.changes(
        lambda settings: settings["gateway"]["backends"]["shop"]["host_names"].append("www.shop.example")
    )
    foretold = said["main-gateway"].gap
    with exchanges(swarm.hosts[1], "main-gateway") as took:
        _, (found,) = swarm.carried_out(swarm.hosts[1].address)

    note(f"another route of a gateway: {foretold:g} s were foretold, {gap(found):.2f} s measured")
    assert set(said) == {"main-gateway"}
    assert foretold / 2 <= gap(found) <= 2 * max(foretold, *took)


def test_another_floating_address(swarm: Swarm, note: Callable[[str], None]) -> None:
    """The new one is there, without a gap from then on, before the old one is given up for good."""
    old, new = swarm.address, floating_address(51)
    vip = swarm.settings["floating_addresses"]["vip"]
    said = swarm.changes(lambda settings: vip.update(addresses=[f"{new}/24"]))
    # A client of an address that no host has waits until the end; one whose SYN is lost repeats it after 1 s.
    done, (before, after) = swarm.carried_out(old, new, timeout=2)

    (change,) = said.values()
    texts = " ".join(each.text for each in change.consequences)
    assert texts.index(f"{new}/24 is there once the first node is reloaded") < texts.index(
        f"{old}/24 is given up for good when the owner is reloaded"
    )
    assert change.gap == ENDLESS
    assert in_order(done, "vip-node-c updated", "vip-node-b updated")
    both = before.failures[0].offset - after.failures[-1].offset
    note(f"another floating address: clients found both for {both:.2f} s")
    assert both > 0
    assert before.failures[-1].offset > before.seconds - 0.5
    assert asked(f"http://{new}:{GATEWAY_PORT}/", "shop.example")[0] == 200


def test_a_label_that_moves_tasks(swarm: Swarm, note: Callable[[str], None]) -> None:
    """The services that leave are named, and the port that is closed; the address goes to the other node."""
    labels, owner = swarm.settings["nodes"]["b"]["labels"], swarm.hosts[1]

    def left() -> None:
        until(lambda: len(owner.engine().containers.list()) == 1, "only keepalived has stayed")

    said = swarm.changes(lambda settings: labels.update(zone="inner"))
    try:
        _, (floating, own) = swarm.carried_out(swarm.address, owner.address, then=left, timeout=2)
    finally:
        swarm.configure(lambda settings: labels.update(zone="dmz"))
        swarm.program.up()
        answers(
            lambda: asked(f"http://{owner.address}:{GATEWAY_PORT}/", "shop.example")[0] == 200, "it is back"
        )

    (change,) = said.values()
    assert [each.gap for each in change.consequences] == [0, ENDLESS]
    assert "Tasks of main-gateway, main-shop leave node b" in change.consequences[1].text
    assert f"Its port {GATEWAY_PORT} is closed from then on" in change.consequences[1].text
    assert own.failures[-1].offset > own.seconds - 0.5
    note(f"tasks follow a label: {gap(floating):.2f} s at the floating address, which followed")
    assert gap(floating) < 2


def test_a_manager_that_is_removed(swarm: Swarm, note: Callable[[str], None]) -> None:
    """Its address goes, it is drained, demoted and removed, in this order; the others serve meanwhile."""

    def edit(settings: Settings) -> None:
        del settings["nodes"]["c"], settings["floating_addresses"]["vip"]["nodes"]["c"]
        settings["nodes"]["b"]["role"] = "worker"

    said = swarm.changes(edit)
    with swarm.watched(swarm.hosts[2]) as states:
        done, (found,) = swarm.carried_out(swarm.address)

    texts = [each.text for each in said["main"].consequences]
    assert texts == [
        "Node b is demoted to worker.",
        (
            "Node c is drained (its tasks end and start elsewhere, which interrupts a service that has all "
            "of them there; at most 20 s), is demoted, leaves and is removed."
        ),
        "Afterwards the swarm has 1 manager: 1 must be up to decide anything, so it survives the loss of 0.",
    ]
    events = ["vip-group updated", "main-node-b updated", "main-node-c deleting", "vip-node-c deleting"]
    assert in_order(done, *events)
    assert states == [("manager", "active"), ("manager", "drain"), ("worker", "drain"), ("", "")]
    foretold = max(change.gap for change in said.values())
    note(f"a removed manager: up to {foretold:g} s were foretold, {gap(found):.2f} s measured")
    assert gap(found) <= foretold
