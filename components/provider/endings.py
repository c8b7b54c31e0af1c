"""Ends of calls: the state that a call leaves, and errors of ours without a Python traceback."""

from collections.abc import Mapping
from typing import Any, Optional

import grpc
import grpc.aio
import pulumi
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2, status_pb2

from ..engine.connection import EngineRefused, HostUnreachable
from ..engine.containers import EngineError, Halted, Unfinished
from .handlers import HANDLERS, AnyHandler
from .properties import secrets
from .values import Properties, wrap, wrap_like
from .written import marked

OUR_ERRORS = (pulumi.RunError, EngineError, EngineRefused, HostUnreachable)


def handler_of(urn: str) -> AnyHandler:
    """Return the handler of a resource of ours."""
    return HANDLERS[urn.split("::")[2].rpartition("$")[2].rpartition(":")[2]]


def state_of(handler: AnyHandler, inputs: Properties, outputs: Mapping[str, object]) -> Any:
    """Return `outputs` laid over `inputs`, with the version; secret by the schema, or as before."""
    laid = {}
    always = secrets(handler.resource.inputs) | secrets(handler.resource.outputs)
    for key, value in outputs.items():
        laid[key] = wrap(value).with_secret(True) if key in always else wrap_like(value, inputs.get(key))
    return marked({**inputs, **laid})


async def clean(call: Any, context: Any, urn: str = "", inputs: Any = None, former: Any = None) -> Any:
    """Return the result of a call; `former` are the inputs that a change which is taken back leaves."""
    try:
        return await call
    except Exception as error:
        await explain(error, context, urn, inputs, former)
        raise


async def explain(
    error: BaseException, context: Any, urn: str = "", inputs: Any = None, former: Any = None
) -> None:
    """End the call with our message alone, when the error began as one of ours."""
    cause: Optional[BaseException] = error
    while cause is not None:
        inner = getattr(cause, "inner", cause)
        if isinstance(inner, Unfinished):
            left = former if isinstance(inner, Halted) else inputs
            details = (("grpc-status-details-bin", _unfinished(inner, urn, left)),)
            await context.abort(grpc.StatusCode.UNKNOWN, str(inner), details)
        if isinstance(inner, OUR_ERRORS):
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(inner))
        cause = cause.__cause__ or cause.__context__


def _unfinished(error: Unfinished, urn: str, inputs: Any) -> bytes:
    """Return the entry that Pulumi keeps in the state for a resource that was made, but is not ready."""
    properties = state_of(handler_of(urn), PropertyValue.unmarshal_map(inputs), error.outputs)
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.made,
        properties=PropertyValue.marshal_map(properties),
        inputs=inputs,
        reasons=[str(error)],
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(detail)
    return bytes(status.SerializeToString())
