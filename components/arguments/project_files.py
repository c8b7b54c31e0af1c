"""Pulumi.yaml and Pulumi.<stack>.yaml of a project, read."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from .depth import DEEPEST, is_deep
from .messages import kind


class WrongFile(Exception):
    """A file of the project is not what it must be; the message says what and what it is."""


def about(folder: Path) -> dict[str, Any]:
    """Read Pulumi.yaml in `folder`: its `name` is text, and other keys are what Pulumi knows them to be.

    Raises WrongFile, also without that file.
    """
    file = folder / "Pulumi.yaml"
    if not file.is_file():
        raise WrongFile(f"no Pulumi.yaml in {folder}: run this in the project's folder")
    found = mapping(file)
    _require(file, found, "name", "text", isinstance(found.get("name"), str) and found["name"] != "")
    _require(file, found, "main", "text", isinstance(found.get("main"), str | None))
    for key in ("backend", "config"):
        _require(file, found, key, "a mapping", isinstance(found.get(key), Mapping | None))
    return found


def settings(file: Path) -> dict[str, Any]:
    """Read a settings file, `config` in it a mapping; empty without one. Raises WrongFile."""
    found = mapping(file, empty=True) if file.exists() else {}
    _require(file, found, "config", "a mapping", isinstance(found.get("config"), Mapping | None))
    return found


def mapping(file: Path, *, empty: bool = False) -> dict[str, Any]:
    """Return the mapping in a YAML file, which may be empty with `empty`. Raises WrongFile."""
    try:
        content = _parsed(file.read_text("utf-8"))
        deep = is_deep(content)
    except OSError as error:
        raise WrongFile(f"{file.name} cannot be read: {error.strerror}") from error
    except UnicodeError as error:
        raise WrongFile(f"{file.name} is not text in UTF-8") from error
    except RecursionError:
        deep = True
    except yaml.MarkedYAMLError as error:
        # Not the text of the error: it quotes the file, which may hold secrets.
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise WrongFile(f"{file.name} is not YAML: {line}{error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise WrongFile(f"{file.name} is not YAML: {' '.join(str(error).split())}") from error
    if deep:
        raise WrongFile(f"{file.name} must have at most {DEEPEST} levels of mappings and lists, got more")
    if content is None and empty:
        return {}
    if not isinstance(content, dict):
        raise WrongFile(f"{file.name} must be a mapping of keys, got {kind(content)}")
    return content


def _parsed(text: str) -> Any:
    """Return the value of a YAML text. libyaml is ten times as fast; PyYAML knows the line of an error."""
    with suppress(yaml.YAMLError, AttributeError):
        return yaml.load(text, yaml.CSafeLoader)
    return yaml.safe_load(text)


def _require(file: Path, found: Mapping[str, Any], key: str, what: str, given: bool) -> None:
    if not given:
        raise WrongFile(f"{file.name}: {key} must be {what}, got {kind(found.get(key))}")
