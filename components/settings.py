"""The settings of a stack: the only reader of pulumi.Config."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret
from pydantic import PlainValidator

from .arguments.depth import DEEPEST, is_deep
from .arguments.marks import SECRET
from .arguments.messages import Wrong, begun, kind, listed, named
from .arguments.parsing import ArgumentError, Frozen, parse
from .arguments.types import Name

_SET = ": `pulumi config set --path --secret <project>:secrets.<name>`"
"""End of an error about a secret: how one is set."""


def _secrets(value: Any) -> dict[str, str]:
    rule = "must be a mapping of names to secret texts"
    if not isinstance(value, Mapping):
        raise Wrong(rule, value, _SET)
    for name, text in value.items():
        if not isinstance(text, str):
            raise Wrong(rule, text, f" for {begun(name)}: put its value in quotes")
    return dict(value)


_Arguments = Annotated[dict[str, Any], SECRET]


class Settings(Frozen):
    """Settings of `Pulumi.<stack>.yaml`, under the project's name.

    Each component validates its own arguments.
    """

    services: dict[Name, _Arguments] = {}
    """LoadBalancedServiceArgs by the name of the component. Default: none."""
    swarms: dict[Name, _Arguments] = {}
    """SwarmClusterArgs by the name of the component. Default: none."""
    host: _Arguments = {}
    """HostArgs of every service that names no host. Default: DOCKER_HOST or the local socket."""
    secrets: Annotated[dict[str, str], PlainValidator(_secrets), SECRET] = {}
    """Secret values, each set with `pulumi config set --path --secret <project>:secrets.<name>`. A
    service takes one as an environment variable or key: `{secret: <name>}`."""


def load() -> Settings:
    """Return the settings of this stack; ArgumentError names the key that is unknown or wrong."""
    where, prefix = f"Pulumi.{pulumi.get_stack()}.yaml", f"{pulumi.get_project()}:"
    config = pulumi.Config()
    values: dict[str, Any] = {}
    for key in sorted(key for key in CONFIG.get() if key.startswith(prefix)):
        name = key.removeprefix(prefix)
        if is_config_secret(key) and name != "secrets":
            raise ArgumentError(
                f"{where}: {named(name)} holds a secret, which would end up in clear: put it under "
                "secrets and write {secret: <its name>} here"
            )
        values[name] = _value(config, name, f"{where}: {named(name)}")
    settings = parse(Settings, values, where)
    if not settings.services and not settings.swarms:
        raise ArgumentError(f"{where}: services or swarms is required: there is nothing to bring up")
    services = {
        name: _with_secrets(_with_host(service, settings), settings, where, f"services.{name}")
        for name, service in settings.services.items()
    }
    swarms = {
        name: _with_secrets(swarm, settings, where, f"swarms.{name}")
        for name, swarm in settings.swarms.items()
    }
    return settings.model_copy(update={"services": services, "swarms": swarms})


def _value(config: pulumi.Config, name: str, where: str) -> Any:
    """Return a setting as it is: a mapping, a list, a number, or else text."""
    too_deep = False
    try:
        value = config.get_object(name)
    except pulumi.ConfigTypeError as error:
        too_deep = isinstance(error.__cause__, RecursionError)
        value = config.get(name) or ""
    if too_deep or is_deep(value):
        raise ArgumentError(f"{where} must have at most {DEEPEST} levels of mappings and lists, got more")
    return value


def _with_host(service: dict[str, Any], settings: Settings) -> dict[str, Any]:
    return service if service.get("host") is not None else {**service, "host": settings.host}


def _with_secrets(value: Any, settings: Settings, where: str, key: str) -> Any:
    """Return `value` with each `{secret: name}` in it replaced by a secret Output."""
    if isinstance(value, list):
        return [_with_secrets(v, settings, where, f"{key}.{i}") for i, v in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if set(value) != {"secret"}:
        return {k: _with_secrets(v, settings, where, f"{key}.{named(k)}") for k, v in value.items()}
    name = value["secret"]
    if not isinstance(name, str) or name not in settings.secrets:
        known = listed([named(each) for each in sorted(settings.secrets)]) or "none"
        meant = "".join(
            f"did you mean {named(each)}? " for each in get_close_matches(str(name)[:64], settings.secrets, 1)
        )
        # It is not shown: somebody may have written the secret itself.
        raise ArgumentError(
            f"{where}: {key}.secret must be a name under secrets ({known}), {meant}got {kind(name)}{_SET}"
        )
    return pulumi.Output.secret(settings.secrets[name])
