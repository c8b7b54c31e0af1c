"""Images that must be on a host: pulled when they are not, and why that failed."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Optional

from ..arguments.connections import Login
from .containers import EngineError
from .raw import api
from .steps import Step

if TYPE_CHECKING:
    from docker import DockerClient

PULL_SECONDS = 600.0
"""Seconds for which an engine that pulls an image may be silent."""
UNREACHABLE = (
    r"(?:network is unreachable|no such host|i/o timeout|connection refused|no route to host|"
    r"server misbehaving|deadline exceeded|Client\.Timeout|Temporary failure|TLS handshake|\bEOF\b)"
)
REFUSED = r"(?:manifest unknown|not found|denied|unauthorized|no basic auth)"
"""Patterns in an engine's words: no way to the registry, or an answer of the registry."""
NO_WAY = (
    "image {image} is not on its host, and no registry can be reached from there: give the host a way "
    "to it, or the engine a proxy, or load the image with `docker load`"
)
NOT_GIVEN = (
    "image {image} is not on its host, and its registry does not give it: look at its name and tag, or "
    "name a login under host.registries"
)


@dataclass(frozen=True, kw_only=True)
class PullImage(Step):
    """The host gets the image, where it has none."""

    image: str
    registries: Sequence[Login] = field(repr=False)

    @property
    def action(self) -> str:
        """See Step."""
        return f"have image {self.image}"

    def perform(self, engine: "DockerClient") -> None:
        """See Step."""
        pull_missing(engine, self.image, self.registries)


def pull_missing(engine: "DockerClient", image: str, registries: Iterable[Login]) -> None:
    """Pull the image when it is not on the host; `registries` has the login of its registry, if any.

    Raises EngineError when it cannot be pulled.
    """
    from docker.errors import APIError, ImageNotFound

    try:
        engine.images.get(image)
    except ImageNotFound:
        try:
            lines = api(engine).pull(image, auth_config=login(image, registries)).splitlines()
        except APIError as error:
            raise EngineError(_not_pulled(image, str(error.explanation))) from error
        # An engine that has begun to pull has answered already: it says there what fails after that.
        if said := next(filter(None, (json.loads(line).get("error") for line in lines)), None):
            raise EngineError(_not_pulled(image, said)) from None


def login(image: str, registries: Iterable[Login]) -> Optional[dict[str, str]]:
    """Return the first login to the registry of an image; None where none is known."""
    from docker.auth import resolve_repository_name

    registry = resolve_repository_name(image)[0]
    for each in registries:
        if each["address"] == registry:
            return {"username": each["username"], "password": each["password"]}
    return None


def _not_pulled(image: str, said: str) -> str:
    for pattern, sentence in ((UNREACHABLE, NO_WAY), (REFUSED, NOT_GIVEN)):
        if re.search(pattern, said, re.IGNORECASE):
            return f"{sentence.format(image=image)} ({said})"
    return (
        f"image {image} is not on its host and cannot be pulled ({said}): name another one, or load it with "
        "`docker load`"
    )
