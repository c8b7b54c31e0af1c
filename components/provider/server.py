"""The provider plugin: our custom resources, and our components for other programs."""

import asyncio
import contextlib
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Optional, TypeVar

import grpc
import grpc.aio
import pulumi.provider.experimental.provider as p
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2_grpc

from ..engine.containers import Unfinished
from ..engine.progress import reported_to
from ..resources.deployment import Deployment, current
from ..version import VERSION
from .endings import OUR_ERRORS, clean, explain, handler_of, state_of
from .handlers import AnyHandler, Warn
from .progress import Progress
from .values import Values, plain_map
from .written import refuse_newer

_MESSAGE_LIMIT = 400 * 1024 * 1024  # as the engine's own

# Registrations of a component's parts wait in the loop's default threads until each part is made. Parts of
# ours are made here: in threads of the same pool they would wait for each other for ever.
_AT_ONCE = 256
MADE = "made in this run"
"""In place of an URN: what is removed afterwards is another resource, also where it has the same URN."""
_handling = ThreadPoolExecutor(_AT_ONCE, "handler")

T = TypeVar("T")


async def _in_thread(work: Callable[..., T], *args: Any) -> T:
    """Return the result of `work`, which talks to engines and waits."""
    return await asyncio.get_running_loop().run_in_executor(_handling, work, *args)


class Longshore(p.Provider):
    """Carries out the custom resources. Each call runs in a thread: it talks to engines and waits."""

    def __init__(self, engine_address: Optional[str]) -> None:
        self._engine_address = engine_address
        self._holders: dict[tuple[str, str], str] = {}
        """Things that only one resource can have (`Handler.holds`), with the URN of the resource that has
        each in this run, or MADE."""

    async def get_schema(self, request: p.GetSchemaRequest) -> p.GetSchemaResponse:
        """Return the schema of our components and custom resources."""
        from .schema import document

        return p.GetSchemaResponse(schema=document())

    async def check(self, request: p.CheckRequest) -> p.CheckResponse:
        """Refuse what is wrong, at preview."""
        refuse_newer(request.old_inputs)
        warnings: list[str] = []
        handler, given = handler_of(request.urn), plain_map(request.new_inputs)
        old = plain_map(request.old_inputs)
        new = handler.carried(given, old)
        reason = await _in_thread(problem, handler, new, old, warnings.append)
        for warning in warnings:
            await self._warn(request.urn, warning)
        # Without a property's name the engine prints the reason alone, not the whole configuration.
        failures = [p.CheckFailure("", reason)] if reason else None
        kept = handler.kept(new)
        changed = {key: value for key, value in kept.items() if key not in given or value != given[key]}
        inputs = {key: value for key, value in request.new_inputs.items() if key in kept}
        return p.CheckResponse(inputs=state_of(handler, inputs, changed), failures=failures)

    async def diff(self, request: p.DiffRequest) -> p.DiffResponse:
        """Compare state and inputs, and the state with what is there where nothing else would show it."""
        refuse_newer(request.old_state)
        handler = handler_of(request.urn)
        old, new = plain_map(request.old_state), plain_map(request.new_inputs)
        changed = {key for key in handler.resource.inputs.__annotations__ if old.get(key) != new.get(key)}
        self._hold(handler, old, request.urn)
        drifted = await _in_thread(handler.drifted, old)
        replaces = handler.replaces(changed)
        kinds = p.PropertyDiffKind
        found = {key: handler.paths(key, new, old) for key in sorted(changed | drifted)}
        details = {
            path: p.PropertyDiff(kinds.UPDATE_REPLACE if key in replaces else kinds[kind], False)
            for key, paths in found.items()
            for path, kind in paths.items()
        }
        return p.DiffResponse(
            changes=bool(details),
            diffs=[key for key, paths in found.items() if paths],
            replaces=sorted(replaces),
            delete_before_replace=bool(replaces) and handler.delete_first(new, replaces),
            detailed_diff=details,
        )

    async def create(self, request: p.CreateRequest) -> p.CreateResponse:
        """Make the resource; a preview touches nothing."""
        handler = handler_of(request.urn)
        inputs = plain_map(request.properties)
        try:
            made, outputs = await self._reporting(request.urn, handler.create, inputs, request.preview)
        except Unfinished as error:
            self._hold(handler, {**inputs, **error.outputs}, MADE)
            raise
        if not request.preview:
            self._hold(handler, {**inputs, **outputs}, MADE)
        return p.CreateResponse(resource_id=made, properties=state_of(handler, request.properties, outputs))

    async def update(self, request: p.UpdateRequest) -> p.UpdateResponse:
        """Change the resource; a preview touches nothing."""
        refuse_newer(request.olds)
        handler = handler_of(request.urn)
        news, olds = plain_map(request.news), plain_map(request.olds)
        outputs = await self._reporting(request.urn, handler.update, news, olds, request.preview)
        return p.UpdateResponse(properties=state_of(handler, request.news, outputs))

    async def read(self, request: p.ReadRequest) -> p.ReadResponse:
        """Return the real state, for `refresh`."""
        refuse_newer(request.properties)
        handler = handler_of(request.urn)
        found = await _in_thread(handler.read, plain_map(request.properties))
        if found is None:
            return p.ReadResponse(resource_id="", properties={}, inputs={})
        return p.ReadResponse(
            resource_id=request.resource_id,
            properties=state_of(handler, request.properties, found),
            inputs=request.inputs,
        )

    async def delete(self, request: p.DeleteRequest) -> None:
        """Undo the resource."""
        refuse_newer(request.properties)
        handler, state = handler_of(request.urn), plain_map(request.properties)
        held = handler.holds(state)
        if held and self._holders.get((type(handler).__name__, held), request.urn) != request.urn:
            warning: Optional[str] = f"{held} stays as it is: another resource has it now"
        else:
            warning = await self._reporting(request.urn, handler.delete, state)
        if warning:
            await self._warn(request.urn, warning)

    def _hold(self, handler: AnyHandler, state: Values, urn: str) -> None:
        if held := handler.holds(state):
            key = type(handler).__name__, held
            self._holders[key] = urn if self._holders.get(key) != MADE else MADE

    async def _warn(self, urn: str, message: str) -> None:
        await self._log(severity=engine_pb2.WARNING, message=message, urn=urn)

    async def _reporting(self, urn: str, work: Callable[..., T], *args: Any) -> T:
        """Return the result of `work` as `_in_thread` does, and show its progress on the resource's line."""

        async def show(text: str) -> None:
            with contextlib.suppress(grpc.aio.AioRpcError):  # progress is no reason to fail
                await self._log(severity=engine_pb2.INFO, message=text, urn=urn, ephemeral=True)

        def listening() -> T:
            with reported_to(progress.take, warnings.append):
                return work(*args)

        progress, warnings = Progress(show), list[str]()
        try:
            return await _in_thread(listening)
        finally:
            await progress.end()
            for warning in warnings:
                await self._warn(urn, warning)

    async def _log(self, **what: Any) -> None:
        if self._engine_address is None:
            return
        async with grpc.aio.insecure_channel(self._engine_address) as channel:
            await engine_pb2_grpc.EngineStub(channel).Log(engine_pb2.LogRequest(**what))


def problem(handler: AnyHandler, new: Values, old: Values, warn: Warn) -> Optional[str]:
    """Return the mistake in the inputs, or None; a host that cannot be asked is a mistake, too."""
    try:
        return handler.check(new, old, warn)
    except OUR_ERRORS as error:
        return str(error)


@cache
def _deployment(monitor: str) -> Deployment:
    """Return the program whose monitor has this address."""
    return Deployment()


class _Servicer(ProviderServicer):
    """The SDK's servicer, but our own errors reach the user without a Python traceback."""

    def __init__(self, args: list[str], provider: Longshore, engine_address: str) -> None:
        super().__init__(args, VERSION, provider, engine_address=engine_address)

    async def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802
        from pulumi.provider.server import ProviderServicer as ComponentServicer

        from .construct import Components

        current.set(_deployment(request.monitorEndpoint))
        try:
            servicer = ComponentServicer(Components(), self._args, self._engine_address)
            return await servicer.Construct(request, context)
        except Exception as error:
            await explain(error, context)
            raise

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await clean(super().Check(request, context), context)

    async def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await clean(super().Diff(request, context), context)

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await clean(super().Create(request, context), context, request.urn, request.properties)

    async def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        call = super().Update(request, context)
        return await clean(call, context, request.urn, request.news, request.old_inputs)

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await clean(super().Read(request, context), context)

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await clean(super().Delete(request, context), context)


async def _serve(args: list[str]) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_AT_ONCE, "registration"))
    # The engine gives its address; without one (schema only) there is nobody to warn.
    engine_address = next((a for a in reversed(args) if not a.startswith("-") and ":" in a), "")
    limits = [
        ("grpc.max_receive_message_length", _MESSAGE_LIMIT),
        ("grpc.max_send_message_length", _MESSAGE_LIMIT),
    ]
    server = grpc.aio.server(options=limits)
    servicer = _Servicer(args, Longshore(engine_address or None), engine_address)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


def serve() -> None:
    """Serve until the engine ends us."""
    asyncio.run(_serve(sys.argv[1:]))
