"""The plugin as programs in other languages meet it, without the `pulumi` command: a process of its own, and
a monitor that notes what it registers.

    with Border() as border:
        seen = border.construct("LoadBalancedService", "site", {"image": "httpd:2.4"})
    assert seen.error is None
"""

import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Self

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import (
    engine_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2_grpc,
)

from components.naming import type_token
from components.provider.schema import schema
from tests.cases.later import LATER
from tests.support.mocks import PROJECT, SIGNATURE, STACK, Monitor, Seen, begin
from tests.support.program import ROOT

OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
"""The signature of an Output on the wire."""


class Border:
    """The plugin's process and a monitor; a context manager."""

    def __enter__(self) -> Self:
        self._threads = ThreadPoolExecutor(256)
        self._monitor = _Monitor()
        engine = grpc.server(self._threads)
        engine_pb2_grpc.add_EngineServicer_to_server(_Engine(), engine)
        address = f"127.0.0.1:{engine.add_insecure_port('127.0.0.1:0')}"
        engine.start()
        self._servers = [engine]
        command = [sys.executable, str(ROOT / "plugin/__main__.py"), address]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._process.stdout.readline().strip()}")
        self._plugin = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self._monitor.plugin = self._plugin
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self._process.kill()
        self._process.communicate()
        for server in self._servers:
            server.stop(None).wait()
        self._threads.shutdown()

    def deployment(self) -> str:
        """Return the address of another deployment's monitor."""
        server = grpc.server(self._threads)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self._monitor, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self._servers.append(server)
        return f"127.0.0.1:{port}"

    def construct(
        self, kind: str, name: str, args: Mapping[str, Any], *, deployment: str = "", **options: Any
    ) -> Seen:
        """Construct the component with these arguments, in a deployment of its own by default.

        Arguments are written as in Python. Return the registered resources: their `value` is the answer,
        their `error` the failure of the call; `options` are fields of the request.
        """
        seen = Seen()
        self._monitor.begin(seen)
        properties = schema()["resources"][type_token(kind)]["inputProperties"]
        inputs = Struct()
        inputs.update(_renamed(args, properties))
        request = provider_pb2.ConstructRequest(
            project=PROJECT,
            stack=STACK,
            monitorEndpoint=deployment or self.deployment(),
            type=type_token(kind),
            name=name,
            inputs=inputs,
            **options,
        )
        try:
            seen.value = self._plugin.Construct(request, timeout=60)
        except grpc.RpcError as error:
            seen.error = error
        return seen


class _Engine(engine_pb2_grpc.EngineServicer):
    """Receiver of the plugin's log lines."""

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802
        return Empty()


class _Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """The tests' monitor behind gRPC. As the engine does, it has the plugin check what is the plugin's."""

    def begin(self, seen: Seen) -> None:
        """Note what is registered from now on in `seen`."""
        self.monitor = Monitor(seen)
        self.monitor.make_urn("", "team:index:Team", "team")  # a parent that a program may have
        self.context = copy_context()
        self.context.run(begin, seen, self.monitor)

    plugin: Any = None

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self.monitor.GetDeploymentInfo(request)  # type: ignore[no-untyped-call]

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        made = self.context.copy().run(self.monitor.RegisterResource, request)
        if request.type == type_token("Generation"):
            self.plugin.Check(provider_pb2.CheckRequest(urn=made.urn, news=request.object))
        return made

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        return self.context.copy().run(self.monitor.RegisterResourceOutputs, request)


def _renamed(values: Any, properties: Mapping[str, Any]) -> Any:
    """Return arguments of a Python program as they are on the wire: names of the schema, Outputs marked."""
    names = {_snake(name): name for name in properties}
    return {
        names.get(key, key): _sent(value, properties.get(names.get(key, key), {}))
        for key, value in values.items()
    }


def _sent(value: Any, definition: Mapping[str, Any]) -> Any:
    if value is LATER:
        return {SIGNATURE: OUTPUT, "value": "later"}
    if isinstance(value, list):
        return [_sent(item, definition.get("items", {})) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "additionalProperties" in definition:
        return {key: _sent(item, definition["additionalProperties"]) for key, item in value.items()}
    kind = schema()["types"].get(definition.get("$ref", "").removeprefix("#/types/"), {})
    return _renamed(value, kind.get("properties", {}))


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
