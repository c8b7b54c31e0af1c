"""The base of our custom resources, as a program declares them; `provider` carries them out.

A resource is two TypedDicts and a class. The TypedDicts are its inputs and its outputs: what the state holds
beside the inputs. The class declares the resource, and names the properties that programs read.

The keys are the engine's property names. The docstring under a key is the property's description in the
schema. `Annotated[T, SECRET]` marks what is always a secret. `NotRequired[T]` marks what a program may leave
out, or what the state of an older release lacks.

The types are those of known values, as handlers get them. A program passes an Output as `later(output)`,
which has the type of the Output's value. So mypy checks one TypedDict where a component declares the
resource, and where the handler reads it.
"""

from typing import Any, ClassVar, Generic, Optional, TypedDict, TypeVar, cast, get_args

import pulumi

from ..naming import type_token
from ..version import VERSION

Inputs = TypeVar("Inputs")
Outputs = TypeVar("Outputs")


class NoOutputs(TypedDict):
    """Outputs of a resource whose state holds its inputs alone."""


class Resource(pulumi.CustomResource, Generic[Inputs, Outputs]):
    """A resource with these inputs and outputs."""

    inputs: ClassVar[type]
    """TypedDict of the inputs."""
    outputs: ClassVar[type]
    """TypedDict of the outputs."""

    def __init_subclass__(cls) -> None:
        """Keep the TypedDicts, which stand in brackets after the base."""
        super().__init_subclass__()
        (base,) = cls.__dict__["__orig_bases__"]
        cls.inputs, cls.outputs = get_args(base)

    def __init__(self, name: str, inputs: Inputs, opts: Optional[pulumi.ResourceOptions] = None) -> None:
        """Declare the resource `name`."""
        from .installed import link  # the plugin imports this module for its types alone

        link()
        properties = {**cast(dict[str, Any], inputs), **dict.fromkeys(self.outputs.__annotations__)}
        ours = pulumi.ResourceOptions(version=VERSION)  # of the plugin that carries it out
        super().__init__(
            type_token(type(self).__name__), name, properties, pulumi.ResourceOptions.merge(opts, ours)
        )
