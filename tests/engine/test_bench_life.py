"""Benches of a test's own: they come up side by side, are cleaned up, and leave nothing.

A process has one bench, so these tests come before all that share one (tests/conftest.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import images, slots
from tests.bench.hosts import BRIDGE, OWN_NETWORKS, SLOT, Bench, bench_directory
from tests.bench.process import BenchUnavailable
from tests.support.program import ROOT


def traces() -> list[str]:
    """Return processes, interfaces, namespaces and filter rules of this process's bench."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{BRIDGE}-" in command or str(bench_directory() / str(SLOT)) in command:
            found.append(command)
    found += [str(link) for link in Path("/sys/class/net").glob(f"{BRIDGE}*")]
    found += [str(name) for name in Path("/run/netns").glob(f"{BRIDGE}-*")]
    rules = subprocess.run(["iptables", "-S", "FORWARD"], capture_output=True, text=True).stdout
    return found + [rule for rule in rules.splitlines() if BRIDGE in rule]


@pytest.mark.engine
class TestLife:
    """These make benches of their own; see `pytest_collection_modifyitems` for their turn."""

    def test_two_hosts_come_up_and_leave_nothing(self) -> None:
        """Two hosts have engines of their own with equal images, and no trace is left of them."""
        try:
            with Bench(count=2) as bench:
                ids = [images.ensure(host) for host in bench.hosts]
                left = bench.hosts[0].engine().images
                left.get(images.APP).tag("name-of-a-killed-run", "1")
                again = images.ensure(bench.hosts[0])
                tags = {tag for image in left.list() for tag in image.tags}
                names = [host.engine().info()["Name"] for host in bench.hosts]
                assert traces()
        except BenchUnavailable as error:
            pytest.skip(str(error))

        assert names == ["host1", "host2"]
        assert ids[0] == ids[1]
        assert len(set(ids[0].values())) == len(images.TAGS)
        assert again == ids[0]
        assert tags - {images.NEWER} == set(images.TAGS)
        assert traces() == []

    def test_two_processes_have_a_bench_each(self) -> None:
        """Another process gets another slot, whose hosts answer beside this one's."""
        script = (
            "from tests.bench.hosts import Bench\n"
            "with Bench() as bench:\n"
            "    print(bench.hosts[0].address, bench.hosts[0].engine().info()['Name'])\n"
        )
        try:
            with Bench() as bench:
                command = [sys.executable, "-c", script]
                done = subprocess.run(command, cwd=ROOT, timeout=90, capture_output=True, text=True)
                mine = bench.hosts[0].address
                assert bench.hosts[0].engine().ping()
        except BenchUnavailable as error:
            pytest.skip(str(error))

        assert done.returncode == 0, done.stderr
        theirs, name = done.stdout.split()
        assert theirs != mine
        assert name == "host1"

    def test_a_process_has_one_bench(self) -> None:
        """A second bench in one process is an error, not a reason to skip."""
        try:
            with Bench(), pytest.raises(RuntimeError, match="this process has a bench already"):
                Bench().__enter__()
        except BenchUnavailable as error:
            pytest.skip(str(error))

    def test_no_slot_left_is_an_error(self) -> None:
        """When other processes have all slots, the error names them and is no reason to skip."""
        script = (
            "import fcntl\n"
            "from tests.bench import slots\n"
            "locks = [slots._lock(slot) for slot in range(slots.SLOTS)]\n"
            "slots.mine()\n"
            "try:\n"
            "    slots.require()\n"
            "except slots.BenchBusy as error:\n"
            "    print(error)\n"
        )

        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, timeout=60, capture_output=True, text=True
        )

        assert f"all {slots.SLOTS} benches of this machine are in use" in done.stdout
        assert str(os.getpid()) in done.stdout

    def test_a_killed_run_is_cleaned_up_by_the_next(self) -> None:
        """A bench killed with a container running is removed by the next one, container and all."""
        script = (
            "from tests.bench.hosts import Bench\n"
            "from tests.bench import images\n"
            "import os, signal\n"
            "with Bench() as bench:\n"
            "    host = bench.hosts[0]\n"
            "    images.ensure(host)\n"
            "    host.engine().networks.create('left')\n"
            "    always = {'Name': 'always'}\n"
            "    host.engine().containers.run(images.APP, detach=True, restart_policy=always)\n"
            "    print(host.netns, flush=True)\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        try:
            with Bench():
                pass
        except BenchUnavailable as error:
            pytest.skip(str(error))

        command = [sys.executable, "-c", script]
        killed = subprocess.run(
            command, cwd=ROOT, timeout=120, check=False, capture_output=True, text=True
        ).stdout.strip()

        assert Path("/run/netns", killed).exists()
        with Bench() as bench:
            assert not Path("/run/netns", killed).exists()
            engine = bench.hosts[0].engine()
            assert engine.containers.list(all=True) == []
            assert {network.name for network in engine.networks.list()} <= {*OWN_NETWORKS}
        assert traces() == []
