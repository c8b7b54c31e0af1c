"""Stand-ins for the images of the demonstration, made of Debian's packages where no registry can be reached.

They have names of their own: nothing on the engine pretends to be what it is not.
"""

import io
import tarfile
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from docker.auth import resolve_repository_name
from docker.errors import NotFound

from components.engine.containers import EngineError
from components.engine.images import pull_missing
from components.naming import PACKAGE
from components.repair.telling import CannotGoOn

from . import debian
from .machine import Consent

if TYPE_CHECKING:
    from docker import DockerClient

_APACHE = """#!/bin/sh
mkdir -p /run/lock
ln -sf /proc/self/fd/1 /var/log/apache2/access.log
ln -sf /proc/self/fd/2 /var/log/apache2/error.log
echo "<h1>It works!</h1><p>Debian's Apache, in place of the image httpd; replica $(hostname).</p>" \\
    >/var/www/html/index.html
exec apache2ctl -D FOREGROUND
"""


@dataclass(frozen=True, order=True)
class Recipe:
    """Recipe of a stand-in."""

    package: str
    changes: tuple[str, ...] = ()
    """Lines of a Dockerfile: how it runs."""
    programs: tuple[tuple[str, str], ...] = ()
    """Scripts in /usr/local/bin: names and texts."""


RECIPES = {
    "library/haproxy": Recipe("haproxy"),
    "library/httpd": Recipe(
        "apache2",
        ("EXPOSE 80", 'CMD ["httpd-foreground"]'),
        (("httpd-foreground", _APACHE),),
    ),
}
"""By repository, of Docker Hub. Debian's nginx is older than what our configurations need."""
_BASE = f"{PACKAGE}-stand-in"


def provide(engine: "DockerClient", images: Iterable[str], consent: Consent) -> Mapping[str, str]:
    """Provide all images on the engine; return the replaced images, each with the name of its stand-in.

    Raises CannotGoOn when an image cannot be provided, or nobody agrees to build its stand-in.
    """
    unreachable = {}
    for image in sorted(images):
        try:
            pull_missing(engine, image, ())
        except EngineError as error:
            known = RECIPES.get(_repository(image))
            answered = isinstance(error.__cause__, NotFound)  # by a registry
            if known is None or answered or not debian.is_ours_to_change():
                raise CannotGoOn(str(error)) from error
            unreachable[image] = known
    missing = sorted(each for each in set(unreachable.values()) if not engine.images.list(_tag(each)))
    if missing:
        packages = [each.package for each in missing]
        consent.obtain(
            f"no registry answers, so there is no {' and no '.join(unreachable)}",
            f"build stand-ins from Debian's {' and '.join(packages)} (a minute or two)",
        )
        _build(engine, missing)
    return {image: _tag(recipe) for image, recipe in unreachable.items()}


def _repository(image: str) -> str:
    """Return the repository of an image of Docker Hub; nothing for one of another registry."""
    registry, rest = resolve_repository_name(image.partition("@")[0])
    name = rest.partition(":")[0]
    return (name if "/" in name else f"library/{name}") if registry == "docker.io" else ""


def _tag(recipe: Recipe) -> str:
    return f"{_BASE}-{recipe.package}:{debian.suite()}"


def _build(engine: "DockerClient", recipes: Sequence[Recipe]) -> None:
    suite = debian.suite()
    debian.install(["debootstrap"])
    with tempfile.TemporaryDirectory(prefix=f"{PACKAGE}-", dir="/var/tmp") as folder:
        archive = Path(folder) / "root.tar"
        packages = [recipe.package for recipe in recipes]
        debian.root_file_system(suite, packages, archive, debian.mirror(suite))
        engine.api.import_image(src=str(archive), repository=_BASE, tag=suite)
    for recipe in recipes:
        container = engine.containers.create(f"{_BASE}:{suite}", ["true"])
        try:
            container.put_archive("/usr/local/bin", packed(recipe.programs))
            repository, tag = _tag(recipe).split(":")
            container.commit(repository=repository, tag=tag, changes="\n".join(recipe.changes) or None)
        finally:
            container.remove(force=True)


def packed(programs: Iterable[tuple[str, str]]) -> bytes:
    """Return programs, each a name and its text, as a tar archive of executable files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in programs:
            data = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()
