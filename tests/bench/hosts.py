"""Docker hosts on one Linux machine: one network namespace and one engine each.

    with Bench(count=2) as bench:
        bench.hosts[0].engine().containers.run("longshore-app:1", detach=True)

Several processes may have a bench each: the first takes slot 0, the next slot 1. Host N of slot S is
10.77.S.(10+N) on a bridge of the machine, which is 10.77.S.1: published ports are reached from the
test process. There is no way from a host to any other network.
"""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import signal
import subprocess
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import docker
import docker.errors

from . import slots
from .generations import OLD, enter
from .process import BenchUnavailable, RunFile, Started, child_of, jail, run, until
from .ssh import SshServer, serve_ssh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from docker.models.containers import Container

    from .generations import Generation

MAX_HOSTS = 9
DIR_VARIABLE = "LONGSHORE_BENCH_DIR"
DEFAULT_DIR = Path("/var/tmp/longshore-bench")
SLOT = slots.mine()
"""Number of this process's bench: its networks, names, control groups and directories carry it."""
BRIDGE = f"lsbench{SLOT}"
NETWORK = ipaddress.ip_network(f"10.77.{SLOT}.0/24")
GATEWAY = str(NETWORK[1])
PACKAGES = {
    "dockerd": "docker.io",
    "containerd": "containerd",
    "docker": "docker.io",
    "ip": "iproute2",
    "iptables": "iptables",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "debootstrap": "debootstrap",
}
"""Programs the bench needs, and the Debian package of each."""


class Host:
    """A Docker host: an address on the bridge and an engine behind a unix socket."""

    def __init__(
        self,
        name: str,
        number: int,
        generation: Generation,
        directory: Path,
        record: RunFile,
        storage: str,
    ) -> None:
        self.name = name
        """The first of each generation is host1, so that a test says the same of all."""
        self.number = number
        self.generation = generation
        self.address = str(NETWORK[10 + number])
        self.netns = f"{BRIDGE}-{number}"
        self.directory = directory / f"host{number}"
        self.socket = self.directory / "docker.sock"
        self.url = f"unix://{self.socket}"
        self.log = self.directory / "dockerd.log"
        self.pid = 0
        """Process id of dockerd, as the machine sees it; 0 while stopped."""
        self._record = record
        self._storage = storage
        self._started: Started | None = None
        self._client: docker.DockerClient | None = None

    def start(self) -> None:
        """Make the namespace, start the engine and remove what a former run left in it."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._link()
        self.start_engine()
        clear(self.engine())

    def start_engine(self, *, pulls: bool = False, in_swarm: bool = False) -> None:
        """Start dockerd and await its answer; containers and images are those of before.

        With `pulls` a swarm's agent asks registries for images; else it takes what the host has. With
        `in_swarm` it is still in its swarm; else in none.
        """
        if not in_swarm:
            shutil.rmtree(self.directory / "data" / "swarm", ignore_errors=True)
        self.socket.unlink(missing_ok=True)
        root = self.generation.root(bench_directory())
        # /run is a tmpfs of its own: execution state and pid file end with the engine.
        setup = (
            f"{enter(root, self.directory) if root else ''}"
            "mount -t tmpfs tmpfs /run\n"
            "echo '{}' > /run/daemon.json\n"  # not the machine's /etc/docker/daemon.json
            f"echo {self.name} > /proc/sys/kernel/hostname\n"
            f"export DOCKER_SERVICE_PREFER_OFFLINE_IMAGE={'' if pulls else '1'}"
        )
        argv = [
            "dockerd",
            f"--host={self.url}",
            f"--data-root={self.directory / 'data'}",
            "--exec-root=/run/docker",
            "--pidfile=/run/docker.pid",
            "--config-file=/run/daemon.json",
            f"--storage-driver={self._storage}",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            f"--cgroup-parent=/{self.netns}",
            f"--bip=10.78.{10 * SLOT + self.number}.1/24",
            "--default-address-pool=base=172.28.0.0/14,size=24",
            # A registry of a test speaks plain HTTP.
            f"--insecure-registry={NETWORK}",
            # Nothing listens there, so a name that is not on the host fails at once.
            f"--dns={GATEWAY}",
            "--iptables=true",
            "--ip6tables=false",
            "--log-level=warn",
        ]
        self._started = jail(self.netns, setup, argv, str(self.directory), self._record, self.log)
        until(self._answers, f"the engine of {self.name} answers", timeout=60.0)
        self.pid = child_of(self._started.pid) or 0

    def stop_engine(self) -> None:
        """Stop dockerd as a reboot would, within 20 seconds."""
        if self._client is not None:
            self._client.close()
            self._client = None
        if self._started is None:
            return
        engine, self._started = self._started, None
        if self.pid and engine.alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            with suppress(TimeoutError):
                until(lambda: not engine.alive(), f"dockerd of {self.name} ends", timeout=20.0)
        engine.signal(signal.SIGKILL)
        self.pid = 0

    def stop(self) -> None:
        """Remove containers, networks and volumes and stop the engine; images stay."""
        if self.alive():
            with suppress(docker.errors.APIError, OSError):
                clear(self.engine())
        self.stop_engine()

    def alive(self) -> bool:
        """Return whether its engine runs."""
        return self._started is not None and self._started.alive()

    def engine(self) -> docker.DockerClient:
        """Return a client of this host's engine, the same one at each call."""
        if self._client is None:
            self._client = docker.DockerClient(base_url=self.url, version="auto", timeout=120)
        return self._client

    def run_in(
        self, argv: Sequence[str], *, check: bool = True, **kw: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of the machine in this host's network namespace; text is captured."""
        kw = {"capture_output": True, "text": True, "timeout": 60.0} | kw
        argv = ["nsenter", f"--net=/run/netns/{self.netns}", *argv]
        return subprocess.run(argv, check=check, **kw)

    def serve_ssh(self, port: int = 2222) -> AbstractContextManager[SshServer]:
        """Serve this host over ssh while the context is open."""
        return serve_ssh(self.netns, self.address, port, self.url, self._record)

    def signal(self, container: str, name: str) -> None:
        """Send a signal as `docker kill --signal` does: the engine takes the container for stopped by hand.

        Its restart policy does not act again until it is started; `crash` leaves that in force.
        """
        self.engine().containers.get(container).kill(signal=name)

    def crash(self, container: str, name: str = "SIGKILL") -> None:
        """Send a signal to the container's first process without the engine's knowledge."""
        inside = str(self._container(container).attrs["State"]["Pid"])
        enter = ["nsenter", "--pid", "--mount", f"--target={self.pid}"]
        run([*enter, "kill", f"-{name.removeprefix('SIG')}", inside])

    @contextmanager
    def cut(self, container: str) -> Iterator[None]:
        """Take the container's cables out: its veth ends on this host are down meanwhile.

        Peers get no answer, neither refusal nor reset. A container started again while cut
        has new cables.
        """
        sandbox = self._container(container).attrs["NetworkSettings"]["SandboxKey"]
        namespace = f"/proc/{self.pid}/root{sandbox}"
        shown = run(["nsenter", f"--net={namespace}", "ip", "-j", "link", "show", "type", "veth"])
        peers = {link["link_index"] for link in json.loads(shown)}
        links = json.loads(self.run_in(["ip", "-j", "link"]).stdout)
        names = [link["ifname"] for link in links if link["ifindex"] in peers]
        if not names:
            raise ValueError(f"container {container} has no interface on {self.name} to cut")
        try:
            for name in names:
                self.run_in(["ip", "link", "set", name, "down"])
            yield
        finally:
            for name in names:
                self.run_in(["ip", "link", "set", name, "up"], check=False)

    @contextmanager
    def unplugged(self) -> Iterator[None]:
        """Take the host's own cable out: it reaches nobody, and nobody reaches it, meanwhile."""
        run(["ip", "link", "set", self.netns, "down"])
        try:
            yield
        finally:
            run(["ip", "link", "set", self.netns, "up"])

    def _container(self, key: str) -> Container:
        container = self.engine().containers.get(key)
        if not container.attrs["State"]["Pid"]:
            raise ValueError(f"container {key} on {self.name} is {container.status}, not running")
        return container

    def _answers(self) -> bool:
        assert self._started is not None
        if not self._started.alive():
            lines = self.log.read_text(errors="replace").strip().splitlines() or ["(no output)"]
            raise BenchUnavailable(
                f"dockerd of {self.name} ended: {lines[-1].strip()}; the whole log is {self.log}"
            )
        try:
            return bool(self.engine().ping())
        except (docker.errors.DockerException, OSError):
            return False

    def _link(self) -> None:
        """Join a new network namespace to the bridge."""
        self._record.namespaces.append(self.netns)
        self._record.links.append(self.netns)
        self._record.save()
        run(["ip", "netns", "add", self.netns])
        peer = ["peer", "name", "eth0", "netns", self.netns]
        run(["ip", "link", "add", self.netns, "type", "veth", *peer])
        run(["ip", "link", "set", self.netns, "master", BRIDGE, "up"])
        inside = ["ip", "-n", self.netns]
        run([*inside, "address", "add", f"{self.address}/{NETWORK.prefixlen}", "dev", "eth0"])
        run([*inside, "link", "set", "lo", "up"])
        run([*inside, "link", "set", "eth0", "up"])


OWN_NETWORKS = ("bridge", "docker_gwbridge", "host", "none")
"""Networks that an engine makes for itself."""


class Bench:
    """Hosts for a test; a context manager, one at a time in a process."""

    _open: Bench | None = None

    def __init__(self, count: int = 1) -> None:
        if not 1 <= count <= MAX_HOSTS:
            raise ValueError(f"a bench of {count} hosts; 1 to {MAX_HOSTS} are possible")
        self.count = count
        self.directory = bench_directory() / str(SLOT)
        self.hosts: list[Host] = []
        """Those of the first generation."""
        self._of: dict[Generation, list[Host]] = {}
        self._storage = ""
        self._record = RunFile(slots.record(SLOT))

    def __enter__(self) -> Self:
        require()
        slots.require()
        if Bench._open is not None:
            raise RuntimeError("this process has a bench already; use that one, or end it first")
        Bench._open = self
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            RunFile.load(self._record.path).sweep()
            slots.sweep_abandoned()
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def of(self, generation: Generation) -> list[Host]:
        """Return the hosts of a generation, as many as the bench has; they start when first asked for.

        Raises `BenchUnavailable` where their engine is unavailable.
        """
        if generation not in self._of:
            generation.root(bench_directory())
            before = sum(map(len, self._of.values()))
            if before + self.count > MAX_HOSTS:
                raise ValueError(f"a bench of {before + self.count} hosts; 1 to {MAX_HOSTS} are possible")
            hosts = self._of.setdefault(generation, [])
            for number in range(1, self.count + 1):
                place = (f"host{number}", before + number, generation)
                hosts.append(Host(*place, self.directory, self._record, self._storage))
                hosts[-1].start()
        return self._of[generation]

    @staticmethod
    def clear() -> None:
        """Remove everything on the hosts of the bench that is open in this process, if one is."""
        for host in chain(*(Bench._open._of if Bench._open else {}).values()):
            if host.alive():
                clear(host.engine())

    def stop(self) -> None:
        """Stop every host and remove what was set up for them. Harmless when done already."""
        if Bench._open is not self:
            return
        try:
            for host in chain(*self._of.values()):
                with suppress(Exception):  # the sweep ends what does not end well
                    host.stop()
            self._record.sweep()
            self._remove_cgroups()
        finally:
            self.hosts, self._of = [], {}
            Bench._open = None

    def _start(self) -> None:
        try:
            self._bridge()
        except RuntimeError as error:
            raise BenchUnavailable(
                f"no network for the bench ({error}); run it where root has CAP_NET_ADMIN and "
                "CAP_SYS_ADMIN, such as a virtual machine"
            ) from error
        self._storage = storage_driver(self.directory)
        self.hosts = self.of(OLD)

    def _bridge(self) -> None:
        """Make the bridge, and let its traffic through the machine's filter."""
        self._record = RunFile(self._record.path, links=[BRIDGE])
        self._record.save()
        run(["ip", "link", "add", BRIDGE, "type", "bridge"])
        run(["ip", "address", "add", f"{GATEWAY}/{NETWORK.prefixlen}", "dev", BRIDGE])
        run(["ip", "link", "set", BRIDGE, "up"])
        # An engine that ran outside the namespaces leaves policy DROP, which bridged traffic meets.
        rule = ["FORWARD", "-i", BRIDGE, "-o", BRIDGE, "-j", "ACCEPT"]
        self._record.rules.append(rule)
        self._record.save()
        run(["iptables", "-w", "-I", *rule])

    def _remove_cgroups(self) -> None:
        """Remove the control groups the engines made; a controller each in version 1."""
        for pattern in (f"{BRIDGE}-[0-9]", f"*/{BRIDGE}-[0-9]"):
            for top in Path("/sys/fs/cgroup").glob(pattern):
                for group, _, _ in os.walk(top, topdown=False):
                    with suppress(OSError):
                        Path(group).rmdir()


def bench_directory() -> Path:
    """Return the folder of the engines' data and of cached images."""
    return Path(os.environ.get(DIR_VARIABLE) or DEFAULT_DIR).absolute()


def require() -> None:
    """Raise `BenchUnavailable` with reason and remedy when this machine cannot run a bench."""
    if os.geteuid() != 0:
        raise BenchUnavailable("the bench needs root for namespaces and dockerd; run it as root")
    missing = sorted(program for program in PACKAGES if shutil.which(program) is None)
    if missing:
        packages = " ".join(sorted({PACKAGES[program] for program in missing}))
        raise BenchUnavailable(f"not installed: {', '.join(missing)}; run: apt-get install {packages}")
    if len(str(bench_directory())) > 80:
        raise BenchUnavailable(
            f"the path of a unix socket has 107 bytes at most, and {bench_directory()} leaves "
            f"too few; set {DIR_VARIABLE} to a shorter one"
        )
    for interface in json.loads(run(["ip", "-j", "-4", "address"])):
        for each in interface["addr_info"]:
            if interface["ifname"] != BRIDGE and ipaddress.ip_address(each["local"]) in NETWORK:
                raise BenchUnavailable(
                    f"interface {interface['ifname']} has {each['local']}, an address of the "
                    f"bench's {NETWORK}; remove it"
                )


def storage_driver(directory: Path) -> str:
    """Return overlay2 where the file system of `directory` can carry an overlay, else vfs."""
    probe = directory / "overlay-probe"
    for name in ("lower", "upper", "work", "merged"):
        (probe / name).mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={probe}/lower,upperdir={probe}/upper,workdir={probe}/work"
    mount = ["mount", "-t", "overlay", "-o", options, "overlay", f"{probe}/merged"]
    try:
        run(["unshare", "--mount", "--propagation", "private", *mount])
    except RuntimeError:
        return "vfs"
    finally:
        shutil.rmtree(probe, ignore_errors=True)
    return "overlay2"


def clear(engine: docker.DockerClient) -> None:
    """Remove every container, network and volume of an engine, and take it out of a swarm."""
    if engine.info()["Swarm"]["LocalNodeState"] != "inactive":
        engine.api.leave_swarm(force=True)
    until(lambda: _emptied(engine), "nothing is left on the host", timeout=30.0)


def _emptied(engine: docker.DockerClient) -> bool:
    """Remove what is there, as far as that is possible now. Return whether nothing was."""
    containers = engine.containers.list(all=True, ignore_removed=True)
    networks = [
        each
        for each in engine.networks.list()
        # A swarm's own go after it, by themselves.
        if each.name not in OWN_NETWORKS and each.attrs["Scope"] != "swarm"
    ]
    volumes = engine.volumes.list()
    removals: list[Callable[[], None]] = [
        *(partial(each.remove, force=True, v=True) for each in containers),
        *(each.remove for each in networks),
        *(partial(each.remove, force=True) for each in volumes),
    ]
    for remove in removals:
        with suppress(docker.errors.APIError):  # it goes already, or something that goes still needs it
            remove()
    return not (containers or networks or volumes)
