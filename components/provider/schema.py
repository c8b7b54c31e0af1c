"""Pulumi's schema of the plugin: our components and our custom resources.

The SDK's analyser reads components from their classes. It knows no words (`Literal`) and no secrets, and
finds no docstrings of inherited keys; the subclass here does.
"""

import ast
import inspect
import json
import re
import sys
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, Optional, get_args, get_origin, is_typeddict

import pulumi
from pulumi.provider.experimental.analyzer import (
    Analyzer,
    AnalyzeResult,
    EnumValueDefinition,
    PropertyDefinition,
    PropertyType,
    TypeDefinition,
)
from pulumi.provider.experimental.schema import generate_schema
from pulumi.provider.experimental.util import camel_case

from ..arguments import types
from ..arguments.marks import SECRET
from ..load_balanced.component import LoadBalancedService
from ..naming import PACKAGE, type_token
from ..proxies.registry import KINDS, ProxyKind
from ..swarm.cluster.component import SwarmCluster
from ..swarm.floating.component import FloatingAddress
from ..swarm.gateway.component import SwarmGateway
from ..swarm.service.component import SwarmService
from ..version import VERSION
from .handlers import HANDLERS
from .properties import described, required
from .values import Values

OFFERED: dict[str, type[pulumi.ComponentResource]] = {
    each.__name__: each
    for each in (FloatingAddress, LoadBalancedService, SwarmCluster, SwarmGateway, SwarmService)
}
"""The components by name."""

_ABOUT = {
    "description": "Load-balanced services on Docker hosts and swarms of them, changed without a gap",
    "keywords": ["pulumi", "docker", "swarm", *KINDS, "keepalived", "category/infrastructure"],
    "license": "Apache-2.0",
}
_WORDS = {
    value: name
    for name, value in {**vars(types), "ProxyKind": ProxyKind}.items()
    if get_origin(value) is Literal
}


class _Analyzer(Analyzer):
    """The SDK's, and it knows what ours are made of."""

    def __init__(self) -> None:
        super().__init__(PACKAGE)
        self.secrets: set[tuple[str, str]] = set()
        """Class and property of what is kept as a secret."""

    def analyze_type(self, typ: type, **options: Any) -> tuple[dict[str, PropertyDefinition], dict[str, str]]:
        """Return a class's own keys first, then those of what it is made of."""
        properties, names = super().analyze_type(typ, **options)
        if not is_typeddict(typ):
            return properties, names
        lineage = _lineage(typ)

        def furthest(key: str) -> int:
            return max(at for at, each in enumerate(lineage) if names[key] in each.__annotations__)

        return {key: properties[key] for key in sorted(properties, key=furthest)}, names

    def analyze_property(self, arg: Any, typ: type, name: str, **options: Any) -> PropertyDefinition:
        if get_origin(arg) is Annotated:
            kind, mark = get_args(arg)
            if mark == SECRET:
                self.secrets.add((typ.__name__, camel_case(name)))
            return self.analyze_property(kind, typ, name, **options)
        if get_origin(arg) is Literal:
            return PropertyDefinition(
                ref=f"#/types/{self._words(arg)}",
                optional=bool(options.get("optional")),
                plain=options["can_be_plain"] or None,
                description=self.get_docstring(typ, name),
            )
        return super().analyze_property(arg, typ, name, **options)

    def _words(self, words: Any) -> str:
        """Return the token of the enum that has these words."""
        name = _WORDS[words]
        self.type_definitions[name] = TypeDefinition(
            name=name,
            type=PropertyType.STRING,
            properties={},
            properties_mapping={},
            module=types.__name__,
            python_type=str,
            enum=[EnumValueDefinition(_member(word), word, f"`{word}`") for word in get_args(words)],
        )
        return type_token(name)

    def get_docstring(self, typ: type, name: str) -> Optional[str]:
        """Return the docstring of the key `name`, in the class or in one of its bases."""
        for each in _lineage(typ):
            if found := _docstrings(each).get(name):
                return inspect.cleandoc(found)
        return None


def _member(word: str) -> str:
    """Return the name of an enum's value: `StartFirst` for start-first, `Http503` for 503, `V12` for 1.2."""
    number = "http-" if word.isdigit() else "v" if word[0].isdigit() else ""
    parts = re.split(r"\W+", f"{number}{word}")
    return "".join(part.capitalize() for part in parts)


@cache
def _lineage(typ: type) -> list[type]:
    """Return a TypedDict and its bases, which before Python 3.12 only its source lists."""
    module = sys.modules[typ.__module__]
    bases = [getattr(module, base.id) for base in _written(typ).bases if isinstance(base, ast.Name)]
    ours = [base for base in bases if isinstance(base, type) and hasattr(base, "__total__")]
    return [typ, *(each for base in ours for each in _lineage(base))]


@cache
def _docstrings(typ: type) -> dict[str, str]:
    """Return the docstring below each key of a class, which is known from the source alone."""
    return {
        key.target.id: below.value.value
        for key, below in pairwise(_written(typ).body)
        if isinstance(key, ast.AnnAssign) and isinstance(key.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(below.value.value, str)
    }


def _written(typ: type) -> ast.ClassDef:
    """Return a class as it stands in its module."""
    return _classes(typ.__module__)[typ.__name__]


@cache
def _classes(module: str) -> dict[str, ast.ClassDef]:
    """Return the classes of a module. `inspect` and the SDK would parse the module anew for each class."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {each.name: each for each in tree.body if isinstance(each, ast.ClassDef)}


@cache
def analysis() -> AnalyzeResult:
    """Return the definitions of our components and their types."""
    return _analyzed()[1]


@cache
def _analyzed() -> tuple[_Analyzer, AnalyzeResult]:
    analyzer = _Analyzer()
    return analyzer, analyzer.analyze(list(OFFERED.values()))


@cache
def schema() -> Values:
    """Return the schema of the package, as `pulumi package get-schema` prints it."""
    analyzer, found = _analyzed()
    spec = generate_schema(
        PACKAGE,
        VERSION,
        None,
        found["component_definitions"],
        found["type_definitions"],
        sorted(found["dependencies"], key=str),
    )
    whole: Values = {**_renamed(spec.to_json()), **_ABOUT}
    for kind, name in analyzer.secrets:
        for properties in _properties(whole, kind):
            if name in properties:
                properties[name]["secret"] = True
    for name, handler in HANDLERS.items():
        inputs, outputs = (
            described(declared, analyzer.get_docstring)
            for declared in (handler.resource.inputs, handler.resource.outputs)
        )
        whole["resources"][type_token(name)] = {
            "description": inspect.getdoc(handler.resource),
            "inputProperties": inputs,
            "requiredInputs": required(handler.resource.inputs),
            "properties": {**inputs, **outputs},
            "required": sorted({**inputs, **outputs}),
        }
    return whole


@cache
def document() -> str:
    """Return the schema as JSON, which each call of a component needs."""
    return json.dumps(schema())


def _renamed(part: Any) -> Any:
    """Return the schema without nulls, and types without `Args`: other languages add that word themselves."""
    if isinstance(part, dict):
        return {_type_name(key): _renamed(value) for key, value in part.items() if value is not None}
    if isinstance(part, list):
        return [_renamed(item) for item in part]
    return _type_name(part)


def _type_name(text: Any) -> Any:
    ours = isinstance(text, str) and type_token("") in text
    return text.removesuffix("Args") if ours else text


def _properties(whole: Values, kind: str) -> list[Values]:
    """Return the properties of a class in the schema: of a type, or of the component that takes or is it."""
    token = _type_name(type_token(kind))
    component = whole["resources"].get(type_token(kind.removesuffix("Args")), {})
    return [
        whole["types"].get(token, {}).get("properties", {}),
        component.get("inputProperties" if kind.endswith("Args") else "properties", {}),
    ]
