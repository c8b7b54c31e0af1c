"""A front end with the configuration of now and with that of an earlier commit, side by side.

Requests a second, memory with 9,500 idle clients, and seconds of a reload with 1,000 servers.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from docker.models.containers import Container

from components.engine import containers as engine
from components.engine.front_end_changes import Wanted
from components.engine.front_end_config import put_in_force
from components.proxies.program import FOLDER
from components.proxies.registry import kind_of
from tests.bench import crowd, front_ends, images
from tests.bench.crowd import Crowd
from tests.bench.figures.earlier import checkout
from tests.bench.figures.report import Ratio, note, ratio_of, show
from tests.bench.figures.rivals import serves, unavailable
from tests.bench.figures.throughput import ANSWER, confine, load, start_anew
from tests.bench.hosts import Host
from tests.support.program import PORT, ROOT

COMMIT = "c75a0bd"
"""Before traffic was guarded against slow clients, bad requests and stray containers."""
THROUGHPUT, MEMORY, RELOAD = 0.98, 1.1, 1.1
IDLE, PORTION, SERVERS = 9_500, 250, 1_000
"""As many clients as 20,000 open files allow HAProxy, which counts two for each. They come in portions."""

NAMES = ("now", "before")
TEXT = """
import json, sys
try:
    from components.proxies.registry import kind_of
    from components.proxies.views import server_addresses
except ImportError:  # before
    from components.load_balanced.frontends import kind_of
    from components.load_balanced.frontends.views import server_addresses
from components.load_balanced.validation import service
args = json.load(sys.stdin)
what = service("web", args)
text = kind_of(what.front_end.kind).render(what, "web", {"web": 1})
print(json.dumps([text, server_addresses(what, "web", {"web": 1})]))
"""
"""Prints the configuration for the arguments that it reads, and the names of replicas in it."""


def measure(host: Host, quick: bool) -> tuple[list[Ratio], list[str]]:
    """Return the ratios of each kind, and what was skipped with the reason."""
    if reason := unavailable("wrk"):
        return [], [f"edge: {reason}"]
    ratios, rows = [], [["", "now", "before"]]
    with tempfile.TemporaryDirectory(prefix="longshore-figures-") as folder:
        try:
            checkout(COMMIT, Path(folder))
        except subprocess.CalledProcessError:
            return [], [f"edge: {COMMIT} is not in the history of this checkout"]
        roots = {"now": ROOT, "before": Path(folder)}
        for kind in ("haproxy", "nginx"):
            for what, limit, figures in (
                ("requests a second", THROUGHPUT, _rates(host, roots, kind, quick)),
                (f"MiB with {IDLE} idle clients", MEMORY, _memory(host, roots, kind, quick)),
                (f"s for a reload with {SERVERS} servers", RELOAD, _reloads(host, roots, kind, quick)),
            ):
                medians = [f"{statistics.median(figures[name]):.2f}" for name in NAMES]
                rows.append([f"{kind}: {what}", *medians])
                value = ratio_of(figures["now"], figures["before"])
                more = limit == THROUGHPUT
                ratios.append(Ratio(f"{kind}: {what}, now / {COMMIT}", value, limit, more))
    show("The front end of now and of an earlier commit", rows)
    return ratios, []


Figures = dict[str, list[float]]


def _rates(host: Host, roots: dict[str, Path], kind: str, quick: bool) -> Figures:
    starts, pairs = (1, 3) if quick else (7, 5)
    figures: Figures = {name: [] for name in NAMES}
    with _pair(host, roots, kind, {"replicas": 4}) as fronts:
        for container in fronts.values():
            confine(container)
        places = {name: (PORT + number, fronts[name]) for number, name in enumerate(NAMES)}
        for number in range(starts):
            note(f"{kind}: requests, start {number + 1} of {starts}")
            start_anew(host, list(places.values()))
            for turn in range(pairs + 1):
                for name in NAMES if turn % 2 else reversed(NAMES):
                    rate, _ = load(host, *places[name])
                    if turn:  # the first is to warm up
                        figures[name].append(rate)
    return figures


def _memory(host: Host, roots: dict[str, Path], kind: str, quick: bool) -> Figures:
    """Return memory of the container, the kernel's for its connections included.

    Clients come in portions. Of a burst, both programs keep the memory of as many requests as they happened
    to have at the same time.
    """
    count = IDLE // 10 if quick else IDLE
    figures: Figures = {name: [] for name in NAMES}
    args = {"front_end": {"max_connections": IDLE + 300, "memory": 2048, "timeouts": {"keep_alive": 600}}}
    for turn in range(1 if quick else 3):
        for number, name in enumerate(NAMES):
            note(f"{kind}: memory, {name}, round {turn + 1}")
            with _pair(host, roots, kind, args) as fronts:
                url = f"http://{host.address}:{PORT + number}/"
                with ExitStack() as stack:
                    for first in range(0, count, PORTION):
                        portion = min(PORTION, count - first)
                        stack.enter_context(Crowd(url, crowd.KEPT, portion, crowd.sources(50)))
                    time.sleep(2)  # for the last answers
                    stats: Any = fronts[name].stats(stream=False, one_shot=True)
                    memory = stats["memory_stats"]
                    cache = memory["stats"].get("total_cache", memory["stats"].get("file", 0))
                    figures[name].append((memory["usage"] - cache) / 2**20)
    return figures


def _reloads(host: Host, roots: dict[str, Path], kind: str, quick: bool) -> Figures:
    figures: Figures = {name: [] for name in NAMES}
    args = {"replicas": SERVERS // 10 if quick else SERVERS, "health": {"interval": 60}, "drain": 1}
    if kind == "nginx":
        del args["health"]
    client = host.engine()
    with _pair(host, roots, kind, args) as fronts:
        program = kind_of(kind).program
        for turn in range(3 if quick else 7):
            for name in NAMES if turn % 2 else reversed(NAMES):
                note(f"{kind}: reload, {name}, round {turn + 1}")
                text = engine.read_file(fronts[name], program.path)
                front_end = str(fronts[name].id)
                wanted = Wanted(container=front_end, program=program, text=f"{text}# again\n", drain=1)
                began = time.monotonic()
                put_in_force(client, wanted)
                figures[name].append(time.monotonic() - began)
    return figures


@contextmanager
def _pair(
    host: Host, roots: dict[str, Path], kind: str, args: dict[str, Any]
) -> Iterator[dict[str, Container]]:
    """Yield both front ends on ports of their own, before one container with the names of all replicas."""
    client = host.engine()
    network = client.networks.create("longshore-edge")
    made: list[Container] = []
    try:
        texts, names = {}, set()
        for number, name in enumerate(NAMES):
            front_end = {"kind": kind, "port": PORT + number, "resolve": kind == "haproxy"}
            wanted = {"image": "x", **args, "front_end": {**front_end, **args.get("front_end", {})}}
            texts[name], used = _text(roots[name], wanted)
            names |= set(used)
        command = ["sh", "-c", f"echo '{ANSWER}' >/tmp/a; exec nginx -g 'daemon off;' -c /tmp/a"]
        made.append(client.containers.create(images.PROXY, command))
        network.connect(made[0], aliases=sorted(names))
        made[0].start()
        fronts = {}
        for number, name in enumerate(NAMES):
            fronts[name] = _front(host, network.name or "", kind, texts[name], PORT + number)
            made.append(fronts[name])
            fronts[name].start()
            serves(host, PORT + number)
        yield fronts
    finally:
        for container in made:
            container.remove(force=True, v=True)
        network.remove()


def _text(root: Path, args: dict[str, Any]) -> tuple[str, list[str]]:
    """Return configuration and names of replicas, by the code below `root`."""
    command = [sys.executable, "-c", TEXT]
    done = subprocess.run(
        command, cwd=root, input=json.dumps(args), capture_output=True, text=True, check=True
    )
    text, names = json.loads(done.stdout)
    return text, names


def _front(host: Host, network: str, kind: str, text: str, port: int) -> Container:
    container = front_ends.create(host, kind, network, port, mem_limit="2g", memswap_limit="2g")
    engine.write_file(container, FOLDER, kind_of(kind).program.file, text)
    return container
