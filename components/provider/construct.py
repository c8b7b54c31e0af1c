"""Components for programs in other languages: the values that cross the border, and their names.

Nothing is validated here. An unknown key comes through as it was written. So the component refuses it in the
same words as in a Python program; the SDK's own mapping would drop it silently.
"""

from collections.abc import Callable, Mapping
from typing import Any, Optional

import pulumi
from pulumi.provider.experimental.analyzer import PropertyDefinition
from pulumi.provider.provider import ConstructResult, Provider

from ..version import VERSION
from .schema import OFFERED, analysis, document

_Properties = Mapping[str, PropertyDefinition]


class Components(Provider):
    """Constructs the components."""

    def __init__(self) -> None:
        super().__init__(VERSION, document())

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: Optional[pulumi.ResourceOptions] = None,
    ) -> ConstructResult:
        """Declare the component `name` of the type with its children; its outputs."""
        kind = resource_type.rpartition(":")[2]
        definition = analysis()["component_definitions"][kind]
        component: Any = OFFERED[kind]
        made = component(name, pythonic(inputs, definition.inputs, definition.inputs_mapping), options)
        return ConstructResult(
            made.urn, schematic(vars(made), definition.outputs, definition.outputs_mapping)
        )


def pythonic(values: Any, properties: _Properties, names: Mapping[str, str]) -> Any:
    """Return `values` with the names of a Python program, also in types of ours below them."""
    if not isinstance(values, Mapping):
        return values
    return {
        names.get(key, key): _mapped(_arrived(value), properties.get(key), pythonic)
        for key, value in sorted(values.items())
    }


def schematic(values: Mapping[str, Any], properties: _Properties, names: Mapping[str, str]) -> Any:
    """Return those of `properties` that are among `values`, with the names of the schema; the reverse."""
    return {
        key: _mapped(values[python], properties[key], schematic)
        for key, python in names.items()
        if values.get(python) is not None
    }


def _arrived(value: Any) -> Any:
    """Return the value as it was written, as errors show it: numbers come as floats, keys in any order."""
    if isinstance(value, list):
        return [_arrived(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _arrived(item) for key, item in sorted(value.items())}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _mapped(value: Any, definition: Optional[PropertyDefinition], rename: Callable[..., Any]) -> Any:
    """Return `value` with everything of our types in it renamed; an Output is renamed once it is known."""
    if definition is None:
        return value
    if isinstance(value, pulumi.Output):
        return value.apply(lambda known: _mapped(known, definition, rename))
    if isinstance(value, list) and definition.items:
        return [_mapped(item, definition.items, rename) for item in value]
    if not isinstance(value, Mapping):
        return value
    if definition.additional_properties:
        return {key: _mapped(item, definition.additional_properties, rename) for key, item in value.items()}
    kind = analysis()["type_definitions"].get((definition.ref or "").rpartition(":")[2])
    return rename(value, kind.properties, kind.properties_mapping) if kind else value
