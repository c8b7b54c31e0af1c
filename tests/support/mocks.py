"""A program run under Pulumi's mocks: what it registered, as the engine would have received it.

seen = run(lambda: LoadBalancedService("site", {"image": "httpd:2.4"}), preview=True)
assert seen.named("site-web-0").inputs["image"] == "httpd:2.4"
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pulumi
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import mocks, resource, settings
from pulumi.runtime.proto import source_pb2
from pulumi.runtime.rpc import UNKNOWN
from pulumi.runtime.stack import run_pulumi_func
from pulumi.runtime.sync_await import _sync_await

from components.plan import runner

PROJECT, STACK = "longshore", "test"
SIGNATURE, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"


@dataclass(frozen=True)
class Secret:
    """A value that reached the engine marked as secret."""

    value: Any


@dataclass(frozen=True)
class Registered:
    """One registration. Unknown inputs are UNKNOWN, secret ones Secret."""

    type: str
    name: str
    parent: str
    """Type and name of the parent, `type::name`; empty for the stack."""
    chain: str
    """Types from the outermost parent to this one, and the name, as in a URN."""
    inputs: dict[str, Any]
    provider: str
    depends_on: set[str]
    """Names of the resources it waits for."""
    request: Any
    """The whole request."""


@dataclass
class Seen(mocks.Mocks):
    """Resources that a program registered, in order, and its exports or its error."""

    unknown: bool = False
    """True where counters of generations are unknown, as when a definition is not known at preview."""
    health: list[str] | None = None
    """Health check of the replicas of before; by default they are new."""
    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Outputs registered by components, by the name of the component."""
    error: BaseException | None = None
    value: Any = None
    """Value that the program returned."""

    def named(self, name: str) -> Registered:
        (found,) = [resource for resource in self.resources if resource.name == name]
        return found

    def of_type(self, type_: str) -> list[Registered]:
        return [resource for resource in self.resources if resource.type.endswith(type_)]

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        # At a preview the engine knows no id and no computed output: both are left out.
        preview = bool(pulumi.runtime.is_dry_run())
        state = dict(args.inputs)
        if args.typ == "longshore:index:Generation" and not self.unknown:
            state |= {"number": 1, "isolated": args.inputs.get("isolate", False)}
            state |= {"health": self.health} if self.health else {}
        if args.typ == "longshore:index:FrontEndConfig" and not preview:
            state |= {"addresses": {"routable": "203.0.113.7"}, "running": True}
        if args.typ == "longshore:index:Swarm" and not preview:
            state |= {"swarmId": "k1x", "workerToken": "w", "managerToken": "m", "unlockKey": ""}
        if args.typ == "longshore:index:FloatingAddressNode" and not preview:
            state |= {"containerId": f"{args.name}-id", "running": True}
        if args.typ in ("docker:index/container:Container", "docker:index/network:Network"):
            if preview:
                state.pop("name", None)
            else:
                state.setdefault("name", f"{args.name}-1a2b3c4")
        return ("" if preview else f"{args.name}-id"), state

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        return {}, []


class Monitor(mocks.MockMonitor):
    """Keeps each request as well: parents, dependencies, options and secrets are only there."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(seen)
        self._seen = seen
        self._chains: dict[str, str] = {}

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        chain = self._chains.get(parent, "")
        urn = f"urn:pulumi:{STACK}::{PROJECT}::{chain}{type_}::{name}"
        self._chains[urn] = f"{chain}{type_}$"
        if type_ == "pulumi:pulumi:Stack":
            self._chains[urn] = ""
        return urn

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            urn = self.make_urn(request.parent, request.type, request.name)
            self._seen.resources.append(
                Registered(
                    type=request.type,
                    name=request.name,
                    parent="::".join(request.parent.split("::")[2:])
                    if self._chains.get(request.parent)
                    else "",
                    chain="::".join(urn.split("::")[2:]),
                    inputs=_plain(request.object),
                    provider=request.provider.split("::")[-2] if request.provider else "",
                    depends_on={urn.split("::")[-1] for urn in request.dependencies},
                    request=request,
                )
            )
        return response

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        self._seen.outputs[request.urn.split("::")[-1]] = _plain(request.outputs)
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


def run(
    program: Callable[[], Any],
    *,
    preview: bool = False,
    unknown_generations: bool = False,
    health: list[str] | None = None,
) -> Seen:
    """Run `program` as a deployment of its own and wait for everything it started."""
    seen = Seen(unknown=unknown_generations, health=health)

    def main() -> None:
        seen.value = program()

    _forget()
    begin(seen, Monitor(seen), preview=preview)
    try:
        with _NOWHERE:
            _sync_await(run_pulumi_func(main))
    except Exception as error:  # noqa: BLE001 — the test looks at it
        seen.error = error
    return seen


def begin(seen: Seen, monitor: Monitor, *, preview: bool = False) -> None:
    """Register with this monitor from now on."""
    with _NOWHERE:
        pulumi.runtime.set_mocks(seen, project=PROJECT, stack=STACK, preview=preview, monitor=monitor)


def plan(folder: Path, stack: str) -> dict[str, Any]:
    """Return the plan of the program in `folder`, as a process of its own would make it."""
    _forget()
    with _NOWHERE, mock.patch.object(sys, "path", [*sys.path]):
        try:
            return runner.run(folder, stack)
        finally:
            pulumi.runtime.set_all_config({})


def _forget() -> None:
    """Leave nothing of the program before, nor of its error."""
    settings.ROOT.set(None)
    settings.SETTINGS.rpc_manager.clear()
    settings.SETTINGS.outputs.clear()


# The place in the source where a resource is made takes a quarter of the time, and no test asks for it.
_NOWHERE = mock.patch.object(resource, "_get_stack_trace", source_pb2.StackTrace)


def _plain(value: Any) -> Any:
    """Return a protobuf struct or value as Python."""
    if isinstance(value, Struct):
        items = {key: _plain(item) for key, item in value.fields.items()}
        return Secret(items["value"]) if items.get(SIGNATURE) == SECRET else items
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _plain(value.struct_value)
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    if kind in ("null_value", None):
        return None
    found = getattr(value, kind)
    return int(found) if isinstance(found, float) and found.is_integer() else found


def whole(value: Any) -> Any:
    """Return an input as a handler gets it: whole numbers as int, secrets opened."""
    if isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            return whole(value["value"])
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


__all__ = ["UNKNOWN", "Monitor", "Registered", "Secret", "Seen", "begin", "plan", "run", "whole"]
