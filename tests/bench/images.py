"""The images of the bench, made on this machine from the Debian mirror apt is set up for.

They have the same names on every host, and the programs of the host's generation:

    longshore-base:1      Debian with busybox, haproxy, nginx, keepalived, curl and perl
    longshore-proxy:1     the same, for proxies
    longshore-keepalived:1   the same, for floating addresses
    longshore-app:1, :2   the application of app.pl, two different images
    longshore-app:broken  logs two lines and exits 1
    longshore-app:sick    answers 500 at / and /healthz
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import docker.errors

from checkout.debian import LEFT_OUT, mirror, root_file_system
from checkout.stand_ins import packed
from components.repair.telling import CannotGoOn

from .generations import NEW, OLD
from .hosts import bench_directory
from .process import BenchUnavailable, locked, recipe, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .generations import Generation
    from .hosts import Host

BASE = "longshore-base:1"
PROXY = "longshore-proxy:1"
KEEPALIVED = "longshore-keepalived:1"
APP = "longshore-app:1"
APP_2 = "longshore-app:2"
APP_BROKEN = "longshore-app:broken"
APP_SICK = "longshore-app:sick"
TAGS = (BASE, PROXY, KEEPALIVED, APP, APP_2, APP_BROKEN, APP_SICK)

BROKEN_LINE = "broken on purpose: cannot open /data"
"""Line that longshore-app:broken writes to its error output."""

NEWER = "longshore-newer:1"
"""On a host of the first generation, the proxies and the keepalived of the second."""

PACKAGES = (
    "busybox",
    "ca-certificates",
    "curl",
    "haproxy",
    "keepalived",
    "libnginx-mod-stream",
    "nginx-light",
)
LABEL = "longshore.bench.recipe"
ARCHIVES = 4
"""Archives of images that are kept for each release of Debian, the newest."""
PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
APP_SOURCE = Path(__file__).with_name("app.pl")


@dataclass(frozen=True)
class Child:
    """An image made from the base: files added, then configuration set."""

    tag: str
    changes: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()


# Debian has the stream module in a file of its own, the official image has it built in.
_NGINX_FILES = (
    (
        "usr/local/sbin/nginx",
        (
            "#!/bin/sh\n"
            "more='load_module /usr/lib/nginx/modules/ngx_stream_module.so;'\n"
            'if [ "$1" = -g ]; then more="$more $2"; shift 2; fi\n'
            'exec /usr/sbin/nginx -g "$more" "$@"\n'
        ),
    ),
)
_APP_FILES = (("usr/local/bin/app", APP_SOURCE.read_text()),)
_BROKEN_FILES = (
    (
        "usr/local/bin/app",
        f"#!/bin/sh\necho 'broken: starting'\necho '{BROKEN_LINE}' >&2\nexit 1\n",
    ),
)
_APP_CHANGES = ("EXPOSE 80", 'CMD ["/usr/local/bin/app"]')
CHILDREN = (
    Child(
        PROXY,
        ("EXPOSE 80", 'CMD ["haproxy", "-W", "-db", "-f", "/etc/haproxy/haproxy.cfg"]'),
        _NGINX_FILES,
    ),
    Child(KEEPALIVED, ('CMD ["keepalived", "--dont-fork", "--log-console"]',)),
    Child(APP, ("ENV VERSION=1", *_APP_CHANGES), _APP_FILES),
    Child(APP_2, ("ENV VERSION=2", *_APP_CHANGES), _APP_FILES),
    Child(APP_BROKEN, _APP_CHANGES, _BROKEN_FILES),
    Child(APP_SICK, ("ENV VERSION=1", "ENV SICK=1", *_APP_CHANGES), _APP_FILES),
)


def ensure(host: Host) -> Mapping[str, str]:
    """Have every image of the bench on the host's engine: found, loaded or built, in this order.

    Names that a killed run has given images are removed: an engine keeps its data from one run to the
    next. Returns ids by tag, the same on every host.
    """
    engine = host.engine()
    cache = bench_directory()
    for image in engine.images.list():
        for tag in {*image.tags} - {*TAGS, NEWER}:
            engine.images.remove(tag)
    with locked(cache / "images.lock"):
        return _ensure(engine, host, cache)


def _ensure(engine: docker.DockerClient, host: Host, cache: Path) -> Mapping[str, str]:
    suite = host.generation.suite
    of = _recipe(suite)
    archive = cache / f"images-{suite}-{of}.tar"

    if _ids(engine, of) is None:
        if archive.exists():
            run(["docker", f"--host={host.url}", "load", "--quiet", f"--input={archive}"])
        else:
            _build(engine, cache, host.generation)
    ids = _ids(engine, of)
    if ids is None:
        raise RuntimeError(f"images on {host.name} are not of this recipe; remove {archive}")
    if not archive.exists():
        # Checkouts beside this one have recipes of their own: images built twice have two ids.
        archives = sorted(cache.glob(f"images-{suite}-*.tar"), key=lambda each: each.stat().st_mtime)
        for old in archives[: 1 - ARCHIVES]:
            old.unlink()
        _into(archive, lambda new: _save(host, new))
    return ids


def ensure_newer(host: Host) -> None:
    """Have the image NEWER on the host's engine, built when absent; BenchUnavailable when it cannot."""
    engine = host.engine()
    if not engine.images.list(NEWER):
        repository, tag = NEWER.split(":")
        with locked(bench_directory() / "images.lock"):
            archive = base_archive(bench_directory(), NEW)
        engine.api.import_image(src=str(archive), repository=repository, tag=tag, changes=[PATH])


def base_archive(cache: Path, generation: Generation = OLD) -> Path:
    """Return the base image's file system as a tar file, made with debootstrap when absent."""
    archive = cache / f"base-{recipe(generation.suite, *PACKAGES, *LEFT_OUT)}.tar"
    if not archive.exists():
        try:
            root_file_system(generation.suite, PACKAGES, archive, mirror(OLD.suite))
        except CannotGoOn as error:
            raise BenchUnavailable(
                f"no base image ({error}): the Debian mirror of apt's configuration is needed once"
            ) from error
    return archive


def _build(engine: docker.DockerClient, cache: Path, generation: Generation) -> None:
    label = f"LABEL {LABEL}={_recipe(generation.suite)}"
    repository, tag = BASE.split(":")
    engine.api.import_image(
        src=str(base_archive(cache, generation)),
        repository=repository,
        tag=tag,
        changes=[label, PATH, 'CMD ["sh"]'],
    )
    for child in CHILDREN:
        container = engine.containers.create(BASE)
        try:
            if child.files:
                container.put_archive("/", packed(child.files))
            repository, tag = child.tag.split(":")
            container.commit(repository=repository, tag=tag, changes="\n".join(child.changes))
        finally:
            container.remove(force=True)


def _ids(engine: docker.DockerClient, of: str) -> dict[str, str] | None:
    """Return image ids by tag, or None when one is absent or made by another recipe."""
    ids = {}
    for tag in TAGS:
        try:
            image = engine.images.get(tag)
        except docker.errors.ImageNotFound:
            return None
        if image.labels.get(LABEL) != of:
            return None
        ids[tag] = str(image.id)
    return ids


def _save(host: Host, path: Path) -> str:
    return run(["docker", f"--host={host.url}", "save", f"--output={path}", *TAGS])


def _into(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under another name first, so that a cached file is a whole one."""
    new = path.with_suffix(".new")
    write(new)
    new.replace(path)


def _recipe(suite: str) -> str:
    """Identify the recipe of the images; it changes with packages, files and configuration."""
    return recipe(suite, *PACKAGES, *LEFT_OUT, *map(repr, CHILDREN))
