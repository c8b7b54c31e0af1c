"""Requests a second through our front end and through one with a configuration written by hand.

Both have the same duty: checks, forwarded headers, a log that names the virtual host. Both have the same
image and replicas, and so small a part of one core that only the proxy limits the figure: neither the
replicas nor the load do. Pulumi is not needed: the component is brought up as in a rehearsal.
"""

import os
import re
import statistics
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from docker.models.containers import Container

from components.engine import containers as engine
from components.naming import replica_alias
from components.proxies.program import FOLDER
from components.proxies.registry import kind_of
from tests.bench import front_ends
from tests.bench.figures import hand_tuned
from tests.bench.figures.report import Ratio, note, ratio_of, show
from tests.bench.figures.rivals import serves, unavailable
from tests.bench.hosts import Host
from tests.support.program import PORT, PROXY, service
from tests.support.rehearsal import Rehearsal

LIMIT = 0.97
REPLICAS, CONNECTIONS, SECONDS = 4, 32, 1
SHARE, PERIOD = 0.2, 20_000
"""Part of a core that a proxy gets, and the microseconds in which it is dealt out."""
ANSWER = (
    "pid /tmp/nginx.pid; error_log /dev/null; events { worker_connections 1024; } "
    "http { access_log off; keepalive_requests 1000000; "
    'server { listen 80; location / { return 200 "hello\\n"; } } }'
)
"""Program of a replica: the fastest one, since the proxy is to be the limit."""


@dataclass
class Series:
    """Requests and processor time of one front end in each turn."""

    rates: list[float] = field(default_factory=list)
    """Requests a second."""
    costs: list[float] = field(default_factory=list)
    """Processor time of the front end for a request, in microseconds."""


def measure(host: Host, quick: bool) -> tuple[list[Ratio], list[str]]:
    """Return the ratio of each kind, and what was skipped with the reason."""
    if reason := unavailable("wrk"):
        return [], [f"throughput: {reason}"]
    starts, pairs = (1, 3) if quick else (9, 5)
    ratios = []
    rows = [["", "longshore", "by hand", "CPU us/request", "by hand"]]
    for kind in ("haproxy", "nginx"):
        note(f"{kind}: {pairs} pairs of {SECONDS} s after each of {starts} starts")
        with _pair(host, kind) as fronts:
            found = [Series(), Series()]
            both = list(zip(fronts, found, strict=True))
            for _ in range(starts):
                start_anew(host, fronts)
                for turn in range(pairs + 1):
                    # The first one may have the better or the worse place: they take turns.
                    for (port, front), series in both if turn % 2 else reversed(both):
                        rate, cost = load(host, port, front)
                        if turn:  # the first is to warm up
                            series.rates.append(rate)
                            series.costs.append(cost)
        medians = [f"{statistics.median(series.rates):.0f}" for series in found]
        costs = [f"{statistics.median(series.costs):.1f}" for series in found]
        rows.append([kind, *medians, *costs])
        value = ratio_of(found[0].rates, found[1].rates)
        ratios.append(Ratio(f"requests a second, {kind}: ours / by hand", value, LIMIT, True))
    show(f"Requests a second, {CONNECTIONS} kept connections, median of {starts * pairs}", rows)
    return ratios, []


@contextmanager
def _pair(host: Host, kind: str) -> Iterator[list[tuple[int, Container]]]:
    """Yield port and container of our front end and of the one by hand, before the same replicas."""
    rehearsal = Rehearsal(host)
    command = ["sh", "-c", f"echo '{ANSWER}' >/tmp/a; exec nginx -g 'daemon off;' -c /tmp/a"]
    front_end = {"kind": kind, "resolve": kind == "haproxy"}
    args = service(image=PROXY, command=command, replicas=REPLICAS, front_end=front_end)
    made: list[Container] = []
    try:
        rehearsal.serve("web", args)
        made.append(_by_hand(host, kind, rehearsal.resources["web-net"][2]["name"]))
        ours = rehearsal.container("web-lb")
        for container in (ours, *made):
            confine(container)
        yield [(PORT, ours), (PORT + 1, made[0])]
    finally:
        for container in made:
            container.remove(force=True, v=True)
        rehearsal.destroy()


def _by_hand(host: Host, kind: str, network: str) -> Container:
    names = [replica_alias("web", "web", index, 1) for index in range(REPLICAS)]
    container = front_ends.create(host, kind, network, PORT + 1, mem_limit="256m", memswap_limit="256m")
    text = hand_tuned.configuration(kind, names, PORT + 1)
    engine.write_file(container, FOLDER, kind_of(kind).program.file, text)
    container.start()
    return container


def confine(proxy: Container) -> None:
    """Give a proxy its share of one core."""
    core = min(os.sched_getaffinity(0))
    proxy.update(cpuset_cpus=str(core), cpu_period=PERIOD, cpu_quota=round(SHARE * PERIOD))


def start_anew(host: Host, fronts: list[tuple[int, Container]]) -> None:
    """Start the proxies anew: they count their threads, and by its place in memory the same program is
    some percent faster or slower until it ends."""
    for port, container in fronts:
        container.restart(timeout=1)
        serves(host, port)


def load(host: Host, port: int, front: Container) -> tuple[float, float]:
    """Return the requests a second, and the microseconds of the front end's processor time for each."""
    url = f"http://{host.address}:{port}/"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", url]
    before = _cpu(front)
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    spent = _cpu(front) - before
    requests = int(_number(r"(\d+) requests in", said))
    if requests == 0 or re.search("Non-2xx|Socket errors", said):
        raise RuntimeError(f"not every request to {url} was answered well: {said}")
    return _number(r"Requests/sec:\s+([\d.]+)", said), spent / 1000 / requests


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"wrk said nothing like {pattern!r}: {text}")
    return float(found[1])


def _cpu(container: Container) -> int:
    """Return nanoseconds of processor time that the container has used."""
    stats: Any = container.stats(stream=False, one_shot=True)
    return int(stats["cpu_stats"]["cpu_usage"]["total_usage"])
