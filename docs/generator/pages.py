"""From the schema to the text of each page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import yaml

from components.arguments.parsing import ArgumentError, Frozen
from components.naming import type_token

from .allowed import allowed, model_in
from .components import COMPONENTS, SAME_AS, Component

Schema = Mapping[str, Any]
HERE = Path(__file__).parent
TYPES = "types"
"""The page of what several components have."""
_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


@dataclass(frozen=True)
class Argument:
    """A key, or an output, as its page shows it."""

    name: str
    elsewhere: str
    """Its name in the other languages of Pulumi."""
    type: str
    required: bool
    outputs: bool
    """True if an Output may be given, for the key or in its value."""
    secret: bool
    text: str
    default: str
    allowed: str


@dataclass
class Section:
    """A type of arguments."""

    name: str
    token: str
    page: str
    places: list[str] = field(default_factory=list)
    """Places in the arguments of the component, as dotted keys."""
    models: dict[type[Frozen], str] = field(default_factory=dict)
    """The models that check it, and where."""


class Reference:
    """Reference made of the schema, and of the values that the models allow."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.sections: dict[str, Section] = {}
        """The types by their tokens."""
        for component in COMPONENTS:
            inputs = self._component(component)["inputProperties"]
            self._collect(component.file, inputs, dict.fromkeys(component.models, ""), "")
        loader = jinja2.FileSystemLoader(HERE)
        self._jinja = jinja2.Environment(  # noqa: S701 — Markdown, of our own texts
            loader=loader, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
        )

    def pages(self) -> dict[str, str]:
        """Return the texts of the pages, by the names of their files."""
        made = {f"{component.file}.md": self._page(component) for component in COMPONENTS}
        return {**made, f"{TYPES}.md": self._types()}

    def _component(self, component: Component) -> Schema:
        found: Schema = self._schema["resources"][type_token(component.name)]
        return found

    def _collect(self, page: str, properties: Schema, models: Mapping[type[Frozen], str], place: str) -> None:
        """Find the types below these properties, the page of each, and the models that check it."""
        for camel, about in properties.items():
            token = _token(about)
            if not token or _name(token) in SAME_AS or "properties" not in self._type(token):
                continue
            key = python_name(camel)
            inner = _inner(models, key)
            section = self.sections.setdefault(token, Section(_name(token), token, page))
            section.page = page if section.page == page else TYPES
            section.places.append(place + key)
            section.models |= inner
            self._collect(page, self._type(token)["properties"], inner, f"{place}{key}.")

    def _type(self, token: str) -> Schema:
        found: Schema = self._schema["types"][token]
        return found

    def _page(self, component: Component) -> str:
        about = self._component(component)
        required = set(about["requiredInputs"])
        models = dict.fromkeys(component.models, "")
        example = HERE / "examples" / f"{component.file.replace('-', '_')}.py"
        return self._jinja.get_template("component.md.j2").render(
            name=component.name,
            about=about["description"],
            example=example.read_text().strip(),
            arguments=self._arguments(about["inputProperties"], required, models, component.file),
            sections=self._on(component.file),
            outputs=self._arguments(about["properties"], set(), {}, component.file),
            mistakes=[(_flow(mistake), _error(component, mistake)) for mistake in component.mistakes],
        )

    def _types(self) -> str:
        return self._jinja.get_template("types.md.j2").render(sections=self._on(TYPES))

    def _on(self, page: str) -> list[dict[str, Any]]:
        """Return the sections of a page, in the order of their names."""
        found = []
        for section in sorted(self.sections.values(), key=lambda each: each.name):
            if section.page == page:
                about = self._type(section.token)
                required = set(about.get("required", []))
                found.append(
                    {
                        "name": section.name,
                        "about": about["description"],
                        "places": section.places if page != TYPES else [],
                        "arguments": self._arguments(about["properties"], required, section.models, page),
                    }
                )
        return found

    def _arguments(
        self, properties: Schema, required: set[str], models: Mapping[type[Frozen], str], page: str
    ) -> list[Argument]:
        found = []
        for camel, about in properties.items():
            text, default = parts(about.get("description", ""))
            said = _allowed(models, python_name(camel))
            found.append(
                Argument(
                    name=python_name(camel),
                    elsewhere=camel,
                    type=self._kind(about, page),
                    required=camel in required,
                    outputs=not _all_plain(about),
                    secret=about.get("secret", False),
                    text=self._linked(text, page),
                    default=self._linked(default, page),
                    allowed="" if self._words(about) and len(said) == 1 else _listed(said),
                )
            )
        return sorted(found, key=lambda each: not each.required)

    def _kind(self, about: Schema, page: str) -> str:
        if "items" in about:
            each = self._kind(about["items"], page)
            return f"list of {each}{'s' if each in _WORDS.values() else ''}"
        if "additionalProperties" in about:
            return f"mapping of names to {self._kind(about['additionalProperties'], page)}"
        token = _token(about)
        if not token:
            return _WORDS[about["type"]]
        if words := self._words(about):
            return re.sub(r", (?=[^,]*$)", " or ", ", ".join(f"`{word}`" for word in words))
        if same := SAME_AS.get(_name(token)):
            return self._arguments_of(next(each for each in COMPONENTS if each.name == same), token)
        return self._link(_name(token), page)

    def _words(self, about: Schema) -> list[str]:
        """Return the values that there are, where there are only some."""
        token = _token(about)
        return [each["value"] for each in self._type(token).get("enum", [])] if token else []

    def _link(self, name: str, page: str) -> str:
        section = next(each for each in self.sections.values() if each.name == name)
        file = "" if section.page == page else f"{section.page}.md"
        return f"[{name}]({file}#{name.lower()})"

    def _arguments_of(self, component: Component, token: str) -> str:
        """Return a type whose keys are those of a component, but for some."""
        keys = self._type(token)["properties"]
        others = [key for key in self._component(component)["inputProperties"] if key not in keys]
        besides = ", ".join(f"`{python_name(key)}`" for key in others)
        return f"[arguments of {component.name}]({component.file}.md#arguments) without {besides}"

    def _linked(self, text: str, page: str) -> str:
        """Return the text with links where it names a type."""
        names = {section.name for section in self.sections.values()}
        return re.sub(r"\w+Args\b", lambda m: self._link(m[0], page) if m[0] in names else m[0], text)


def _inner(models: Mapping[type[Frozen], str], key: str) -> dict[type[Frozen], str]:
    """Return the models that a key leads to."""
    found = (model_in(model.model_fields[key].annotation) for model in models if key in model.model_fields)
    return {model: key for model in found if model}


def _allowed(models: Mapping[type[Frozen], str], key: str) -> dict[str, str]:
    """Return the allowed values of a key by place, if they depend on the place."""
    said: dict[str, str] = {}
    for model, where in models.items():
        if key in model.model_fields and (text := allowed(model, key)):
            said.setdefault(re.sub(r"'([\w-]+)'", r"`\1`", _escaped(text)), where)
    return said


def _listed(said: Mapping[str, str]) -> str:
    if len(said) == 1:
        return next(iter(said))
    return "; ".join(f"in `{where}` {text}" for text, where in said.items())


def _token(about: Schema) -> str | None:
    """Return the type that a property leads to, if any."""
    if "$ref" in about:
        return str(about["$ref"].removeprefix("#/types/"))
    inner = about.get("items") or about.get("additionalProperties")
    return _token(inner) if inner else None


def _all_plain(about: Schema) -> bool:
    inner = [about[key] for key in ("items", "additionalProperties") if key in about]
    return bool(about.get("plain")) and all(map(_all_plain, inner))


def _name(token: str) -> str:
    """Return a type's name in Python."""
    return f"{token.rpartition(':')[2].removesuffix('Args')}Args"


def python_name(camel: str) -> str:
    """Return the name in Python of what other languages call so."""
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", camel)


def parts(description: str) -> tuple[str, str]:
    """Return a docstring's text, and its default: one sentence of it."""
    text = " ".join(description.split()).replace("Required. ", "").removesuffix(" Required.")
    found = re.search(r" ?Default: (.+?)\.(?= |$)", text)
    return (text.replace(found[0], "", 1).strip(), found[1]) if found else (text, "")


def _escaped(text: str) -> str:
    """Return text as Markdown shows it."""
    return re.sub(r"([*_<~\[\]\\`])", r"\\\1", text)


def _flow(values: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(dict(values), default_flow_style=True, sort_keys=False, width=1000)
    return text.strip()[1:-1]


def _error(component: Component, mistake: Mapping[str, Any]) -> str:
    """Return the error for the arguments with the mistake in them."""
    try:
        component.validate("site", {**component.right, **mistake})
    except ArgumentError as error:
        return _escaped(str(error))
    raise AssertionError(f"{component.name}: {mistake} is no mistake")
