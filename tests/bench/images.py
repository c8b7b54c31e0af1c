"""The images of the bench, made on this machine from the Debian mirror apt is set up for.

longshore-base:1      Debian with busybox, haproxy, nginx, keepalived, curl and perl
longshore-proxy:1     the same, for proxies
longshore-keepalived:1   the same, for floating addresses
longshore-app:1, :2   the application of app.pl, two different images
longshore-app:broken  logs two lines and exits 1
longshore-app:sick    answers 500 at / and /healthz
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import tarfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import docker.errors

from components.operate import CannotGoOn
from components.operate.debian import LEFT_OUT, mirror, root_file_system

from .hosts import bench_directory
from .process import BenchUnavailable, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

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
"""What longshore-app:broken writes to its error output."""

NEWER = "longshore-proxy:newer"
"""The proxies of the next Debian: a HAProxy and an nginx as new as the default images' or newer."""

SUITE, NEWER_SUITE = "bookworm", "forky"
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
        "#!/bin/sh\n"
        "more='load_module /usr/lib/nginx/modules/ngx_stream_module.so;'\n"
        'if [ "$1" = -g ]; then more="$more $2"; shift 2; fi\n'
        'exec /usr/sbin/nginx -g "$more" "$@"\n',
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


@dataclass(frozen=True)
class Images:
    """What `ensure` found or made."""

    ids: Mapping[str, str]
    """Image id by tag, the same on every host."""
    source: str
    """"present", "loaded" or "built"."""
    build_seconds: float
    """How long it took; hardly anything when present."""


def ensure(host: Host) -> Images:
    """Have every image of the bench on the host's engine: found, loaded or built, in this order."""
    began = time.monotonic()
    engine = host.engine()
    cache = bench_directory()
    with _lock(cache):
        return _ensure(engine, host, cache, began)


def _ensure(engine: docker.DockerClient, host: Host, cache: Path, began: float) -> Images:
    archive = cache / f"images-{_recipe(*map(repr, CHILDREN))}.tar"

    source = "present"
    if _ids(engine) is None:
        source = "loaded" if archive.exists() else "built"
        if source == "loaded":
            run(["docker", f"--host={host.url}", "load", "--quiet", f"--input={archive}"])
        else:
            _build(engine, cache)
    ids = _ids(engine)
    if ids is None:
        raise RuntimeError(f"images on {host.name} are not of this recipe; remove {archive}")
    if not archive.exists():
        for old in cache.glob("images-*.tar"):
            old.unlink()
        _into(archive, lambda new: _save(host, new))
    return Images(ids, source, time.monotonic() - began)


def ensure_newer(host: Host) -> None:
    """Have the image NEWER on the host's engine, built when absent; BenchUnavailable when it cannot."""
    engine = host.engine()
    if not engine.images.list(NEWER):
        repository, tag = NEWER.split(":")
        with _lock(bench_directory()):
            archive = base_archive(bench_directory(), NEWER_SUITE)
        engine.api.import_image(src=str(archive), repository=repository, tag=tag, changes=[PATH])


def base_archive(cache: Path, suite: str = SUITE) -> Path:
    """The file system of the base image as a tar file, made with debootstrap when absent."""
    archive = cache / f"base-{_recipe(suite)}.tar"
    if not archive.exists():
        try:
            root_file_system(suite, PACKAGES, archive, mirror(SUITE))
        except CannotGoOn as error:
            raise BenchUnavailable(
                f"no base image ({error}): the Debian mirror of apt's configuration is needed once"
            ) from error
    return archive


def _build(engine: docker.DockerClient, cache: Path) -> None:
    label = f"LABEL {LABEL}={_recipe(*map(repr, CHILDREN))}"
    repository, tag = BASE.split(":")
    engine.api.import_image(
        src=str(base_archive(cache)),
        repository=repository,
        tag=tag,
        changes=[label, PATH, 'CMD ["sh"]'],
    )
    for child in CHILDREN:
        container = engine.containers.create(BASE)
        try:
            if child.files:
                container.put_archive("/", _tar(child.files))
            repository, tag = child.tag.split(":")
            container.commit(repository=repository, tag=tag, changes="\n".join(child.changes))
        finally:
            container.remove(force=True)


def _ids(engine: docker.DockerClient) -> dict[str, str] | None:
    """Image ids by tag, or None when one is absent or made by another recipe."""
    ids = {}
    for tag in TAGS:
        try:
            image = engine.images.get(tag)
        except docker.errors.ImageNotFound:
            return None
        if image.labels.get(LABEL) != _recipe(*map(repr, CHILDREN)):
            return None
        ids[tag] = str(image.id)
    return ids


def _save(host: Host, path: Path) -> str:
    return run(["docker", f"--host={host.url}", "save", f"--output={path}", *TAGS])


@contextmanager
def _lock(cache: Path) -> Iterator[None]:
    """Let one process at a time build images or read the archive of them."""
    with (cache / "images.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _into(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under another name first, so that a cached file is a whole one."""
    new = path.with_suffix(".new")
    write(new)
    new.replace(path)


def _tar(files: tuple[tuple[str, str], ...]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files:
            data = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def _recipe(*more: str) -> str:
    """Identifies how images are made; changes with packages, files and configuration."""
    text = "\n".join([SUITE, *PACKAGES, *LEFT_OUT, *more])
    return hashlib.sha256(text.encode()).hexdigest()[:12]
