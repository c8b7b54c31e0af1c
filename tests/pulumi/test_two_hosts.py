"""Services on two Docker hosts, and one that moves from the first to the second."""

import urllib.request
from pathlib import Path

import pytest

from tests.bench.hosts import Host
from tests.support.program import PORT, Inline, Program, service

pytestmark = [pytest.mark.engine, pytest.mark.pulumi]


def answer(host: Host, port: int = PORT) -> str:
    """Return the answer of the service."""
    with urllib.request.urlopen(f"http://{host.address}:{port}/", timeout=10) as found:
        return str(found.read().decode())


def names(host: Host, program: Program) -> list[str]:
    """Return containers of the program on the host, running or not."""
    found = host.engine().containers.list(all=True, filters={"label": program.labels})
    return sorted(str(container.name).rpartition("-")[0] for container in found)


def test_one_program_serves_on_two_hosts(tmp_path: Path, host: Host, other_host: Host) -> None:
    """Each service names its host; the same port on two hosts is no clash."""
    there = {"address": other_host.url}
    settings = {"here": service(replicas=1), "there": service(replicas=1, host=there)}
    program = Inline(tmp_path, host, {"services": settings})
    try:
        program.up()

        assert names(host, program) == ["here-lb", "here-web-0"]
        assert names(other_host, program) == ["there-lb", "there-web-0"]
        assert "v1" in answer(host)
        assert "v1" in answer(other_host)
        assert program.preview().changes == []
    finally:
        program.destroy()
    assert names(host, program) == names(other_host, program) == []


def test_a_service_moves_to_another_host(tmp_path: Path, host: Host, other_host: Host) -> None:
    """Everything is made there first and deleted here last."""
    program = Inline(tmp_path, host, {"services": {"site": service(replicas=2)}})
    try:
        program.up()
        before = names(host, program)

        program.configure({"host": {"address": other_host.url}})
        shown = program.up().output

        assert "of 2 new replicas are healthy" in shown
        assert names(other_host, program) == before
        assert names(host, program) == []
        assert "v1" in answer(other_host)
        assert program.preview().changes == []
    finally:
        program.destroy()


def test_a_service_leaves_a_host_that_is_dead(tmp_path: Path, host: Host, other_host: Host) -> None:
    """It serves on the other one at once; what is left is removed when the first is back."""
    program = Program(tmp_path, host, {"services": {"site": service(replicas=2)}})
    try:
        program.up()
        before = names(host, program)
        host.stop_engine()
        try:
            program.configure({"host": {"address": other_host.url}})
            failed = [program.operate("up", check=False) for _ in range(2)]
            served = answer(other_host)
        finally:
            host.start_engine()

        program.operate("up")

        assert [run.code for run in failed] == [1, 1]
        for run in failed:
            assert "a Docker engine stopped answering" in run.output, run.output
        assert "v1" in served
        assert names(other_host, program) == before
        assert names(host, program) == []
        assert program.preview().changes == []
    finally:
        program.destroy()


def test_the_same_engine_under_another_address(tmp_path: Path, host: Host) -> None:
    """The new front end takes the port over from the one it follows."""
    program = Inline(tmp_path, host, {"services": {"site": service(replicas=2)}})
    alias = tmp_path / "engine.sock"
    alias.symlink_to(host.url.removeprefix("unix://"))
    try:
        program.up()
        before = names(host, program)

        program.configure({"host": {"address": f"unix://{alias}"}})
        program.up()

        assert names(host, program) == before
        assert "v1" in answer(host)
        assert program.preview().changes == []
    finally:
        program.destroy()
    assert names(host, program) == []
