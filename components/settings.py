"""The settings of a stack: the only reader of pulumi.Config."""

from collections.abc import Mapping
from typing import Annotated, Any

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret
from pydantic import PlainValidator

from .arguments import ArgumentError, Frozen, parse
from .types import Name, named, shown


def _secrets(value: Any) -> dict[str, str]:
    # No value is shown: it is secret.
    if not isinstance(value, Mapping):
        raise ValueError(
            "must be a mapping of names to secret texts, got "
            f"{type(value).__name__}: `pulumi config set --path --secret <project>:secrets.<name>`"
        )
    for name, text in value.items():
        if not isinstance(text, str):
            raise ValueError(
                f"must be a mapping of names to secret texts, got {type(text).__name__} for "
                f"{named(name)}: put its value in quotes"
            )
    return dict(value)


class Settings(Frozen):
    """What `Pulumi.<stack>.yaml` says under the project's name.

    The arguments of each component are validated by itself.
    """

    services: dict[Name, dict[str, Any]] = {}
    """LoadBalancedServiceArgs by the name of the component. Default: none."""
    swarms: dict[Name, dict[str, Any]] = {}
    """SwarmClusterArgs by the name of the component. Default: none."""
    host: dict[str, Any] = {}
    """HostArgs of every service that names no host. Default: DOCKER_HOST or the local socket."""
    secrets: Annotated[dict[str, str], PlainValidator(_secrets)] = {}
    """Secret values, each set with `pulumi config set --path --secret <project>:secrets.<name>`. A
    service takes one as an environment variable or key: `{secret: <name>}`."""


def load() -> Settings:
    """The settings of this stack; ArgumentError names the key that is unknown or wrong."""
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
        values[name] = _value(config, name)
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


def _value(config: pulumi.Config, name: str) -> Any:
    """A setting as it is: a mapping, a list, a number, or else text."""
    try:
        return config.require_object(name)
    except pulumi.ConfigTypeError:
        return config.require(name)


def _with_host(service: dict[str, Any], settings: Settings) -> dict[str, Any]:
    return service if service.get("host") is not None else {**service, "host": settings.host}


def _with_secrets(value: Any, settings: Settings, where: str, key: str) -> Any:
    """`value` with each `{secret: name}` in it replaced by a secret Output."""
    if isinstance(value, list):
        return [_with_secrets(v, settings, where, f"{key}.{i}") for i, v in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if set(value) != {"secret"}:
        return {k: _with_secrets(v, settings, where, f"{key}.{named(k)}") for k, v in value.items()}
    name = value["secret"]
    if not isinstance(name, str) or name not in settings.secrets:
        known = ", ".join(sorted(settings.secrets)) or "none"
        raise ArgumentError(
            f"{where}: {key}.secret must be a name under secrets ({known}), got {shown(name)}"
        )
    return pulumi.Output.secret(settings.secrets[name])
