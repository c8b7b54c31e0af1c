"""Runs a Pulumi program on the SDK's mock monitor, and writes its preview.

It is what `pulumi preview --json` would print if nothing was there yet.

    python runner.py <folder of the project> <stack> <file for the result>

A script of its own: the program imports its own `components`, which may be those of another revision.
"""

import gc
import json
import logging
import runpy
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

import pulumi
import yaml
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import mocks
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.rpc import UNKNOWN
from pulumi.runtime.settings import get_root_resource
from pulumi.runtime.stack import massage, run_pulumi_func
from pulumi.runtime.sync_await import _sync_await

_SIGNATURE, _SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
_GENERATION = "longshore:index:Generation"
_REPLICAS = "longshore:index:Replicas"
_STACK = "pulumi:pulumi:Stack"
_STACK_REFERENCE = "pulumi:pulumi:StackReference"
SHOWN_SECRET = "[secret]"  # noqa: S105 — what is shown in its place


class _Nothing(mocks.Mocks):
    """An engine where nothing is there yet: whatever only a host could tell is unknown."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[Optional[str], dict[str, Any]]:
        if args.typ == _GENERATION:
            return "", {**args.inputs, "number": 1, "isolated": args.inputs.get("isolate", False)}
        if args.typ == _REPLICAS:
            return "", {**args.inputs, "generation": 1}
        if args.typ == _STACK_REFERENCE:
            return "", {**args.inputs, "outputs": UNKNOWN, "secretOutputNames": []}
        return "", args.inputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], Optional[list[tuple[str, str]]]]:
        return {}, None


class _Monitor(mocks.MockMonitor):
    """Keeps what is registered, as a preview shows it."""

    def __init__(self) -> None:
        super().__init__(_Nothing())
        self.steps: list[dict[str, Any]] = []
        self.outputs: dict[str, Any] = {}
        """Outputs that the program exports."""
        self._chains: dict[str, str] = {}

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Make the URN with the types of all components above, as the engine does, not of the last only."""
        chain = self._chains.get(parent, "")
        urn = f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{chain}{type_}::{name}"
        self._chains[urn] = "" if type_ == _STACK else f"{chain}{type_}$"
        return urn

    def GetDeploymentInfo(self, request: Any) -> Any:  # noqa: N802
        """Answer like an engine that leaves it to the SDK to give former URNs in full."""
        info = super().GetDeploymentInfo(request)  # type: ignore[no-untyped-call]
        info.supportedFeatures.remove(resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS)
        return info

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        inputs = _shown(MessageToDict(request.object))
        state = {"type": request.type, "parent": request.parent, "inputs": inputs}
        if request.aliasURNs:
            state["aliases"] = list(request.aliasURNs)
        self.steps.append({"op": "create", "urn": answer.urn, "newState": state})
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if f"::{_STACK}::" in request.urn:
            self.outputs = _shown(MessageToDict(request.outputs))
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


def _shown(value: Any) -> Any:
    """Return a value as a preview shows it: whole numbers whole, and no secrets."""
    if isinstance(value, Mapping):
        if value.get(_SIGNATURE) == _SECRET:
            return SHOWN_SECRET
        return {key: _shown(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shown(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _Said(logging.Handler):
    """Keeps what the program warns of, as the diagnostics of a preview."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.diagnostics: list[dict[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.diagnostics.append({"severity": "warning", "message": record.getMessage()})


def run(folder: Path, stack: str) -> dict[str, Any]:
    """Return the resources of the program in `folder` with the settings of `stack`, and its error, if any."""
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    _configure(project, folder / f"Pulumi.{stack}.yaml")
    where = (folder / str(project.get("main") or ".")).resolve()
    monitor, said = _Monitor(), _Said()
    logger = logging.Logger("plan")  # noqa: LOG001 — one of its own: each run keeps its own warnings
    logger.addHandler(said)
    pulumi.runtime.set_mocks(
        monitor.mocks, project=project["name"], stack=stack, preview=True, logger=logger, monitor=monitor
    )
    sys.path.insert(0, str(where))

    def program() -> None:
        runpy.run_path(str(where / "__main__.py"), run_name="__main__")
        # The SDK's mocks have it done before the program begins.
        root: Any = get_root_resource()
        root.register_outputs(massage(root.outputs, []))

    found = said.diagnostics
    try:
        _sync_await(run_pulumi_func(program))
    except Exception as error:  # noqa: BLE001 — the program's own: the plan tells of it
        kind = "" if isinstance(error, pulumi.RunError) else f"{type(error).__name__}: "
        found.append({"severity": "error", "message": f"{kind}{error}"})
    return {"steps": monitor.steps, "diagnostics": found, "outputs": monitor.outputs}


def _configure(project: Mapping[str, Any], file: Path) -> None:
    """Set the settings, with a word in place of each secret: only `pulumi` can decrypt secrets.

    Settings of the project apply where the stack has none:
    https://www.pulumi.com/docs/iac/concepts/config/#project-level-configuration
    """
    given = {_full(project, key): _default(value) for key, value in (project.get("config") or {}).items()}
    settings = (yaml.safe_load(file.read_text()) or {}).get("config") or {} if file.exists() else {}
    given |= {_full(project, key): value for key, value in settings.items()}
    values, secrets = {}, []
    for key, value in given.items():
        masked = _masked(value)
        if masked != value:
            secrets.append(key)
        values[key] = masked if isinstance(masked, str) else json.dumps(masked)
    set_all_config({key: value for key, value in values.items() if value != "null"}, secrets)


def _full(project: Mapping[str, Any], key: str) -> str:
    return key if ":" in key else f"{project['name']}:{key}"


def _default(given: Any) -> Any:
    """Return the value of a key of the project: itself, or what its schema or namespace says."""
    if not isinstance(given, Mapping):
        return given
    return given.get("value", given.get("default"))


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        masked = {key: _masked(each) for key, each in value.items()}
        return SHOWN_SECRET if set(value) == {"secure"} else masked
    return [_masked(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    # As an exception it could be lost inside of the event loop, or in the program: nothing here needs an end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()  # this ends soon, and to look for garbage would take a fifth of its time
    found = run(Path(sys.argv[1]).resolve(), sys.argv[2])
    Path(sys.argv[3]).write_text(json.dumps(found))
