"""A stack's life with the real `pulumi`: what previews tell, what `up` does, what is left behind.

Most tests share one stack, `pair`: a service with either kind of front end, so that one `up` shows
both kinds. Each test leaves it up and well.
"""

import base64
import io
import json
import re
import socket
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from docker.models.containers import Container

from components.naming import LABEL
from tests.bench.hosts import Host
from tests.bench.images import BROKEN_LINE
from tests.bench.load import Load
from tests.support.program import APP, PORT, PROXY, Inline, Program, PulumiError, Run, service

pytestmark = [pytest.mark.engine, pytest.mark.pulumi, pytest.mark.slow]

PORTS = {"ha": PORT, "ng": PORT + 1}
KINDS = {"ha": "haproxy", "ng": "nginx"}
EXTRA = "test-routable"
FREE = PORT + 5
"""A port of the host that no service of the pair has."""


def everything(host: Host) -> set[tuple[str, str]]:
    """Return all that is on an engine: containers, networks, volumes and image tags."""
    engine = host.engine()
    found = {("container", str(c.name)) for c in engine.containers.list(all=True)}
    found |= {("network", str(n.name)) for n in engine.networks.list()}
    found |= {("volume", str(v.name)) for v in engine.volumes.list()}
    return found | {("image", tag) for i in engine.images.list() for tag in i.tags or [str(i.id)]}


def get(host: Host, path: str = "/", *, port: int = PORT, name: str = "") -> str:
    """Return the answer of the front end on `port`; HTTPError for a failure."""
    request = urllib.request.Request(f"http://{host.address}:{port}{path}")
    if name:
        request.add_header("Host", name)
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        return str(answer.read().decode())


class Pair:
    """Services `ha` and `ng` of one stack: the same replicas behind HAProxy and behind nginx."""

    def __init__(self, folder: Path, host: Host, **keys: Any) -> None:
        self.host = host
        self.services = {
            name: service(
                replicas=2,
                drain=1,
                # The bench's nginx is 1.22, too old to resolve again.
                front_end={"kind": KINDS[name], "port": port, "resolve": name == "ha"},
                **deepcopy(keys),
            )
            for name, port in PORTS.items()
        }
        self.program = Inline(folder, host, {"services": self.services})

    def change(self, *names: str, front_end: Mapping[str, Any] | None = None, **keys: Any) -> None:
        """Set keys of both services, or of those named."""
        for name in names or PORTS:
            self.services[name].update(deepcopy(keys))
            self.services[name]["front_end"].update(deepcopy(dict(front_end or {})))
        self.configure(self.services)

    def configure(self, services: Mapping[str, Any]) -> None:
        """Set all services."""
        self.services = deepcopy(dict(services))
        self.program.configure({"services": self.services})

    def containers(self, component: str, role: str) -> list[Container]:
        """Return containers of a component with that role, running or not, in order of name."""
        labels = [f"{LABEL}.component={component}", f"{LABEL}.role={role}"]
        found = self.host.engine().containers.list(
            all=True, filters={"label": [*self.program.labels, *labels]}
        )
        return sorted(found, key=lambda container: str(container.name))

    def replicas(self, component: str) -> list[Container]:
        return self.containers(component, "replica-web")

    def front_end(self, component: str) -> Container:
        (container,) = self.containers(component, "front-end")
        return container


def drifted(program: Program) -> list[tuple[str, str]]:
    """Return the changes that `up` would make after a look at the host."""
    changes = program.preview("--refresh").changes
    return [change for change in changes if change[0] != "refresh"]


def destroyed(program: Program, host: Host, before: set[tuple[str, str]]) -> None:
    """Destroy the stack, and compare the whole engine with its content before."""
    program.destroy()
    assert everything(host) == before


@pytest.fixture(scope="module")
def pair(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Provide both services, up."""
    before = everything(host)
    pair = Pair(tmp_path_factory.mktemp("pair"), host)
    pair.program.up()
    yield pair
    destroyed(pair.program, host, before)


@pytest.fixture(scope="class")
def growing(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Provide both services, up, to be changed by each test."""
    network = host.engine().networks.create(EXTRA, driver="bridge")
    before = everything(host)
    pair = Pair(tmp_path_factory.mktemp("growing"), host)
    pair.program.set_secret("token", "s3cret-of-growing")
    pair.program.up()
    yield pair
    destroyed(pair.program, host, before)
    network.remove()


def routes_and_tcp(pair: Pair) -> None:
    """Add a route in the long form, and two more services, of mode tcp.

    The replicas of before are for any host, and others for a host name.
    """
    services = {}
    for name, args in pair.services.items():
        common = {key: args.pop(key) for key in ("front_end", "network")}
        common["front_end"]["default_backend"] = "web"
        other = {"image": APP, "replicas": 1, "host_names": ["other.example"]}
        services[name] = {**common, "backends": {"web": args, "other": other}}
    echo = {"environment": {"MODE": "echo"}, "replicas": 1, "drain": 1}
    more = {
        f"{name}-tcp": service(
            **echo,
            health={"command": ["true"]},
            front_end={
                "kind": KINDS[name], "port": port + 10, "resolve": name == "ha", "mode": "tcp"
            },
        )
        for name, port in PORTS.items()
    }  # fmt: skip
    pair.configure({**services, **more})


def every_limit(pair: Pair) -> None:
    """Set each limit of a container, subnets of our choice, and another network without a published port."""
    for number, name in enumerate(PORTS):
        pair.change(name, network={"subnet": f"10.79.{number}.0/24"})
    pair.change(
        read_only=True,
        user="65534",
        cpus=0.5,
        memory=64,
        capabilities=[],
        restart={"policy": "on-failure", "max_retries": 3},
        command=["/usr/local/bin/app"],
        front_end={"memory": 128, "address": pair.host.address, "networks": [EXTRA], "publish": False},
    )


UPS: dict[str, Callable[[Pair], None]] = {
    "the first": lambda pair: None,
    "an image, a secret, a count, weights, a backup and a time-out": lambda pair: pair.change(
        image="longshore-app:2",
        environment={"TOKEN": {"secret": "token"}, "COLOUR": "blue"},
        replicas=3,
        weights=[3, 2, 1],
        backup_replicas=1,
        front_end={"timeouts": {"server": 7}},
    ),
    "limits, policies, a subnet, another network, and no published port": every_limit,
    "a route, and more services, of mode tcp": routes_and_tcp,
}  # fmt: skip


@pytest.mark.every_engine
class TestSecondPreview:
    """An update that went well leaves nothing to do."""

    @pytest.mark.parametrize("change", UPS)
    def test_after_an_update_a_preview_finds_nothing_to_do(self, growing: Pair, change: str) -> None:
        """With both kinds of front end; also after a look at what is really there."""
        UPS[change](growing)

        growing.program.up()

        assert growing.program.preview().changes == []
        assert drifted(growing.program) == []


def test_destroy_leaves_nothing_of_ours(pair: Pair, tmp_path: Path, host: Host) -> None:
    """No container, network, volume or image tag; what was there before still is."""
    before = everything(host)
    args = service(replicas=1, front_end={"port": PORT + 5})
    program = Inline(tmp_path, host, {"services": {"short": args}})
    program.up()
    kinds = {kind for kind, _ in everything(host) - before}

    program.destroy()

    assert kinds == {"container", "network", "volume"}
    assert everything(host) == before
    assert "v1" in get(host)


class TestPreview:
    """Facts that are known before anything is touched."""

    def test_it_shows_the_configuration_line_by_line(self, pair: Pair) -> None:
        """Lines that go and lines that come, of both kinds of front end."""
        pair.change("ha", "ng", front_end={"timeouts": {"client": 41}})

        said = pair.program.pulumi("preview", "--diff").output

        for line in (
            r"- +timeout client 50000ms",
            r"\+ +timeout client 41000ms",
            r"- +send_timeout 50000ms;",
            r"\+ +send_timeout 41000ms;",
        ):
            assert re.search(rf"^ *{line}$", said, re.MULTILINE), line
        assert "timeout server" not in said  # far from what changes
        pair.change(front_end={"timeouts": {}})

    def test_it_counts_the_generation_up(self, pair: Pair) -> None:
        """The number, and the replicas' new names, before there is a new replica."""
        (now,) = (
            resource["outputs"]["number"]
            for resource in pair.program.export()["resources"]
            if resource["urn"].endswith("::ha-web-generation")
        )
        pair.change("ha", environment={"COLOUR": "red"})

        said = pair.program.pulumi("preview", "--diff").output

        assert f'"ha-web-0-g{now}" => "ha-web-0-g{now + 1}"' in said
        assert re.search(rf"^ *- +server web-0 ha-web-0-g{now}:80 ", said, re.MULTILINE)
        assert re.search(rf"^ *\+ +server web-0 ha-web-0-g{now + 1}:80 ", said, re.MULTILINE)
        pair.change("ha", environment={})

    def test_a_refused_configuration_fails_it(self, tmp_path: Path, host: Host) -> None:
        """With the program's own words, its line, and what to do; the check leaves nothing."""
        before = everything(host)
        args = service(front_end={"kind": "nginx", "resolve": True, "port": FREE})
        program = Inline(tmp_path, host, {"services": {"web": args}})

        run = refused(program)

        assert re.search(
            r'\[emerg\].*unknown directive "keepalive_min_timeout" in /etc/longshore/nginx\.conf:\d+',
            run.output,
        )
        assert "set front_end.resolve: false" in run.output
        assert "Traceback" not in run.output
        assert program.export().get("resources", []) == []
        assert everything(host) == before

    @pytest.mark.parametrize("scheme", ["unix", "tcp"])
    def test_a_host_that_does_not_answer_leaves_it_unchecked(
        self, scheme: str, tmp_path: Path, host: Host
    ) -> None:
        """It succeeds, lists what it would make, and says what it could not do."""
        address = {"unix": f"unix://{tmp_path}/none", "tcp": f"tcp://127.0.0.1:{closed_port()}"}
        program = Inline(
            tmp_path,
            host,
            {
                "services": {"web": service()},
                "host": {"address": address[scheme], "insecure": True},
            },
        )

        preview = program.preview()

        said = [line for line in preview.diagnostics if "configuration not checked" in line]
        assert len(said) == 1
        assert f"cannot reach the Docker engine at {address[scheme]}" in said[0]
        assert ("create", "web-web-2") in preview.changes

    def test_an_image_that_is_not_there_leaves_it_unchecked(self, tmp_path: Path, host: Host) -> None:
        """It succeeds and names the image."""
        args = service(front_end={"image": "longshore-proxy:none", "port": FREE})
        program = Inline(tmp_path, host, {"services": {"web": args}})

        preview = program.preview()

        said = [line for line in preview.diagnostics if "configuration not checked" in line]
        assert len(said) == 1
        assert "image longshore-proxy:none is not on the host" in said[0]


def closed_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def refused(program: Program) -> Run:
    """Run the preview of a program that must fail."""
    with pytest.raises(PulumiError) as error:
        program.preview()
    # The output of --json has less of an error than a user sees.
    assert error.value.run.code != 0
    return program.pulumi("preview", check=False)


SICK, BROKEN, NEW = "longshore-app:sick", "longshore-app:broken", "longshore-app:2"


@pytest.mark.parametrize(
    ("name", "bad", "then"),
    [
        ("ha", BROKEN, "a good image"),
        ("ng", SICK, "the image of before"),
    ],
)
def test_an_image_that_never_becomes_healthy_is_taken_back(
    pair: Pair, name: str, bad: str, then: str
) -> None:
    """`up` fails and says why, again and again; the old replicas serve; a good image ends it."""
    program, host, port = pair.program, pair.host, PORTS[name]
    old = pair.services[name]["image"]
    good = old if then == "the image of before" else ({APP, NEW} - {old}).pop()
    reason = {
        BROKEN: (r"ended with exit code 1", BROKEN_LINE),
        SICK: (r"its health check ended with \d+: .*500", "listening on"),
    }[bad]

    with Load(f"http://{host.address}:{port}/", rate=50, max_seconds=110) as load:
        pair.change(name, image=bad, start_timeout=3)
        failures = [program.up(check=False) for _ in range(2)]
        between = get(host, port=port)
        pair.change(name, image=good)
        program.up()

    for run in failures:
        assert run.code != 0
        assert re.search(rf"{name}-web-\d \(container .*\): .*{reason[0]}", run.output)
        assert reason[1] in run.output
        # Pulumi interrupts a program that still waits, and prints where; none of it is ours.
        assert "components/" not in run.output
    assert f"v{old[-1]}" in between
    assert load.report.failed == 0, load.report.failures
    assert [c.attrs["Config"]["Image"] for c in pair.replicas(name)] == [good, good]
    assert {c.status for c in pair.replicas(name)} == {"running"}
    assert f"v{good[-1]}" in get(host, port=port)
    assert drifted(program) == []


def edited(pair: Pair, name: str) -> None:
    container = pair.front_end(name)
    file = {"ha": "haproxy.cfg", "ng": "nginx.conf"}[name]
    data, archive = b"# edited by hand\n", io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        info = tarfile.TarInfo(file)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    container.put_archive("/etc/longshore", archive.getvalue())


def lose_both(pair: Pair, name: str) -> None:
    removed, stopped = pair.replicas(name)
    removed.remove(force=True)
    stopped.stop(timeout=1)


DRIFTS: dict[str, tuple[Any, ...]] = {
    "a configuration edited": (edited, "lb-config"),
    "a replica removed, and the other one stopped": (lose_both, r"web-0", r"web-1"),
    "the front end stopped": (lambda pair, name: pair.front_end(name).stop(timeout=1), "lb-config"),
    "the front end removed": (lambda pair, name: pair.front_end(name).remove(force=True, v=True), "lb"),
}
"""Changes that somebody makes by hand, each with the names of the resources that show it."""


@pytest.mark.parametrize("drift", DRIFTS)
def test_a_change_by_hand_is_read_and_repaired(pair: Pair, drift: str) -> None:
    """`refresh` sees it, `up` repairs it, with both kinds of front end."""
    program, host = pair.program, pair.host
    by_hand, *tell = DRIFTS[drift]
    for name in PORTS:
        by_hand(pair, name)

    program.refresh()
    said = program.up().output

    for name, port in PORTS.items():
        for resource in tell:
            assert re.search(rf"^ (~|\+|\+\+) +[\w:]+ {name}-{resource} ", said, re.MULTILINE), said
        assert "edited by hand" not in configuration(pair, name)
        assert [c.status for c in pair.replicas(name)] == ["running", "running"]
        assert re.match(r"\w+ v[12] /$", get(host, port=port))
    assert drifted(program) == []


def configuration(pair: Pair, name: str) -> str:
    """Return the configuration in a front end's container."""
    chunks, _ = pair.front_end(name).get_archive("/etc/longshore")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
        files = [tar.extractfile(member) for member in tar.getmembers() if member.isfile()]
        return "".join(file.read().decode() for file in files if file)


def test_a_secret_stays_one(pair: Pair) -> None:
    """In state, preview and log; the replica has it, and the configuration is no secret."""
    program, secret = pair.program, "correct-horse-battery-staple"
    program.set_secret("token", secret)
    # `config set` has written the settings file anew.
    pair.change(environment={"TOKEN": {"secret": "token"}, "COLOUR": "plain-enough"})

    said = program.pulumi("preview", "--diff").output
    said += json.dumps(program.preview().steps)
    said += program.up("--diff").output
    said += json.dumps(program.export())
    said += program.pulumi("stack", "history").output

    assert get(pair.host, "/env/TOKEN") == f"{secret}\n"
    assert "server web-0 ha-web-0-g" in said
    for text in (secret, base64.b64encode(secret.encode()).decode()[:-2]):
        assert text not in said
        assert files_with(program.folder, text) == []
    assert files_with(program.state, "io.longshore.role")


def files_with(folder: Path, text: str) -> list[Path]:
    """Return files below `folder` that hold `text`; links are not followed."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [path for path in found if text.encode() in path.read_bytes()]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown setting": (
        {"servises": {}},
        "servises is not a known key; did you mean services? known here: host, secrets, services",
    ),
    "a wrong value": (
        {"services": {"web": service(replicas=0)}},
        "LoadBalancedService 'web': replicas must be between 1 and 1000, got 0",
    ),
    "an unknown secret": (
        {"services": {"web": service(environment={"TOKEN": {"secret": "tokn"}})}},
        "services.web.environment.TOKEN.secret must be a name under secrets (other), got text",
    ),
    "a port for two": (
        {"services": dict.fromkeys(("one", "two"), service(front_end={"port": FREE}))},
        f"LoadBalancedService 'two': front_end.port {FREE} of host",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_setting_is_one_clear_line(wrong: str, tmp_path: Path, host: Host) -> None:
    """It names the key, what was received and what is allowed; no traceback, nothing made."""
    before = everything(host)
    settings, message = WRONG[wrong]
    program = Inline(tmp_path, host, {"services": {"web": service()}, **settings})

    program.set_secret("other", "value")
    run = program.pulumi("up", "--yes", check=False)  # with its preview, as a user runs it

    assert run.code != 0
    told = [line for line in run.output.splitlines() if line.startswith("    error: ")]
    assert len(told) == 2, run.output
    assert message in told[0]
    assert told[1].endswith("program exited with non-zero exit code: 1")  # Pulumi's own words
    assert "Traceback" not in run.output
    assert program.export().get("resources", []) == []
    assert everything(host) == before


@pytest.mark.parametrize(
    ("change", "found", "in_place"),
    [
        pytest.param(
            {"health": {"path": "/healthz"}},
            lambda attrs: "/healthz" in attrs["Config"]["Healthcheck"]["Test"][1],
            False,
            id="health check",
        ),
        pytest.param(
            {"restart": {"policy": "on-failure", "max_retries": 4}},
            lambda attrs: (
                attrs["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 4}
            ),
            True,
            id="restart policy",
        ),
    ],
)
def test_a_change_of_one_key_reaches_the_replicas(
    pair: Pair, change: dict[str, Any], found: Callable[[Any], bool], in_place: bool
) -> None:
    """An edited health check, which Docker's provider overlooks (https://github.com/pulumi/pulumi-docker/issues/988),
    comes with new replicas; a restart policy comes to those that run."""
    before = {container.id for container in pair.replicas("ha")}
    assert not any(found(container.attrs) for container in pair.replicas("ha"))
    pair.change("ha", **change)

    pair.program.up()

    after = pair.replicas("ha")
    assert len(after) == 2
    assert ({container.id for container in after} == before) is in_place
    assert all(found(container.attrs) for container in after)
    assert drifted(pair.program) == []


def test_another_front_end_image_comes_with_a_warning(pair: Pair) -> None:
    """The preview warns of the gap; the update replaces the front end alone."""
    host, program = pair.host, pair.program
    image = host.engine().images.get(PROXY)
    image.tag("longshore-proxy", "next")
    replicas = [container.id for container in pair.replicas("ha")]
    try:
        pair.change("ha", front_end={"image": "longshore-proxy:next"})
        preview = program.preview()
        program.up()

        assert [line for line in preview.diagnostics if "refused for about a second" in line]
        assert ("replace", "ha-lb") in preview.changes
        assert pair.front_end("ha").attrs["Config"]["Image"] == "longshore-proxy:next"
        assert [container.id for container in pair.replicas("ha")] == replicas
        assert get(host, port=PORTS["ha"])
        assert drifted(program) == []
    finally:
        pair.change("ha", front_end={"image": PROXY})
        program.up()
        host.engine().images.remove("longshore-proxy:next")
