"""The schema of the package: what other languages are told of our arguments."""

import http.server
import importlib
import inspect
import json
import pkgutil
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, is_typeddict

import pytest
from pydantic import BaseModel

import components
from components.arguments import types
from components.naming import PACKAGE, type_token
from components.provider.handlers import HANDLERS
from components.provider.schema import OFFERED, schema
from components.proxies import registry
from components.version import VERSION

WHOLE = schema()
CLASSES = {
    f"{name}.{each.__name__}": each
    for _, name, _ in pkgutil.walk_packages(components.__path__, "components.")
    if name.endswith(("args", ".hosts", ".managers"))
    for each in vars(importlib.import_module(name)).values()
    if is_typeddict(each) and each.__module__ == name
}
"""Every TypedDict that a user may write."""
_JAVA = set(
    re.findall(
        r"\w+",
        "abstract assert boolean break byte case catch char class const continue default do double else enum "
        "extends final finally float for goto if implements import instanceof int interface long native new "
        "package private protected public return short static strictfp super switch synchronized this throw "
        "throws transient try void volatile while true false null getClass hashCode equals toString notify "
        "notifyAll wait clone finalize builder",
    )
)
"""Keywords there, and methods that every object or every type of ours has."""


def described() -> Iterator[tuple[str, str, dict[str, Any], bool]]:
    """Yield owner, name, definition and whether it is required, of every argument."""
    for token, each in WHOLE["types"].items():
        for name, found in each.get("properties", {}).items():
            yield token.rpartition(":")[2], name, found, name in each.get("required", [])
    for component in OFFERED:
        each = WHOLE["resources"][type_token(component)]
        for name, found in each["inputProperties"].items():
            yield component, name, found, name in each.get("requiredInputs", [])


ARGUMENTS = {f"{owner}.{name}": (found, required) for owner, name, found, required in described()}


def snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


@pytest.mark.parametrize("argument", list(ARGUMENTS))
def test_an_argument_says_what_it_means_and_whether_it_must_be_given(argument: str) -> None:
    """An optional one says its default, a required one that it is required."""
    found, required = ARGUMENTS[argument]

    said = found.get("description", "")

    assert re.search(r"\bRequired\." if required else r"\bDefault:\s", said), said


def test_every_typed_dict_is_in_the_schema_with_every_key() -> None:
    """As a type, or as a component's inputs; what others are only made of has its keys there."""
    keys = {each: {snake(argument.partition(".")[2]) for argument in ARGUMENTS} for each in CLASSES}

    missing = {
        name: sorted(set(each.__annotations__) - keys[name])
        for name, each in CLASSES.items()
        if not set(each.__annotations__) <= keys[name]
    }

    assert len(CLASSES) > 25
    assert missing == {}


def test_the_schema_requires_the_keys_of_the_class() -> None:
    """And nothing else."""
    wrong = []
    for each in CLASSES.values():
        name = each.__name__.removesuffix("Args")
        found = WHOLE["types"].get(type_token(name)) or {}
        if name in OFFERED:
            component = WHOLE["resources"][type_token(name)]
            found = {
                "properties": component["inputProperties"], "required": component.get("requiredInputs")
            }  # fmt: skip
        if found and {snake(key) for key in found.get("required") or ()} != each.__required_keys__:
            wrong.append(name)

    assert wrong == []


def models() -> dict[str, list[type[BaseModel]]]:
    """Return the models that validate, by the names of their fields."""
    found: dict[str, list[type[BaseModel]]] = {}
    for _, name, _ in pkgutil.walk_packages(components.__path__, "components."):
        if not name.endswith((".model", ".site", ".hosts", ".container", ".paths")):
            continue
        for _, each in inspect.getmembers(importlib.import_module(name), inspect.isclass):
            if issubclass(each, BaseModel):
                for field in each.model_fields:
                    found.setdefault(field, []).append(each)
    return found


def words(annotation: Any) -> set[frozenset[str]]:
    """Return the sets of words in a model's annotation."""
    if get_origin(annotation) is Literal:
        return {frozenset(get_args(annotation))}
    return {each for inner in get_args(annotation) for each in words(inner)}


ENUMS = {token.rpartition(":")[2]: each for token, each in WHOLE["types"].items() if "enum" in each}


@pytest.mark.parametrize("name", list(ENUMS))
def test_the_words_of_an_enum_are_those_of_the_models(name: str) -> None:
    """Each key that is of the enum has a field with exactly these words."""
    values = frozenset(value["value"] for value in ENUMS[name]["enum"])
    users = {
        argument.partition(".")[2]
        for argument, (found, _) in ARGUMENTS.items()
        if found.get("$ref", "").endswith(f":{name}")
    }
    by_field = models()

    assert values == frozenset(get_args({**vars(registry), **vars(types)}[name]))
    assert users
    for user in users:
        accepted = set().union(
            *(words(model.model_fields[snake(user)].annotation) for model in by_field[snake(user)])
        )
        assert values in accepted, (user, accepted)


def test_secrets_are_marked() -> None:
    """Credentials that go in, and what admits nodes when it comes out."""
    found = {argument for argument, (each, _) in ARGUMENTS.items() if each.get("secret")}
    cluster = WHOLE["resources"][type_token("SwarmCluster")]["properties"]

    assert found == {
        "Certificate.privateKey",
        "Host.clientKey", "Registry.password", "ClusterAddress.password", "FloatingAddress.password"
    }  # fmt: skip
    assert {name for name, each in cluster.items() if each.get("secret")} == {
        "workerToken", "managerToken", "unlockKey"
    }  # fmt: skip


def test_names_are_plain_words() -> None:
    """No `Args` in a type's name, which other languages add by themselves; nothing that Java reserves."""
    names = {token.rpartition(":")[2] for token in (*WHOLE["types"], *WHOLE["resources"])}
    properties = {argument.partition(".")[2] for argument in ARGUMENTS}
    properties |= {name for each in WHOLE["resources"].values() for name in each["properties"]}

    assert not [name for name in names if name.endswith(("Args", "Input", "Output"))]
    assert properties & _JAVA == {"interface"}  # of a host; the generator adds an underscore there
    # In Java, and on file systems that know no capitals, Vip and vip would be one class.
    assert len({name.lower() for name in names}) == len(names)
    assert not names & {"Object", "String", "Integer", "Double", "Boolean", "Utilities", "Provider", "Config"}


@pytest.mark.parametrize("name", list(ENUMS))
def test_the_names_of_an_enum_differ_in_every_language(name: str) -> None:
    """And begin with a letter."""
    members = [value["name"] for value in ENUMS[name]["enum"]]

    assert all(re.fullmatch(r"[A-Z][A-Za-z0-9]*", member) for member in members)
    assert len({member.lower() for member in members}) == len(members)


def test_every_reference_leads_somewhere() -> None:
    """To a type of the schema, or to one of Pulumi's own."""
    references = set(re.findall(r'"\$ref": "([^"]*)"', json.dumps(WHOLE)))

    assert {each for each in references if not each.startswith("pulumi.json#/")} <= {
        f"#/types/{token}" for token in WHOLE["types"]
    }


def test_it_offers_the_components_and_the_resources() -> None:
    """Under the package's name and version."""
    components_of = {token for token, each in WHOLE["resources"].items() if each.get("isComponent")}

    assert (WHOLE["name"], WHOLE["version"]) == (PACKAGE, VERSION)
    assert components_of == {type_token(name) for name in OFFERED}
    assert {*WHOLE["resources"]} == components_of | {type_token(name) for name in HANDLERS}


# Words of Pulumi


@pytest.fixture
def logo() -> Iterator[str]:
    """Return the address of the picture for .NET: without one its generator asks the internet."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"\x89PNG")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/logo.png"
        server.shutdown()


def pulumi(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["pulumi", *arguments], capture_output=True, text=True, timeout=120)


@pytest.mark.pulumi
def test_pulumi_finds_nothing_wrong(tmp_path: Path) -> None:
    """`pulumi schema check`, which is also for the languages without a generator here, such as Java."""
    (tmp_path / "schema.json").write_text(json.dumps(WHOLE))

    done = pulumi("schema", "check", str(tmp_path / "schema.json"))

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.pulumi
@pytest.mark.parametrize("language", ["nodejs", "python", "go", "dotnet"])
def test_an_sdk_is_generated_without_a_warning(language: str, tmp_path: Path, logo: str) -> None:
    """In each of Pulumi's languages, with the component and an enum in it."""
    if language != "python" and shutil.which(f"pulumi-language-{language}") is None:
        pytest.skip(f"no pulumi-language-{language} on PATH")
    (tmp_path / "schema.json").write_text(json.dumps({**WHOLE, "logoUrl": logo}))

    done = pulumi("package", "gen-sdk", str(tmp_path / "schema.json"), "--language", language,
                  "--out", str(tmp_path / "sdk"))  # fmt: skip

    said = done.stdout + done.stderr
    files = [path for path in (tmp_path / "sdk" / language).rglob("*") if path.is_file()]
    text = "".join(path.read_text(errors="replace") for path in files)
    assert done.returncode == 0, said
    assert "warning" not in said.lower(), said
    assert "LoadBalancedService" in text
    assert "leastconn" in text
