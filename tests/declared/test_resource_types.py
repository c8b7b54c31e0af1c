"""Properties of our custom resources: one TypedDict serves the program, the handler and the schema."""

import inspect
from typing import Any, NotRequired, Optional, get_args, get_origin, get_type_hints, is_typeddict

import pulumi
import pytest

from components.provider.handlers import HANDLERS

EVERY = pytest.mark.parametrize("name", sorted(HANDLERS))


def given(kind: Any) -> Any:
    """Return the type of a property without its marks."""
    if get_origin(kind) is NotRequired or hasattr(kind, "__metadata__"):
        return given(get_args(kind)[0])
    return kind


def properties(name: str) -> dict[str, Any]:
    """Return the inputs and outputs of a resource by name."""
    resource = HANDLERS[name].resource
    declared = {**resource.inputs.__annotations__, **resource.outputs.__annotations__}
    return {key: given(kind) for key, kind in declared.items()}


@EVERY
def test_a_resource_has_each_property_that_a_program_reads(name: str) -> None:
    """Under the property's name, and an Output of its type; None only where an older state lacks it."""
    known = properties(name)

    for key, kind in inspect.get_annotations(HANDLERS[name].resource).items():
        value: Any = known[key]
        assert kind in (pulumi.Output[value], pulumi.Output[Optional[value]]), key


@EVERY
def test_a_resource_has_each_property_that_a_refresh_finds(name: str) -> None:
    """Under the property's name, and of its type."""
    known = properties(name)

    returned = get_type_hints(type(HANDLERS[name]).read)["return"]
    for found in filter(is_typeddict, (returned, *get_args(returned))):
        for key, kind in found.__annotations__.items():
            assert known[key] == kind, key


@EVERY
def test_a_handler_takes_what_the_program_declares(name: str) -> None:
    """Inputs and outputs of both are the same, and the state has all of them."""
    handler = HANDLERS[name]
    taken = get_type_hints(type(handler).update)

    if is_typeddict(taken["new"]):
        assert taken["new"] is handler.resource.inputs
        assert taken["return"] is handler.resource.outputs
        assert set(taken["old"].__annotations__) == set(properties(name))
